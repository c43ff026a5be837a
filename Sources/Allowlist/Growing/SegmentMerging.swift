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

    /// The merging that gives a segment of these bounds, as somebody else's `state` asks for it.
    package init(live: [Segment], into range: Range<UInt64>) {
        kept = []
        merged = live.filter { $0.start < range.upperBound && range.lowerBound < $0.end }
    }

    /// Writes the new segment over `range` from the merged ones and the collected records.
    ///
    /// The folder of segments exists, and the new file is the caller's to flush.
    package func write(
        _ collector: inout IndexCollector, covering range: Range<UInt64>, folder: DurableFolder
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
        let path = Segment.path(kind: collector.kind, start: range.lowerBound, end: range.upperBound)
        let file = try RecordFile(folder, path + ".tmp")
        var tree = SegmentTree()
        while let record = try merge.next() {
            // A publisher's segments lie inside the range; another's may have been cut elsewhere.
            guard range.contains(record.index) else { continue }
            guard tree.append(record) else {
                throw AllowlistError(.segment, file: path, "an entry is indexed twice under one hash")
            }
            try file.append(record)
        }
        try file.finish()
        try folder.rename(path + ".tmp", to: path)
        return Segment(
            kind: collector.kind, start: range.lowerBound, end: range.upperBound,
            recordCount: tree.recordCount, root: tree.root)
    }
}
