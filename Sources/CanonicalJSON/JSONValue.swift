/// A JSON value without fractions, so that its canonical form (RFC 8785, JCS) is beyond doubt.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// From -``largestInteger`` to ``largestInteger``; what is beyond can be written and does not read back.
    case integer(Int)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// 2^53 - 1: the last number up to which a double, JSON's only number, holds every whole one (RFC 7493 §2.2).
    package static let largestInteger = (1 << 53) - 1

    /// The value in the JSON Canonicalization Scheme (RFC 8785).
    package var canonical: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    /// Reads bytes that are exactly the canonical form of one value; nil for anything else, a second spelling of the
    /// same value included.
    package init?(canonical bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var reader = JSONReader(bytes)
        guard let value = reader.value(), reader.isAtEnd, value.canonical == bytes else { return nil }
        self = value
    }

    /// Reads one value without blanks whose members may stand in any order, none of them twice; what else differs from
    /// the canonical form is refused.
    package init?(unordered bytes: [UInt8]) {
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var reader = JSONReader(bytes)
        // Another order has the same length; another spelling of a number or string has not.
        guard let value = reader.value(), reader.isAtEnd, value.canonical.count == bytes.count else {
            return nil
        }
        self = value
    }

    package subscript(member: String) -> JSONValue? {
        if case .object(let members) = self { members[member] } else { nil }
    }

    package var text: String? { if case .string(let value) = self { value } else { nil } }
    package var number: Int? { if case .integer(let value) = self { value } else { nil } }
    package var items: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
}

// MARK: Writing

extension JSONValue {
    private func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .string(let value): JSONValue.write(value, to: &bytes)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            // RFC 8785 §3.2.3: members are sorted by the UTF-16 code units of their names.
            let sorted = members.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
            for (index, member) in sorted.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONValue.write(member.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// RFC 8785 §3.2.2.2.
    private static func write(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case 0x08: bytes += "\\b".utf8
            case 0x09: bytes += "\\t".utf8
            case 0x0A: bytes += "\\n".utf8
            case 0x0C: bytes += "\\f".utf8
            case 0x0D: bytes += "\\r".utf8
            case 0x22: bytes += "\\\"".utf8
            case 0x5C: bytes += "\\\\".utf8
            case 0..<0x20: bytes += ("\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16)).utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements) { _, last in last })
    }
}
