import PrintedHTML

extension CeremonyScript {
    /// What is known before the first step: the script, the people, and what they bring.
    func titlePage(_ html: inout HTML, digest: PaperDigest, _ site: SiteNames?) {
        html.element("section", class: "front") { html in
            html.element("p", class: "kicker") { $0.text("Key ceremony script") }
            html.element("h1") { $0.text(title) }
            html.facts([
                ("Script", id), ("Kind", kind.rawValue), ("Policy", policy), ("Approval", approval ?? ""),
                ("Steps", "\(steps.count), expected to take \(expectedMinutes) minutes without breaks"),
            ])
            html.element("div", class: "boxed keep") { html in
                html.element("h3") { $0.text("SHA-256 of the script") }
                html.digest(digest)
                html.note(
                    "Before the first step, compare it with the digest on the screen. "
                        + "It stands at the foot of every page.")
            }
            html.element("div", class: "lines two keep") { html in
                html.line("This copy belongs to")
                html.line("Place")
                html.line("Date")
                html.line("Began (UTC)")
                html.line("Rehearsal that it follows")
                html.line("Recording, number of the medium")
            }
        }
        html.element("section", class: "people") { html in
            html.element("h2") { $0.text("People") }
            rolesTable(&html, site)
            html.element("div", class: "keep") { html in
                html.element("h3") { $0.text("Rules") }
                html.element("ul") { html in
                    for rule in rules { html.element("li") { $0.text(rule) } }
                }
            }
        }
        html.element("section", class: "materials") { html in
            html.element("h2") { $0.text("Materials") }
            materials(&html, site)
        }
    }

    private func rolesTable(_ html: inout HTML, _ site: SiteNames?) {
        html.table(
            "blanks",
            columns: [("Role", "w20"), ("Name", "w30"), ("Organisation", "w20"), ("Signature", "w30")]
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

    /// A line for each person who is needed, with the name where the site gives one.
    func seats(_ site: SiteNames?) -> [(role: String, name: String)] {
        roles.flatMap { role, count in
            let names = site?.people[role] ?? []
            return (0..<count).map { index in
                (
                    role: count == 1 ? role.onPaper : "\(role.onPaper) \(index + 1)",
                    name: index < names.count ? names[index] : ""
                )
            }
        }
    }

    private var rules: [String] {
        var rules: [String] = []
        if let quorum {
            let role = quorum.role.value.onPaper
            rules.append("\(quorum.needed.value) holders of the role \(role) open a token together.")
        }
        return rules
            + conflicts.map {
                "No one person is both \($0.first.value.onPaper) and \($0.second.value.onPaper)."
            }
    }

    private func materials(_ html: inout HTML, _ site: SiteNames?) {
        html.element("div", class: "keep") { html in
            html.element("h3") { $0.text("Tokens") }
            html.table(
                "blanks",
                columns: [
                    ("Token", "w14"), ("Serial number", "w28"), ("Firmware", "w16"),
                    ("Certification", "w26"), ("Mode", "w16"),
                ]
            ) { html in
                for name in tokenNames {
                    html.element("tr") { html in
                        html.element("td") { $0.text(name) }
                        html.element("td") { html in
                            if let serial = site?.tokenSerials[name] {
                                html.element("small") { $0.text("expected \(serial)") }
                            }
                        }
                        for _ in 0..<3 { html.element("td") }
                    }
                }
            }
        }
        bagTable(&html)
        mediaList(&html)
        softwareTable(&html)
    }

    private func bagTable(_ html: inout HTML) {
        html.element("div", class: "keep") { html in
            html.element("h3") { $0.text("Tamper-evident bags") }
            html.table(
                "blanks",
                columns: [("Bag", "w28"), ("Number when opened", "w36"), ("Number when sealed", "w36")]
            ) { html in
                for name in bagNames.isEmpty ? ["", ""] : bagNames {
                    html.element("tr") { html in
                        html.element("td") { $0.text(name) }
                        html.element("td")
                        html.element("td")
                    }
                }
            }
        }
    }

    private func mediaList(_ html: inout HTML) {
        if media.isEmpty { return }
        html.element("div", class: "keep") { html in
            html.element("h3") { $0.text("Media and equipment") }
            html.element("ul", class: "ticks") { html in
                for medium in media {
                    html.element("li") { html in
                        html.element("span", class: "tick")
                        html.text(medium)
                    }
                }
            }
        }
    }

    private func softwareTable(_ html: inout HTML) {
        if software.isEmpty { return }
        html.element("div", class: "keep") { html in
            html.element("h3") { $0.text("Software") }
            html.table("", columns: [("File", "w20"), ("SHA-256", ""), ("Compared", "w14")]) { html in
                for (name, digest) in software {
                    html.element("tr") { html in
                        html.element("td") { $0.text(name) }
                        html.element("td") { html in
                            if let digest = PaperDigest(hexadecimal: digest) {
                                html.digits(digest)
                            } else {
                                html.text(digest)
                            }
                        }
                        html.element("td") { $0.element("span", class: "tick") }
                    }
                }
            }
        }
    }
}
