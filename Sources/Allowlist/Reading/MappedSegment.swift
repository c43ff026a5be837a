import TransparencyLog

/// A segment in memory-mapped form, for binary search without reading it.
final class MappedSegment: Sendable {
    let segment: Segment
    private let records: MappedBytes

    init(_ segment: Segment, in bundle: any BundleSource) throws(AllowlistError) {
        self.segment = segment
        let file = try bundle.open(segment.path)
        guard file.byteCount == segment.byteCount else {
            throw AllowlistError(
                .segment, file: segment.path,
                "the file has \(file.byteCount) bytes, its \(segment.recordCount) records take "
                    + "\(segment.byteCount)", hint: BundleFolder.incompleteHint)
        }
        records = try file.mapped()
    }

    /// The indexes of the entries under `hash`, ascending.
    func indexes(of hash: Digest32) throws(AllowlistError) -> [UInt64] {
        try records.withUnsafeBytes { (records) throws(AllowlistError) in
            try indexes(of: hash, in: records)
        }
    }

    private func indexes(
        of hash: Digest32, in records: UnsafeRawBufferPointer
    ) throws(AllowlistError) -> [UInt64] {
        var low = 0
        var high = records.count / IndexRecord.byteCount
        while low < high {
            let middle = (low + high) / 2
            if try record(middle, in: records).hash < hash { low = middle + 1 } else { high = middle }
        }
        var indexes: [UInt64] = []
        while low < records.count / IndexRecord.byteCount {
            let record = try record(low, in: records)
            guard record.hash == hash else {
                guard hash < record.hash else { throw unsorted(low) }
                break
            }
            guard record.index >= segment.start, record.index < segment.end,
                indexes.last.map({ $0 < record.index }) ?? true
            else { throw unsorted(low) }
            indexes.append(record.index)
            low += 1
        }
        return indexes
    }

    private func record(
        _ position: Int, in records: UnsafeRawBufferPointer
    ) throws(AllowlistError) -> IndexRecord {
        guard let record = IndexRecord(records, at: position * IndexRecord.byteCount) else {
            throw unsorted(position)
        }
        return record
    }

    private func unsorted(_ position: Int) -> AllowlistError {
        AllowlistError(
            .segment, file: segment.path, offset: position * IndexRecord.byteCount,
            "a record of the index is out of place", hint: BundleFolder.incompleteHint)
    }
}
