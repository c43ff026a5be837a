/// Where the tiles of a tree come from.
public protocol TileSource {
    associatedtype Failure: Error

    /// Exactly `tile.width` hashes.
    func hashes(of tile: Tile) throws(Failure) -> [Digest32]
}

/// Hashes of subtrees and proofs, computed from the tiles of a tree of a given size.
///
/// Tiles are not checked here: a proof made from wrong tiles is a proof that does not verify.
public struct TiledTree<Source: TileSource> {
    public let size: UInt64
    private let source: Source
    private var tiles: [Tile: [Digest32]] = [:]

    public init(size: UInt64, source: Source) {
        self.size = size
        self.source = source
    }

    /// The root over the leaves from `start` to `end` (not included).
    ///
    /// `start` must be a multiple of the smallest power of two that is not less than the count,
    /// which holds for every range that RFC 6962 §2.1 splits off.
    public mutating func root(from start: UInt64, to end: UInt64) throws(Source.Failure) -> Digest32 {
        guard end > start else { return MerkleTree.emptyRoot }
        let count = end - start
        if count & (count - 1) == 0 {
            let height = count.trailingZeroBitCount
            return try perfect(height: height, index: start >> UInt64(height))
        }
        let split = start + largestPowerOfTwo(below: count)
        return MerkleTree.nodeHash(try root(from: start, to: split), try root(from: split, to: end))
    }

    /// The audit path of RFC 6962 §2.1.1, nearest sibling first; empty where `index` is not in the tree.
    public mutating func inclusionProof(index: UInt64) throws(Source.Failure) -> [Digest32] {
        guard index < size else { return [] }
        var proof: [Digest32] = []
        var (start, end) = (UInt64(0), size)
        while end - start > 1 {
            let split = start + largestPowerOfTwo(below: end - start)
            if index < split {
                proof.append(try root(from: split, to: end))
                end = split
            } else {
                proof.append(try root(from: start, to: split))
                start = split
            }
        }
        return proof.reversed()
    }

    /// The consistency proof of RFC 6962 §2.1.2 from an older size to this tree; empty where there is
    /// nothing to prove (older size 0, equal or greater).
    public mutating func consistencyProof(from older: UInt64) throws(Source.Failure) -> [Digest32] {
        guard older > 0, older < size else { return [] }
        var proof: [Digest32] = []
        var (start, end) = (UInt64(0), size)
        var isWholeOlderTree = true
        while end > older {
            let split = start + largestPowerOfTwo(below: end - start)
            if older <= split {
                proof.append(try root(from: split, to: end))
                end = split
            } else {
                proof.append(try root(from: start, to: split))
                start = split
                isWholeOlderTree = false
            }
        }
        if !isWholeOlderTree { proof.append(try root(from: start, to: end)) }
        return proof.reversed()
    }

    /// The right edge of the tree, from which it can be grown.
    public mutating func frontier() throws(Source.Failure) -> Frontier {
        var peaks: [Digest32] = []
        var start: UInt64 = 0
        while start < size {
            let left = size - start
            let count = UInt64(1) << UInt64(63 - left.leadingZeroBitCount)
            peaks.append(try root(from: start, to: start + count))
            start += count
        }
        return Frontier(size: size, peaks: peaks) ?? Frontier()
    }

    private mutating func perfect(height: Int, index: UInt64) throws(Source.Failure) -> Digest32 {
        let level = height / 8
        let within = height % 8
        let first = index << UInt64(within)
        let full = UInt64(Tile.fullWidth)
        guard let tile = Tile(.hashes(level: level), index: first / full, treeSize: size) else {
            return Digest32()
        }
        if tiles[tile] == nil { tiles[tile] = try source.hashes(of: tile) }
        let hashes = tiles[tile] ?? []
        let offset = Int(first % full)
        guard hashes.count >= offset + 1 << within else { return Digest32() }
        return MerkleTree.root(of: hashes[offset..<offset + 1 << within])
    }
}

extension TiledTree: Sendable where Source: Sendable {}

/// The largest power of two that is less than `count`, which must be at least 2.
func largestPowerOfTwo(below count: UInt64) -> UInt64 {
    count < 2 ? 0 : UInt64(1) << UInt64(63 - (count - 1).leadingZeroBitCount)
}
