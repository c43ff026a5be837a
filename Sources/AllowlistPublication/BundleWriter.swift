import Allowlist
import CBOR
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Grows the bundle in one folder and publishes it under signed checkpoints.
///
/// What is appended is no part of the list until `publish` returns; whoever stops before leaves the
/// published bundle as it was. Entries appended again in the same order after that give the same bytes.
/// One writer at a time: the folder is locked while a writer is open. After any error, `rollback` or a
/// new writer is needed.
public final class BundleWriter {
    public let origin: String
    /// The checkpoint that is published, or nil for a new log.
    public private(set) var published: Checkpoint?

    /// The log's key, which a published rotation replaces.
    private(set) var pins: Pins
    var folder: DurableFolder
    var tree = GrowingTree()
    var state = AllowlistEntry.State(segments: [])
    var collectors = Segment.Kind.allCases.map { IndexCollector($0) }
    /// Authorisations cited since the last publication.
    var cited: Set<Digest32> = []
    /// Tests stop a publication here.
    var reached: (CheckpointStaging.Step) throws(AllowlistError) -> Void = { (_) throws(AllowlistError) in }
    private var openBundle: [UInt8] = []
    private var openRanges: [Range<Int>] = []
    private var encoder = CBORWriter(reservingCapacity: 1024)
    private var leaf: [UInt8] = []
    private var files: EntryFiles
    private var isUsable = false
    private let lock: Int32

    static let privateFolder = ".publication"

    /// Opens the bundle in `directory`, which is created where it does not exist.
    ///
    /// A publication that was interrupted is finished or dropped first. What is published is checked
    /// against its signature and along the right edge of the tree; the list is not read.
    public init(directory: String, origin: String, logKeySPKI: [UInt8]) throws(AllowlistError) {
        pins = try Pins(origin: origin, logKeySPKI: logKeySPKI, allowRehearsal: true)
        var folder = try DurableFolder(directory)
        lock = try Self.lock(&folder)
        self.origin = origin
        self.folder = folder
        files = EntryFiles(in: BundleFolder(directory), treeSize: .max)
        try rollback()
    }

    /// Finishes or drops a publication that was interrupted, with whatever key it was signed.
    ///
    /// A writer does so when it is opened; this is for whoever has to know first with which key.
    public static func settle(directory: String) throws(AllowlistError) {
        guard access("\(directory)/\(privateFolder)", F_OK) == 0 else { return }
        var folder = try DurableFolder(directory)
        let lock = try lock(&folder)
        defer { close(lock) }
        try CheckpointStaging.recover(folder: &folder)
    }

