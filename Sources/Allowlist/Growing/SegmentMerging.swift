import TransparencyLog

/// What a publication does to the segments of one kind.
package struct SegmentMerging {
    /// Live segments that stay as they are.
    package let kept: [Segment]
    /// Live segments that go into the new one.
    package let merged: [Segment]

    /// Merges the newest segments while they are at most twice what has been gathered, so that each
    /// live segment is more than twice its successor and their number grows with the logarithm.
    package init(live: [Segment], newRecords: UInt64) {
        var kept = live
        var merged: [Segment] = []
        var gathered = newRecords
        while let last = kept.last, last.recordCount <= 2 * gathered {
            merged.insert(last, at: 0)
            gathered += last.recordCount
            kept.removeLast()
        }
        self.kept = kept
        self.merged = merged
    }

    /// Writes the new segment that covers the merged ones and the collected records up to `end`.
    ///
    /// The folder of segments exists, and the new file is the caller's to flush.
    package func write(
        _ collector: inout IndexCollector, from start: UInt64, to end: UInt64, folder: DurableFolder
    ) throws(AllowlistError) -> Segment {
        let reading = BundleFolder(folder.root)
        // A damaged segment must not be signed into the next state.
        for segment in merged { try segment.check(in: reading) }
        var sources = try collector.sources(in: reading)
        for segment in merged {
            let stream = try RecordStream(reading, segment.path, recordCount: segment.recordCount)
            sources.append(.file(stream))
        }
        var merge = try RecordMerge(sources)
        let path = Segment.path(kind: collector.kind, start: merged.first?.start ?? start, end: end)
        let file = try RecordFile(folder, path + ".tmp")
        var tree = SegmentTree()
        while let record = try merge.next() {
            guard tree.append(record) else {
                throw AllowlistError(.segment, file: path, "an entry is indexed twice under one hash")
            }
            try file.append(record)
        }
        try file.finish()
        try folder.rename(path + ".tmp", to: path)
        return Segment(
            kind: collector.kind, start: merged.first?.start ?? start, end: end,
            recordCount: tree.recordCount, root: tree.root)
    }
}
