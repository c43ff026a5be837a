import TransparencyLog

/// The live segments side by side, for searches that touch nothing but their records.
///
/// Nothing here is counted, locked or allocated while it is asked, so any number of threads may ask at once.
final class LiveIndex: Sendable {
    private struct Part {
        let start: UInt64
        let end: UInt64
        let records: SegmentRecords
    }

    /// What the key index has under a hash.
    enum Found {
        case nothing
        case one(UInt64)
        case several
    }

    /// They keep the records where they are.
    let segments: [MappedSegment]
    // Written in `init` alone and freed with this object, so sharing them is safe.
    nonisolated(unsafe) private let keys: UnsafeBufferPointer<Part>
    nonisolated(unsafe) private let serials: UnsafeBufferPointer<Part>

    init(_ segments: [MappedSegment]) {
        self.segments = segments
        func parts(_ kind: Segment.Kind) -> UnsafeBufferPointer<Part> {
            let live = segments.filter { $0.segment.kind == kind }
            let parts = UnsafeMutableBufferPointer<Part>.allocate(capacity: live.count)
            _ = parts.initialize(
                from: live.map { Part(start: $0.segment.start, end: $0.segment.end, records: $0.records) })
            return UnsafeBufferPointer(parts)
        }
        keys = parts(.key)
        serials = parts(.serial)
    }

    deinit {
        keys.deallocate()
        serials.deallocate()
    }

    /// Looks in every segment for the entries about the device with this key.
    func entries(ofKey hash: Digest32) -> Found {
        var found = Found.nothing
        for part in keys {
            let place = part.records.place(of: IndexRecord(hash: hash, index: 0))
            guard place < part.records.count else { continue }
            let record = part.records[place]
            guard record.hash == hash else { continue }
            if case .one = found { return .several }
            if place + 1 < part.records.count, part.records[place + 1].hash == hash { return .several }
            found = .one(record.index)
        }
        return found
    }

    /// Whether the serial index has this hash for the entry.
    func hasSerial(_ hash: Digest32, at index: UInt64) -> Bool {
        for part in serials where part.start <= index && index < part.end {
            let record = IndexRecord(hash: hash, index: index)
            let place = part.records.place(of: record)
            return place < part.records.count && part.records[place] == record
        }
        return false
    }
}
