/// A tree that grows leaf by leaf and gives off its tiles as they fill.
///
/// Memory is at most 255 hashes a level. A leaf takes one node hash on average.
public struct GrowingTree: Sendable {
    /// Leaves so far.
    public private(set) var size: UInt64
    /// The hashes of each level's partial tile, level 0 first.
    private var edge: [[Digest32]]

    public init() {
        size = 0
        edge = []
    }

    /// The tree whose right edge lies in the partial tiles of `source`; check its `root` before use.
    public init<Source: TileSource>(size: UInt64, source: Source) throws(Source.Failure) {
        self.size = size
        edge = []
        var level = 0
        while level < 8, size >> UInt64(8 * level) > 0 {
            let count = size >> UInt64(8 * level)
            var hashes: [Digest32] = []
            hashes.reserveCapacity(Tile.fullWidth)
            let last = Tile(
                .hashes(level: level), index: count / UInt64(Tile.fullWidth), treeSize: size)
            if let last { hashes += try source.hashes(of: last) }
            edge.append(hashes)
            level += 1
        }
    }

    /// Adds a leaf and hands each tile that it fills to `filled`, lowest level first.
    public mutating func append<Failure: Error>(
        _ leaf: Digest32, filled: (Tile, [Digest32]) throws(Failure) -> Void
    ) throws(Failure) {
        size += 1
        var hash = leaf
        var level = 0
        while true {
            if level == edge.count {
                edge.append([])
                edge[level].reserveCapacity(Tile.fullWidth)
            }
            edge[level].append(hash)
            guard edge[level].count == Tile.fullWidth else { return }
            let index = (size >> UInt64(8 * (level + 1))) - 1
            if let tile = Tile(.hashes(level: level), index: index) {
                try filled(tile, edge[level])
            }
            hash = MerkleTree.root(of: edge[level])
            edge[level].removeAll(keepingCapacity: true)
            level += 1
        }
    }

    /// The partial tiles of the present size, lowest level first.
    public var partialTiles: [(tile: Tile, hashes: [Digest32])] {
        edge.enumerated().compactMap { level, hashes in
            let index = size >> UInt64(8 * level) / UInt64(Tile.fullWidth)
            guard let tile = Tile(.hashes(level: level), index: index, width: hashes.count) else {
                return nil
            }
            return (tile, hashes)
        }
    }

    /// The RFC 6962 root.
    ///
    /// Hashes of one level and the root of everything to their right, as one more leaf, split exactly as
    /// RFC 6962 §2.1 splits the whole, because what is to the right has fewer leaves than any of them.
    public var root: Digest32 {
        var right: Digest32?
        for hashes in edge {
            let leaves = right.map { hashes + [$0] } ?? hashes
            if !leaves.isEmpty { right = MerkleTree.root(of: leaves) }
        }
        return right ?? MerkleTree.emptyRoot
    }
}
