/// Standard base64 with padding (RFC 4648 §4), as signed notes use it.
///
/// Decoding is strict: no white space, full padding and no stray bits, so that a value has one form.
public enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    public static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        bytes.withUnsafeBytes { append($0, to: &out) }
        return String(decoding: out, as: UTF8.self)
    }

    /// Appends the base64 of `bytes` to `out`.
    public static func append(_ bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        let count = (bytes.count + 2) / 3 * 4
        alphabet.withUnsafeBufferPointer { alphabet in
            withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { buffer in
                var (from, to) = (0, 0)
                while from + 2 < bytes.count {
                    let group =
                        UInt32(bytes[from]) << 16 | UInt32(bytes[from + 1]) << 8 | UInt32(bytes[from + 2])
                    buffer[to] = alphabet[Int(group >> 18)]
                    buffer[to + 1] = alphabet[Int(group >> 12 & 63)]
                    buffer[to + 2] = alphabet[Int(group >> 6 & 63)]
                    buffer[to + 3] = alphabet[Int(group & 63)]
                    from += 3
                    to += 4
                }
                let left = bytes.count - from
                if left > 0 {
                    let group =
                        UInt32(bytes[from]) << 16 | (left > 1 ? UInt32(bytes[from + 1]) << 8 : 0)
                    buffer[to] = alphabet[Int(group >> 18)]
                    buffer[to + 1] = alphabet[Int(group >> 12 & 63)]
                    buffer[to + 2] = left > 1 ? alphabet[Int(group >> 6 & 63)] : 0x3d
                    buffer[to + 3] = 0x3d
                }
                out.append(contentsOf: buffer)
            }
        }
    }

    /// The bytes that `text` encodes, or nil where it is not strict base64.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 4 == 0 else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(digits.count / 4 * 3)
        var index = 0
        while index < digits.count {
            let isLast = index + 4 == digits.count
            let padding =
                isLast ? (digits[index + 2] == 0x3d ? 2 : digits[index + 3] == 0x3d ? 1 : 0) : 0
            if padding == 2, digits[index + 3] != 0x3d { return nil }
            var group: UInt32 = 0
            for position in 0..<4 {
                guard position < 4 - padding else {
                    group <<= 6
                    continue
                }
                guard let value = value(of: digits[index + position]) else { return nil }
                group = group << 6 | value
            }
            if padding > 0, group & (padding == 2 ? 0xffff : 0xff) != 0 { return nil }
            out.append(UInt8(group >> 16))
            if padding < 2 { out.append(UInt8(group >> 8 & 0xff)) }
            if padding < 1 { out.append(UInt8(group & 0xff)) }
            index += 4
        }
        return out
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case 0x41...0x5a: UInt32(digit - 0x41)
        case 0x61...0x7a: UInt32(digit - 0x61 + 26)
        case 0x30...0x39: UInt32(digit - 0x30 + 52)
        case 0x2b: 62
        case 0x2f: 63
        default: nil
        }
    }
}
