/// The words before the value: two with identifier, flag and exponent, two with indices and thresholds.
private let headerLength = 4
private let metadataLength = headerLength + Checksum.length
/// 128 bits in 13 words.
private let shortestMnemonic = metadataLength + 13
private let bitsOfWord = 10

extension SLIP39.Share {
    /// Reads the words, between any blanks and line ends (SLIP-0039 "Format of the share mnemonic").
    ///
    /// As people type them: upper case is taken for lower, and the first four letters, or more, for the word.
    /// An error names a wrong word by its position, counted from one, and never repeats it.
    public init(mnemonic: SecretBytes) throws(SecretSharingError) {
        let indices = try mnemonic.withBytes { (text) throws(SecretSharingError) in
            try Self.wordIndices(text)
        }
        self = try indices.withBytes { (memory) throws(SecretSharingError) in
            try Self(words: memory.bindMemory(to: UInt16.self))
        }
    }

    /// The words in lower case, joined by single blanks; memory that is zeroed when it goes.
    public var mnemonic: SecretBytes {
        let indices = wordIndices
        return indices.withBytes { memory in
            let words = memory.bindMemory(to: UInt16.self)
            let length = words.reduce(words.count - 1) { $0 + WordList.word(Int($1)).count }
            return SecretBytes(count: length) { text in
                var end = 0
                for (position, index) in words.enumerated() {
                    if position > 0 {
                        text[end] = 0x20
                        end += 1
                    }
                    for letter in WordList.word(Int(index)) {
                        text[end] = letter
                        end += 1
                    }
                }
            }
        }
    }

    private static func wordIndices(_ text: UnsafeRawBufferPointer) throws(SecretSharingError) -> SecretBytes
    {
        let words = text.split { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        return try SecretBytes(count: 2 * words.count) { (memory) throws(SecretSharingError) in
            let indices = memory.bindMemory(to: UInt16.self)
            for (position, word) in words.enumerated() {
                guard let index = WordList.index(of: word) else {
                    throw SecretSharingError(
                        .wordUnknown, "word \(position + 1)", "not in the standard's word list",
                        hint: "Compare the word with the share; its first four letters are enough.")
                }
                indices[position] = UInt16(index)
            }
        }
    }

    private init(words: UnsafeBufferPointer<UInt16>) throws(SecretSharingError) {
        let valueWords = words.count - metadataLength
        let padding = bitsOfWord * valueWords % 16
        guard words.count >= shortestMnemonic, padding <= 8 else {
            throw SecretSharingError(
                .lengthInvalid, "mnemonic", "no share has \(words.count) words",
                hint: "A share of a 128-bit secret has 20 words, one of a 256-bit secret 33.")
        }
        let extendable = words[1] >> 4 & 1 == 1
        guard Checksum.holds(words, extendable: extendable) else {
            throw SecretSharingError(
                .checksumInvalid, "mnemonic", "the checksum does not hold",
                hint: "A word is wrong or stands in another's place: compare each with the share.")
        }
        let fields = Int(words[2]) << bitsOfWord | Int(words[3])
        let groupThreshold = (fields >> 12 & 0xF) + 1
        let groupCount = (fields >> 8 & 0xF) + 1
        let groupIndex = fields >> 16
        guard groupThreshold <= groupCount else {
            throw SecretSharingError(
                .groupInvalid, "mnemonic",
                "the group threshold \(groupThreshold) is above the \(groupCount) groups")
        }
        guard groupIndex < groupCount else {
            throw SecretSharingError(
                .groupInvalid, "mnemonic", "group \(groupIndex + 1) of \(groupCount) groups")
        }
        guard words[headerLength] >> (bitsOfWord - padding) == 0 else {
            throw SecretSharingError(.paddingInvalid, "mnemonic", "the bits before the value are not zero")
        }
        let value = SecretBytes(count: (bitsOfWord * valueWords - padding) / 8) { octets in
            var reservoir: UInt32 = 0
            var bits = -padding
            var end = 0
            for position in headerLength..<headerLength + valueWords {
                reservoir = reservoir &<< bitsOfWord | UInt32(words[position])
                bits += bitsOfWord
                while bits >= 8 {
                    bits -= 8
                    octets[end] = UInt8(truncatingIfNeeded: reservoir &>> UInt32(bits))
                    end += 1
                }
            }
        }
        self.init(
            identifier: Int(words[0]) << 5 | Int(words[1] >> 5), extendable: extendable,
            iterationExponent: Int(words[1] & 0xF), groupIndex: groupIndex, groupThreshold: groupThreshold,
            groupCount: groupCount, memberIndex: fields >> 4 & 0xF, memberThreshold: (fields & 0xF) + 1,
            value: value)
    }

    private var wordIndices: SecretBytes {
        let valueWords = (8 * value.count + bitsOfWord - 1) / bitsOfWord
        return SecretBytes(count: 2 * (valueWords + metadataLength)) { memory in
            let words = memory.bindMemory(to: UInt16.self)
            words[0] = UInt16(identifier >> 5)
            words[1] = UInt16((identifier & 0x1F) << 5 | (extendable ? 1 << 4 : 0) | iterationExponent)
            let groupFields = groupIndex << 16 | (groupThreshold - 1) << 12 | (groupCount - 1) << 8
            let fields = groupFields | memberIndex << 4 | (memberThreshold - 1)
            words[2] = UInt16(fields >> bitsOfWord)
            words[3] = UInt16(fields & 0x3FF)
            var reservoir: UInt32 = 0
            var bits = bitsOfWord * valueWords - 8 * value.count
            var end = headerLength
            for offset in 0..<value.count {
                reservoir = reservoir &<< 8 | UInt32(value[offset])
                bits += 8
                if bits >= bitsOfWord {
                    bits -= bitsOfWord
                    words[end] = UInt16(truncatingIfNeeded: reservoir &>> UInt32(bits)) & 0x3FF
                    end += 1
                }
            }
            Checksum.set(words, extendable: extendable)
        }
    }
}
