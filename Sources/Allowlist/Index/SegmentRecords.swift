import TransparencyLog

/// The sorted records of a segment as they lie in memory.
///
/// Hashes are spread evenly, so a record's place is guessed from its hash: a few looks instead of the logarithm of the
/// number. Somebody may have made hashes that are not spread so; then a search falls back to halving.
struct SegmentRecords {
    private let bytes: UnsafeRawBufferPointer
    let count: Int

    /// Guesses before a search falls back to halving.
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
    func word(_ place: Int) -> UInt64 {
        UInt64(
            bigEndian: bytes.loadUnaligned(
                fromByteOffset: place * IndexRecord.byteCount, as: UInt64.self))
    }

    /// Where the search for a record stands: all records before `low` are less, none from `high` on is.
    struct Search {
        fileprivate(set) var low: Int
        fileprivate(set) var high: Int
        /// No record between is below the one or above the other.
        fileprivate var lowWord = UInt64.min
        fileprivate var highWord = UInt64.max
        /// The place that is looked at next, and what was found there.
        fileprivate var place = 0
        fileprivate var found: UInt64 = 0
        fileprivate var guesses = 0
        /// Records looked at so far.
        private(set) var looks = 0

        init(low: Int, high: Int) {
            self.low = low
            self.high = high
        }

        /// Narrows the search to records between two others.
        @inline(__always)
        mutating func narrow(low: Int, _ lowWord: UInt64, high: Int, _ highWord: UInt64) {
            (self.low, self.lowWord, self.high, self.highWord) = (low, lowWord, high, highWord)
        }

        /// Chooses the place to be looked at and looks at it, if there is any left.
        @inline(__always)
        fileprivate mutating func look(_ number: UInt64, _ records: SegmentRecords) {
            guard low < high else { return }
            place = (low + high) / 2
            if guesses < SegmentRecords.maximumGuesses, high - low > 4, number >= lowWord, highWord > lowWord
            {
                guesses += 1
                let share = Double(number - lowWord) / Double(highWord - lowWord)
                place = low + min(high - low - 1, Int(share * Double(high - low)))
            }
            looks += 1
            found = records.word(place)
        }
    }

    /// Looks at the first place of a search, so that the records of several searches are on their way together.
    @inline(__always)
    func begin(_ wanted: IndexRecord, _ search: inout Search) {
        search.look(wanted.hash.bigEndianWords.0, self)
    }

    /// The first place whose record is not less than `wanted`, after `begin`; `count` where there is none.
    @inline(__always)
    func finish(_ wanted: IndexRecord, _ search: inout Search) -> Int {
        let number = wanted.hash.bigEndianWords.0
        while search.low < search.high {
            let isBefore =
                search.found == number ? self[search.place] < wanted : search.found < number
            if isBefore {
                (search.low, search.lowWord) = (search.place + 1, search.found)
            } else {
                (search.high, search.highWord) = (search.place, search.found)
            }
            search.look(number, self)
        }
        return search.low
    }

    /// The first place whose record is not less than `wanted`; `looks` counts the records looked at.
    func place(of wanted: IndexRecord, looks: inout Int) -> Int {
        var search = Search(low: 0, high: count)
        begin(wanted, &search)
        defer { looks += search.looks }
        return finish(wanted, &search)
    }

    func place(of wanted: IndexRecord) -> Int {
        var looks = 0
        return place(of: wanted, looks: &looks)
    }
}
