/// The string types of names (RFC 5280 section 4.1.2.4).
enum StringEncoding: String, CaseIterable, Sendable, Hashable {
    case printable
    case utf8
    case ia5
}

/// What a text in a certificate may hold.
struct TextRule: Hashable, Sendable {
    enum Form: Hashable, Sendable {
        case free
        case dns
        case uri
    }

    let encoding: StringEncoding
    /// Characters (Unicode scalars), ends included: the upper bounds of X.520 and RFC 5280 appendix A.
    let length: ClosedRange<Int>
    let form: Form
    /// The octets that may stand in the encoded text.
    let octets: OctetSet

    init(encoding: StringEncoding, length: ClosedRange<Int>, form: Form = .free) {
        self.encoding = encoding
        self.length = length
        self.form = form
        octets = Self.octets(encoding, form)
    }

    static let dns = TextRule(encoding: .ia5, length: 1...253, form: .dns)
    static let uri = TextRule(encoding: .ia5, length: 1...2048, form: .uri)
    /// RFC 4108 section 5: hwSerialNum is an OCTET STRING; here it holds the UTF-8 of the text.
    static let hardwareSerial = TextRule(encoding: .utf8, length: 1...64)

    /// What is wrong with a part of the text, or nil: characters only, not length or form.
    func characterFault(_ text: String) -> String? {
        for scalar in text.unicodeScalars where !allows(scalar) {
            let shown =
                scalar.value < 0x21 || 0x7F..<0xA0 ~= scalar.value
                ? "U+" + String(scalar.value, radix: 16, uppercase: true) : "\(scalar)"
            switch encoding {
            case .printable: return "\(shown) is not a character of PrintableString"
            case .ia5: return "\(shown) is not accepted in an IA5String"
            case .utf8: return "the control character \(shown) is not accepted"
            }
        }
        return nil
    }

    /// What is wrong with the whole text, or nil.
    func fault(_ text: String) -> String? {
        if let fault = characterFault(text) { return fault }
        let count = text.unicodeScalars.count
        guard length.contains(count) else {
            return count == 0
                ? "the text is empty"
                : "the text has \(count) characters; from \(length.lowerBound) to \(length.upperBound) are allowed"
        }
        switch form {
        case .free: return nil
        case .dns: return Self.isDNSName(text) ? nil : "\(text) is not a DNS name (RFC 1034 section 3.5)"
        case .uri:
            let scheme = text.prefix { $0 != ":" }
            let isURI =
                scheme.utf8.count < text.utf8.count && !scheme.isEmpty && scheme.allSatisfy(\.isLetter)
            return isURI ? nil : "\(text) is not an absolute URI (RFC 3986 section 4.3)"
        }
    }

    private func allows(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value < 0x80 else {
            return encoding == .utf8 && !(0x80..<0xA0 ~= scalar.value)
        }
        return octets.contains(UInt8(scalar.value))
    }

    private static func octets(_ encoding: StringEncoding, _ form: Form) -> OctetSet {
        OctetSet { byte in
            if form == .dns { return isLetterOrDigit(byte) || byte == 0x2D || byte == 0x2E }
            switch encoding {
            case .printable:
                // ' ( ) + , - . / : = ? and space (X.680 section 41.4).
                return isLetterOrDigit(byte)
                    || [0x20, 0x27, 0x28, 0x29, 0x2B, 0x2C, 0x2D, 0x2E, 0x2F, 0x3A, 0x3D, 0x3F].contains(byte)
            case .ia5: return form == .free ? 0x20..<0x7F ~= byte : 0x21..<0x7F ~= byte
            case .utf8: return byte >= 0x20 && byte != 0x7F
            }
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        0x30...0x39 ~= byte || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte
    }

    private static func isDNSName(_ text: String) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            let bytes = label.utf8
            return (1...63).contains(bytes.count) && bytes.first != 0x2D && bytes.last != 0x2D
                && bytes.allSatisfy { isLetterOrDigit($0) || $0 == 0x2D }
        }
    }
}

