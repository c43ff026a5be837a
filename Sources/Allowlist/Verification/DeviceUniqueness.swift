import TransparencyLog

/// Finds serials and keys that occur twice, from the sorted index alone.
struct DeviceUniqueness: Sendable {
    /// The live segments, whose records are known to be what the entries give.
    let segments: [MappedSegment]
    /// The new device's `add` by the replaced one's.
    let replacements: [UInt64: UInt64]
    let files: EntryFiles
    let passes: ParallelPasses

    /// The hashes of a piece have their first bits in common.
    private static let bitsOfPiece: UInt64 = 6

    /// What a thread holds: entries that it has read, and the first fault of its last piece.
    private struct Gathered: Sendable {
        var files: EntryFiles
        var fault: (piece: Int, error: AllowlistError)?
    }

    /// A serial of one product, or a key, may occur again only where each occurrence replaces the last.
    func check() throws(AllowlistError) {
        for kind in Segment.Kind.allCases {
            let live = segments.filter { $0.segment.kind == kind }
            for segment in live { segment.expect(.sequential) }
            defer { for segment in live { segment.expect(.random) } }
            let gathered = passes.run(pieces: 1 << Self.bitsOfPiece, from: Gathered(files: files)) {
                piece, gathered in
                do throws(AllowlistError) {
                    try check(piece, of: live, kind, &gathered.files)
                    return true
                } catch {
                    gathered.fault = (piece, error)
                    return false
                }
            }
            if let fault = gathered.compactMap(\.fault).min(by: { $0.piece < $1.piece }) { throw fault.error }
        }
    }

    /// One source of a merge, before its next record.
    private struct Source {
        let records: SegmentRecords
        let end: Int
        var place: Int
        var record: IndexRecord?

        init(_ records: SegmentRecords, piece: Int) {
            func place(_ piece: Int) -> Int {
                guard piece < 1 << DeviceUniqueness.bitsOfPiece else { return records.count }
                let word = UInt64(piece) << (64 - DeviceUniqueness.bitsOfPiece)
                return records.place(of: IndexRecord(hash: Digest32(leading: word), index: 0))
            }
            self.records = records
            self.place = place(piece)
            end = place(piece + 1)
            record = nil
            load()
        }

        mutating func load() { record = place < end ? records[place] : nil }
    }

    /// Merges the records of a piece out of all segments and checks each hash that occurs more than once.
    private func check(
        _ piece: Int, of live: [MappedSegment], _ kind: Segment.Kind, _ files: inout EntryFiles
    ) throws(AllowlistError) {
        var sources = live.map { Source($0.records, piece: piece) }
        var hash: Digest32?
        var indexes: [UInt64] = []
        while true {
            var least: Int?
            for place in sources.indices {
                guard let record = sources[place].record else { continue }
                if let other = least, let best = sources[other].record, best < record { continue }
                least = place
            }
            guard let least, let record = sources[least].record else { break }
            sources[least].place += 1
            sources[least].load()
            if record.hash != hash {
                try check(indexes, kind, &files)
                indexes.removeAll(keepingCapacity: true)
                hash = record.hash
            }
            indexes.append(record.index)
        }
        try check(indexes, kind, &files)
    }

    private func check(
        _ indexes: [UInt64], _ kind: Segment.Kind, _ files: inout EntryFiles
    ) throws(AllowlistError) {
        guard indexes.count > 1 else { return }
        var latest: [String: UInt64] = [:]
        for index in indexes {
            guard case .add(let device) = try files.entry(at: index) else { continue }
            // Serials are unique within a product, keys everywhere.
            let scope = kind == .serial ? device.product : ""
            if let earlier = latest[scope], replacements[earlier] != index {
                let what = kind == .serial ? "the serial \(device.serial) of \(device.product)" : "the key"
                throw AllowlistError(
                    .duplicate, file: files.bundlePath(of: index), index: index,
                    "\(what) is listed before at entry \(earlier)",
                    hint: "one of the two devices is a clone or a mistake of the line; ask the publisher")
            }
            latest[scope] = index
        }
    }
}

extension Digest32 {
    /// The least value that begins with these eight octets, big-endian.
    fileprivate init(leading word: UInt64) {
        self = Swift.withUnsafeBytes(of: (word.bigEndian, UInt64(0), UInt64(0), UInt64(0))) {
            Digest32($0, at: 0) ?? Digest32()
        }
    }
}
