import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A bundle's tree, tiles, entry bundles and index while they grow beyond the published checkpoint.
///
/// No reader sees anything of it before `commit`. The folder is locked for other growers while this lives.
/// After any error `reset` is needed.
package struct GrowingBundle {
    package var folder: DurableFolder
    /// The checkpoint that is published, or nil for a new log.
    package private(set) var published: Checkpoint?
    /// The `state` at the end of the published tree.
    package private(set) var state = AllowlistEntry.State(segments: [])
    package private(set) var tree = GrowingTree()
    /// Records since the published checkpoint, a kind each.
    package var collectors = Segment.Kind.allCases.map { IndexCollector($0) }
    /// Tests interrupt a commit here.
    package var reached: (CheckpointStaging.Step) throws(AllowlistError) -> Void = {
        (_) throws(AllowlistError) in
    }
    private var openBundle: [UInt8] = []
    private var openRanges: [Range<Int>] = []
    private var files: EntryFiles
    private let lock: FolderLock

    private static let privateFolder = ".publication"

    /// Opens or creates the folder and finishes or drops a publication that was interrupted.
    ///
    /// Nothing is known of what is published before `reset`.
    package init(directory: String) throws(AllowlistError) {
        folder = try DurableFolder(directory)
        try folder.makeFolder(Self.privateFolder)
        lock = try FolderLock(folder, "\(Self.privateFolder)/lock")
        files = EntryFiles(in: BundleFolder(directory), treeSize: .max)
        try recover()
    }

    /// Whether a bundle was ever grown in this folder, so that something may be left to finish.
    package static func hasBegun(in directory: String) -> Bool {
        access("\(BundleFolder(directory).root)/\(privateFolder)", F_OK) == 0
    }

    package var size: UInt64 { tree.size }

    /// Finishes or forgets what an interrupted publication left behind.
    package mutating func recover() throws(AllowlistError) {
        try CheckpointStaging.recover(folder: &folder)
        try folder.removeFolder(IndexCollector.spillFolder)
    }

    /// Forgets everything beyond `checkpoint`, whose signature the caller has checked; nil is a new log.
    package mutating func reset(to checkpoint: Checkpoint?) throws(AllowlistError) {
        collectors = Segment.Kind.allCases.map { IndexCollector($0) }
        let reading = BundleFolder(folder.root)
        files = EntryFiles(in: reading, treeSize: .max)
        published = checkpoint
        if let checkpoint {
            let edge = try PublishedEdge(checkpoint, in: reading)
            tree = edge.tree
            state = edge.state
            openBundle = edge.openBundle
            openRanges = edge.openRanges
        } else {
            tree = GrowingTree()
            state = AllowlistEntry.State(segments: [])
            openBundle = []
            openRanges = []
        }
        try removeDeadSegments()
    }

    /// Appends an entry of at most 65535 bytes, whose leaf hash is `leaf`, and returns its index.
    package mutating func append(
        _ entry: UnsafeRawBufferPointer, leaf: Digest32
    ) throws(AllowlistError) -> UInt64 {
        guard entry.count <= EntryFraming.maximumEntryLength else {
            throw AllowlistError(.entryMalformed, "the entry is longer than 65535 bytes")
        }
        openBundle.append(UInt8(truncatingIfNeeded: entry.count >> 8))
        openBundle.append(UInt8(truncatingIfNeeded: entry.count))
        let start = openBundle.count
        openBundle.append(contentsOf: entry)
        let index = tree.size
        openRanges.append(start..<openBundle.count)
        // Not through `self` in the closure: the tree is being changed while it gives tiles off.
        var filled: [(Tile, [Digest32])] = []
        tree.append(leaf) { filled.append(($0, $1)) }
        for (tile, hashes) in filled { try writeTile(tile, hashes) }
        guard openRanges.count == Tile.fullWidth,
            let tile = Tile(.entries, index: tree.size / UInt64(Tile.fullWidth) - 1)
        else { return index }
        try folder.write(openBundle, to: tile.path)
        openBundle.removeAll(keepingCapacity: true)
        openRanges.removeAll(keepingCapacity: true)
        return index
    }

    /// Notes the index records of the entry at `index`, which is about `devices`: one a kind and hash.
    package mutating func collect(
        _ devices: [AllowlistEntry.Add], at index: UInt64
    ) throws(AllowlistError) {
        for position in collectors.indices {
            var previous: Digest32?
            for device in devices {
                let hash = IndexRecord.hash(of: device, kind: collectors[position].kind)
                if hash == previous { continue }
                previous = hash
                try collectors[position].append(IndexRecord(hash: hash, index: index), folder: &folder)
            }
        }
    }

    /// Notes one index record.
    package mutating func collect(_ record: IndexRecord, _ kind: Segment.Kind) throws(AllowlistError) {
        for position in collectors.indices where collectors[position].kind == kind {
            try collectors[position].append(record, folder: &folder)
        }
    }

    /// The published or appended entry at `index`.
    package mutating func entry(at index: UInt64) throws(AllowlistError) -> AllowlistEntry {
        let firstOpen = tree.size - UInt64(openRanges.count)
        guard index < firstOpen else {
            guard index < tree.size else {
                throw AllowlistError(.entryReference, index: index, "the log has \(tree.size) entries")
            }
            return try AllowlistEntry(decoding: openBundle, range: openRanges[Int(index - firstOpen)])
        }
        return try files.entry(at: index)
    }

    /// The devices whose hashes an entry is indexed under; what it cites must be an `add` before it.
    package mutating func subjects(
        of entry: AllowlistEntry
    ) throws(AllowlistError) -> [AllowlistEntry.Add] {
        if case .add(let device) = entry { return [device] }
        var devices: [AllowlistEntry.Add] = []
        for index in entry.citedDevices {
            guard case .add(let device) = try self.entry(at: index) else {
                throw AllowlistError(.entryReference, index: index, "the cited entry is not an `add`")
            }
            devices.append(device)
        }
        return devices
    }

    /// Writes the partial tiles and the partial bundle of the present size and waits for the disk.
    package mutating func flush() throws(AllowlistError) {
        // A partial tile that is already published is kept as it is: writing it again could harm it.
        let old = published?.size ?? 0
        for (tile, hashes) in tree.partialTiles
        where Tile(tile.content, index: tile.index, treeSize: old) != tile {
            try writeTile(tile, hashes)
        }
        if !openRanges.isEmpty, tree.size != old,
            let tile = Tile(.entries, index: tree.size / UInt64(Tile.fullWidth), width: openRanges.count)
        {
            try folder.write(openBundle, to: tile.path)
        }
        try folder.flush()
    }

    /// Puts a checkpoint over the present tree in place, after `flush`, and removes what only the one
    /// before it needed. `state` is the tree's last entry.
    package mutating func commit(
        _ checkpoint: Checkpoint, _ state: AllowlistEntry.State, note: [UInt8], text: [UInt8], cms: [UInt8],
        rotation: CheckpointStaging.Rotation? = nil
    ) throws(AllowlistError) {
        try CheckpointStaging.publish(
            note: note, text: text, cms: cms, rotation: rotation, folder: &folder, reached: reached)
        let old = published?.size ?? 0
        published = checkpoint
        self.state = state
        for position in collectors.indices { try collectors[position].reset(folder: folder) }
        try removeDeadSegments()
        try removePartialTiles(of: old)
    }

    private mutating func writeTile(_ tile: Tile, _ hashes: [Digest32]) throws(AllowlistError) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(hashes.count * Digest32.byteCount)
        for hash in hashes { bytes.append(hash) }
        try folder.write(bytes, to: tile.path)
    }

    private func removeDeadSegments() throws(AllowlistError) {
        let live = Set(state.segments.map(\.path))
        for name in folder.names(in: "index") where !live.contains("index/\(name)") {
            try folder.remove("index/\(name)")
        }
    }

    /// Removes partial tiles of an older size that the present tree does not consist of.
    private mutating func removePartialTiles(of old: UInt64) throws(AllowlistError) {
        var contents: [Tile.Content] = [.entries]
        contents += (0..<8).map { .hashes(level: $0) }
        for content in contents {
            let level: UInt64 = if case .hashes(let level) = content { UInt64(level) } else { 0 }
            let index = (old >> (8 * level)) / UInt64(Tile.fullWidth)
            guard let tile = Tile(content, index: index, treeSize: old), !tile.isFull,
                Tile(content, index: index, treeSize: tree.size) != tile
            else { continue }
            try folder.remove(tile.path)
            if Tile(content, index: index, treeSize: tree.size)?.isFull ?? false {
                try folder.removeFolder(DurableFolder.parent(of: tile.path))
            }
        }
    }
}

/// Keeps a second grower out of a folder while it lives.
private final class FolderLock {
    private let descriptor: Int32

    init(_ folder: DurableFolder, _ path: String) throws(AllowlistError) {
        descriptor = try folder.create(path)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw AllowlistError(
                .publication, "another writer has this bundle open",
                hint: "wait until the other run has ended, then try again")
        }
    }

    deinit {
        close(descriptor)
    }
}
