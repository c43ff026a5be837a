/// A second opinion on deterministic CBOR, written from RFC 8949 §3 and §4.2.1 and nothing else.
///
/// It only says yes or no. Where it and `CBORReader.checkDocument` disagree about an input, one is wrong.
struct CanonicalCBOR {
    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Whether `bytes` are one item within the bounds of `CBORReader.Limits`.
    static func isDocument(_ bytes: [UInt8]) -> Bool {
        var form = CanonicalCBOR(bytes)
        return form.item(containersAllowed: 8) && form.position == bytes.count
    }

    private mutating func item(containersAllowed: Int) -> Bool {
        guard position < bytes.count else { return false }
        let initial = bytes[position]
        if initial == 0xf4 || initial == 0xf5 || initial == 0xf6 {
            position += 1
            return true
        }
        let major = initial / 32
        guard major < 7, let argument = argument() else { return false }
        switch major {
        case 0, 1:
            return true
        case 2, 3:
            guard argument <= 65536, argument <= UInt64(bytes.count - position) else { return false }
            let content = bytes[position..<position + Int(argument)]
            position += Int(argument)
            return major == 2 || Array(String(decoding: content, as: UTF8.self).utf8) == Array(content)
        case 6:
            return containersAllowed > 0 && item(containersAllowed: containersAllowed - 1)
        default:
            guard containersAllowed > 0, argument <= 4096 else { return false }
            return items(Int(argument), isMap: major == 5, containersAllowed: containersAllowed - 1)
        }
    }

    private mutating func items(_ count: Int, isMap: Bool, containersAllowed: Int) -> Bool {
        var keys: [[UInt8]] = []
        for _ in 0..<count {
            let start = position
            guard item(containersAllowed: containersAllowed) else { return false }
            guard isMap else { continue }
            keys.append(Array(bytes[start..<position]))
            guard item(containersAllowed: containersAllowed) else { return false }
        }
        return zip(keys, keys.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) }
    }

    /// The argument of the item's head in its shortest form, or nil.
    private mutating func argument() -> UInt64? {
        let information = bytes[position] % 32
        position += 1
        guard information >= 24 else { return UInt64(information) }
        guard information <= 27 else { return nil }
        let width = 1 << Int(information - 24)
        guard bytes.count - position >= width else { return nil }
        let value = bytes[position..<position + width].reduce(UInt64(0)) { $0 * 256 + UInt64($1) }
        position += width
        let least: [UInt64] = [24, 1 << 8, 1 << 16, 1 << 32]
        return value >= least[Int(information - 24)] ? value : nil
    }
}
