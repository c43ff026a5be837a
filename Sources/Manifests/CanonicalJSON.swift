/// A flat JSON object of strings, whole numbers and nulls, in the form of RFC 8785 (JCS).
enum CanonicalJSON {
    enum Value: Hashable, Sendable {
        case string(String)
        /// From -(2^53 - 1) to 2^53 - 1, what a double holds exactly.
        case integer(Int64)
        case null
    }

    static let largestInteger: Int64 = (1 << 53) - 1

    /// Keys in the order of their UTF-16 code units, no blanks.
    static func encode(_ object: [String: Value]) -> [UInt8] {
        let keys = object.keys.sorted { $0.utf16.lexicographicallyPrecedes($1.utf16) }
        var bytes: [UInt8] = [UInt8(ascii: "{")]
        for (index, key) in keys.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(key, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            switch object[key] {
            case .string(let text): append(text, to: &bytes)
            case .integer(let number): bytes.append(contentsOf: String(number).utf8)
            case .null, nil: bytes.append(contentsOf: "null".utf8)
            }
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// A string with the escapes of RFC 8785 section 3.2.2.2.
    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case 0x08: bytes.append(contentsOf: "\\b".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0x0A: bytes.append(contentsOf: "\\n".utf8)
            case 0x0C: bytes.append(contentsOf: "\\f".utf8)
            case 0x0D: bytes.append(contentsOf: "\\r".utf8)
            case 0x22: bytes.append(contentsOf: "\\\"".utf8)
            case 0x5C: bytes.append(contentsOf: "\\\\".utf8)
            case 0..<0x20:
                bytes.append(contentsOf: ("\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16)).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Reads an object that is in canonical form to the octet; nil for anything else.
    static func decode(_ bytes: [UInt8]) -> [String: Value]? {
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var reader = Reader(bytes: bytes)
        guard let object = reader.object(), reader.offset == bytes.count, encode(object) == bytes else {
            return nil
        }
        return object
    }

    private struct Reader {
        let bytes: [UInt8]
        var offset = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func take(_ byte: UInt8) -> Bool {
            guard offset < bytes.count, bytes[offset] == byte else { return false }
            offset += 1
            return true
        }

        mutating func object() -> [String: Value]? {
            guard take(UInt8(ascii: "{")) else { return nil }
            var object: [String: Value] = [:]
            if take(UInt8(ascii: "}")) { return object }
            repeat {
                guard let key = string(), take(UInt8(ascii: ":")), let value = value(), object[key] == nil
                else {
                    return nil
                }
                object[key] = value
            } while take(UInt8(ascii: ","))
            return take(UInt8(ascii: "}")) ? object : nil
        }

        mutating func value() -> Value? {
            guard offset < bytes.count else { return nil }
            if bytes[offset] == 0x22 { return string().map { .string($0) } }
            if bytes[offset...].starts(with: "null".utf8) {
                offset += 4
                return .null
            }
            let end = bytes[offset...].firstIndex { !(0x30...0x39 ~= $0 || $0 == 0x2D) } ?? bytes.count
            guard let number = Int64(String(decoding: bytes[offset..<end], as: UTF8.self)),
                abs(number) <= CanonicalJSON.largestInteger
            else { return nil }
            offset = end
            return .integer(number)
        }

        mutating func string() -> String? {
            guard take(0x22) else { return nil }
            var octets: [UInt8] = []
            while offset < bytes.count, bytes[offset] != 0x22 {
                let byte = bytes[offset]
                offset += 1
                guard byte == 0x5C else {
                    octets.append(byte)
                    continue
                }
                guard offset < bytes.count else { return nil }
                let kind = bytes[offset]
                offset += 1
                switch kind {
                case UInt8(ascii: "b"): octets.append(0x08)
                case UInt8(ascii: "t"): octets.append(0x09)
                case UInt8(ascii: "n"): octets.append(0x0A)
                case UInt8(ascii: "f"): octets.append(0x0C)
                case UInt8(ascii: "r"): octets.append(0x0D)
                case 0x22, 0x5C: octets.append(kind)
                case UInt8(ascii: "u"):
                    // Canonical form escapes nothing but control characters this way.
                    guard offset + 4 <= bytes.count,
                        let code = UInt8(
                            String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16)
                    else { return nil }
                    octets.append(code)
                    offset += 4
                default: return nil
                }
            }
            return take(0x22) ? String(validating: octets, as: UTF8.self) : nil
        }
    }
}
