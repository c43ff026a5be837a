import TransparencyLog

/// The sorted records of a segment as they lie in memory.
struct SegmentRecords {
    private let bytes: UnsafeRawBufferPointer
    let count: Int

    /// Guesses before a search falls back to halving: records whose hashes are not spread evenly, which somebody may
    /// have made so, cost no more than this.
    static let maximumGuesses = 8

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        count = bytes.count / IndexRecord.byteCount
    }

    /// The record at a place below `count`.
    @inline(__always)
    subscript(place: Int) -> IndexRecord {
        IndexRecord(bytes, at: place * IndexRecord.byteCount) ?? IndexRecord(hash: Digest32(), index: 0)
    }

    /// The first eight octets of a record as a number.
    @inline(__always)
    private func word(_ place: Int) -> UInt64 {
        UInt64(
            bigEndian: bytes.loadUnaligned(
                fromByteOffset: place * IndexRecord.byteCount, as: UInt64.self))
    }

    /// The first place whose record is not less than `wanted`; `count` where there is none.
    ///
    /// Hashes are spread evenly, so the place is guessed from the hash: a few looks instead of the logarithm of the
    /// number. `looks` counts the records looked at.
    @inline(__always)
    func place(of wanted: IndexRecord, looks: inout Int) -> Int {
        let number = wanted.hash.bigEndianWords.0
        var (low, high) = (0, count)
        // What is known of the hashes at both ends.
        var (lowWord, highWord) = (UInt64.min, UInt64.max)
        var guesses = 0
        while low < high {
            var place = (low + high) / 2
            if guesses < Self.maximumGuesses, high - low > 4, number >= lowWord, highWord > lowWord {
                guesses += 1
                let share = Double(number - lowWord) / Double(highWord - lowWord)
                place = low + min(high - low - 1, Int(share * Double(high - low)))
            }
            looks += 1
            let found = word(place)
            let isBefore = found == number ? self[place] < wanted : found < number
            if isBefore {
                (low, lowWord) = (place + 1, found)
            } else {
                (high, highWord) = (place, found)
            }
        }
        return low
    }

    @inline(__always)
    func place(of wanted: IndexRecord) -> Int {
        var looks = 0
        return place(of: wanted, looks: &looks)
    }
}
