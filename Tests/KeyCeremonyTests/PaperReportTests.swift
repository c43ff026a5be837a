import Foundation
import KeyCeremony
import Testing

@Suite struct PaperReportTests {
    private func report(_ transcript: PaperTranscript, verification: String? = nil) throws -> String {
        try CeremonyReport(transcript: transcript.bytes, file: "transcript.jsonl", verification: verification)
            .html()
    }

    private func count(_ part: String, in text: String) -> Int {
        text.components(separatedBy: part).count - 1
    }

    private func groups(_ digest: String) -> [String] {
        stride(from: 0, to: 64, by: 4).map { String(digest.dropFirst($0).prefix(4)) }
    }

    /// As ``HTML`` writes digits within a table or a box.
    private func digits(_ digest: String) -> String {
        groups(digest).map { "<span>\($0)</span>" }.joined(separator: " ")
    }

    @Test("The same lines give the same bytes")
    func reproducible() throws {
        #expect(try report(.example()) == report(.example()))
    }

    @Test("The head stands there in digits and words, on the first page and in every page's margin")
    func head() throws {
        let transcript = PaperTranscript.example()
        let html = try report(transcript)
        #expect(html.contains(digits(transcript.head)))
        let margin = try #require(html.components(separatedBy: "* { box-sizing").first)
        #expect(margin.contains(groups(transcript.head).joined(separator: " ")))
        let octets = stride(from: 0, to: 64, by: 2).compactMap {
            UInt8(transcript.head.dropFirst($0).prefix(2), radix: 16)
        }
        #expect(margin.contains(PGPWords.words(of: octets).joined(separator: " ")))
    }

    @Test("Each exception stands there with what was expected, what happened, the decision and who signed")
    func exceptions() throws {
        let html = try report(.example())
        let card = try #require(html.range(of: "<h3>Exception 1"))
        let block = html[card.lowerBound...].components(separatedBy: "</dl>")[0]
        #expect(block.contains("TE-004471, as the last transcript says."))
        #expect(block.contains("The bag&#39;s number is TE-004417."))
        #expect(block.contains("Two digits were swapped"))
        #expect(block.contains("Amira Haddad"))
        for name in ["Bo Lindqvist", "Chinwe Okafor", "Dagny Holm", "Emil Sato"] {
            #expect(block.contains(name), "\(name)")
        }
        #expect(count("<h3>Exception ", in: html) == 1)
        #expect(html.contains("exception 1</span>"))
    }

