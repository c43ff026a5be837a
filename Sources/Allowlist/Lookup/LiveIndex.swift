import TransparencyLog

/// The live segments side by side, for searches that touch little but the records they are for.
///
/// Nothing here is counted, locked or allocated while it is asked, so any number of threads may ask at once.
final class LiveIndex: Sendable {
    /// What the index has about a key and a serial.
    enum Found {
        /// No entry, or one that has another serial.
        case nothing
        /// One entry.
        case one(UInt64)
        /// More than one: entries must be read.
        case several
    }

    /// A segment, and the first octets of some of its records close together.
    private struct Part {
        let start: UInt64
        let end: UInt64
        let records: SegmentRecords
        let signposts: UnsafeBufferPointer<UInt64>

        /// Records from one signpost to the next: 2.5 KB, in which the place is guessed nearly right.
        static let distance = 64

        init(_ segment: MappedSegment, withSignposts: Bool) {
            start = segment.segment.start
            end = segment.segment.end
            let records = segment.records
            self.records = records
            let count = withSignposts ? records.count / Self.distance : 0
            let signposts = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: count)
            for number in 0..<count { signposts[number] = records.word((number + 1) * Self.distance - 1) }
            self.signposts = UnsafeBufferPointer(signposts)
        }

        /// Narrows a search down by the signposts, and takes its first look.
        @inline(__always)
        func begin(_ wanted: IndexRecord) -> SegmentRecords.Search {
            var search = SegmentRecords.Search(low: 0, high: records.count)
            if !signposts.isEmpty {
                let number = wanted.hash.bigEndianWords.0
                // The first signpost that is not below the number, and so the first block that may have it. Where it
                // is the number itself, records with the same first octets may fill blocks behind it, too.
                let block = Self.place(of: number, in: signposts)
                let isLast = block < signposts.count && signposts[block] > number
                search.narrow(
                    low: block * Self.distance, block > 0 ? signposts[block - 1] : .min,
                    high: isLast ? (block + 1) * Self.distance : records.count,
                    isLast ? signposts[block] : .max)
            }
            records.begin(wanted, &search)
            return search
        }

        /// The first place whose number is not below the wanted one.
        @inline(__always)
        private static func place(of number: UInt64, in numbers: UnsafeBufferPointer<UInt64>) -> Int {
            var (low, high) = (0, numbers.count)
            var (lowNumber, highNumber) = (UInt64.min, UInt64.max)
            var guesses = 0
            while low < high {
                var place = (low + high) / 2
                if guesses < SegmentRecords.maximumGuesses, high - low > 4, number >= lowNumber,
                    highNumber > lowNumber
                {
                    guesses += 1
                    let share = Double(number - lowNumber) / Double(highNumber - lowNumber)
                    place = low + min(high - low - 1, Int(share * Double(high - low)))
                }
                let found = numbers[place]
                if found < number {
                    (low, lowNumber) = (place + 1, found)
                } else {
                    (high, highNumber) = (place, found)
                }
            }
            return low
        }
    }

    /// They keep the records where they are.
    let segments: [MappedSegment]
    // Written in `init` alone and freed with this object, so sharing them is safe.
    nonisolated(unsafe) private let keys: UnsafeBufferPointer<Part>
    nonisolated(unsafe) private let serials: UnsafeBufferPointer<Part>

    /// Segments of a state; with signposts, which are read from all over them, searches are faster.
    init(_ segments: [MappedSegment], withSignposts: Bool) {
        self.segments = segments
        func parts(_ kind: Segment.Kind) -> UnsafeBufferPointer<Part> {
            let live = segments.filter { $0.segment.kind == kind }
            let parts = UnsafeMutableBufferPointer<Part>.allocate(capacity: live.count)
            _ = parts.initialize(from: live.map { Part($0, withSignposts: withSignposts) })
            return UnsafeBufferPointer(parts)
        }
        keys = parts(.key)
        serials = parts(.serial)
    }

    deinit {
        for parts in [keys, serials] {
            for part in parts { part.signposts.deallocate() }
            parts.deallocate()
        }
    }

    /// Looks for the entries about the device with this key, and for the one of them in the serial index.
    ///
    /// All segments are searched for the key, since later ones may have events about the device. The looks at the
    /// first place in each segment do not wait for each other.
    func entries(key: Digest32, serial: Digest32) -> Found {
        withUnsafeTemporaryAllocation(of: SegmentRecords.Search.self, capacity: keys.count + serials.count) {
            searches in
            let wanted = IndexRecord(hash: key, index: 0)
            for place in keys.indices {
                searches.initializeElement(at: place, to: keys[place].begin(wanted))
            }
            // The entry's index is not known yet; the first look is the same for any.
            let serialRecord = IndexRecord(hash: serial, index: 0)
            for place in serials.indices {
                searches.initializeElement(at: keys.count + place, to: serials[place].begin(serialRecord))
            }
            var entry: UInt64?
            for place in keys.indices {
                let records = keys[place].records
                let first = records.finish(wanted, &searches[place])
                guard first < records.count, records[first].hash == key else { continue }
                if entry != nil || first + 1 < records.count && records[first + 1].hash == key {
                    return .several
                }
                entry = records[first].index
            }
            guard let entry else { return .nothing }
            for place in serials.indices where serials[place].start <= entry && entry < serials[place].end {
                let records = serials[place].records
                let record = IndexRecord(hash: serial, index: entry)
                let first = records.finish(record, &searches[keys.count + place])
                if first < records.count, records[first] == record { return .one(entry) }
            }
            return .nothing
        }
    }
}
