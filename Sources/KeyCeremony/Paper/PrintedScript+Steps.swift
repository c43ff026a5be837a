import PrintedHTML

extension HTML {
    /// A step as a block that no page break cuts.
    mutating func step(_ step: PrintedStep) {
        element(
            "article", class: step.isIrreversible ? "step irreversible" : "step", [("id", "step-\(step.id)")]
        ) { html in
            html.element("header") { html in
                html.element("span", class: "number") { $0.text(String(step.number)) }
                html.element("h3") { html in
                    html.text(step.id)
                    html.text(" ")
                    html.element("small") { $0.text(step.action) }
                }
                if step.isIrreversible {
                    html.element("span", class: "mark") { $0.text("Irreversible") }
                }
                html.element("span", class: "minutes") {
                    $0.text("\(step.minutes) min")
                }
            }
            html.element("p", class: "cast") { html in
                html.element("b") { $0.text(step.actor) }
                html.text(" acts")
                if step.witnesses.isEmpty {
                    html.text("; nobody has to witness")
                } else {
                    html.text(" before ")
                    html.text(step.witnesses.joined(separator: ", "))
                }
            }
            html.paragraphs(step.text, class: "said")
            html.conditions(step)
            for blank in step.blanks { html.blank(blank) }
            html.signatureRow(step.initials)
        }
    }

    private mutating func conditions(_ step: PrintedStep) {
        var rows = step.facts.map { ($0.name, $0.value) }
        if let before = step.before { rows.append(("Before", before)) }
        if let after = step.after { rows.append(("After", after)) }
        rows.append(("On failure", step.onFailure))
        facts(rows)
    }

    private mutating func blank(_ blank: PrintedStep.Blank) {
        switch blank {
        case .value(let label):
            element("div", class: "lines") { $0.line(label) }
        case .choice(let label, let options):
            element("p", class: "choice") { html in
                html.element("span", class: "label") { $0.text(label) }
                for option in options {
                    html.element("span", class: "option") { html in
                        html.element("span", class: "tick")
                        html.text(option)
                    }
                }
            }
        case .digest(let label):
            digestBlank(label)
        }
    }

    /// Boxes for 64 digits in groups of four, and lines for the 32 words, a pair under each group's number.
    mutating func digestBlank(_ label: String) {
        element("div", class: "take-down keep") { html in
            html.element("p", class: "label") { $0.text(label) }
            html.element("div", class: "boxes") { html in
                for _ in 0..<16 {
                    html.element("span", class: "group") { html in
                        for _ in 0..<4 { html.element("i") }
                    }
                }
            }
            html.element("div", class: "word-blanks") { html in
                for number in 1...32 {
                    html.element("span") { $0.text(String(number)) }
                }
            }
        }
    }

    /// The time, and a box for the initials of each who was there.
    mutating func signatureRow(_ initials: [String]) {
        element("div", class: "initials") { html in
            html.element("span", class: "cell time") { $0.text("Time (UTC)") }
            for name in initials {
                html.element("span", class: "cell") { $0.text(name) }
            }
        }
    }
}
