import TransparencyLog

/// Reads every tile and entry once and rebuilds the tree from the entries.
///
/// Where an entry and its leaf hash disagree, the scan goes on with hashes only to learn which of the two
/// leads to the signed root; the other one is at fault.
struct TreeScan {
    let folder: any BundleSource
    let checkpoint: Checkpoint
    private var tree = GrowingTree()
    private var firstWrongTile: AllowlistError?

    init(folder: any BundleSource, checkpoint: Checkpoint) {
        self.folder = folder
        self.checkpoint = checkpoint
    }

    /// Hands each entry to `visit` after its hash was found in the level-0 tile, and checks the root and
    /// all tiles above at the end.
    mutating func run(
        visit: (_ index: UInt64, _ bundle: [UInt8], _ range: Range<Int>) throws(AllowlistError) -> Void
    ) throws(AllowlistError) {
        var number: UInt64 = 0
        while let tile = Tile(.hashes(level: 0), index: number, treeSize: checkpoint.size),
            let entries = Tile(.entries, index: number, width: tile.width)
        {
            let hashes = try TreeScan.readHashes(tile, in: folder)
            let bundle = try folder.bytes(of: entries.path, maximum: EntryFiles.maximumBundle)
            let ranges = try check(bundle, entries, against: hashes, tile)
            for (position, range) in ranges.enumerated() {
                let index = number * UInt64(Tile.fullWidth) + UInt64(position)
                do throws(AllowlistError) {
                    try visit(index, bundle, range)
                } catch {
                    throw error.at(file: entries.path, index: index)
                }
            }
            number += 1
        }
        guard tree.root == checkpoint.root else {
            throw AllowlistError(
                .rootMismatch, file: SignedHead.notePath,
                "entries and tiles agree with each other, but not with the signed root",
                hint: "the list was rewritten after it was signed; do not use it")
        }
        if let firstWrongTile { throw firstWrongTile }
        for (tile, hashes) in tree.partialTiles where tile.content != .hashes(level: 0) {
            try TreeScan.compare(tile, hashes, in: folder)
        }
    }

    private static func readHashes(
        _ tile: Tile, in folder: any BundleSource
    ) throws(AllowlistError) -> [Digest32] {
        let bytes = try folder.bytes(of: tile.path, count: tile.width * Digest32.byteCount)
        return tile.hashes(in: bytes) ?? []
    }

    /// Compares a bundle's entries with their leaf hashes and takes them into the tree.
    private mutating func check(
        _ bundle: [UInt8], _ entries: Tile, against hashes: [Digest32], _ tile: Tile
    ) throws(AllowlistError) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(tile.width)
        var offset = 0
        for expected in hashes {
            guard let range = EntryFraming.entry(in: bundle, at: offset) else {
                throw framing(entries, index: tree.size, offset: offset)
            }
            let leaf = bundle.withUnsafeBufferPointer {
                MerkleTree.leafHash(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0)[range]))
            }
            guard leaf == expected else { throw try attribute(from: tile) }
            try grow(leaf)
            ranges.append(range)
            offset = range.upperBound
        }
        guard offset == bundle.count else {
            throw framing(entries, index: tree.size - 1, offset: offset)
        }
        return ranges
    }

    private func framing(_ tile: Tile, index: UInt64, offset: Int) -> AllowlistError {
        AllowlistError(
            .entriesMalformed, file: tile.path, index: index, offset: offset,
            "the lengths of the entries do not add up to the file", hint: BundleFolder.incompleteHint)
    }

    private mutating func grow(_ leaf: Digest32) throws(AllowlistError) {
        var wrong: AllowlistError?
        let folder = folder
        let isFirst = firstWrongTile == nil
        try tree.append(leaf) { (tile, hashes) throws(AllowlistError) in
            // Level 0 was compared leaf by leaf.
            guard isFirst, wrong == nil, tile.content != .hashes(level: 0) else { return }
            do throws(AllowlistError) {
                try TreeScan.compare(tile, hashes, in: folder)
            } catch {
                // Only worth reporting if the entries turn out to be the signed ones.
                guard error.code == .tileMismatch else { throw error }
                wrong = error
            }
        }
        if let wrong { firstWrongTile = wrong }
    }

    private static func compare(
        _ tile: Tile, _ hashes: [Digest32], in folder: any BundleSource
    ) throws(AllowlistError) {
        let stored = try readHashes(tile, in: folder)
        guard let position = zip(stored, hashes).enumerated().first(where: { $1.0 != $1.1 })?.offset else {
            return
        }
        throw mismatch(tile, position)
    }

    private static func mismatch(_ tile: Tile, _ position: Int) -> AllowlistError {
        let level: UInt64 = if case .hashes(let level) = tile.content { UInt64(level) } else { 0 }
        let hash = tile.index * UInt64(Tile.fullWidth) + UInt64(position)
        return AllowlistError(
            .tileMismatch, file: tile.path, index: hash << (8 * level),
            offset: position * Digest32.byteCount, "a hash of the tile is not what the entries give",
            hint: BundleFolder.incompleteHint)
    }

    /// Finds out whether the entry or the leaf hash at the tree's present size is the wrong one.
    private mutating func attribute(from tile: Tile) throws(AllowlistError) -> AllowlistError {
        let suspect = tree.size
        var byTiles = tree
        var byEntries: GrowingTree? = tree
        var number = suspect / UInt64(Tile.fullWidth)
        var skip = Int(suspect % UInt64(Tile.fullWidth))
        while let next = Tile(.hashes(level: 0), index: number, treeSize: checkpoint.size),
            let entries = Tile(.entries, index: number, width: next.width)
        {
            for hash in try TreeScan.readHashes(next, in: folder).dropFirst(skip) {
                byTiles.append(hash) { _, _ in }
            }
            if byEntries != nil,
                let bundle = try? folder.bytes(of: entries.path, maximum: EntryFiles.maximumBundle),
                let ranges = try? EntryFraming.entries(in: bundle, count: next.width)
            {
                for range in ranges.dropFirst(skip) {
                    byEntries?.append(MerkleTree.leafHash(Array(bundle[range]))) { _, _ in }
                }
            } else {
                byEntries = nil
            }
            skip = 0
            number += 1
        }
        let entries = Tile(.entries, index: tile.index, width: tile.width)?.path
        if byTiles.root == checkpoint.root {
            return AllowlistError(
                .entryMismatch, file: entries, index: suspect, "the entry is not what the signed tree holds",
                hint: BundleFolder.incompleteHint)
        }
        if byEntries?.root == checkpoint.root {
            return TreeScan.mismatch(tile, Int(suspect % UInt64(Tile.fullWidth)))
        }
        return AllowlistError(
            .rootMismatch, file: entries, index: suspect,
            "entries and tiles disagree from here on, and neither leads to the signed root",
            hint: BundleFolder.incompleteHint)
    }
}
