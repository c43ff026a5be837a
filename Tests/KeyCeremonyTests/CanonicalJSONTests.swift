import Testing

@testable import KeyCeremony

@Suite struct CanonicalJSONTests {
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
        ])
    func otherSpellings(_ text: String) {
        #expect(JSONValue(canonical: text.utf8) == nil)
    }

    @Test("What was written reads back")
    func roundTrip() {
        let value: JSONValue = ["n": .null, "b": true, "i": -7, "s": "é\u{1}", "a": [1, "2", [:]]]
        #expect(JSONValue(canonical: value.canonical) == value)
    }
}
