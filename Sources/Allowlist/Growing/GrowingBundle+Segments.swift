import Dispatch
import TransparencyLog

extension GrowingBundle {
    /// Writes a new segment a kind over everything appended, by the merging rule of a publisher, and returns
    /// all live ones for the next `state`, with the number of records that came out of merged segments.
    ///
    /// Every kind on a core of its own: hashing a segment is most of what a seal costs.
    package mutating func writeSegments() throws(AllowlistError) -> (segments: [Segment], merged: UInt64) {
        let end = size
        guard end > 0 else { return ([], 0) }
        try folder.makeFolder("index")
        let live = collectors.map { collector in state.segments.filter { $0.kind == collector.kind } }
        let plans = zip(collectors, live).map { SegmentMerging(live: $1, newRecords: $0.recordCount) }
        var written = [Result<Segment, AllowlistError>?](repeating: nil, count: plans.count)
        let folder = folder
        collectors.withUnsafeMutableBufferPointer { collectors in
            written.withUnsafeMutableBufferPointer { written in
                // Unsafe to the compiler alone: each iteration touches its own place, and the call waits for all.
                nonisolated(unsafe) let (collectors, written) = (collectors, written)
                DispatchQueue.concurrentPerform(iterations: plans.count) { position in
                    let start = plans[position].merged.first?.start ?? live[position].last?.end ?? 0
                    written[position] = Result { () throws(AllowlistError) in
                        try plans[position].write(
                            &collectors[position], covering: start..<end, folder: folder)
                    }
                }
            }
        }
        var segments: [Segment] = []
        var merged: UInt64 = 0
        for (plan, result) in zip(plans, written) {
            guard let new = try result?.get() else { continue }
            try self.folder.note(new.path)
            segments += plan.kept + [new]
            merged += plan.merged.reduce(0) { $0 + $1.recordCount }
        }
        return (segments, merged)
    }
}
