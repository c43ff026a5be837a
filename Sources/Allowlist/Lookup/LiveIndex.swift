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

    /// A segment, and where in it the hashes with the same first bits begin.
    private struct Part {
        let start: UInt64
        let end: UInt64
        let records: SegmentRecords
        /// One more than there are beginnings of hashes; empty where there is no register.
        let register: UnsafeMutableBufferPointer<UInt32>
        /// Bits of a hash's beginning.
        let bits: UInt64

        init(_ segment: MappedSegment, withRegister: Bool) {
            start = segment.segment.start
            end = segment.segment.end
            records = segment.records
            let count = records.count
            guard withRegister, count >= 64, count <= Int(UInt32.max) else {
                register = UnsafeMutableBufferPointer(start: nil, count: 0)
                bits = 0
                return
            }
            // 16 to 31 records to a beginning: these lie side by side, and the register takes 4 octets for so many.
            bits = UInt64(Int.bitWidth - count.leadingZeroBitCount - 5)
            register = .allocate(capacity: 1 << Int(bits) + 1)
            var next = 0
            for place in 0..<count {
                let beginning = Int(records.word(place) >> (64 - bits))
                while next <= beginning {
                    register.initializeElement(at: next, to: UInt32(place))
                    next += 1
                }
            }
            while next < register.count {
                register.initializeElement(at: next, to: UInt32(count))
                next += 1
            }
        }

        /// Looks at the place where a record is guessed to be.
        @inline(__always)
        func begin(_ wanted: IndexRecord) -> SegmentRecords.Search {
            guard !register.isEmpty else {
                return records.begin(wanted, low: 0, high: records.count, origin: 0)
            }
            let beginning = wanted.hash.bigEndianWords.0 >> (64 - bits)
            let place = Int(beginning)
            return records.begin(
                wanted, low: Int(register[place]), high: Int(register[place + 1]),
                origin: beginning << (64 - bits))
        }
    }

    /// They keep the records where they are.
    let segments: [MappedSegment]
    // Written in `init` alone and freed with this object, so sharing them is safe.
    nonisolated(unsafe) private let keys: UnsafeBufferPointer<Part>
    nonisolated(unsafe) private let serials: UnsafeBufferPointer<Part>

    /// Segments of a state; with registers, for which all of them are read, searches are faster.
    init(_ segments: [MappedSegment], withRegisters: Bool) {
        self.segments = segments
        func parts(_ kind: Segment.Kind) -> UnsafeBufferPointer<Part> {
            let live = segments.filter { $0.segment.kind == kind }
            let parts = UnsafeMutableBufferPointer<Part>.allocate(capacity: live.count)
            _ = parts.initialize(from: live.map { Part($0, withRegister: withRegisters) })
            return UnsafeBufferPointer(parts)
        }
        keys = parts(.key)
        serials = parts(.serial)
    }

    deinit {
        for parts in [keys, serials] {
            for part in parts { part.register.deallocate() }
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
