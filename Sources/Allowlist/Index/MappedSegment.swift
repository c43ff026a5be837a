import TransparencyLog

/// A segment in memory, mapped where the bundle has files, for searches without reading it.
final class MappedSegment: Sendable {
    let segment: Segment
    private let bytes: MappedBytes

    init(_ segment: Segment, in bundle: any BundleSource) throws(AllowlistError) {
        self.segment = segment
        let file = try bundle.open(segment.path)
        guard file.byteCount == segment.byteCount else {
            throw AllowlistError(
                .segment, file: segment.path,
                "the file has \(file.byteCount) bytes, its \(segment.recordCount) records take "
                    + "\(segment.byteCount)", hint: BundleFolder.incompleteHint)
        }
        bytes = try file.mapped()
        bytes.expect(.random)
    }

    var recordCount: Int { bytes.count / IndexRecord.byteCount }

    /// Tells the system how the records will be read.
    func expect(_ access: MappedBytes.Access) { bytes.expect(access) }

    /// The records, which stay where they are as long as this object lives.
    var records: SegmentRecords { SegmentRecords(bytes.buffer) }

    /// The indexes of the entries under `hash`, ascending.
    func indexes(of hash: Digest32) throws(AllowlistError) -> [UInt64] {
        try withExtendedLifetime(self) { () throws(AllowlistError) in
            let records = records
            var place = records.place(of: IndexRecord(hash: hash, index: 0))
            var indexes: [UInt64] = []
            while place < records.count {
                let record = records[place]
                guard record.hash == hash else {
                    guard hash < record.hash else { throw misplaced(place) }
                    break
                }
                guard record.index >= segment.start, record.index < segment.end,
                    indexes.last.map({ $0 < record.index }) ?? true
                else { throw misplaced(place) }
                indexes.append(record.index)
                place += 1
            }
            return indexes
        }
    }

    func misplaced(_ place: Int) -> AllowlistError {
        AllowlistError(
            .segment, file: segment.path, offset: place * IndexRecord.byteCount,
            "a record of the index is out of place", hint: BundleFolder.incompleteHint)
    }
}
