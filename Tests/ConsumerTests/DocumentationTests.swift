import Foundation
import Testing

@Suite("The library's documentation")
struct DocumentationTests {
    private struct TargetInfo: Decodable {
        struct Target: Decodable { let unversionedTriple: String }
        let target: Target
    }

    @Test("DocC has nothing to warn of")
    func warnings() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "docc-\(UUID().uuidString)")
        let symbols = folder.appending(path: "symbols")
        try FileManager.default.createDirectory(at: symbols, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }

        let info = try Program("swiftc").run(["-print-target-info"]).output
        let target = try JSONDecoder().decode(TargetInfo.self, from: Data(info.utf8)).target
        let extracted = try Program("swift-symbolgraph-extract").run([
            "-module-name", "Allowlist", "-I", Places.products.appending(path: "Modules").path, "-target",
            target.unversionedTriple, "-output-dir", symbols.path, "-minimum-access-level", "public",
            "-skip-synthesized-members",
        ])
        #expect(extracted.code == 0, "\(extracted.output)")
        let converted = try Program("docc").run([
            "convert", Places.package.appending(path: "Sources/Allowlist/Allowlist.docc").path,
            "--additional-symbol-graph-dir", symbols.path, "--fallback-display-name", "Allowlist",
            "--fallback-bundle-identifier", "allowlist", "--output-path",
            folder.appending(path: "pages").path,
            "--warnings-as-errors",
        ])
        #expect(converted.code == 0, "\(converted.output)")
    }
}
