import CanonicalJSON
import PrintedHTML

extension CeremonyReport {
    /// Every step that the script has, and every attempt at it.
    func steps(_ html: inout HTML) {
        html.section("Steps") { html in
            html.table(
                "steps",
                columns: [
                    ("", "w6"), ("Step", "w28"), ("Acted", "w16"), ("Witnessed", "w16"), ("Began", ""),
                    ("Took", ""), ("Expected", ""),
                ]
            ) { html in
                var listed: Set<String> = []
                for (index, step) in record.plannedSteps.enumerated() {
                    listed.insert(step.word("id"))
                    planned(&html, number: index + 1, step)
                }
                for attempt in record.attempts where !listed.contains(attempt.step) {
                    row(&html, number: "?", attempt.opening.value, attempt, of: 1)
                }
            }
        }
    }

    private func planned(_ html: inout HTML, number: Int, _ step: JSONValue) {
        let attempts = record.attempts(of: step.word("id"))
        if attempts.isEmpty { row(&html, number: String(number), step, nil, of: 0) }
        for attempt in attempts { row(&html, number: String(number), step, attempt, of: attempts.count) }
    }

    private func row(
        _ html: inout HTML, number: String, _ step: JSONValue, _ attempt: RecordedCeremony.Attempt?,
        of count: Int
    ) {
        let id = step["id"]?.text ?? step.word("step")
        html.element("tr") { html in
            html.element("td") { $0.text(number) }
            html.element("td") { html in
                html.element("b") { $0.text(id) }
                html.element("small") { $0.text(" " + step.word("do")) }
                for mark in marks(step, attempt, of: count) {
                    html.text(" ")
                    html.element("span", class: "tag") { $0.text(mark) }
                }
            }
            html.element("td") { $0.text(names(attempt, "actors")) }
            html.element("td") { $0.text(names(attempt, "witnesses")) }
            html.element("td", class: "time") {
                $0.text(attempt.map { UTCTime.clock($0.opening.value.word("time")) } ?? "")
            }
            html.element("td", class: "time") { $0.text(attempt.map { UTCTime.spoken($0.duration) } ?? "") }
            html.element("td", class: "time") { $0.text(step["minutes"]?.number.map { "\($0) min" } ?? "") }
        }
    }

    private func marks(_ step: JSONValue, _ attempt: RecordedCeremony.Attempt?, of count: Int) -> [String] {
        var marks: [String] = []
        if step["irreversible"] == .bool(true) { marks.append("irreversible") }
        guard let attempt else { return marks + ["not begun"] }
        if count > 1 { marks.append("attempt \(attempt.number)") }
        if !isOver(attempt) { marks.append("not done") }
        for line in attempt.lines where line.type == "exception" {
            marks.append("exception \(line.value["number"]?.number ?? 0)")
        }
        return marks
    }

    private func names(_ attempt: RecordedCeremony.Attempt?, _ member: String) -> String {
        (attempt?.opening.value[member]?.items ?? []).map { $0.word("name") }.joined(separator: ", ")
    }

    /// What people said and what was read aloud, in the order in which it was taken down.
    func answers(_ html: inout HTML) {
        let kinds: Set<String> = ["answer", "read-out", "compare", "printed"]
        let lines = record.lines.filter { kinds.contains($0.type) }
        if lines.isEmpty { return }
        html.section("Taken down") { html in
            html.table("", columns: [("Time", "w10"), ("Step", "w24"), ("What", "w24"), ("Value", "")]) {
                html in
                for line in lines {
                    html.element("tr") { html in
                        html.element("td", class: "time") { $0.text(UTCTime.clock(line.value.word("time"))) }
                        html.element("td") { $0.text(line.step) }
                        html.element("td") { $0.text(subject(line)) }
                        html.element("td") { takenDown(&$0, line) }
                    }
                }
            }
        }
    }

    private func subject(_ line: RecordedCeremony.Line) -> String {
        let value = line.value
        let of = [value.word("of"), value.word("subject")].filter { !$0.isEmpty }.joined(separator: " ")
        switch line.type {
        case "answer":
            let bag = value.word("bag")
            return bag.isEmpty ? "answer" : "bag \(bag)"
        case "read-out": return "read out: \(of)"
        case "compare": return "compared: \(of)"
        default: return "put into the folder: \(value.word("what"))"
        }
    }

    private func takenDown(_ html: inout HTML, _ line: RecordedCeremony.Line) {
        let value = line.value
        if line.type == "answer" {
            html.text("\(value.word("answer")) (\(value.word("by")))")
            return
        }
        let text = value["value"]?.text ?? value.word("fileDigest")
        if let digest = PaperDigest(hexadecimal: text) {
            html.digits(digest)
            html.words(digest)
        } else {
            html.text(text)
        }
        guard line.type == "compare" else { return }
        html.note(
            value.word("takenDown") == text
                ? "The paper says the same." : "The paper says: \(value.word("takenDown"))")
    }
}
