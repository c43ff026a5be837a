import TransparencyLog

/// Collects the index records of one kind with bounded memory: sorted runs are spilled to files.
package struct IndexCollector {
    package let kind: Segment.Kind
    private var records: [IndexRecord] = []
    private var spills: [(path: String, count: UInt64)] = []

    /// 2.6 MB of records; a run of this size sorts within the processor's cache.
    private static let recordsInMemory = 1 << 16

    package static let spillFolder = ".publication/spill"

    package init(_ kind: Segment.Kind) {
        self.kind = kind
    }

    package mutating func append(_ record: IndexRecord, folder: inout DurableFolder) throws(AllowlistError) {
        records.append(record)
        guard records.count >= Self.recordsInMemory else { return }
        try folder.makeFolder(Self.spillFolder)
        let path = "\(Self.spillFolder)/\(kind.name)-\(spills.count)"
        sortRecords()
        let file = try RecordFile(folder, path)
        for record in records { try file.append(record) }
        try file.finish()
        spills.append((path, UInt64(records.count)))
        records.removeAll(keepingCapacity: true)
    }

    package var recordCount: UInt64 {
        spills.reduce(UInt64(records.count)) { $0 + $1.count }
    }

    /// Everything collected as sorted sources for a merge.
    package mutating func sources(in folder: any BundleSource) throws(AllowlistError) -> [RecordMerge.Source]
    {
        sortRecords()
        var sources = [RecordMerge.Source.memory(records[...])]
        for spill in spills {
            sources.append(.file(try RecordStream(folder, spill.path, recordCount: spill.count)))
        }
        return sources
    }

    /// Sorts by the hash's first two octets in one pass, and the few records that share them one by one: hashes
    /// are spread evenly, so this takes time in proportion to their number.
    private mutating func sortRecords() {
        guard records.count > 1024 else {
            records.sort()
            return
        }
        func bucket(_ record: IndexRecord) -> Int { Int(record.hash.bigEndianWords.0 >> 48) }
        var ends = [Int](repeating: 0, count: 1 << 16)
        for record in records { ends[bucket(record)] += 1 }
        var total = 0
        for index in ends.indices {
            total += ends[index]
            ends[index] = total - ends[index]
        }
        let unsorted = records
        for record in unsorted {
            let place = bucket(record)
            records[ends[place]] = record
            ends[place] += 1
        }
        // Now `ends` are the buckets' ends.
        var start = 0
        for end in ends {
            if end - start > 16 {
                records[start..<end].sort()
            } else {
                insertionSort(start..<end)
            }
            start = end
        }
    }

    private mutating func insertionSort(_ range: Range<Int>) {
        for index in range.dropFirst() {
            let record = records[index]
            var place = index
            while place > range.lowerBound, record < records[place - 1] {
                records[place] = records[place - 1]
                place -= 1
            }
            records[place] = record
        }
    }

    /// Forgets everything and removes the spill files.
    package mutating func reset(folder: DurableFolder) throws(AllowlistError) {
        for spill in spills { try folder.remove(spill.path) }
        spills = []
        records.removeAll(keepingCapacity: true)
    }
}
