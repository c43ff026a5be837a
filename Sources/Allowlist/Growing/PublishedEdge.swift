import TransparencyLog

/// The right edge of a published bundle, checked against its root: all that is needed to grow it.
package struct PublishedEdge {
    package let tree: GrowingTree
    package let state: AllowlistEntry.State
    /// The bytes of the partial entry bundle; empty where the last one is full.
    package let openBundle: [UInt8]
    package let openRanges: [Range<Int>]

    package init(_ checkpoint: Checkpoint, in folder: any BundleSource) throws(AllowlistError) {
        var files = EntryFiles(in: folder, treeSize: checkpoint.size)
        tree = try GrowingTree(size: checkpoint.size, source: files)
        guard tree.root == checkpoint.root else {
            throw AllowlistError(
                .rootMismatch, file: SignedHead.notePath,
                "the tiles along the right edge do not lead to the published root",
                hint: "verify the bundle to find the damaged file and restore it from a copy")
        }
        state = try files.provenState(root: checkpoint.root)
        for segment in state.segments {
            _ = try RecordStream(folder, segment.path, recordCount: segment.recordCount)
        }
        let last = checkpoint.size / UInt64(Tile.fullWidth)
        guard let tile = Tile(.entries, index: last, treeSize: checkpoint.size),
            let (_, hashes) = tree.partialTiles.first(where: { $0.tile.content == .hashes(level: 0) })
        else {
            openBundle = []
            openRanges = []
            return
        }
        openBundle = try folder.bytes(of: tile.path, maximum: EntryFiles.maximumBundle)
        do throws(TransparencyLogError) {
            openRanges = try EntryFraming.entries(in: openBundle, count: tile.width)
        } catch {
            throw AllowlistError(.entriesMalformed, file: tile.path, error.message)
        }
        for (position, range) in openRanges.enumerated() {
            guard MerkleTree.leafHash(Array(openBundle[range])) == hashes[position] else {
                throw AllowlistError(
                    .entryMismatch, file: tile.path,
                    index: checkpoint.size - UInt64(tile.width - position),
                    "the entry is not what the published tree holds",
                    hint: "restore the file from a copy of the bundle")
            }
        }
    }
}
