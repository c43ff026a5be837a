import Foundation
import Testing

@Suite struct AssuranceTests {
    @Test("Each test that the assurance case names is there, in its suite")
    func namedTests() throws {
        let page = try String(contentsOfFile: Repository.path("Ceremonies/ASSURANCE.md"), encoding: .utf8)
        let named = page.matches(of: /(\w+Tests): "([^"]+)"/).map {
            (suite: String($0.1), name: String($0.2))
        }
        #expect(named.count >= 50)
        let tests = Repository.path("Tests")
        var sources: [String: String] = [:]
        for path in try #require(FileManager.default.enumerator(atPath: tests)?.allObjects as? [String]) {
            guard path.hasSuffix(".swift") else { continue }
            let text = try String(contentsOfFile: tests + "/" + path, encoding: .utf8)
            for suite in text.matches(of: /(?:struct|class|extension) (\w+Tests)\b/) {
                sources[String(suite.1), default: ""] += text
            }
        }
        for test in named {
            #expect(sources[test.suite]?.contains("\"\(test.name)\"") == true, "\(test.suite): \(test.name)")
        }
    }
}
