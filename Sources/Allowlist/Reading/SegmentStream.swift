import TransparencyLog

/// Reads a segment's records in order with one buffer, however long it is.
struct SegmentStream {
    let segment: Segment
    private let file: OpenFile
    private var buffer: [UInt8] = []
    private var position = 0
    private var nextOffset: UInt64 = 0

    private static let recordsPerRead = 8192

    init(_ segment: Segment, in folder: BundleFolder) throws(AllowlistError) {
        self.segment = segment
        file = try OpenFile(folder, segment.path)
        guard file.byteCount == segment.byteCount else {
            throw AllowlistError(
                .segment, file: segment.path,
                "the file has \(file.byteCount) bytes, its \(segment.recordCount) records take "
                    + "\(segment.byteCount)", hint: BundleFolder.incompleteHint)
        }
    }

    /// The next record, or nil at the end.
    mutating func next() throws(AllowlistError) -> IndexRecord? {
        if position == buffer.count {
            let left = segment.byteCount - nextOffset
            guard left > 0 else { return nil }
            let count = min(left, UInt64(Self.recordsPerRead * IndexRecord.byteCount))
            buffer = try file.read(at: nextOffset, count: Int(count))
            nextOffset += count
            position = 0
        }
        let record = buffer.withUnsafeBufferPointer {
            IndexRecord(UnsafeRawBufferPointer($0), at: position)
        }
        position += IndexRecord.byteCount
        return record
    }

    /// Reads the whole segment: strictly ascending, inside its range, and of the committed root.
    static func check(
        _ segment: Segment, in folder: BundleFolder, visit: (IndexRecord) -> Void = { _ in }
    ) throws(AllowlistError) {
        var stream = try SegmentStream(segment, in: folder)
        var tree = Frontier()
        var previous: IndexRecord?
        var bytes: [UInt8] = []
        while let record = try stream.next() {
            let isInPlace =
                previous.map { $0 < record } ?? true && record.index >= segment.start
                && record.index < segment.end
            guard isInPlace else {
                throw AllowlistError(
                    .segment, file: segment.path, offset: Int(tree.size) * IndexRecord.byteCount,
                    "a record of the index is out of place", hint: BundleFolder.incompleteHint)
            }
            bytes.removeAll(keepingCapacity: true)
            record.append(to: &bytes)
            tree.append(MerkleTree.leafHash(bytes))
            visit(record)
            previous = record
        }
        guard tree.root == segment.root else {
            throw AllowlistError(
                .segment, file: segment.path, "the index segment does not have the root in the log's state",
                hint: BundleFolder.incompleteHint)
        }
    }
}
