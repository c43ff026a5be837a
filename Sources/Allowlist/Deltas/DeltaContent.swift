import TransparencyLog

/// A delta's files after they were checked against a receiver's bundle, without changing anything.
///
/// Afterwards it is true that the entries of the delta, behind those of the receiver, lead to the root that the
/// pinned key signed; that each is well formed and cites an `add` before it; that the last one is a `state` over all
/// others; that every new authorisation is there; and that the archive holds nothing else.
struct DeltaContent {
    let archive: TarArchive
    let head: SignedHead
    /// The last entry of the new tree.
    let state: AllowlistEntry.State
    /// The files to put beside the log.
    let besideTheLog: [String]
    private let entryBundles: Range<UInt64>

    /// `before` is the checkpoint of the receiver's bundle `kept`, of fewer entries than the delta leads to, or nil
    /// where the receiver has nothing yet.
    init(
        _ archive: TarArchive, _ head: SignedHead, before: Checkpoint?, kept: any BundleSource
    ) throws(AllowlistError) {
        self.archive = archive
        self.head = head
        entryBundles = try DeltaContent.entryBundles(in: archive, size: head.checkpoint.size)
        let size = before?.size ?? 0
        guard entryBundles.lowerBound <= size / UInt64(Tile.fullWidth) else {
            throw AllowlistError(
                .deltaBase,
                "the delta begins at entry \(entryBundles.lowerBound * 256), this bundle ends at \(size)",
                hint: "ask for a delta from \(size) on, or take the whole bundle")
        }
        let overlay = OverlaidBundle(top: archive, below: kept)
        var check = EntryCheck(
            older: size, files: EntryFiles(in: overlay, treeSize: head.checkpoint.size))
        var walk = try EntryWalk(
            first: entryBundles.lowerBound, older: size, to: head.checkpoint.size, in: archive,
            edge: PrefixTiles(files: EntryFiles(in: kept, treeSize: size)))
        try walk.run { (index, bytes, range, _) throws(AllowlistError) in
            try check.visit(bytes, range, at: index)
        }
        guard walk.tree.root == head.checkpoint.root else {
            throw AllowlistError(
                .rootMismatch, file: SignedHead.notePath,
                "this bundle with the delta's entries does not lead to the signed root",
                hint: "the delta was altered, or is of another history of the log than this bundle; "
                    + "take the whole bundle and compare it with --since")
        }
        guard walk.olderRoot == before?.root ?? MerkleTree.emptyRoot else {
            // Both trees are signed, and they differ below the size that the receiver has.
            throw KeptCheckpoint.forked(size, head.checkpoint)
        }
        guard let state = check.lastState, state.index == head.checkpoint.size - 1 else {
            throw AllowlistError(
                .state, index: head.checkpoint.size - 1, "the last entry is not a `state`",
                hint: "the list was published by something else; ask the publisher")
        }
        self.state = state.state
        besideTheLog = try DeltaContent.besideTheLog(
            in: archive, cited: check.cited, kept: kept, entryBundles: entryBundles.count)
        for digest in check.newRuns.sorted() { try Authorisation.check(digest, in: overlay) }
        try DeltaContent.check(rotations: check.newRotations, in: overlay)
    }

    /// Hands each entry from `older` on to `visit`, with its leaf hash.
    func visitEntries(
        from older: UInt64,
        _ visit: (_ bytes: [UInt8], _ range: Range<Int>) throws(AllowlistError) -> Void
    ) throws(AllowlistError) {
        for number in older / UInt64(Tile.fullWidth)..<entryBundles.upperBound {
            guard let tile = Tile(.entries, index: number, treeSize: head.checkpoint.size) else { return }
            let bytes = try archive.bytes(of: tile.path, maximum: EntryFiles.maximumBundle)
            let ranges: [Range<Int>]
            do throws(TransparencyLogError) {
                ranges = try EntryFraming.entries(in: bytes, count: tile.width)
            } catch {
                throw AllowlistError.changed(tile.path, "the delta was changed while it was read")
            }
            let first = number * UInt64(Tile.fullWidth)
            for range in ranges.dropFirst(older > first ? Int(older - first) : 0) {
                try visit(bytes, range)
            }
        }
    }

