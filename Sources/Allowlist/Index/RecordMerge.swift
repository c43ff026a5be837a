/// Merges sorted sources of index records into one ascending sequence, with a heap.
package struct RecordMerge {
    /// One sorted source.
    package enum Source {
        case file(RecordStream)
        case memory(ArraySlice<IndexRecord>)

        fileprivate mutating func next() throws(AllowlistError) -> IndexRecord? {
            switch self {
            case .file(var stream):
                // The payload is taken out and put back so that its buffer stays uniquely held.
                self = .memory([])
                defer { self = .file(stream) }
                return try stream.next()
            case .memory(var records):
                self = .memory([])
                defer { self = .memory(records) }
                return records.popFirst()
            }
        }
    }

    private var sources: [Source]
    private var heap: [(record: IndexRecord, source: Int)] = []

    package init(_ sources: [Source]) throws(AllowlistError) {
        self.sources = sources
        for index in sources.indices {
            if let record = try self.sources[index].next() {
                heap.append((record, index))
                siftUp(heap.count - 1)
            }
        }
    }

    package mutating func next() throws(AllowlistError) -> IndexRecord? {
        guard let least = heap.first else { return nil }
        if let record = try sources[least.source].next() {
            heap[0] = (record, least.source)
        } else {
            let last = heap.removeLast()
            guard !heap.isEmpty else { return least.record }
            heap[0] = last
        }
        siftDown()
        return least.record
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].record < heap[parent].record else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var least = parent
            for child in 2 * parent + 1...2 * parent + 2
            where child < heap.count && heap[child].record < heap[least].record {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