/// A set of octets; those from 0x80 on are in it all together or not at all.
struct OctetSet: Hashable, Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    private var beyondASCII: Bool

    init(_ contains: (UInt8) -> Bool) {
        for byte in UInt8(0)..<64 where contains(byte) { low |= 1 << UInt64(byte) }
        for byte in UInt8(64)..<128 where contains(byte) { high |= 1 << UInt64(byte - 64) }
        beyondASCII = contains(0x80)
    }

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        if byte >= 0x80 { return beyondASCII }
        return (byte < 64 ? low : high) >> UInt64(byte & 63) & 1 == 1
    }

    func intersection(_ other: OctetSet) -> OctetSet {
        OctetSet { contains($0) && other.contains($0) }
    }
}

/// An attribute type of a name, with what X.520 and RFC 5280 appendix A.1 say about its value.
struct SubjectAttributeType: Hashable, Sendable {
    var name: String
    var oid: [UInt]
    var encodings: [StringEncoding]
    var length: ClosedRange<Int>

    private static let directory: [StringEncoding] = [.printable, .utf8]

    static let known: [SubjectAttributeType] = [
        .init(name: "CN", oid: [2, 5, 4, 3], encodings: directory, length: 1...64),
        .init(name: "serialNumber", oid: [2, 5, 4, 5], encodings: [.printable], length: 1...64),
        .init(name: "C", oid: [2, 5, 4, 6], encodings: [.printable], length: 2...2),
        .init(name: "L", oid: [2, 5, 4, 7], encodings: directory, length: 1...128),
        .init(name: "ST", oid: [2, 5, 4, 8], encodings: directory, length: 1...128),
        .init(name: "O", oid: [2, 5, 4, 10], encodings: directory, length: 1...64),
        .init(name: "OU", oid: [2, 5, 4, 11], encodings: directory, length: 1...64),
        .init(name: "title", oid: [2, 5, 4, 12], encodings: directory, length: 1...64),
        .init(name: "dnQualifier", oid: [2, 5, 4, 46], encodings: [.printable], length: 1...64),
        .init(name: "DC", oid: [0, 9, 2342, 19_200_300, 100, 1, 25], encodings: [.ia5], length: 1...63),
        .init(name: "UID", oid: [0, 9, 2342, 19_200_300, 100, 1, 1], encodings: directory, length: 1...256),
        .init(
            name: "emailAddress", oid: [1, 2, 840, 113_549, 1, 9, 1], encodings: [.ia5], length: 1...255),
    ]

    /// Finds a short name, or takes a dotted OID; a dotted OID of a known type keeps that type's rules.
    init?(_ text: String) {
        if let known = Self.known.first(where: { $0.name == text }) {
            self = known
            return
        }
        guard let oid = ObjectIdentifierText.components(text) else { return nil }
        self =
            Self.known.first { $0.oid == oid }
            ?? SubjectAttributeType(name: text, oid: oid, encodings: StringEncoding.allCases, length: 1...256)
    }

    private init(name: String, oid: [UInt], encodings: [StringEncoding], length: ClosedRange<Int>) {
        self.name = name
        self.oid = oid
        self.encodings = encodings
        self.length = length
    }
}

/// Object identifiers as dotted text.
enum ObjectIdentifierText {
    /// The arcs, or nil: two arcs at least, no leading zeros, the first two within X.660's limits.
    static func components(_ text: String) -> [UInt]? {
        let words = text.split(separator: ".", omittingEmptySubsequences: false)
        let arcs = words.compactMap { word -> UInt? in
            guard let arc = UInt(word), String(arc) == word, arc <= UInt(Int32.max) else { return nil }
            return arc
        }
        guard arcs.count == words.count, (2...32).contains(arcs.count), arcs[0] <= 2,
            arcs[0] == 2 || arcs[1] < 40
        else { return nil }
        return arcs
    }
}
