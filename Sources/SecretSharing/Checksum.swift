/// RS1024, a Reed-Solomon code over GF(1024) (SLIP-0039 "Checksum").
///
/// It finds any error in at most three words; another one slips through with probability 2⁻³⁰.
enum Checksum {
    static let length = 3

    private static let generator: [UInt32] = [
        0x00E0_E040, 0x01C1_C080, 0x0383_8100, 0x0707_0200, 0x0E0E_0009,
        0x1C0C_2412, 0x3808_6C24, 0x3090_FC48, 0x21B1_F890, 0x03F3_F120,
    ]

    /// Whether the words, checksum included, are a codeword.
    static func holds(_ words: UnsafeBufferPointer<UInt16>, extendable: Bool) -> Bool {
        remainder(words, extendable: extendable) == 1
    }

    /// Sets the last three words to the checksum of those before.
    static func set(_ words: UnsafeMutableBufferPointer<UInt16>, extendable: Bool) {
        let start = words.count - length
        for position in start..<words.count { words[position] = 0 }
        let checksum = remainder(UnsafeBufferPointer(words), extendable: extendable) ^ 1
        for (position, shift) in zip(start..<words.count, [UInt32(20), 10, 0]) {
            words[position] = UInt16(truncatingIfNeeded: checksum &>> shift) & 0x3FF
        }
    }

    private static func remainder(_ words: UnsafeBufferPointer<UInt16>, extendable: Bool) -> UInt32 {
        let customization: StaticString = extendable ? "shamir_extendable" : "shamir"
        var state: UInt32 = 1
        customization.withUTF8Buffer { characters in
            for character in characters { step(&state, UInt32(character)) }
        }
        for word in words { step(&state, UInt32(word)) }
        return state
    }

    private static func step(_ state: inout UInt32, _ symbol: UInt32) {
        let top = state &>> 20
        state = ((state & 0xF_FFFF) &<< 10) ^ symbol
        for bit in 0..<10 {
            state ^= generator[bit] & (0 &- ((top &>> UInt32(bit)) & 1))
        }
    }
}
