import Testing

@testable import StrictYAML

@Suite("Strict YAML")
struct StrictYAMLTests {
    private func text(_ word: String) -> String? {
        var yaml = YAMLReader()
        guard let node = yaml.document(Array(word.utf8)) else { return nil }
        return yaml.text(node)
    }

    @Test(
        "A word that YAML takes for a number, a truth value or nothing has to be quoted",
        arguments: [
            "1", "-1", "+1", "1_000", "0x1F", "0b11", "0o17", "1.5", ".5", "5.", "1e5", "1.5e-3", "12:30:45",
            ".inf", "-.INF",
            ".NaN", "~", "null", "NULL", "true", "False", "yes", "No", "ON", "off", "y", "N", "=", "<<",
        ])
    func notText(word: String) {
        #expect(text(word) == nil)
        #expect(text("\"\(word)\"") == word)
        #expect(text("'\(word)'") == word)
    }

    @Test(
        "Any other word is text",
        arguments: [
            "P-256", "1.3.6.1", "2026-01-01", "99991231235959Z", "P20Y", "a", "e5", "1e", "e", "x1", "0xg",
            "EX-1", "yess",
            "a & b", "a*b", "5 * 3", "don't", "a#b", "1.2.3", "-a", "ä",
        ])
    func plainText(word: String) {
        #expect(text(word) == word)
    }

    private func codes(_ text: String) -> [String] {
        var yaml = YAMLReader()
        _ = yaml.document(Array(text.utf8))
        return yaml.problems.map { "\($0.code) \($0.line):\($0.column) \($0.field)" }
    }

    @Test(
        "An anchor or an alias is refused wherever it stands, at its place",
        arguments: [
            ("&a 1", "1:1 "), ("*a", "1:1 "), ("a: &x 1", "1:4 a"), ("[*x]", "1:2 [0]"), ("{a: *x}", "1:5 a"),
            ("- *x", "1:3 [0]"), ("a:\n  - &x b", "2:5 a[0]"), ("? *x", "1:3 *x"), ("\"a\": *x", "1:6 a"),
            ("{\"a\":*x}", "1:6 a"), ("[a,*x]", "1:4 [1]"), ("&a [1, 2]", "1:1 "),
            ("a: &x { b: c }", "1:4 a"),
            ("&x a: 1", "1:1 a"), ("é: *x", "1:4 é"),
        ])
    func anchors(text: String, place: String) {
        #expect(codes(text) == ["yaml.anchor \(place)"])
    }

