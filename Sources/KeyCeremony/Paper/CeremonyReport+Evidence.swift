import CanonicalJSON
import Foundation
import PrintedHTML

extension CeremonyReport {
    /// What was done to tokens, with everything that was read back.
    func evidence(_ html: inout HTML) {
        // How a token was opened stands with the token.
        let effects = record.effects.filter { $0.name != "login" }
        html.section("Evidence") { html in
            if effects.isEmpty {
                html.note("Nothing was changed on any token.")
            }
            for effect in effects { card(&html, effect) }
            shares(&html)
        }
    }

    private func card(_ html: inout HTML, _ effect: RecordedCeremony.Effect) {
        html.element("div", class: "card") { html in
            html.element("h3") { html in
                html.text(onPaper(effect.name))
                html.element("small") { $0.text("  step \(effect.step)") }
                if !effect.isObserved { html.element("span", class: "tag") { $0.text("not observed") } }
            }
            html.facts(members(effect).map { (Self.spaced($0.name), said($0.name, $0.value)) })
            for line in effect.lines {
                attributes(&html, line.value["attributes"]?.items ?? [])
                probes(&html, line.value["probes"]?.items ?? [])
            }
        }
    }

    private static let apart: Set<String> = [
        "type", "time", "prev", "step", "effect", "attributes", "probes",
    ]

    /// The members of an effect's three lines, each once; one that two lines give differently stands twice.
    private func members(_ effect: RecordedCeremony.Effect) -> [(name: String, value: JSONValue)] {
        var members: [(name: String, value: JSONValue)] = []
        for line in effect.lines {
            for member in line.value.sortedMembers where !Self.apart.contains(member.name) {
                if !members.contains(where: { $0.name == member.name && $0.value == member.value }) {
                    members.append(member)
                }
            }
        }
        return members
    }

    private func attributes(_ html: inout HTML, _ attributes: [JSONValue]) {
        if attributes.isEmpty { return }
        html.element("p", class: "label") { $0.text("Attributes, as the token answered") }
        html.element("ul", class: "chips") { html in
            for attribute in attributes {
                let flag =
                    switch attribute["flag"] {
                    case .some(.bool(let flag)): flag ? "true" : "false"
                    default: "no answer"
                    }
                html.element("li") { html in
                    html.text(attribute.word("name") + " ")
                    html.element("b") { $0.text(flag) }
                }
            }
        }
    }

    private func probes(_ html: inout HTML, _ probes: [JSONValue]) {
        if probes.isEmpty { return }
        html.table("", columns: [("Attempt to take the key out", "w50"), ("The token's answer", "")]) {
            html in
            for probe in probes { html.row([probe.word("attempt"), probe.word("tokenAnswer")]) }
        }
    }

    private func shares(_ html: inout HTML) {
        for line in record.all("shares") {
            let holders = line.value["holders"]?.items ?? []
            let readBack = record.all("share-read-back").filter { $0.step == line.step }
            let tested = record.all("quorums-tested").filter { $0.step == line.step }
            html.element("div", class: "card") { html in
                html.element("h3") { html in
                    html.text("Shares of \(line.value.word("token"))")
                    html.element("small") { $0.text("  step \(line.step)") }
                }
                html.facts([
                    ("Needed", "\(line.value["needed"]?.number ?? 0) of \(holders.count)"),
                    ("Holders", holders.map { $0.word("name") }.joined(separator: ", ")),
                    ("Delivery", line.value.word("delivery")),
                    ("Read back by", orNone(readBack.map { $0.value.word("name") }.joined(separator: ", "))),
                    (
                        "Quorums tested",
                        orNone(tested.map { String($0.value["count"]?.number ?? 0) }.joined(separator: ", "))
                    ),
                ])
            }
        }
    }

    private static let octets: Set<String> = [
        "certificate", "crl", "toBeSigned", "signature", "subjectPublicKeyInfo", "wrappedKey",
        "wrappedTransportKey",
        "wrappingKey", "transportKey", "issuerCertificate", "signingKey", "shareKey", "publicKey",
    ]

    /// A value in a line: octets by their number and SHA-256, digests in groups, lists an item a line.
    private func said(_ name: String, _ value: JSONValue) -> String {
        switch value {
        case .null: return "none"
        case .bool(let flag): return flag ? "true" : "false"
        case .integer(let number): return String(number)
        case .string(let text):
            if Self.octets.contains(name), let data = Data(base64Encoded: text) {
                let digest = Self.digest(base64: text).groups.joined(separator: " ")
                return "\(data.count) octets, SHA-256:\n\(digest)"
            }
            return text.isEmpty ? "—" : grouped(text)
        case .array(let items):
            return items.isEmpty ? "none" : items.map { said("", $0) }.joined(separator: "\n")
        case .object:
            if value["statement"] != nil {
                return "a roster, SHA-256 \(value.digest.groups.joined(separator: " "))"
            }
            return value.sortedMembers.map { "\(Self.spaced($0.name)) \(said($0.name, $0.value))" }
                .joined(separator: ", ")
        }
    }

    /// `toBeSignedDigest` as `to be signed digest`.
    static func spaced(_ name: String) -> String {
        if name == "keyID" { return "key identifier" }
        if name == "keyIDs" { return "key identifiers" }
        return name.reduce(into: "") { words, letter in
            words += letter.isUppercase ? " " + letter.lowercased() : String(letter)
        }
    }
}
