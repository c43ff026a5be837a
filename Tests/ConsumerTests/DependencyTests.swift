import Foundation
import Testing

@Suite("What a consumer takes in")
struct DependencyTests {
    private struct Description: Decodable {
        struct Target: Decodable {
            let name: String
            let targetDependencies: [String]?
            let productDependencies: [String]?

            enum CodingKeys: String, CodingKey {
                case name
                case targetDependencies = "target_dependencies"
                case productDependencies = "product_dependencies"
            }
        }

        let targets: [Target]
    }

    @Test(
        "The Allowlist library has no HSM, no database and no OpenSSL behind it",
        arguments: ["Allowlist", "AllowlistC"])
    func closure(target: String) throws {
        // A cache of its own, since the package's build folder is locked while tests run in it.
        let scratch = FileManager.default.temporaryDirectory.appending(path: "describe-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        let (code, output) = try Program("swift").run([
            "package", "--package-path", Places.package.path, "--scratch-path", scratch.path, "describe",
            "--type", "json",
        ])
        let start = try #require(output.firstIndex(of: "{"), "\(code): \(output)")
        let description = try JSONDecoder().decode(Description.self, from: Data(output[start...].utf8))
        var (targets, products) = (Set<String>(), Set<String>())
        var open = [target]
        while let name = open.popLast() {
            guard targets.insert(name).inserted else { continue }
            let target = try #require(description.targets.first { $0.name == name })
            products.formUnion(target.productDependencies ?? [])
            open += target.targetDependencies ?? []
        }
        #expect(targets.contains("TransparencyLog"))
        #expect(
            targets.subtracting([
                "AllowlistC", "CAllowlist", "Allowlist", "TransparencyLog", "CBOR", "SignedStatements",
                "CanonicalJSON",
            ]).isEmpty, "\(targets.sorted())")
        #expect(products.subtracting(["Crypto", "SwiftASN1"]).isEmpty, "\(products.sorted())")
    }

    @Test("The shared library asks for no library but the system's own and Swift's")
    func needed() throws {
        let allowed = [
            "libc.so", "libm.so", "libstdc++.so", "libgcc_s.so", "ld-linux", "libpthread.so", "libdl.so",
        ]
        let inside = try CInterface.selfContainedLibrary.get()
        #expect(try needed(by: inside).allSatisfy { name in allowed.contains { name.hasPrefix($0) } })
        let shared = try needed(by: Places.products.appending(path: Places.library))
        let swift = ["libswift", "lib_Foundation", "libFoundation", "libdispatch", "libBlocksRuntime"]
        #expect(
            shared.allSatisfy { name in (allowed + swift).contains { name.hasPrefix($0) } }, "\(shared)")
    }

    @Test("The self-contained library lets nothing be called but what the header declares")
    func exported() throws {
        let header = try String(
            contentsOf: Places.headers.appending(path: "rootline_allowlist.h"), encoding: .utf8)
        let declared = Set(header.matches(of: /(rootline_allowlist_[a-z0-9_]+)\(/).map { String($0.1) })
        let symbols = try Program("nm").run([
            "-D", "--defined-only", try CInterface.selfContainedLibrary.get().path,
        ]).output
        let functions = Set(symbols.matches(of: /(?m) T (\S+)$/).map { String($0.1) })
        #expect(functions == declared)
    }

    private func needed(by library: URL) throws -> [String] {
        let (code, output) = try Program("objdump").run(["-p", library.path])
        try #require(code == 0, "\(output)")
        let names = output.matches(of: /NEEDED\s+(\S+)/).map { String($0.1) }
        try #require(!names.isEmpty)
        return names
    }
}
