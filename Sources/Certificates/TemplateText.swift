/// A text of a template: literal parts and `{placeholders}` in their order.
///
/// A placeholder is a word of letters, digits, `-` and `_`, optionally after `column.`. Braces stand for nothing
/// else; there is no escape.
struct TemplateText: Hashable, Sendable {
    enum Part: Hashable, Sendable {
        case literal(String)
        case placeholder(String)
    }

    var parts: [Part]

    init(literal: String) {
        parts = literal.isEmpty ? [] : [.literal(literal)]
    }

    /// Parses the text; the error is a sentence for the template's author.
    init(parsing text: String) throws(MalformedText) {
        var parts: [Part] = []
        var rest = text[...]
        while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            guard rest[brace] == "{", let end = rest[brace...].firstIndex(of: "}") else {
                throw MalformedText(message: "a brace without its partner")
            }
            if brace > rest.startIndex { parts.append(.literal(String(rest[..<brace]))) }
            let name = String(rest[rest.index(after: brace)..<end])
            guard Self.isPlaceholder(name) else {
                throw MalformedText(message: "{\(name)} is not a placeholder name")
            }
            parts.append(.placeholder(name))
            rest = rest[rest.index(after: end)...]
        }
        if !rest.isEmpty { parts.append(.literal(String(rest))) }
        self.parts = parts
    }

    struct MalformedText: Error { var message: String }

    private static func isPlaceholder(_ name: String) -> Bool {
        let word = name.hasPrefix("column.") ? name.dropFirst(7) : name[...]
        guard let first = word.utf8.first, isLetter(first) else { return false }
        return word.utf8.allSatisfy { isLetter($0) || 0x30...0x39 ~= $0 || $0 == 0x2D || $0 == 0x5F }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { 0x41...0x5A ~= byte || 0x61...0x7A ~= byte }

    var placeholders: [String] {
        parts.compactMap { if case .placeholder(let name) = $0 { name } else { nil } }
    }

    /// The text with every placeholder replaced; the first one without a value is thrown.
    func filled(_ values: [String: String]) throws(CertificatesError) -> String {
        var text = ""
        for part in parts {
            switch part {
            case .literal(let literal): text += literal
            case .placeholder(let name):
                guard let value = values[name] else {
                    throw CertificatesError(
                        .values, subject: "{\(name)}", "the template's placeholder was given no value")
                }
                text += value
            }
        }
        return text
    }
}