    @Test("Breaks and interruptions stand there with how long they lasted and why")
    func pauses() throws {
        let html = try report(.example())
        #expect(html.contains("<td>17 min 00 s</td><td>Coffee; the room stays sealed. (Amira Haddad)</td>"))
        #expect(
            html.contains("<td>45 min 00 s</td><td>C_GenerateKeyPair: CKR_DEVICE_REMOVED (ceremony-token)"))
        #expect(html.contains("attempt 1</span>"))
        #expect(html.contains("attempt 2</span>"))
    }

    @Test("A power cut, which writes no `stopped`, is an interruption too")
    func powerCut() throws {
        var transcript = PaperTranscript()
        transcript.add("begin", ["steps": [] as [Any]])
        transcript.add("step", after: 1, ["step": "opening", "attempt": 1])
        transcript.add("resumed", after: 600, ["discarded": 12, "tool": "rootline"])
        transcript.add("step", after: 1, ["step": "opening", "attempt": 2])
        transcript.add("done", after: 5, ["step": "opening", "seconds": 5])
        let html = try report(transcript)
        #expect(html.contains("<td>10 min 00 s</td>"))
        #expect(html.contains("<b>1</b>interruption<"))
    }

    @Test("An answer of no and a comparison that differs are deviations")
    func differing() throws {
        var transcript = PaperTranscript()
        transcript.add(
            "begin",
            ["steps": [["id": "ready", "do": "check", "minutes": 1]] as [Any]])
        transcript.add("step", after: 1, ["step": "ready", "attempt": 1])
        transcript.add("answer", after: 2, ["step": "ready", "answer": "no", "by": "Dagny Holm"])
        let (shown, paper) = (PaperTranscript.sha256("shown"), PaperTranscript.sha256("paper"))
        transcript.add(
            "compare", after: 2, ["step": "read", "of": "key", "value": shown, "takenDown": paper])
        let html = try report(transcript)
        #expect(count("<h3>Answer that differs", in: html) == 2)
        #expect(html.contains("<dd>no (Dagny Holm)</dd>"))
        #expect(html.contains("<dd>\(groups(paper).joined(separator: " "))</dd>"))
        #expect(html.contains("<b>2</b>answers that differ"))
    }

    @Test("A ceremony that went as written says so")
    func none() throws {
        var transcript = PaperTranscript()
        transcript.add("begin", ["steps": [] as [Any]])
        #expect(try report(transcript).contains("None: every step was done as the script says."))
    }

    @Test("A rehearsal has its watermark, and no other ceremony has")
    func watermark() throws {
        let rehearsal = try report(.example(rehearsal: true))
        #expect(count("<div class=\"watermark\" aria-hidden=\"true\">REHEARSAL</div>", in: rehearsal) == 1)
        // What makes it stand on every page of a print.
        #expect(rehearsal.contains("position: fixed"))
        #expect(rehearsal.contains("Report of a rehearsal"))
        // On each page in the margin as well.
        #expect(try #require(rehearsal.components(separatedBy: "* { box-sizing").first).contains("REHEARSAL"))
        let performed = try report(.example())
        #expect(!performed.contains("REHEARSAL"))
        #expect(performed.contains("Report of a key ceremony"))
    }

    @Test("People with the digests of their keys, tokens, evidence, artefacts and inventories stand there")
    func content() throws {
        let html = try report(.example(), verification: "Verified: 52 lines")
        for person in PaperTranscript.people { #expect(html.contains("<b>\(person.name)</b>")) }
        for text in [
            "Verified: 52 lines", "Roster, version 2", "certificate 4999", "FIPS approved", "Vault 7",
            "token root: serial number 1f2e3d4c instead of 00aa11bb", "yes: the digests are equal",
            "CKR_ACTION_PROHIBITED", "CKA_NEVER_EXTRACTABLE <b>true</b>", "verified by OpenSSL",
            "certificates/root-ca-root.pem", "TE-004502", "quorum: Bo Lindqvist, Chinwe Okafor",
        ] {
            #expect(html.contains(text), "\(text)")
        }
        for name in ["script", "certificate file", "certificate", "key"] {
            let digest = PaperTranscript.sha256(name)
            let isThere =
                html.contains(digits(digest)) || html.contains(groups(digest).joined(separator: " "))
            #expect(isThere, "\(name)")
        }
        // Both lists of objects are those whose digests the closing line has.
        #expect(count("as the closing line says", in: html) == 2)
        #expect(!html.contains("NOT what the closing line says"))
        #expect(count("<tr class=\"changed\"><td>+</td>", in: html) == 2)
    }

    @Test("Lines of types that it does not know are shown as they stand, and break nothing")
    func unknown() throws {
        var transcript = PaperTranscript.example()
        let known = try report(transcript)
        transcript.add(
            "weather", after: 3,
            ["step": "closing", "sky": "<blue>", "list": [1, [2, ["a": true]]] as [Any]])
        transcript.add("observed", after: 1, ["step": "closing", "effect": "teleport", "where": ["x": 1]])
        let html = try report(transcript)
        #expect(!known.contains("Lines that this report does not know"))
        #expect(html.contains("Lines that this report does not know"))
        #expect(html.contains("<td>weather</td>"))
        #expect(html.contains("&quot;sky&quot;:&quot;&lt;blue&gt;&quot;"))
        #expect(html.contains("teleport"))
    }

    @Test(
        "Whatever a line lacks or has in another form, there is a report",
        arguments: [
            "{}", "[]", "7", #"{"type":"begin"}"#, #"{"type":7}"#, #"{"type":"step"}"#,
            #"{"type":"resumed"}"#,
            #"{"seconds":"x","type":"done"}"#, #"{"type":"back"}"#, #"{"type":"exception"}"#,
            #"{"rosters":[{}],"steps":[1,{}],"tokens":[null],"type":"begin"}"#,
            #"{"time":"9999-99-99T99:99:99Z","type":"break"}"#, #"{"type":"closing"}"#,
            #"{"step":"a","time":"2026-01-02T08:30:00Z","type":"step"}"#,
            #"{"steps":[{"id":"a","minutes":9007199254740991}],"type":"begin"}"#,
        ])
    func malformed(line: String) throws {
        let bytes = Array((line + "\n" + line + "\n").utf8)
        let html = try CeremonyReport(transcript: bytes, file: "t").html()
        #expect(html.hasSuffix("</body>\n</html>\n"))
    }

    @Test("An empty transcript has a report, and a line that is no canonical JSON is refused by its number")
    func form() throws {
        #expect(try CeremonyReport(transcript: [], file: "t").html().contains("not closed"))
        let bytes = Array("{}\n{ }\n".utf8)
        let error = try #require(throws: CeremonyError.self) {
            try CeremonyReport(transcript: bytes, file: "transcript.jsonl")
        }
        #expect(error.code == .transcriptInvalid)
        #expect(error.subject == "transcript.jsonl:2")
    }

    @Test("What a transcript says is text, whatever it looks like")
    func attack() throws {
        let title = "</style><script>alert(\"1\")</script>"
        let html = try report(.example(title: title), verification: "<script>")
        let harmless = try report(.example())
        for part in ["<script", "</style", "<svg", "<text", "<rect", "<div"] {
            #expect(count(part, in: html) == count(part, in: harmless), "\(part)")
        }
        #expect(html.contains("<h1>&lt;/style&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;</h1>"))
        #expect(html.contains("<dd>&lt;script&gt;</dd>"))
    }

    @Test("The time line has a bar for each attempt, the time expected, and each pause and exception")
    func timeline() throws {
        let html = try report(.example())
        let start = try #require(html.range(of: "<svg"))
        let end = try #require(html.range(of: "</svg>"))
        let drawing = String(html[start.lowerBound..<end.lowerBound])
        // 13 steps, one of them attempted twice.
        #expect(count("height=\"11\"", in: drawing) == 14)
        #expect(count("stroke=\"#444\"", in: drawing) == 14)
        #expect(drawing.contains("break, 17 min 00 s"))
        #expect(drawing.contains("interruption, 45 min 00 s"))
        #expect(count("stroke-width=\"2\"", in: drawing) == 1)
        // Whole numbers only: no machine rounds them otherwise.
        #expect(drawing.range(of: #" (x|y|width|height)="[0-9]+\.[0-9]"#, options: .regularExpression) == nil)
    }
}
