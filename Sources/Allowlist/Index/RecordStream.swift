import TransparencyLog

/// Reads a file of index records in order with one buffer, however long it is.
package struct RecordStream {
    let path: String
    private let file: any BundleFile
    private var buffer: [UInt8] = []
    private var position = 0
    private var nextOffset: UInt64 = 0

    private static let recordsPerRead = 4096

    package init(_ folder: any BundleSource, _ path: String, recordCount: UInt64) throws(AllowlistError) {
        self.path = path
        file = try folder.open(path)
        let expected = recordCount.multipliedReportingOverflow(by: UInt64(IndexRecord.byteCount))
        guard !expected.overflow, file.byteCount == expected.partialValue else {
            throw AllowlistError(
                .segment, file: path,
                "the file has \(file.byteCount) bytes, but must hold \(recordCount) records of 40 bytes",
                hint: BundleFolder.incompleteHint)
        }
    }

    /// The next record, or nil at the end.
    package mutating func next() throws(AllowlistError) -> IndexRecord? {
        if position == buffer.count {
            let left = file.byteCount - nextOffset
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
}

/// Builds the root of a segment while its records pass by, and holds them to their order.
package struct SegmentTree {
    private var frontier = Frontier()
    private var previous: IndexRecord?
    private var bytes: [UInt8] = []

    package init() {}

    package var recordCount: UInt64 { frontier.size }
    package var root: Digest32 { frontier.root }

    /// Takes the next record; false where it is not greater than the one before it.
    package mutating func append(_ record: IndexRecord) -> Bool {
        if let previous, !(previous < record) { return false }
        bytes.removeAll(keepingCapacity: true)
        record.append(to: &bytes)
        frontier.append(MerkleTree.leafHash(bytes))
        previous = record
        return true
    }
}

extension Segment {
    /// Reads the whole file: strictly ascending, inside its range, and of this root.
    package func check(
        in folder: any BundleSource, visit: (IndexRecord) -> Void = { _ in }
    ) throws(AllowlistError) {
        var stream = try RecordStream(folder, path, recordCount: recordCount)
        var tree = SegmentTree()
        while let record = try stream.next() {
            let offset = Int(tree.recordCount) * IndexRecord.byteCount
            guard tree.append(record), record.index >= start, record.index < end else {
                throw AllowlistError(
                    .segment, file: path, offset: offset, "a record of the index is out of place",
                    hint: BundleFolder.incompleteHint)
            }
            visit(record)
        }
        guard tree.root == root else {
            throw AllowlistError(
                .segment, file: path, "the index segment does not have the root in the log's state",
                hint: BundleFolder.incompleteHint)
        }
    }
}