    /// The descriptor whose closing frees the lock.
    private static func lock(_ folder: inout DurableFolder) throws(AllowlistError) -> Int32 {
        try folder.makeFolder(privateFolder)
        let lock = try folder.create("\(privateFolder)/lock")
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw AllowlistError(
                .publication, "another writer has this bundle open",
                hint: "wait until the other run has ended, then try again")
        }
        return lock
    }

    deinit {
        close(lock)
    }

    /// Entries so far, published or not; the index that the next `append` returns.
    public var size: UInt64 { tree.size }

    /// Forgets everything that was appended since the last publication.
    public func rollback() throws(AllowlistError) {
        isUsable = false
        try CheckpointStaging.recover(folder: &folder)
        try folder.removeFolder(IndexCollector.spillFolder)
        collectors = Segment.Kind.allCases.map { IndexCollector($0) }
        cited = []
        let reading = BundleFolder(folder.root)
        files = EntryFiles(in: reading, treeSize: .max)
        if folder.exists(SignedHead.notePath) {
            let head = try SignedHead(in: reading, pins: pins)
            let edge = try PublishedEdge(head.checkpoint, in: reading)
            published = head.checkpoint
            tree = edge.tree
            state = edge.state
            openBundle = edge.openBundle
            openRanges = edge.openRanges
        } else {
            published = nil
            tree = GrowingTree()
            state = AllowlistEntry.State(segments: [])
            openBundle = []
            openRanges = []
        }
        try removeDeadSegments()
        isUsable = true
    }

    /// Appends an entry and returns its index.
    ///
    /// The fields are held to their bounds and cited entries must exist. That serials are unique and runs
    /// keep to their quantities is the caller's ledger's concern, and every verifier's.
    @discardableResult
    public func append(_ entry: AllowlistEntry) throws(AllowlistError) -> UInt64 {
        try begin()
        switch entry {
        case .state, .rotateSigner:
            isUsable = true
            throw AllowlistError(.state, "`\(entry.kind.name)` entries are made by publishing")
        default: break
        }
        return try appendChecked(entry)
    }

    /// Appends an entry of any kind but `state` in the middle of something.
    func appendChecked(_ entry: AllowlistEntry) throws(AllowlistError) -> UInt64 {
        let devices: [AllowlistEntry.Add]
        do {
            devices = try subjects(of: entry)
            encoder.reset()
            try entry.encode(into: &encoder)
        } catch {
            // Nothing was changed by a refused entry.
            isUsable = true
            throw error
        }
        let index = tree.size
        try addLeaf()
        if case .openRun(let run) = entry { cited.insert(run.authorisation) }
        for position in collectors.indices {
            var previous: Digest32?
            for device in devices {
                let hash = IndexRecord.hash(of: device, kind: collectors[position].kind)
                if hash == previous { continue }
                previous = hash
                try collectors[position].append(IndexRecord(hash: hash, index: index), folder: &folder)
            }
        }
        isUsable = true
        return index
    }

    /// Appends a device's prepared `add` and returns its index.
    ///
    /// The hot path of a run: nothing is allocated, and the entry is hashed where it was written.
    @discardableResult
    public func append(
        _ device: PreparedAdds.Device, _ adds: PreparedAdds
    ) throws(AllowlistError) -> UInt64 {
        try begin()
        // The octet before the entry makes it a leaf (RFC 6962 §2.1).
        leaf.removeAll(keepingCapacity: true)
        leaf.append(0)
        let serialHash: Digest32
        do throws(AllowlistError) {
            serialHash = try adds.append(device, to: &leaf)
        } catch {
            // Nothing was changed by a refused entry.
            isUsable = true
            throw error
        }
        let length = leaf.count - 1
        guard length <= EntryFraming.maximumEntryLength else {
            isUsable = true
            throw AllowlistError(.entryMalformed, "the add entry is longer than 65535 bytes")
        }
        openBundle.append(UInt8(truncatingIfNeeded: length >> 8))
        openBundle.append(UInt8(truncatingIfNeeded: length))
        let start = openBundle.count
        leaf.withUnsafeBufferPointer {
            openBundle.append(contentsOf: UnsafeBufferPointer(rebasing: $0[1...]))
        }
        let index = tree.size
        try grow(by: Digest32.sha256(leaf), at: start)
        for position in collectors.indices {
            let hash =
                switch collectors[position].kind {
                case .key: device.key
                case .serial: serialHash
                }
            try collectors[position].append(IndexRecord(hash: hash, index: index), folder: &folder)
        }
        isUsable = true
        return index
    }

    /// The published or appended entry at `index`.
    public func entry(at index: UInt64) throws(AllowlistError) -> AllowlistEntry {
        let firstOpen = tree.size - UInt64(openRanges.count)
        guard index < firstOpen else {
            guard index < tree.size else {
                throw AllowlistError(.entryReference, index: index, "the log has \(tree.size) entries")
            }
            return try AllowlistEntry(decoding: openBundle, range: openRanges[Int(index - firstOpen)])
        }
        return try files.entry(at: index)
    }

    /// Marks the writer as in the middle of something, so that an error leaves it unusable.
    func begin() throws(AllowlistError) {
        guard isUsable else {
            throw AllowlistError(
                .publication, "the writer stopped at an earlier error",
                hint: "roll back or open the bundle again, then append again from the ledger")
        }
        isUsable = false
    }

    func end() { isUsable = true }

    func appendState(_ state: AllowlistEntry.State) throws(AllowlistError) {
        encoder.reset()
        try AllowlistEntry.state(state).encode(into: &encoder)
        try addLeaf()
    }

    /// Writes the partial tiles and the partial bundle of the present size, without flushing.
    func writePartialTiles() throws(AllowlistError) {
        // A partial tile that is already published is kept as it is: writing it again could harm it.
        let old = published?.size ?? 0
        for (tile, hashes) in tree.partialTiles
        where Tile(tile.content, index: tile.index, treeSize: old) != tile {
            try writeTile(tile, hashes)
        }
        guard !openRanges.isEmpty, tree.size != old,
            let tile = Tile(.entries, index: tree.size / UInt64(Tile.fullWidth), width: openRanges.count)
        else { return }
        try folder.write(openBundle, to: tile.path)
    }

    private func addLeaf() throws(AllowlistError) {
        let start = openBundle.count + 2
        do throws(TransparencyLogError) {
            try EntryFraming.append(encoder.bytes, to: &openBundle)
        } catch {
            throw AllowlistError(.entryMalformed, error.message)
        }
        try grow(by: MerkleTree.leafHash(encoder.bytes), at: start)
    }

    /// Takes the leaf whose entry lies at the end of the open bundle, from `start` on.
    private func grow(by leaf: Digest32, at start: Int) throws(AllowlistError) {
        openRanges.append(start..<openBundle.count)
        try tree.append(leaf) { (tile, hashes) throws(AllowlistError) in
            try writeTile(tile, hashes)
        }
        guard openRanges.count == Tile.fullWidth,
            let tile = Tile(.entries, index: tree.size / UInt64(Tile.fullWidth) - 1)
        else { return }
        try folder.write(openBundle, to: tile.path)
        openBundle.removeAll(keepingCapacity: true)
        openRanges.removeAll(keepingCapacity: true)
    }

    private func writeTile(_ tile: Tile, _ hashes: [Digest32]) throws(AllowlistError) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(hashes.count * Digest32.byteCount)
        for hash in hashes { bytes.append(hash) }
        try folder.write(bytes, to: tile.path)
    }

    /// The devices whose hashes an entry is indexed under, after a check of what it cites.
    private func subjects(of entry: AllowlistEntry) throws(AllowlistError) -> [AllowlistEntry.Add] {
        switch entry {
        case .openRun(let run):
            try check(isRehearsal: run.isRehearsal)
            return []
        case .add(let device):
            return [device]
        case .revoke(let revoke):
            guard case .device(let index) = revoke.subject else { return [] }
            return [try device(at: index)]
        case .scrap(let scrap):
            return [try device(at: scrap.index)]
        case .replace(let replace):
            return [try device(at: replace.priorIndex), try device(at: replace.newIndex)]
        case .seal(let seal):
            try check(isRehearsal: seal.isRehearsal)
            return []
        case .rotateSigner, .state:
            return []
        }
    }

    private func device(at index: UInt64) throws(AllowlistError) -> AllowlistEntry.Add {
        guard case .add(let device) = try entry(at: index) else {
            throw AllowlistError(.entryReference, index: index, "the cited entry is not an `add`")
        }
        return device
    }

    private func check(isRehearsal: Bool) throws(AllowlistError) {
        guard isRehearsal == pins.isRehearsal else {
            throw AllowlistError(
                .rehearsal, "the entry's rehearsal flag does not agree with the origin \(origin)")
        }
    }

    func removeDeadSegments() throws(AllowlistError) {
        let live = Set(state.segments.map(\.path))
        for name in folder.names(in: "index") where !live.contains("index/\(name)") {
            try folder.remove("index/\(name)")
        }
    }

    /// From the publication of a rotation on, the log is signed with this key.
    func setPins(_ pins: Pins) { self.pins = pins }

    func setPublished(_ checkpoint: Checkpoint, _ state: AllowlistEntry.State) throws(AllowlistError) {
        published = checkpoint
        self.state = state
        cited = []
        for position in collectors.indices { try collectors[position].reset(folder: folder) }
    }
}