    /// The numbers of the entry bundles, which reach to the end of the tree without a gap.
    private static func entryBundles(
        in archive: TarArchive, size: UInt64
    ) throws(AllowlistError) -> Range<UInt64> {
        let end = size / UInt64(Tile.fullWidth) + (size.isMultiple(of: UInt64(Tile.fullWidth)) ? 0 : 1)
        var first = end
        while first > 0, let tile = Tile(.entries, index: first - 1, treeSize: size),
            try DeltaFiles.has(tile.path, in: archive)
        {
            first -= 1
        }
        return first..<end
    }

    /// The files beside the log, after a check that they may be there and that the archive holds nothing else.
    private static func besideTheLog(
        in archive: TarArchive, cited: Set<Digest32>, kept: any BundleSource, entryBundles: Int
    ) throws(AllowlistError) -> [String] {
        var paths = try DeltaFiles.besideTheLog(in: archive)
        for path in paths where !DeltaFiles.replaceable.contains(path) {
            guard try DeltaFiles.has(path, in: kept) else { continue }
            let maximum = DeltaFiles.maximumLength
            guard try archive.bytes(of: path, maximum: maximum) == kept.bytes(of: path, maximum: maximum)
            else {
                throw AllowlistError(
                    .delta, file: path,
                    "the file never changes, and the receiver has it with another content",
                    hint: "the delta was altered; ask for it again")
            }
        }
        for digest in cited.sorted() {
            let path = Authorisation.path(of: digest)
            guard try DeltaFiles.has(path, in: archive) else { continue }
            try Authorisation.check(digest, in: archive)
            paths.append(path)
        }
        let count = DeltaFiles.checkpoint.count + entryBundles + paths.count
        guard archive.memberCount == count else {
            throw AllowlistError(
                .delta,
                "the archive has \(archive.memberCount) members, only \(count) of them belong to a delta",
                hint: "a delta is made with `allowlist diff` and taken as it is")
        }
        return paths
    }

    private static func check(
        rotations: Set<Digest32>, in bundle: any BundleSource
    ) throws(AllowlistError) {
        guard !rotations.isEmpty else { return }
        var present: Set<Digest32> = []
        for path in try DeltaFiles.rotations(in: bundle) {
            present.insert(Digest32.sha256(try bundle.bytes(of: path, maximum: DeltaFiles.maximumLength)))
        }
        for digest in rotations.subtracting(present).sorted() { try Authorisation.check(digest, in: bundle) }
    }
}

/// What can be said of each entry of a delta by itself and by what it cites.
private struct EntryCheck {
    let older: UInt64
    /// The receiver's entries and the delta's.
    var files: EntryFiles
    /// Every authorisation that an entry of the delta cites.
    private(set) var cited: Set<Digest32> = []
    private(set) var newRuns: Set<Digest32> = []
    private(set) var newRotations: Set<Digest32> = []
    private(set) var lastState: (index: UInt64, state: AllowlistEntry.State)?

    init(older: UInt64, files: EntryFiles) {
        self.older = older
        self.files = files
    }

    mutating func visit(
        _ bytes: [UInt8], _ range: Range<Int>, at index: UInt64
    ) throws(AllowlistError) {
        let entry = try AllowlistEntry(decoding: bytes, range: range)
        switch entry {
        case .openRun(let run):
            cited.insert(run.authorisation)
            if index >= older { newRuns.insert(run.authorisation) }
        case .rotateSigner(let rotation):
            cited.insert(rotation.authorisation)
            if index >= older { newRotations.insert(rotation.authorisation) }
        case .state(let state):
            try state.check(covers: index)
            lastState = (index, state)
        case .add, .revoke, .scrap, .replace, .seal:
            break
        }
        for device in entry.citedDevices {
            guard device < index else {
                throw AllowlistError(.entryReference, "the entry cites entry \(device), which comes after it")
            }
            _ = try files.device(at: device)
        }
    }
}
