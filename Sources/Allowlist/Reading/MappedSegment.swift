import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A segment in memory-mapped form, for binary search without reading it.
final class MappedSegment: Sendable {
    let segment: Segment

    // Mapped read-only for the life of this object and never written, so sharing it is safe.
    nonisolated(unsafe) private let records: UnsafeRawBufferPointer

    init(_ segment: Segment, in folder: BundleFolder) throws(AllowlistError) {
        self.segment = segment
        let file = try OpenFile(folder, segment.path)
        guard let length = Int(exactly: segment.byteCount), file.byteCount == segment.byteCount else {
            records = UnsafeRawBufferPointer(start: nil, count: 0)
            throw AllowlistError(
                .segment, file: segment.path,
                "the file has \(file.byteCount) bytes, its \(segment.recordCount) records take "
                    + "\(segment.byteCount)", hint: BundleFolder.incompleteHint)
        }
        guard length > 0 else {
            records = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let address = mmap(nil, length, PROT_READ, MAP_SHARED, file.descriptor, 0)
        guard let address, address != MAP_FAILED else {
            records = UnsafeRawBufferPointer(start: nil, count: 0)
            throw BundleFolder.failure(segment.path, "map")
        }
        records = UnsafeRawBufferPointer(start: address, count: length)
    }

    deinit {
        if let address = records.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: address), records.count)
        }
    }

    /// The indexes of the entries under `hash`, ascending.
    func indexes(of hash: Digest32) throws(AllowlistError) -> [UInt64] {
        var low = 0
        var high = records.count / IndexRecord.byteCount
        while low < high {
            let middle = (low + high) / 2
            if try record(middle).hash < hash { low = middle + 1 } else { high = middle }
        }
        var indexes: [UInt64] = []
        while low < records.count / IndexRecord.byteCount {
            let record = try record(low)
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

    private func record(_ position: Int) throws(AllowlistError) -> IndexRecord {
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
