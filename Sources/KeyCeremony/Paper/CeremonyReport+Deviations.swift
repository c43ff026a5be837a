import CanonicalJSON
import PrintedHTML

extension CeremonyReport {
    var interruptions: [RecordedCeremony.Pause] { record.pauses.filter { !$0.isBreak } }

    /// Checks that were answered with no, and comparisons with what stood otherwise on paper.
    var differingAnswers: [RecordedCeremony.Line] {
        let checks = Set(record.plannedSteps.filter { $0.word("do") == "check" }.map { $0.word("id") })
        return record.lines.filter { line in
            switch line.type {
            case "answer": checks.contains(line.step) && line.value.word("answer") != "yes"
            case "compare": line.value["takenDown"] != line.value["value"]
            default: false
            }
        }
    }

    /// Everything that did not go as the script says.
    func deviations(_ html: inout HTML) {
        html.section("Deviations") { html in
            let open = record.effects.filter { !$0.isObserved && $0.name != "login" }
            let isNone =
                record.exceptions.isEmpty && record.pauses.isEmpty && differingAnswers.isEmpty && open.isEmpty
                && record.abandoned == nil
            if isNone { html.element("p") { $0.text("None: every step was done as the script says.") } }
            for exception in record.exceptions { self.exception(&html, exception) }
            for line in differingAnswers { differing(&html, line) }
            for effect in open {
                html.element("p") {
                    $0.text("The effect \(effect.name) of step \(effect.step) was begun and never observed.")
                }
            }
            if let abandoned = record.abandoned {
                html.element("p") {
                    $0.text(
                        "Abandoned in step \(abandoned.step) by \(abandoned.value.word("by")): "
                            + abandoned.value.word("reason"))
                }
            }
            pauses(&html)
        }
    }

    private func exception(_ html: inout HTML, _ exception: RecordedCeremony.Exception) {
        let line = exception.line.value
        html.element("div", class: "card strong") { html in
            html.element("h3") { html in
                html.text("Exception \(line["number"]?.number ?? 0)")
                html.element("small") { $0.text("  step \(line.word("step")), \(line.word("time"))") }
            }
            html.facts([
                ("Expected", line.word("expected")), ("Happened", line.word("happened")),
                ("Decided", line.word("decision")), ("By", line.word("by")),
                (
                    "Signed by",
                    orNone(
                        exception.signOffs.map {
                            "\($0.value.word("name")), \(onPaper($0.value.word("role")))"
                        }
                        .joined(separator: "\n"))
                ),
            ])
        }
    }

    private func differing(_ html: inout HTML, _ line: RecordedCeremony.Line) {
        html.element("div", class: "card strong") { html in
            html.element("h3") { html in
                html.text("Answer that differs")
                html.element("small") { $0.text("  step \(line.step), \(line.value.word("time"))") }
            }
            if line.type == "answer" {
                html.facts([
                    ("Expected", "yes"),
                    ("Answered", "\(line.value.word("answer")) (\(line.value.word("by")))"),
                ])
            } else {
                html.facts([
                    ("Shown", grouped(line.value.word("value"))),
                    ("On paper", grouped(line.value.word("takenDown"))),
                ])
            }
        }
    }

    private func pauses(_ html: inout HTML) {
        if record.pauses.isEmpty { return }
        html.element("h3") { $0.text("Breaks and interruptions") }
        html.table(
            "",
            columns: [("What", "w16"), ("From", "w24"), ("Until", "w24"), ("Lasted", "w14"), ("Reason", "")]
        ) { html in
            for pause in record.pauses {
                let code = pause.isBreak ? pause.from.value.word("by") : pause.from.value.word("code")
                html.row([
                    pause.isBreak ? "break" : "interruption", pause.from.value.word("time"),
                    pause.until?.value.word("time") ?? "never", UTCTime.spoken(pause.duration),
                    code.isEmpty ? pause.reason : "\(pause.reason) (\(code))",
                ])
            }
        }
    }

    /// Lines that this version cannot read, as they stand.
    func unknownLines(_ html: inout HTML) {
        if record.unknown.isEmpty { return }
        html.section("Lines that this report does not know") { html in
            html.table("", columns: [("Line", "w10"), ("Type", "w20"), ("As it stands", "")]) { html in
                for line in record.unknown {
                    html.element("tr") { html in
                        html.element("td") { $0.text(String(line.number)) }
                        html.element("td") { $0.text(line.type) }
                        html.element("td", class: "mono") {
                            $0.text(String(decoding: line.value.canonical, as: UTF8.self))
                        }
                    }
                }
            }
        }
    }
}
