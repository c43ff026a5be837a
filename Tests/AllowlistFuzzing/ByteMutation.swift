/// Random numbers that are the same for the same seed on every machine (SplitMix64).
public struct SeededNumbers: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

/// Changes to an input that parsers of lengths, texts and orders are known to stumble over.
public enum ByteMutation {
    private static let tellingBytes: [UInt8] = [
        0x00, 0x01, 0x0a, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1f, 0x20, 0x2e, 0x2f, 0x30, 0x40, 0x5b, 0x5f,
        0x7f, 0x80, 0x9b, 0xa0, 0xbb, 0xbf, 0xc0, 0xf4, 0xf6, 0xfb, 0xff,
    ]
    private static let tellingNumbers: [UInt64] = [
        0, 1, 0xff, 0x100, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000,
        UInt64(Int64.max), 1 << 63, .max,
    ]

    /// One to four changes to `input`; `others` give pieces to put in.
    public static func mutate(
        _ input: [UInt8], others: [[UInt8]], maximumLength: Int, using numbers: inout SeededNumbers
    ) -> [UInt8] {
        var bytes = input
        for _ in 0..<Int.random(in: 1...4, using: &numbers) {
            change(&bytes, others, &numbers)
        }
        return bytes.count > maximumLength ? Array(bytes.prefix(maximumLength)) : bytes
    }

    private static func change(_ bytes: inout [UInt8], _ others: [[UInt8]], _ numbers: inout SeededNumbers) {
        guard let last = bytes.indices.last else {
            bytes.append(UInt8.random(in: 0...255, using: &numbers))
            return
        }
        let at = Int.random(in: 0...last, using: &numbers)
        let piece = at..<Int.random(in: at...min(last, at + 40), using: &numbers) + 1
        switch Int.random(in: 0..<11, using: &numbers) {
        case 0: bytes[at] ^= 1 << UInt8.random(in: 0...7, using: &numbers)
        case 1: bytes[at] = UInt8.random(in: 0...255, using: &numbers)
        case 2: bytes[at] = tellingBytes.randomElement(using: &numbers) ?? 0
        case 3: bytes[at] = bytes[at] &+ (Bool.random(using: &numbers) ? 1 : 255)
        case 4: bytes.insert(tellingBytes.randomElement(using: &numbers) ?? 0, at: at)
        case 5: bytes.removeSubrange(piece)
        case 6: bytes.insert(contentsOf: bytes[piece], at: at)
        case 7: bytes.removeLast(last - at)
        case 8:
            let other = others.randomElement(using: &numbers) ?? []
            guard !other.isEmpty else { return }
            let from = Int.random(in: 0..<other.count, using: &numbers)
            let taken = other[from..<Int.random(in: from..<other.count, using: &numbers) + 1]
            if Bool.random(using: &numbers) {
                bytes.insert(contentsOf: taken, at: at)
            } else {
                bytes.replaceSubrange(at..<min(bytes.count, at + taken.count), with: taken)
            }
        case 9:
            let number = tellingNumbers.randomElement(using: &numbers) ?? 0
            let width = [1, 2, 4, 8].randomElement(using: &numbers) ?? 1
            for place in 0..<width where at + place < bytes.count {
                bytes[at + place] = UInt8(truncatingIfNeeded: number >> UInt64(8 * (width - 1 - place)))
            }
        default: bytes.swapAt(at, Int.random(in: 0...last, using: &numbers))
        }
    }
}
