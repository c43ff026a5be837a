import CanonicalJSON
import PrintedHTML

extension CeremonyReport {
    /// What the ceremony made, by digest.
    func artefacts(_ html: inout HTML) {
        html.section("Artefacts") { html in
            let artefacts = record.closing?.value["artefacts"]?.items ?? []
            if artefacts.isEmpty {
                html.note("The transcript lists none.")
                return
            }
            html.table("", columns: [("File", "w36"), ("SHA-256", "")]) { html in
                for artefact in artefacts {
                    html.element("tr") { html in
                        html.element("td") { $0.text(artefact.word("path")) }
                        html.element("td") { html in
                            if let digest = PaperDigest(hexadecimal: artefact.word("fileDigest")) {
                                html.digits(digest)
                            } else {
                                html.text(artefact.word("fileDigest"))
                            }
                        }
                    }
                }
            }
        }
    }

    /// Who signed what, each over the head of the lines before.
    func signOffs(_ html: inout HTML) {
        html.section("Sign-offs") { html in
            html.table(
                "",
                columns: [
                    ("Line", "w6"), ("Step", "w20"), ("Name", "w20"), ("Role", "w24"), ("Time", "w10"),
                    ("Head signed", "w20"),
                ]
            ) { html in
                for line in record.all("sign-off") {
                    html.element("tr") { html in
                        html.element("td") { $0.text(String(line.number)) }
                        html.element("td") { $0.text(line.step) }
                        html.element("td") { html in html.element("b") { $0.text(line.value.word("name")) } }
                        html.element("td") { $0.text(onPaper(line.value.word("role"))) }
                        html.element("td", class: "time") { $0.text(UTCTime.clock(line.value.word("time"))) }
                        html.element("td", class: "mono") {
                            $0.text(
                                PaperDigest(hexadecimal: line.value.word("prev"))
                                    .map { $0.groups.prefix(3).joined(separator: " ") + " …" } ?? "")
                        }
                    }
                }
            }
        }
    }
}
