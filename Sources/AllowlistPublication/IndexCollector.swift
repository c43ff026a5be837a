import Allowlist
import TransparencyLog

/// Collects the index records of one kind with bounded memory: sorted runs are spilled to files.
struct IndexCollector {
    let kind: Segment.Kind
    private var records: [IndexRecord] = []
    private var spills: [(path: String, count: UInt64)] = []

    /// 2.6 MB of records; a run of this size sorts within the processor's cache.
    private static let recordsInMemory = 1 << 16

    static let spillFolder = ".publication/spill"

    init(_ kind: Segment.Kind) {
        self.kind = kind
    }

    mutating func append(_ record: IndexRecord, folder: inout DurableFolder) throws(AllowlistError) {
        records.append(record)
        guard records.count >= Self.recordsInMemory else { return }
        try folder.makeFolder(Self.spillFolder)
        let path = "\(Self.spillFolder)/\(kind.name)-\(spills.count)"
        records.sort()
        let file = try RecordFile(folder, path)
        for record in records { try file.append(record) }
        try file.finish()
        spills.append((path, UInt64(records.count)))
        records.removeAll(keepingCapacity: true)
    }

    var recordCount: UInt64 {
        spills.reduce(UInt64(records.count)) { $0 + $1.count }
    }

    /// Everything collected as sorted sources for a merge.
    mutating func sources(in folder: BundleFolder) throws(AllowlistError) -> [RecordMerge.Source] {
        records.sort()
        var sources = [RecordMerge.Source.memory(records[...])]
        for spill in spills {
            sources.append(.file(try RecordStream(folder, spill.path, recordCount: spill.count)))
        }
        return sources
    }

    /// Forgets everything and removes the spill files.
    mutating func reset(folder: DurableFolder) throws(AllowlistError) {
        for spill in spills { try folder.remove(spill.path) }
        spills = []
        records.removeAll(keepingCapacity: true)
    }
}
