/// Reads JSON as the canonical form writes it, without blanks; what else differs shows when the value is written again.
struct JSONReader {
    /// How many objects and arrays may lie in one another.
    static let deepestValue = 64

    private let bytes: [UInt8]
    private var offset = 0
    private var depth = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func value() -> JSONValue? {
        guard offset < bytes.count else { return nil }
        switch bytes[offset] {
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "{"): return nested { reader in reader.object() }
        case UInt8(ascii: "["): return nested { reader in reader.array() }
        case UInt8(ascii: "n"): return take("null") ? .null : nil
        case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
        default: return integer()
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    private mutating func take(_ word: StaticString) -> Bool {
        let isThere = word.withUTF8Buffer { bytes[offset...].starts(with: $0) }
        if isThere { offset += word.utf8CodeUnitCount }
        return isThere
    }

    private mutating func nested(_ body: (inout JSONReader) -> JSONValue?) -> JSONValue? {
        guard depth < Self.deepestValue else { return nil }
        offset += 1
        depth += 1
        defer { depth -= 1 }
        return body(&self)
    }

    private mutating func object() -> JSONValue? {
        var members: [String: JSONValue] = [:]
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            guard let name = string(), take(UInt8(ascii: ":")), let value = value(),
                members.updateValue(value, forKey: name) == nil
            else { return nil }
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}")) ? .object(members) : nil
    }

    private mutating func array() -> JSONValue? {
        var items: [JSONValue] = []
        if take(UInt8(ascii: "]")) { return .array(items) }
        repeat {
            guard let item = value() else { return nil }
            items.append(item)
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "]")) ? .array(items) : nil
    }

    private mutating func integer() -> JSONValue? {
        let end = bytes[offset...].firstIndex { !(0x30...0x39 ~= $0 || $0 == 0x2D) } ?? bytes.count
        let range = -JSONValue.largestInteger...JSONValue.largestInteger
        guard let number = Int(String(decoding: bytes[offset..<end], as: UTF8.self)), range.contains(number)
        else { return nil }
        offset = end
        return .integer(number)
    }

    private mutating func string() -> String? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        var octets: [UInt8] = []
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "\"") {
            let byte = bytes[offset]
            offset += 1
            if byte != UInt8(ascii: "\\") {
                octets.append(byte)
            } else if let octet = escaped() {
                octets.append(octet)
            } else {
                return nil
            }
        }
        return take(UInt8(ascii: "\"")) ? String(validating: octets, as: UTF8.self) : nil
    }

    /// What stands behind a backslash.
    private mutating func escaped() -> UInt8? {
        guard offset < bytes.count else { return nil }
        let kind = bytes[offset]
        offset += 1
        switch kind {
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): return kind
        case UInt8(ascii: "u"):
            // The canonical form escapes nothing but control characters this way.
            guard offset + 4 <= bytes.count,
                let octet = UInt8(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16)
            else { return nil }
            offset += 4
            return octet
        default: return nil
        }
    }
}
