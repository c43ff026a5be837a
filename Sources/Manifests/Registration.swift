/// What a manifest says of registration secrets: whose key they are derived under, and from what.
///
/// A device's secret is HMAC-SHA256 of its registration id under the group's key, as Azure DPS derives the keys of an
/// enrolment group.
public struct Registration: Hashable, Sendable {
    /// The group's name, as `rootline key registration-group` was given it.
    public let group: String
    public let id: RegistrationIDText
}

/// The text that becomes a device's registration id: literal parts and `{serial}`, `{product}` or `{column.NAME}`.
///
/// What comes from rows has its letters A to Z written small: registration ids know no case, so that two serials which
/// differ in case alone would be one device to the service.
public struct RegistrationIDText: Hashable, Sendable {
    enum Part: Hashable, Sendable {
        case literal(String)
        case product
        case column(String)
    }

    let parts: [Part]

    struct Malformed: Error { var message: String }

    /// Parses the text; the error is a sentence for the manifest's author.
    init(parsing text: String) throws(Malformed) {
        var parts: [Part] = []
        var rest = text[...]
        while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            guard rest[brace] == "{", let end = rest[brace...].firstIndex(of: "}") else {
                throw Malformed(message: "a brace without its partner")
            }
            if brace > rest.startIndex { parts.append(.literal(String(rest[..<brace]))) }
            switch rest[rest.index(after: brace)..<end] {
            case "serial": parts.append(.column("serial"))
            case "product": parts.append(.product)
            case let name where name.hasPrefix("column.") && name.utf8.count > 7:
                parts.append(.column(String(name.dropFirst(7))))
            case let name:
                throw Malformed(
                    message: "{\(name)} is not known here: {serial}, {product} and {column.NAME} are")
            }
            rest = rest[rest.index(after: end)...]
        }
        if !rest.isEmpty { parts.append(.literal(String(rest))) }
        for case .literal(let literal) in parts {
            if let character = literal.unicodeScalars.first(where: { !Self.allows($0) }) {
                throw Malformed(message: Self.refusal(of: character))
            }
        }
        guard parts.contains(where: { if case .column = $0 { true } else { false } }) else {
            throw Malformed(message: "every device has an id of its own: write {serial} or {column.NAME}")
        }
        self.parts = parts
    }

    /// The columns that the text uses, each once.
    var columns: [String] {
        var columns: [String] = []
        for case .column(let name) in parts where !columns.contains(name) { columns.append(name) }
        return columns
    }

    private static func allows(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "0"..."9", "-", ".", "_", ":": true
        default: false
        }
    }

    private static func refusal(of scalar: Unicode.Scalar) -> String {
        "U+\(String(scalar.value, radix: 16, uppercase: true)) is no character of a registration id:"
            + " those are a-z 0-9 - . _ :"
    }

    /// What is wrong with a registration id, or nil: 1 to 128 of `a-z 0-9 - . _ :`, a letter or digit at both ends.
    ///
    /// So Azure DPS has it; letters that are not small are the same to it and are not accepted here.
    public static func fault(_ id: String) -> String? {
        guard (1...128).contains(id.utf8.count) else {
            return "the registration id has \(id.utf8.count) characters; from 1 to 128 are allowed"
        }
        if let scalar = id.unicodeScalars.first(where: { !allows($0) }) { return refusal(of: scalar) }
        for end in [id.utf8.first, id.utf8.last] {
            guard let end, 0x61...0x7A ~= end || 0x30...0x39 ~= end else {
                return "the registration id \(id) begins and ends with a letter or a digit"
            }
        }
        return nil
    }
}

/// Makes registration ids of rows' values.
public struct RegistrationIDs: Sendable {
    private enum Part: Sendable {
        case literal(String)
        case value(Int)
    }

    private let parts: [Part]
    /// The column, among the rows' values, that is to blame for a bad id.
    let blamed: Int

    /// `columns` are those of the rows' values; nil where the text uses another.
    public init?(_ text: RegistrationIDText, columns: [String], product: String) {
        var parts: [Part] = []
        for part in text.parts {
            switch part {
            case .literal(let literal): parts.append(.literal(literal))
            case .product: parts.append(.literal(Self.small(product)))
            case .column(let name):
                guard let index = columns.firstIndex(of: name) else { return nil }
                parts.append(.value(index))
            }
        }
        self.parts = parts
        blamed = parts.lazy.compactMap { if case .value(let index) = $0 { index } else { nil } }.first ?? 0
    }

    /// The id of a row; ``RegistrationIDText/fault(_:)`` says whether it is one.
    public func id(_ values: [String]) -> String {
        var id = ""
        for part in parts {
            switch part {
            case .literal(let literal): id += literal
            case .value(let index): id += Self.small(values[index])
            }
        }
        return id
    }

    private static func small(_ text: String) -> String {
        String(
            decoding: text.utf8.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
