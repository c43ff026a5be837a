import Foundation
import Testing

/// These tests would all pass if the harness below them noticed nothing: it is shown what it must notice.
@Suite("The harness notices what the other tests rely on")
struct HarnessTests {
    @Test(
        "A package line that is gone, doubled, exchanged or foreign fails the audit",
        arguments: [
            "sed -i 2d", "sed -i 2p", "sed -i '2{h;d};3G'", "sed -i 's/EX-00000002/EX-00000302/'",
            // The second device with the first one's certificate.
            "sed -i -e '1{h;s/.*\\(\"certificate\":\"[^\"]*\"\\).*/\\1/;x}' -e '2{G;s/\"certificate\":\"[^\"]*\"\\(.*\\)\\n\\(.*\\)/\\2\\1/}'",
        ])
    func audit(change: String) throws {
        let place = try Workplace(.sealed)
        try place.audit([("first", Workplace.serials(Stage.sealedDevices))])
        let before = try place.books()
        try place.succeed("\(change) site/runs/first/packages/00000000.jsonl")
        #expect(try place.books().difference(from: before) != nil, "the books notice it")
        withKnownIssue { _ = try place.audit([("first", Workplace.serials(Stage.sealedDevices))]) }
    }

    @Test(
        "A script fails where output, error, exit code or the site differ",
        arguments: [
            "$ echo one\ntwo\n", "$ echo one\n", "$ true\none\n", "$ echo one >&2\n", "$ false\n",
            "$ true\n? 1\n", "$ echo one\n! one\n", "$ touch site/runs/new; false\n? 1\n",
            "$ rm site/certificates/root-ca.pem; exit 3\n? 3\n",
            "$ echo one; echo two\none\n", "$ rootline run status\nNo runs yet\n",
        ])
    func script(text: String) throws {
        let script = Script("# A script that must fail.\n" + text, path: #filePath)
        try #require(script.commands.count == 1)
        withKnownIssue { try script.run() }
    }

    @Test("A script passes where they do not")
    func passingScript() throws {
        try Script(
            """
            # A script that must pass.
            $ echo one two; echo three; echo four >&2
            one *
            **
            ! fo*r
            $ rootline run status
            No runs yet.
            $ mkdir made; exit 3
            ? 3
            """, path: #filePath
        ).run()
    }
}
