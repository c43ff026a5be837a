import PrintedHTML

extension CeremonyScript {
    /// Two pages for what did not go as written.
    func exceptionSheet(_ html: inout HTML, _ site: SiteNames?) {
        for page in 0..<2 {
            html.element("section", class: "exceptions") { html in
                html.element("h2") { $0.text(page == 0 ? "Exceptions" : "Exceptions, continued") }
                html.note(page == 0 ? Self.exceptionsNote : Self.copiesNote)
                for index in 1...3 { exceptionForm(&html, number: page * 3 + index) }
            }
        }
    }

    private func exceptionForm(_ html: inout HTML, number: Int) {
        html.element("article", class: "exception") { html in
            html.element("header") { html in
                html.element("span", class: "number") { $0.text(String(number)) }
                html.element("div", class: "lines three") { html in
                    html.line("Step")
                    html.line("Time (UTC)")
                    html.line("Decided by")
                }
            }
            html.element("div", class: "lines tall") { html in
                html.line("Expected")
                html.line("Happened")
                html.line("Decided")
            }
            html.element("div", class: "initials") { html in
                for label in ["Actor", "Witness", "Witness", "Witness"] {
                    html.element("span", class: "cell") { $0.text(label) }
                }
            }
        }
    }

    /// The end of the chain on paper, and everyone's signature.
    func closingPage(_ html: inout HTML, _ site: SiteNames?) {
        html.element("section", class: "closing") { html in
            html.element("h2") { $0.text("Close") }
            html.digestBlank(
                "Head of the finished transcript: the digits and words on the screen after the last sign-off")
            html.element("div", class: "lines three") { html in
                html.line("Ended (UTC)")
                html.line("Exceptions (number)")
                html.line("Interruptions (number)")
            }
            // Nobody signs on a page that does not have the words that they sign.
            html.element("div", class: "keep") { html in
                html.element("h3") { $0.text("Statement") }
                html.paragraphs(Self.statement, class: "said")
                html.element("div", class: "lines tall") { $0.line("What a participant wants to add") }
                signatures(&html, site)
            }
        }
    }

    private func signatures(_ html: inout HTML, _ site: SiteNames?) {
        html.table(
            "blanks signatures",
            columns: [("Role", "w20"), ("Name", "w28"), ("Signature", "w32"), ("Date and time (UTC)", "w20")]
        ) { html in
            for seat in seats(site) {
                html.element("tr") { html in
                    html.element("td") { $0.text(seat.role) }
                    html.element("td") { $0.text(seat.name) }
                    html.element("td")
                    html.element("td")
                }
            }
        }
    }

    private static let exceptionsNote =
        "Whatever departs from the script is written here before the ceremony goes on, and initialled by the "
        + "actor and the witnesses of the step."

    private static let copiesNote =
        "Copy this page before the ceremony if more may be wanted. Strike out what stays empty at the end."

    private static let statement =
        "I took part in the role beside my name. The steps above were followed as they are printed here, but "
        + "for the exceptions that stand on the exception sheet. The digests and words above are those that "
        + "were read aloud. What the transcript with this head says is what I saw."
}
