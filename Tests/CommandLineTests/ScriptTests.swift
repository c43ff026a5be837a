import Testing

@Suite("The command line does and says what the scripts say")
struct ScriptTests {
    @Test(
        "Each command prints and exits as written, and one that fails changes nothing",
        arguments: Script.all)
    func script(_ script: Script) throws {
        try #require(!script.commands.isEmpty, "\(script.path) has no commands")
        try script.run()
    }

    @Test("The scripts are found")
    func scriptsAreThere() {
        #expect(Script.all.count >= 20)
    }

    @Test(
        "A pattern matches the whole text and nothing else",
        arguments: [
            ("abc", "abc", true), ("abc", "a*c", true), ("abc", "*", true), ("abcd", "a*c", false),
            ("abc", "ab", false), ("aXbYc", "a*b*c", true), ("ac", "a*b*c", false), ("a", "a*a", false),
        ])
    func patterns(text: String, pattern: String, matches: Bool) {
        #expect(Script.matches(text, pattern) == matches)
    }
}
