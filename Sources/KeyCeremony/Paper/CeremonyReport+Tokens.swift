import CanonicalJSON
import PrintedHTML

extension CeremonyReport {
    /// The modules and tokens that the site bound, and what they answered when they were opened.
    func tokens(_ html: inout HTML) {
        html.section("HSMs and tokens") { html in
            for token in record.begin["tokens"]?.items ?? [] {
                let name = token.word("name")
                html.element("div", class: "card") { html in
                    html.element("h3") { $0.text(name) }
                    html.facts([
                        ("Bound to", "\(token.word("tokenLabel")), serial number \(token.word("serial"))"),
                        ("Activation", token.word("activation")),
                        ("Module", grouped(token.word("moduleDigest"))),
                    ])
                    let openings = openings(of: name)
                    if openings.isEmpty {
                        html.note("It was not opened in this ceremony.")
                    }
                    for opening in openings { self.opening(&html, opening) }
                }
            }
        }
    }

    private func openings(of token: String) -> [RecordedCeremony.Line] {
        record.all("observed").filter {
            $0.value.word("effect") == "login" && $0.value["token"]?.word("name") == token
        }
    }

    private func opening(_ html: inout HTML, _ line: RecordedCeremony.Line) {
        let token = line.value["token"] ?? .object([:])
        html.facts(
            [
                ("Opened in", "step \(line.step), \(line.value.word("time"))"),
                ("Serial number", token.word("serial")),
                (
                    "HSM",
                    [token.word("manufacturer"), token.word("model")].filter { !$0.isEmpty }.joined(
                        separator: " ")
                ),
                ("Firmware", token.word("firmware")), ("Hardware", token.word("hardware")),
                ("Certification", orNone(token.word("certification"))), ("Mode", orNone(token.word("mode"))),
                ("Library", library(token["library"])),
                (
                    "Opened by",
                    ([line.value.word("opened")] + [line.value.words("holders").joined(separator: ", ")])
                        .filter { !$0.isEmpty }.joined(separator: ": ")
                ),
            ].map { ($0.0, $0.1.isEmpty ? "—" : $0.1) })
    }

    private func library(_ value: JSONValue?) -> String {
        guard let value else { return "" }
        if let text = value.text { return text }
        let name = ["manufacturer", "description", "version"].map(value.word).filter { !$0.isEmpty }
        let cryptoki = value.word("cryptoki")
        return name.joined(separator: " ") + (cryptoki.isEmpty ? "" : ", Cryptoki \(cryptoki)")
    }

    /// What stood on each token before and after.
    func inventories(_ html: inout HTML) {
        var names: [String] = []
        for line in record.all("inventory") where !names.contains(line.value.word("token")) {
            names.append(line.value.word("token"))
        }
        html.section("Inventory before and after") { html in
            if names.isEmpty {
                html.note("No token was listed.")
            }
            for name in names {
                let lines = record.all("inventory").filter { $0.value.word("token") == name }
                guard let first = lines.first, let last = lines.last else { continue }
                inventory(&html, name, first, last)
            }
        }
    }

    private func inventory(
        _ html: inout HTML, _ name: String, _ first: RecordedCeremony.Line, _ last: RecordedCeremony.Line
    ) {
        let before = first.value["objects"]?.items ?? []
        let after = last.value["objects"]?.items ?? []
        let closing = record.closing?.value["inventories"]?.items?.first { $0.word("token") == name }
        html.element("div", class: "card") { html in
            html.element("h3") { $0.text(name) }
            html.facts([
                ("Before", inventoried(first, before, says: closing?.word("before"))),
                (
                    "After",
                    first.number == last.number
                        ? "listed once only" : inventoried(last, after, says: closing?.word("after"))
                ),
            ])
            html.table("", columns: [("", "w6"), ("Kind", "w20"), ("Label", ""), ("Key identifier", "")]) {
                html in
                for object in before where !after.contains(object) { html.object("−", object) }
                for object in after { html.object(before.contains(object) ? "" : "+", object) }
            }
        }
    }

    private func inventoried(_ line: RecordedCeremony.Line, _ objects: [JSONValue], says: String?) -> String {
        let digest = hexadecimal(JSONValue.array(objects).digest.octets)
        let count = objects.count == 1 ? "1 object" : "\(objects.count) objects"
        let closing =
            switch says {
            case nil: "the closing line does not name it"
            case digest: "as the closing line says"
            default: "NOT what the closing line says: \(grouped(says ?? ""))"
            }
        return "\(count), step \(line.step)\n\(grouped(digest)): \(closing)"
    }
}

extension HTML {
    fileprivate mutating func object(_ mark: String, _ object: JSONValue) {
        element("tr", class: mark.isEmpty ? nil : "changed") { html in
            html.element("td") { $0.text(mark) }
            html.element("td") { $0.text(object.word("kind")) }
            html.element("td") { $0.text(object.word("label")) }
            html.element("td", class: "mono") { $0.text(object.word("keyID")) }
        }
    }
}
