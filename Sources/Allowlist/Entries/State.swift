import CBOR
import TransparencyLog

extension AllowlistEntry {
    /// Commits to the index over all earlier entries; the last entry of every published tree.
    public struct State: Hashable, Sendable {
        /// The live segments, by kind and then by start; those of one kind join without a gap.
        public var segments: [Segment]

        public init(segments: [Segment]) {
            self.segments = segments
        }
    }
}

extension AllowlistEntry.State: EntryPayload {
    var fieldCount: Int { 1 }

    init(_ fields: inout FieldReader) throws(AllowlistError) {
        segments = try fields.array(2) { (item) throws(AllowlistError) in
            try item.map { (segment) throws(AllowlistError) in try Segment(&segment) }
        }
    }

    func write(to writer: inout CBORWriter) {
        writer.unsigned(2)
        writer.array(count: segments.count)
        for segment in segments {
            writer.map(count: 5)
            writer.field(0, segment.kind.rawValue)
            writer.field(1, segment.start)
            writer.field(2, segment.end)
            writer.field(3, segment.recordCount)
            writer.field(4, segment.root)
        }
    }

    func check() throws(AllowlistError) {
        for (segment, next) in zip(segments, segments.dropFirst()) {
            let joins = segment.kind == next.kind && segment.end == next.start
            guard joins || segment.kind.rawValue < next.kind.rawValue && next.start == 0 else {
                throw AllowlistError(.entryMalformed, "index segments have a gap or are out of order")
            }
        }
        for segment in segments {
            guard segment.start < segment.end, segment.recordCount <= 1 << 48 else {
                throw AllowlistError(.entryMalformed, "an index segment covers nothing")
            }
        }
        if let first = segments.first, first.start != 0 {
            throw AllowlistError(.entryMalformed, "index segments do not begin at entry 0")
        }
    }
}

extension Segment {
    fileprivate init(_ fields: inout FieldReader) throws(AllowlistError) {
        let number = try fields.unsigned(0)
        guard let kind = Kind(rawValue: number) else {
            throw fields.refusal("index kind \(number) is not known")
        }
        self.init(
            kind: kind, start: try fields.unsigned(1), end: try fields.unsigned(2),
            recordCount: try fields.unsigned(3), root: try fields.digest(4))
    }
}
