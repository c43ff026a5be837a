import Synchronization
import TransparencyLog

/// Reads every tile and entry once, on all cores, and rebuilds the tree from the entries.
///
/// It only tells whether there is a fault; where one is, `TreeScan` finds out which is the first.
struct TreePass {
    /// What stands in the log, in its order.
    enum Item: Sendable {
        /// So many `add` entries of one run, product and issuer, of which one is given.
        case adds(like: AllowlistEntry.Add, count: UInt64)
        /// An entry of another kind, and its index.
        case entry(AllowlistEntry, at: UInt64)
    }

    let bundle: any BundleSource
    let checkpoint: Checkpoint
    let passes: ParallelPasses
    /// What the threads have gathered besides the items.
    private(set) var readers: [StretchReader]

    /// Tiles that a thread takes at once.
    static let tilesPerStretch = 8
    /// Entries at most for which room is made beforehand; it takes memory only as it fills.
    private static let mostExpected: UInt64 = 1 << 24
    /// Stretches before the items are handed on, so that memory does not grow with the log.
    private static let stretchesPerRound = 256

    init(
        bundle: any BundleSource, checkpoint: Checkpoint, passes: ParallelPasses,
        index: IndexFacts, certificates: CertificateUniqueness.Secret
    ) {
        self.bundle = bundle
        self.checkpoint = checkpoint
        self.passes = passes
        // The size is signed, and may still be nonsense.
        let expected = Int(min(checkpoint.size, Self.mostExpected)) / passes.workers
        readers = (0..<passes.workers).map { _ in
            StretchReader(
                bundle: bundle, treeSize: checkpoint.size, index: index,
                certificates: CertificateUniqueness(certificates, expected: expected))
        }
    }

    /// Hands what stands in the log to `visit`, in its order, and answers whether tiles, entries and root are those of
    /// the checkpoint; an error of `visit` ends the pass.
    mutating func run(
        visit: (Item) throws(AllowlistError) -> Void
    ) throws(AllowlistError) -> Bool {
        let perStretch = UInt64(Self.tilesPerStretch * Tile.fullWidth)
        let stretches = Int(checkpoint.size / perStretch) + (checkpoint.size % perStretch > 0 ? 1 : 0)
        // A full tile's root is a hash of the level above, so these are the leaves of a tree one level up.
        var upper = GrowingTree()
        var partial: Digest32?
        for first in stride(from: 0, to: stretches, by: Self.stretchesPerRound) {
            guard let round = read(first..<min(stretches, first + Self.stretchesPerRound)) else {
                return false
            }
            for stretch in round {
                for (width, root) in stretch.roots {
                    guard width == Tile.fullWidth else {
                        partial = root
                        continue
                    }
                    guard try add(root, to: &upper) else { return false }
                }
                for item in stretch.items { try visit(item) }
            }
        }
        return root(of: upper, partial) == checkpoint.root && areRight(upper.partialTiles)
    }

    /// The stretches of a round in their order, or nil where one has a fault.
    private mutating func read(_ numbers: Range<Int>) -> [StretchReader.Stretch]? {
        let pool = Mutex(readers)
        let gathered = passes.run(
            pieces: numbers.count,
            from: Gathered(reader: pool.withLock { $0.removeLast() }, stretches: [])
        ) { piece, gathered in
            let stretch = gathered.reader.read(numbers.lowerBound + piece)
            gathered.stretches.append((piece, stretch))
            return stretch != nil
        }
        readers = pool.withLock { $0 } + gathered.map(\.reader)
        var stretches = [StretchReader.Stretch?](repeating: nil, count: numbers.count)
        for (piece, stretch) in gathered.flatMap(\.stretches) { stretches[piece] = stretch }
        let complete = stretches.compactMap { $0 }
        return complete.count == numbers.count ? complete : nil
    }

    private struct Gathered: Sendable {
        var reader: StretchReader
        var stretches: [(piece: Int, stretch: StretchReader.Stretch?)]
    }

    /// Takes the root of a full tile and compares the tiles that it completes.
    private func add(_ root: Digest32, to upper: inout GrowingTree) throws(AllowlistError) -> Bool {
        var isRight = true
        upper.append(root) { tile, hashes in isRight = isRight && self.isRight(tile, hashes) }
        return isRight
    }

    private func areRight(_ tiles: [(tile: Tile, hashes: [Digest32])]) -> Bool {
        tiles.allSatisfy { isRight($0.tile, $0.hashes) }
    }

    /// Whether the bundle has these hashes in the tile a level above.
    private func isRight(_ tile: Tile, _ hashes: [Digest32]) -> Bool {
        guard case .hashes(let level) = tile.content,
            let above = Tile(.hashes(level: level + 1), index: tile.index, width: tile.width),
            let bytes = try? bundle.bytes(of: above.path, count: above.width * Digest32.byteCount)
        else { return false }
        return above.hashes(in: bytes) == hashes
    }

    /// The root over full tiles and the partial one to their right, whose hash is that of fewer leaves than any's.
    private func root(of upper: GrowingTree, _ partial: Digest32?) -> Digest32 {
        guard var right = partial else { return upper.root }
        for (_, hashes) in upper.partialTiles { right = MerkleTree.root(of: hashes + [right]) }
        return right
    }
}
