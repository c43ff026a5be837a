import CanonicalJSON
import Crypto
import Foundation
import PrintedHTML

extension CeremonyReport {
    /// Who took part, by which rules, and the roster that knows their keys.
    func people(_ html: inout HTML) {
        html.section("People") { html in
            html.table("", columns: [("Name", "w20"), ("Roles", "w24"), ("SHA-256 of the signing key", "")]) {
                html in
                for person in record.begin["participants"]?.items ?? [] {
                    html.element("tr") { html in
                        html.element("td") { html in html.element("b") { $0.text(person.word("name")) } }
                        html.element("td") {
                            $0.text(person.words("roles").map(onPaper).joined(separator: ", "))
                        }
                        html.element("td") { html in
                            if let key = person["publicKey"]?.text {
                                html.digits(Self.digest(base64: key))
                            } else {
                                html.text("gets a key in this ceremony")
                            }
                        }
                    }
                }
            }
            html.facts(rules)
            if let roster = record.begin["rosters"]?.items?.last { self.roster(&html, roster) }
        }
    }

    private var rules: [(String, String)] {
        var rules = [
            (
                "Roles",
                (record.begin["roles"] ?? .null).sortedMembers
                    .map { "\(onPaper($0.name)) \($0.value.number ?? 0)" }.joined(separator: ", ")
            ),
            (
                "Never one person",
                (record.begin["conflicts"]?.items ?? [])
                    .map { ($0.items ?? []).compactMap(\.text).map(onPaper).joined(separator: " and ") }
                    .joined(separator: "\n")
            ),
        ]
        if let quorum = record.begin["quorum"] {
            let needed = quorum["needed"]?.number ?? 0
            rules.append(("Quorum", "\(needed) holders of the role \(onPaper(quorum.word("role"))) together"))
        }
        return rules.map { ($0.0, orNone($0.1)) }
    }

    private func roster(_ html: inout HTML, _ roster: JSONValue) {
        let statement = roster["statement"] ?? .object([:])
        html.element("h3") { $0.text("Roster, version \(statement["version"]?.number ?? 0)") }
        html.digits(roster.digest)
        html.table(
            "", columns: [("Member", ""), ("Roles", ""), ("Token's serial number", ""), ("Signed it", "")]
        ) { html in
            let signers = Set((roster["signatures"]?.items ?? []).map { $0.word("name") })
            for member in statement["members"]?.items ?? [] {
                let name = member.word("name")
                html.row([
                    name, member.words("roles").map(onPaper).joined(separator: ", "),
                    member["token"]?.word("serial") ?? "", signers.contains(name) ? "yes" : "no",
                ])
            }
        }
        html.facts([
            (
                "Quorums",
                (statement["quorums"] ?? .null).sortedMembers
                    .map { "\($0.name) \($0.value.number ?? 0)" }.joined(separator: ", ")
            )
        ])
    }

    /// What was followed, and what came before it.
    func scriptAndRehearsal(_ html: inout HTML, script: JSONValue) {
        html.section("Script and rehearsal") { html in
            html.element("div", class: "keep") { html in
                html.element("h3") { $0.text("SHA-256 of the script") }
                if let digest = PaperDigest(hexadecimal: script.word("digest")) {
                    html.digest(digest)
                } else {
                    html.element("p") { $0.text(orNone(script.word("digest"))) }
                }
            }
            guard let rehearsal = record.begin["after"], rehearsal != .null else {
                html.note(
                    record.isRehearsal
                        ? "This is a rehearsal. Nothing in it is of use outside its site."
                        : "The transcript names no rehearsal.")
                return
            }
            html.element("h3") { $0.text("The rehearsal that it followed") }
            html.facts([
                ("Ceremony", rehearsal.word("ceremony")), ("Head", grouped(rehearsal.word("head"))),
                (
                    "Same script",
                    rehearsal.word("scriptDigest") == script.word("digest")
                        ? "yes: the digests are equal"
                        : "NO: the rehearsal's is \(rehearsal.word("scriptDigest"))"
                ),
            ])
            let differences = rehearsal.words("differences")
            html.element("h3") { $0.text("What the site bound otherwise") }
            html.element("ul") { html in
                for difference in differences.isEmpty ? ["nothing"] : differences {
                    html.element("li") { $0.text(difference) }
                }
            }
        }
    }

    /// A SHA-256 in groups; any other text as it is.
    func grouped(_ text: String) -> String {
        PaperDigest(hexadecimal: text)?.groups.joined(separator: " ") ?? text
    }

    static func digest(base64 text: String) -> PaperDigest {
        PaperDigest(SHA256.hash(data: Data(base64Encoded: text) ?? Data()))
    }
}
