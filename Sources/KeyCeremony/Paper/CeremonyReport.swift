import CanonicalJSON
import PrintedHTML

/// The report of a ceremony, made from the lines of its transcript and nothing else.
///
/// It shows what the transcript says, whoever wrote it: evidence is the transcript, once it is verified.
/// The same lines give the same bytes, on any machine and day.
public struct CeremonyReport: Sendable {
    let record: RecordedCeremony
    /// What a verifier answered about the transcript; nil where none was asked.
    let verification: String?

    /// From a transcript's lines, in their order.
    package init(lines: [JSONValue], verification: String? = nil) {
        record = RecordedCeremony(lines)
        self.verification = verification
    }

    /// From a transcript's bytes; `file` names them in messages.
    ///
    /// `transcript-invalid` names the first line that is not a JSON value in canonical form.
    public init(transcript: [UInt8], file: String, verification: String? = nil) throws(CeremonyError) {
        var lines: [JSONValue] = []
        for raw in transcript.split(separator: 0x0A) {
            guard let line = JSONValue(canonical: raw) else {
                throw CeremonyError(
                    .transcriptInvalid, "\(file):\(lines.count + 1)",
                    "not one JSON object in canonical form (RFC 8785)")
            }
            lines.append(line)
        }
        self.init(lines: lines, verification: verification)
    }

    /// The report as an HTML document for screen and print. A rehearsal's has its watermark on every page.
    public func html(paper: Paper = .a4) -> String {
        let script = record.begin["script"] ?? .object([:])
        let title = script.word("title")
        let ceremony = record.begin.word("ceremony")
        let style =
            PaperStyle.page(
                size: paper.cssSize, left: ceremony,
                right: record.isRehearsal ? "REHEARSAL  \(title)" : title,
                label: "Head", foot: record.head.groups.joined(separator: " "),
                words: record.head.words.joined(separator: " "))
            + PaperStyle.common + PaperStyle.report
        return HTML.document(title: "\(title) (\(ceremony))", style: style) { html in
            if record.isRehearsal {
                html.element("div", class: "watermark", [("aria-hidden", "true")]) { $0.text("REHEARSAL") }
            }
            html.element("main") { html in
                overview(&html, script: script)
                deviations(&html)
                people(&html)
                scriptAndRehearsal(&html, script: script)
                tokens(&html)
                html.section("Time line") { ReportTimeline(record).write(to: &$0) }
                steps(&html)
                answers(&html)
                evidence(&html)
                inventories(&html)
                artefacts(&html)
                signOffs(&html)
                unknownLines(&html)
            }
        }
    }

    private func overview(_ html: inout HTML, script: JSONValue) {
        html.element("section", class: "front") { html in
            html.element("p", class: "kicker") {
                $0.text(record.isRehearsal ? "Report of a rehearsal" : "Report of a key ceremony")
            }
            html.element("h1") { $0.text(script.word("title")) }
            html.facts([
                ("Ceremony", record.begin.word("ceremony")),
                ("Script", "\(script.word("id")), \(script.word("kind"))"),
                ("Policy", script.word("cp")), ("Approval", orNone(script.word("approval"))),
                ("Site", record.begin.word("origin")),
                ("Began", record.lines.first?.value.word("time") ?? ""),
                ("Last line", record.lines.last?.value.word("time") ?? ""), ("State", state),
                ("Verification", verification ?? "The transcript was not verified for this report."),
                ("Ceremony before", previous), ("Written by", record.begin.word("tool")),
            ])
            html.element("div", class: "numbers keep") { html in
                for (number, label) in counts {
                    html.element("p") { html in
                        html.element("b") { $0.text(number) }
                        html.text(label)
                    }
                }
            }
            html.element("div", class: "boxed keep") { html in
                html.element("h3") { $0.text("Head of the transcript") }
                html.digest(record.head)
                html.note("Compare it with the digits and words that the people wrote on paper.")
            }
        }
    }

    private var state: String {
        if let abandoned = record.abandoned {
            return "abandoned in step \(abandoned.step): \(abandoned.value.word("reason"))"
        }
        guard let closing = record.closing else { return "not closed: the transcript has no closing line" }
        let signOffs = record.all("sign-off").filter { $0.number > closing.number }.count
        return "closed, with \(signOffs) sign-offs after the closing line"
    }

    private var previous: String {
        guard let previous = record.begin["previous"], let name = previous["ceremony"]?.text else {
            return "none: the site's first"
        }
        return "\(name)\n\(grouped(previous.word("head")))"
    }

    private var counts: [(String, String)] {
        let planned = record.plannedSteps.count
        let done = Set(record.attempts.filter { isOver($0) }.map(\.step)).count
        let elapsed = record.lines.first?.seconds.flatMap { start in
            record.lines.last?.seconds.map { $0 - start }
        }
        return [
            ("\(done) of \(planned)", "steps done"), (UTCTime.spoken(elapsed), "from first line to last"),
            (String(record.exceptions.count), record.exceptions.count == 1 ? "exception" : "exceptions"),
            (String(interruptions.count), interruptions.count == 1 ? "interruption" : "interruptions"),
            (String(differingAnswers.count), "answers that differ"),
            (String(record.all("sign-off").count), "sign-offs"),
        ]
    }

    /// Whether an attempt came to its end; the last step has no `done`, it ends with the closing sign-offs.
    func isOver(_ attempt: RecordedCeremony.Attempt) -> Bool {
        attempt.done != nil
            || (attempt.lines.contains { $0.type == "closing" } && attempt.last.type == "sign-off")
    }

    func orNone(_ text: String) -> String { text.isEmpty ? "none" : text }
}

/// A role's or a kind's name in a sentence.
func onPaper(_ name: String) -> String { String(name.map { $0 == "-" ? " " : $0 }) }
