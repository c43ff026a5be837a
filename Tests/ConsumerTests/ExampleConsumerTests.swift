import Foundation
import Testing

@Suite("The example consumer")
struct ExampleConsumerTests {
    @Test("The README of the library shows the lines that are compiled")
    func readme() throws {
        let source = try String(
            contentsOf: Places.package.appending(path: "Tests/ExampleConsumer/OnboardingCheck.swift"),
            encoding: .utf8)
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
        let begin = try #require(lines.firstIndex(of: "// begin: README"))
        let end = try #require(lines.firstIndex(of: "// end: README"))
        let shown = lines[(begin + 1)..<end].joined(separator: "\n")
        let readme = try String(
            contentsOf: Places.package.appending(path: "Sources/Allowlist/README.md"), encoding: .utf8)
        #expect(readme.contains("```swift\nimport Allowlist\nimport TransparencyLog\n\n\(shown)\n```"))
        let page = try String(
            contentsOf: Places.package.appending(path: "Sources/Allowlist/Allowlist.docc/GettingStarted.md"),
            encoding: .utf8)
        #expect(page.contains("```swift\nimport Allowlist\nimport TransparencyLog\n\n\(shown)\n```"))
        #expect(end - begin <= 25, "a consumer in twenty lines")
    }

    @Test("It lets a listed device in and nobody else")
    func decides() throws {
        let list = try PublishedList()
        func ask(_ serial: String, _ number: Int, origin: String = PublishedList.origin) throws -> String {
            let key = list.folder.appending(path: "device.der")
            try Data(PublishedList.publicKey(number)).write(to: key)
            let program = Program(Places.products.appending(path: "example-consumer").path)
            let (code, output) = try program.run([list.path, origin, list.pemFile, serial, key.path])
            #expect((code == 0) == (output == "welcome\n"))
            return output
        }
        #expect(try ask("SN-0", 0) == "welcome\n")
        #expect(try ask("SN-0", 4) == "refused: the serial is listed with another key or product\n")
        #expect(try ask("SN-1", 1) == "refused: keyCompromise\n")
        #expect(try ask("SN-9", 9) == "refused: not-listed\n")
        #expect(try ask("SN-0", 0, origin: "other.example/list").hasPrefix("refused: checkpoint"))
        try list.damage("tile/entries/000.p/14", at: 100)
        #expect(try ask("SN-0", 0).hasPrefix("refused: tile/entries/000.p/14"))
    }
}
