import TransparencyLog

/// Compares the index segments with what the entries give, with a few words of memory a segment.
struct IndexCheck {
    private struct Range {
        let segment: Segment
        var expected = RecordMultiset()
        var count: UInt64 = 0
    }

    private let secret = RecordMultiset.Secret()
    private var ranges: [[Range]]

    /// The segments of the state at the end of the tree.
    init(_ state: AllowlistEntry.State) {
        ranges = Segment.Kind.allCases.map { kind in
            state.segments.filter { $0.kind == kind }.map { Range(segment: $0) }
        }
    }

    /// Takes the records of an entry about `devices`: one a kind and hash.
    mutating func insert(_ devices: [AllowlistEntry.Add], at index: UInt64) {
        for (position, kind) in Segment.Kind.allCases.enumerated() {
            var previous: Digest32?
            for device in devices {
                let hash = IndexRecord.hash(of: device, kind: kind)
                if hash == previous { continue }
                previous = hash
                // Segments are few, and the newest entries are in the last ones.
                guard let range = ranges[position].lastIndex(where: { $0.segment.start <= index }) else {
                    continue
                }
                ranges[position][range].expected.insert(IndexRecord(hash: hash, index: index), secret)
                ranges[position][range].count += 1
            }
        }
    }

    /// Reads every segment and compares it with the records taken.
    func finish(in folder: any BundleSource) throws(AllowlistError) {
        for range in ranges.joined() {
            var found = RecordMultiset()
            try range.segment.check(in: folder) { found.insert($0, secret) }
            guard found == range.expected, range.segment.recordCount == range.count else {
                throw AllowlistError(
                    .segment, file: range.segment.path,
                    "the index does not hold exactly the records that the entries give",
                    hint: "the index was signed wrong; ask the publisher for a new publication")
            }
        }
    }
}
