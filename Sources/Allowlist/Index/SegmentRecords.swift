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
        fileprivate var low: Int
        fileprivate var high: Int
        /// The place that is looked at next, and what was found there.
        fileprivate var place: Int
        fileprivate var found: UInt64 = 0
        /// Records looked at so far.
        fileprivate var looks = 0
    }

    /// Looks at the place where a record is guessed to be, between `low` and `high` (not included), so that the records
    /// of several searches are on their way together. `origin` is the number at which `low` would be if hashes were
    /// spread quite evenly.
    @inline(__always)
    func begin(_ wanted: IndexRecord, low: Int, high: Int, origin: UInt64) -> Search {
        let number = wanted.hash.bigEndianWords.0
        var search = Search(low: low, high: high, place: low)
        guard low < high else { return search }
        search.place = min(high - 1, low + distance(number &- origin))
        search.look(self)
        return search
    }

    /// The first place whose record is not less than `wanted`, after `begin`; `high` where there is none.
    @inline(__always)
    func finish(_ wanted: IndexRecord, _ search: inout Search) -> Int {
        let number = wanted.hash.bigEndianWords.0
        while search.low < search.high {
            let found = search.found
            let isBefore = found == number ? self[search.place] < wanted : found < number
            if isBefore {
                search.low = search.place + 1
                search.place = min(search.high - 1, search.low + distance(number - found))
            } else {
                search.high = search.place
                search.place = max(search.low, search.high - 1 - distance(found - number))
            }
            guard search.low < search.high else { break }
            if search.looks >= Self.maximumGuesses { search.place = (search.low + search.high) / 2 }
            search.look(self)
        }
        return search.low
    }

    /// Records that lie between two numbers so far apart, if hashes are spread evenly.
    @inline(__always)
    private func distance(_ difference: UInt64) -> Int {
        Int(truncatingIfNeeded: difference.multipliedFullWidth(by: UInt64(count)).high)
    }

    /// The first place whose record is not less than `wanted`; `looks` counts the records looked at.
    func place(of wanted: IndexRecord, looks: inout Int) -> Int {
        var search = begin(wanted, low: 0, high: count, origin: 0)
        defer { looks += search.looks }
        return finish(wanted, &search)
    }

    func place(of wanted: IndexRecord) -> Int {
        var looks = 0
        return place(of: wanted, looks: &looks)
    }
}

extension SegmentRecords.Search {
    @inline(__always)
    fileprivate mutating func look(_ records: SegmentRecords) {
        looks += 1
        found = records.word(place)
    }
}
