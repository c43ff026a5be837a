import Foundation
import PrintedHTML
import RunTelemetry

extension RunReport {
    /// Points that a plot has at most.
    static let plotPoints = 500

    /// The report as one HTML document for screen and print: no script, nothing from elsewhere.
    ///
    /// The same report gives the same bytes.
    public func html() -> String {
        let plotted = timeline.reduced(to: Self.plotPoints)
        let foot = artefact("authorisation")?.sha256 ?? ""
        let style =
            PaperStyle.page(
                size: "A4", left: run, right: (isRehearsal ? "REHEARSAL  " : "") + product,
                label: "Authorisation, SHA-256", foot: foot.isEmpty ? "—" : Self.groups(foot), words: "")
            + RunReportStyle.sheet
        return HTML.document(title: "Run \(run): \(product)", style: style) { html in
            if isRehearsal {
                html.element("div", class: "watermark", [("aria-hidden", "true")]) { $0.text("REHEARSAL") }
            }
            html.element("main") { html in
                head(&html)
                tiles(&html)
                yield(&html)
                plots(&html, plotted)
                sessions(&html)
                facts(&html, "What was ordered and approved", order)
                facts(&html, "Certificates", certificates)
                digests(&html)
                commands(&html)
                figures(&html, plotted)
                html.element("footer") { html in
                    html.note(
                        "Written by \(program) at \(ReportNumber.time(writtenAt)) UTC. This report shows what ledger, log"
                            + " and the run's files say; evidence is the signed log, and the commands above check it"
                            + " without this program.")
                    for text in missing { html.note("Not in this report: \(text)") }
                }
            }
        }
    }

    private func head(_ html: inout HTML) {
        html.element("header", class: "head") { html in
            html.element("p", class: "kicker") {
                $0.text(isRehearsal ? "Report of a rehearsed production run" : "Report of a production run")
            }
            html.element("h1") { $0.text(run) }
            html.element("p", class: "product") { $0.text(product) }
            let (word, kind, detail) = stateWords
            html.element("p", class: "state \(kind)") { html in
                html.element("strong") { $0.text(word) }
                html.text(" \(detail)")
            }
            if !books.balance {
                html.element("p", class: "alarm", [("role", "alert")]) { html in
                    html.element("strong") { $0.text("The books of this run do not balance.") }
                    html.text(
                        " Do not start runs on this site, and do not hand out what this one made, until somebody"
                            + " has found out why; the equations below that do not hold are marked.")
                }
            }
        }
    }

    private var stateWords: (word: String, kind: String, detail: String) {
        switch state {
        case .sealed(let date): return ("sealed", "good", "at \(ReportNumber.time(date)) UTC")
        case .atWork: return ("at work", "busy", "while this report was written")
        case .interrupted(let reason):
            return (
                "interrupted", "warn",
                (reason.map { "\($0). " } ?? "") + "Goes on with: rootline run resume \(run)"
            )
        case .killed:
            return (
                "ended without a word", "warn",
                "the process was killed, or the power went. Goes on with: rootline run resume \(run)"
            )
        case .failed(let code, let reason): return ("failed", "bad", "\(reason) (\(code))")
        }
    }

    private func tiles(_ html: inout HTML) {
        let seconds = timeline.sessions.reduce(0) { $0 + $1.seconds }
        let made = timeline.sessions.reduce(0) { $0 + $1.made }
        let latency = LatencyQuantiles(timeline.latency)
        var tiles: [(String, String, String)] = [
            (books.ledger.released.grouped, "released", "of \(books.quantity.grouped) ordered"),
            (
                ReportNumber.percent(books.ledger.released, of: books.ledger.reserved), "yield",
                "of \(books.ledger.reserved.grouped) reserved"
            ),
            (
                seconds > 0 ? ReportNumber.short(Double(made) / seconds) : "—", "devices a second",
                seconds > 0 ? "over \(ReportNumber.duration(seconds)) of work" : "no work is on record"
            ),
        ]
        if let latency {
            tiles.append(
                (
                    ReportNumber.time(microseconds: latency.medianMicroseconds), "in the token, median",
                    "99 % within \(ReportNumber.time(microseconds: latency.p99Microseconds))"
                ))
        } else {
            tiles.append(("—", "in the token, median", "no time is on record"))
        }
        html.element("div", class: "tiles") { html in
            for (number, label, detail) in tiles {
                html.element("p") { html in
                    html.element("b") { $0.text(number) }
                    html.element("span") { $0.text(label) }
                    html.element("small") { $0.text(detail) }
                }
            }
        }
    }

    private func yield(_ html: inout HTML) {
        html.section("Yield") { html in
            YieldBar(books: books).write(to: &html)
            html.element("div", class: "scroll", [("tabindex", "0")]) { html in
                html.element("table", class: "equations") { html in
                    html.element("thead") { html in
                        html.element("tr") { html in
                            for title in ["What must hold", "In numbers", ""] {
                                html.element("th", [("scope", "col")]) { $0.text(title) }
                            }
                        }
                    }
                    html.element("tbody") { html in
                        for equation in books.equations {
                            html.element("tr", class: equation.holds ? nil : "wrong") { html in
                                html.element("td") { $0.text(equation.words) }
                                html.element("td", class: "numbers") { $0.text(equation.numbers) }
                                html.element("td", class: "verdict") {
                                    $0.text(equation.holds ? "✓ holds" : "✗ WRONG")
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private func facts(_ html: inout HTML, _ title: String, _ facts: [Fact]) {
        guard !facts.isEmpty else { return }
        html.section(title) { html in
            html.element("dl", class: "facts") { html in
                for fact in facts {
                    html.element("dt") { $0.text(fact.name) }
                    let isDigest = Self.isDigest(fact.value)
                    html.element("dd", class: isDigest ? "hex" : nil) {
                        $0.text(isDigest ? Self.groups(fact.value) : fact.value)
                    }
                }
            }
        }
    }

    private func digests(_ html: inout HTML) {
        guard !artefacts.isEmpty else { return }
        html.section("Artefacts") { html in
            html.element("ul", class: "artefacts") { html in
                for artefact in artefacts {
                    html.element("li") { html in
                        html.element("p") { html in
                            html.element("b") { $0.text(artefact.name) }
                            html.element("small") { html in
                                html.text("  \(artefact.place)")
                                if let size = artefact.size { html.text("  \(size.grouped) octets") }
                            }
                        }
                        html.element("p", class: "hex") { $0.text(Self.groups(artefact.sha256)) }
                    }
                }
            }
            html.note("Each digest is a SHA-256, in groups of four digits.")
        }
    }

    private func commands(_ html: inout HTML) {
        guard !checks.isEmpty else { return }
        html.section("How to check it without this program") { html in
            html.note("In the site's folder:")
            for check in checks {
                html.element("div", class: "check") { html in
                    html.element("p") { $0.text(check.purpose) }
                    html.element("pre", [("tabindex", "0")]) { html in
                        html.element("code") { $0.text(check.command) }
                    }
                }
            }
        }
    }

    func artefact(_ name: String) -> Artefact? { artefacts.first { $0.name == name } }

    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Hexadecimal digits in groups of four.
    static func groups(_ digest: String) -> String {
        guard isDigest(digest) else { return digest }
        let digits = Array(digest)
        return stride(from: 0, to: digits.count, by: 4).map { String(digits[$0..<$0 + 4]) }.joined(
            separator: " ")
    }
}
