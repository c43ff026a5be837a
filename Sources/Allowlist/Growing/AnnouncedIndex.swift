import Dispatch
import TransparencyLog

/// Grows the index to what somebody else's `state` says, whatever his merging rule was.
package struct AnnouncedIndex {
    /// A segment that the receiver does not have.
    private struct Part {
        let segment: Segment
        let merging: SegmentMerging
        var collector: IndexCollector
    }

    /// The parts of each kind, by their start.
    private var parts: [[Part]] = []
    /// The part of each kind that the last record went to.
    private var active: [Int]

    /// Records of a part that is complete and may stay in memory; more go to a file.
    private static let keptInMemory = 4096

    /// `live` are the segments that the receiver has.
    package init(_ state: AllowlistEntry.State, live: [Segment]) throws(AllowlistError) {
        active = Segment.Kind.allCases.map { _ in 0 }
        for kind in Segment.Kind.allCases {
            let own = live.filter { $0.kind == kind }
            var parts: [Part] = []
            for segment in state.segments where segment.kind == kind && !own.contains(segment) {
                guard !own.contains(where: { $0.path == segment.path }) else {
                    throw AllowlistError(
                        .segment, file: segment.path, "the new `state` gives a segment another content",
                        hint: "the index was signed wrong; ask the publisher for a new publication")
                }
                parts.append(
                    Part(
                        segment: segment,
                        merging: SegmentMerging(live: own, into: segment.start..<segment.end),
                        collector: IndexCollector(kind, from: segment.start)))
            }
            self.parts.append(parts)
        }
    }

    /// Takes the records of an entry about `devices`: one a kind and hash. Entries come in their order.
    package mutating func insert(
        _ devices: [AllowlistEntry.Add], at index: UInt64, folder: inout DurableFolder
    ) throws(AllowlistError) {
        for (position, kind) in Segment.Kind.allCases.enumerated() {
            var previous: Digest32?
            for device in devices {
                let hash = IndexRecord.hash(of: device, kind: kind)
                if hash == previous { continue }
                previous = hash
                try insert(IndexRecord(hash: hash, index: index), position, folder: &folder)
            }
        }
    }

    private mutating func insert(
        _ record: IndexRecord, _ kind: Int, folder: inout DurableFolder
    ) throws(AllowlistError) {
        while active[kind] < parts[kind].count, parts[kind][active[kind]].segment.end <= record.index {
            if parts[kind][active[kind]].collector.recordCount > UInt64(Self.keptInMemory) {
                try parts[kind][active[kind]].collector.spill(folder: &folder)
            }
            active[kind] += 1
        }
        guard active[kind] < parts[kind].count, parts[kind][active[kind]].segment.start <= record.index else {
            throw AllowlistError(
                .state, index: record.index, "no index segment of the `state` covers the entry")
        }
        try parts[kind][active[kind]].collector.append(record, folder: &folder)
    }

    /// Writes the new segments, every kind on a core of its own; throws `segment` where one does not get the announced
    /// root.
    package mutating func write(folder: inout DurableFolder) throws(AllowlistError) {
        try folder.makeFolder("index")
        var results = [Result<Void, AllowlistError>](repeating: .success(()), count: parts.count)
        let fixed = folder
        parts.withUnsafeMutableBufferPointer { parts in
            results.withUnsafeMutableBufferPointer { results in
                // Unsafe to the compiler alone: each iteration touches its own place, and the call waits for all.
                nonisolated(unsafe) let (parts, results) = (parts, results)
                DispatchQueue.concurrentPerform(iterations: parts.count) { kind in
                    results[kind] = Result { () throws(AllowlistError) in
                        for position in parts[kind].indices {
                            try AnnouncedIndex.write(&parts[kind][position], folder: fixed)
                        }
                    }
                }
            }
        }
        for result in results { try result.get() }
        for part in parts.joined() {
            try folder.note(part.segment.path)
            try part.collector.removeSpills(folder: folder)
        }
    }

    private static func write(_ part: inout Part, folder: DurableFolder) throws(AllowlistError) {
        let written = try part.merging.write(
            &part.collector, covering: part.segment.start..<part.segment.end, folder: folder)
        guard written == part.segment else {
            throw AllowlistError(
                .segment, file: part.segment.path,
                "the records that the entries give are not those of the `state`",
                hint: "the index was signed wrong; ask the publisher for a new publication")
        }
    }
}
