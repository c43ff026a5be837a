import Testing

@testable import CanonicalJSON

@Suite("Canonical JSON")
struct CanonicalJSONTests {
    @Test("Members are sorted by UTF-16 code units (RFC 8785 §3.2.3)")
    func order() {
        let value: JSONValue = [
            "\u{20ac}": "Euro", "\r": "CR", "\u{fb33}": "Dalet", "1": "One", "\u{1f600}": "Smiley",
            "\u{80}": "Control", "\u{f6}": "O",
        ]
        let expected =
            "{\"\\r\":\"CR\",\"1\":\"One\",\"\u{80}\":\"Control\",\"\u{f6}\":\"O\",\"\u{20ac}\":\"Euro\","
            + "\"\u{1f600}\":\"Smiley\",\"\u{fb33}\":\"Dalet\"}"
        #expect(String(decoding: value.canonical, as: UTF8.self) == expected)
    }

    @Test("Only what has to be escaped is, in the shortest way (RFC 8785 §3.2.2.2)")
    func escapes() {
        let value = JSONValue.string("\u{20ac}$\u{0F}\nA'B\"\\\\\"/\u{8}\u{9}\u{c}\u{7f}")
        let expected = "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\\b\\t\\f\u{7f}\""
        #expect(String(decoding: value.canonical, as: UTF8.self) == expected)
    }

    @Test(
        "Another spelling of the same value is not canonical",
        arguments: [
            "{\"a\": 1}", "{\"b\":1,\"a\":2}", "{\"a\":1,\"a\":1}", "{\"a\":1.0}", "{\"a\":1e3}",
            "{\"a\":\"\\u0041\"}",
            "{\"a\":\"\\/\"}", "{\"a\":01}", "{\"a\":-0}", "{\"a\":1}x", "", "{\"a\":1.5}",
            "{\"a\":1,}", "{\"a\":1", "{\"a\"}", "{,}", "[1,]", "[1 ,2]", "[", "nul", "truefalse", "+1", "-",
            "1-1",
            "\"\\u00e9\"", "\"\\u001F\"", "\"\\u0008\"", "\"\u{1}\"", "\"\\ud83d\\ude00\"", "\"", "\"\\",
            "\"\\u00",
            "9007199254740992", "-9007199254740992", "99999999999999999999", " 1", "1\n", "\u{FEFF}1",
        ])
    func otherSpellings(_ text: String) {
        #expect(JSONValue(canonical: text.utf8) == nil)
    }

    @Test("What was written reads back")
    func roundTrip() {
        let value: JSONValue = ["n": .null, "b": true, "i": -7, "s": "é\u{1}", "a": [1, "2", [:]]]
        #expect(JSONValue(canonical: value.canonical) == value)
    }

    @Test("The ends of the range that a double holds exactly read back (RFC 7493 §2.2)")
    func integers() {
        for text in ["9007199254740991", "-9007199254740991", "0", "-1"] {
            #expect(JSONValue(canonical: text.utf8)?.canonical == Array(text.utf8))
        }
    }

    @Test("Octets that are not UTF-8 are refused")
    func encoding() {
        #expect(JSONValue(canonical: [0x22, 0xC3, 0x28, 0x22]) == nil)
        #expect(JSONValue(canonical: [0x22, 0xED, 0xA0, 0x80, 0x22]) == nil)
    }

    @Test("Values nested deeper than any document of ours are refused, and never exhaust the stack")
    func depth() {
        func nested(_ count: Int) -> String {
            String(repeating: "[", count: count) + String(repeating: "]", count: count)
        }
        #expect(JSONValue(canonical: nested(64).utf8) != nil)
        #expect(JSONValue(canonical: nested(65).utf8) == nil)
        #expect(JSONValue(canonical: nested(1_000_000).utf8) == nil)
    }

    @Test("Truncated and random bytes are refused and never crash")
    func random() {
        let value: JSONValue = ["a": [1, "é\u{1}", .null, true], "b": ["c": -5]]
        let bytes = value.canonical
        for count in 0..<bytes.count { #expect(JSONValue(canonical: bytes[..<count]) == nil) }
        for index in bytes.indices {
            var changed = bytes
            changed[index] = 0xFF
            #expect(JSONValue(canonical: changed) == nil)
        }
    }
}
