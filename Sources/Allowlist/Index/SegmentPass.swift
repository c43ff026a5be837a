import TransparencyLog

/// Reads a segment on all cores: strictly ascending, inside its range, and of its root.
struct SegmentPass: Sendable {
    let segment: MappedSegment
    let passes: ParallelPasses
    /// Of the fingerprint; nil where none is wanted.
    var secret: RecordFingerprint.Secret?

    /// A power of two, so that the roots of the pieces are nodes of the segment's tree.
    private static let recordsPerPiece = 4096

    /// What a thread found in its pieces.
    private struct Gathered: Sendable {
        var roots: [(piece: Int, root: Digest32)] = []
        var fingerprint = RecordFingerprint()
        var misplaced: Int?
        var leaves: [Digest32] = []
    }

    /// Throws where the segment is not as it must be, and answers its fingerprint.
    @discardableResult
    func run() throws(AllowlistError) -> RecordFingerprint {
        let count = segment.recordCount
        segment.expect(.sequential)
        defer { segment.expect(.random) }
        let pieces = (count + Self.recordsPerPiece - 1) / Self.recordsPerPiece
        let gathered = passes.run(pieces: pieces, from: Gathered()) { piece, gathered in
            let start = piece * Self.recordsPerPiece
            read(start..<min(count, start + Self.recordsPerPiece), &gathered)
            guard gathered.misplaced == nil else { return false }
            gathered.roots.append(
                (piece, gathered.leaves.withUnsafeMutableBufferPointer { MerkleTree.root(reducing: $0) }))
            return true
        }
        if let place = gathered.compactMap(\.misplaced).min() { throw segment.misplaced(place) }
        var roots = gathered.flatMap(\.roots).sorted { $0.piece < $1.piece }.map(\.root)
        guard roots.withUnsafeMutableBufferPointer({ MerkleTree.root(reducing: $0) }) == segment.segment.root
        else {
            throw AllowlistError(
                .segment, file: segment.segment.path,
                "the index segment does not have the root in the log's state",
                hint: BundleFolder.incompleteHint)
        }
        return gathered.reduce(into: RecordFingerprint()) { $0.formUnion($1.fingerprint) }
    }

    /// Hashes records and takes note of the first one that is out of place.
    private func read(_ places: Range<Int>, _ gathered: inout Gathered) {
        gathered.leaves.removeAll(keepingCapacity: true)
        withExtendedLifetime(segment) {
            let records = segment.records
            var previous = places.lowerBound > 0 ? records[places.lowerBound - 1] : nil
            withUnsafeTemporaryAllocation(byteCount: 1 + IndexRecord.byteCount, alignment: 8) { leaf in
                // The octet before the record makes it a leaf (RFC 6962 §2.1).
                leaf[0] = 0
                for place in places {
                    let record = records[place]
                    guard previous.map({ $0 < record }) ?? true, record.index >= segment.segment.start,
                        record.index < segment.segment.end
                    else {
                        gathered.misplaced = place
                        return
                    }
                    previous = record
                    record.copyBytes(to: UnsafeMutableRawBufferPointer(rebasing: leaf[1...]))
                    gathered.leaves.append(Digest32.sha256(UnsafeRawBufferPointer(leaf)))
                    if let secret { gathered.fingerprint.insert(record, secret) }
                }
            }
        }
    }
}