    @Test("An anchor with its alias is two faults, and the others are reported beside them")
    func severalFaults() {
        #expect(
            codes("a: &x [1]\nb: *x\nc: !t 1\nc: 2") == [
                "yaml.duplicate-key 3:1 c", "yaml.anchor 1:4 a", "yaml.anchor 2:4 b",
            ])
    }

    @Test(
        "A word with & or * inside a text is no anchor",
        arguments: [
            "a *word", "a &word", "see *here* and &there", "a: see *x", "- read *x now", "\"*x\"", "'&x'",
            "|\n  *x\n  &y", ">-\n  a\n  *x", "a # *x", "[a *b, c &d]", "a*b: \"*c*\"",
        ])
    func wordsInText(text: String) {
        #expect(codes(text) == [])
    }

    @Test("Every * of a text and of a key comes out as it was written")
    func asterisks() throws {
        var yaml = YAMLReader()
        let root = yaml.document(Array("a*: \"*b*\"\n'*c': d *e* f\n".utf8))
        let node = try #require(root)
        let mapping = yaml.fields(node, required: ["a*", "*c"])
        let fields = try #require(mapping)
        let (first, second) = (yaml.text(fields, "a*"), yaml.text(fields, "*c"))
        #expect(first == "*b*")
        #expect(second == "d *e* f")
        #expect(fields.path(of: "*c") == "*c")
        #expect(yaml.problems == [])
    }

    /// Aliases that would unfold to 10^30 nodes: a reader that walks into one of them does not come back.
    private static let bomb =
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + (1...30).map { level in
            let alias = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            return "a\(level): &a\(level) [\(alias)]\n"
        }.joined()

    @Test(
        "Aliases that unfold without end are refused without being unfolded",
        arguments: [
            "", "last: *a30\n", "? *a30\n: 1\n", "? [*a30]\n: 1\n? [*a30]\n: 2\n",
            "{ *a30 : 1, *a30 : 2 }: 3\n", "? { a: *a30 }\n: 1\n",
        ])
    func aliasBomb(end: String) {
        var yaml = YAMLReader()
        _ = yaml.document(Array((Self.bomb + end).utf8))
        // A key that stands there twice ends the reading, where it is not a word.
        let code = end.contains(": 2") ? "yaml.duplicate-key" : "yaml.anchor"
        #expect(yaml.problems.contains { $0.code == code })
        #expect(yaml.problems.count < 100)
    }

    @Test(
        "A tag is refused wherever it can be told from none",
        arguments: [
            ("!x a", "1:1 "), ("a: !!int 3", "1:4 a"), ("a: !!str 3", "1:4 a"), ("a: !x \"b\"", "1:4 a"),
            ("a: !!set {b: c}", "1:4 a"), ("- !!seq []", "1:3 [0]"), ("!x a: 1", "1:1 a"),
        ])
    func tags(text: String, place: String) {
        #expect(codes(text) == ["yaml.tag \(place)"])
    }

    @Test("Every repeated key is found in one go, and the first values still are")
    func repeatedKeys() throws {
        var yaml = YAMLReader()
        let text = "a: 1\nb: { c: 1, c: 2 }\na: 2\n\"d\": 1\nd: 2\n"
        let root = yaml.document(Array(text.utf8))
        let node = try #require(root)
        #expect(
            Set(yaml.problems.map { "\($0.code) \($0.line):\($0.column) \($0.field)" }) == [
                "yaml.duplicate-key 1:1 a", "yaml.duplicate-key 2:6 c", "yaml.duplicate-key 4:1 d",
            ])
        let mapping = yaml.fields(node, required: ["a", "b", "d"])
        let fields = try #require(mapping)
        #expect(yaml.integer(fields, "a", in: 0...9) == 2)
        #expect(yaml.problems.count == 3)
    }

    @Test("A document of nothing but repeated keys comes to an end")
    func manyRepeatedKeys() {
        var yaml = YAMLReader()
        let text = (0..<2000).map { "k\($0): 1\nk\($0): 2\n" }.joined()
        #expect(yaml.document(Array(text.utf8)) == nil)
        #expect(yaml.problems.allSatisfy { $0.code == "yaml.duplicate-key" })
        #expect((1...100).contains(yaml.problems.count))
    }

    @Test(
        "What is no strict YAML is refused with its place",
        arguments: [
            ("", "yaml.empty 1:1 "), ("# nothing\n", "yaml.empty 1:1 "), ("--- a\n--- b", "yaml.syntax 2:1 "),
            ("a: @b", "yaml.syntax 1:4 "), ("a: b\u{7}", "yaml.control 1:5 "),
            ("a\n\u{202E}", "yaml.control 2:1 "),
            ("a: \u{E000}x", "yaml.control 1:4 "), ("a: b\rc: d", "yaml.control 1:5 "),
            ("a\u{FEFF}", "yaml.control 1:2 "), ("a: b\u{85}", "yaml.control 1:5 "),
        ])
    func refused(text: String, problem: String) {
        #expect(codes(text) == [problem])
    }

    @Test("A byte order mark, CRLF and tabs between words are accepted")
    func windows() throws {
        var yaml = YAMLReader()
        let root = yaml.document([0xEF, 0xBB, 0xBF] + Array("a: b\r\nc:\td\r\n".utf8))
        let node = try #require(root)
        let mapping = yaml.fields(node, required: ["a", "c"])
        let fields = try #require(mapping)
        #expect(yaml.text(fields, "c") == "d")
        #expect(fields.place(of: "c") == YAMLPosition(line: 2, column: 4))
        #expect(yaml.problems == [])
    }

    @Test("Octets that are not UTF-8 are refused with their place")
    func encoding() {
        var yaml = YAMLReader()
        #expect(yaml.document(Array("é: 1\nb: ".utf8) + [0xC3, 0x28]) == nil)
        #expect(yaml.problems.map { "\($0.code) \($0.line):\($0.column)" } == ["yaml.encoding 2:4"])
    }

    @Test("A document of 256 KiB is read, and one octet more is refused")
    func size() {
        let head = "a: b # "
        let text = head + String(repeating: "x", count: (1 << 18) - head.utf8.count)
        #expect(codes(text) == [])
        #expect(codes(text + "x") == ["yaml.too-large 1:1 "])
    }

    @Test("Nesting that no document needs is refused, and never exhausts the stack")
    func depth() {
        func nested(_ count: Int) -> String {
            String(repeating: "[", count: count) + String(repeating: "]", count: count)
        }
        #expect(codes(nested(33)) == [])
        #expect(codes(nested(34)).map { $0.prefix(13) } == ["yaml.too-deep"])
        #expect(codes(nested(900)).map { $0.prefix(13) } == ["yaml.too-deep"])
        #expect(codes(nested(100_000)).map { $0.prefix(11) } == ["yaml.syntax"])
    }

    @Test("A key of any length stands in a field's path with 64 characters at most")
    func longKeys() {
        let key = String(repeating: "k", count: 1000)
        #expect(codes("\(key): [!x a]") == ["yaml.tag 1:1004 \(key.prefix(64))…[0]"])
    }

    @Test("What was refused once is not reported again as missing or of the wrong kind")
    func refusedOnce() throws {
        var yaml = YAMLReader()
        let root = yaml.document(Array("a: *x\nb: &y [1]\nc: !z 1\n".utf8))
        let node = try #require(root)
        let mapping = yaml.fields(node, required: ["a", "b", "c"])
        let fields = try #require(mapping)
        let (text, list) = (yaml.text(fields, "a"), yaml.list(fields, "b"))
        let integer = yaml.integer(fields, "c", in: 0...9)
        #expect(text == nil && list == nil && integer == nil)
        #expect(yaml.problems.map(\.code) == ["yaml.anchor", "yaml.anchor", "yaml.tag"])
    }

    @Test("Whoever reads another kind of file gives the codes of its own")
    func codesOfTheCaller() throws {
        var yaml = YAMLReader(
            codes: .init(unknownKey: "x.unknown", missingKey: "x.missing", type: "x.type", value: "x.value"))
        let root = yaml.document(Array("a: 1\nb: 2\nc: 30\n".utf8))
        let node = try #require(root)
        let mapping = yaml.fields(node, required: ["b", "c", "d"])
        let fields = try #require(mapping)
        let (text, integer) = (yaml.text(fields, "b"), yaml.integer(fields, "c", in: 0...9))
        #expect(text == nil && integer == nil)
        #expect(yaml.problems.map(\.code) == ["x.unknown", "x.missing", "x.type", "x.value"])
        #expect(yaml.problems.map(\.field) == ["a", "d", "b", "c"])
    }
}
