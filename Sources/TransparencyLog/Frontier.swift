/// The compact right edge of a growing tree: the roots of its perfect subtrees, largest first.
///
/// Appending takes one node hash on average and the memory is at most 64 hashes.
public struct Frontier: Hashable, Sendable {
    /// Leaves so far.
    public private(set) var size: UInt64
    private var peaks: [Digest32]

    public init() {
        size = 0
        peaks = []
    }

    /// A frontier restored from its parts, or nil where the number of peaks does not fit the size.
    public init?(size: UInt64, peaks: [Digest32]) {
        guard peaks.count == size.nonzeroBitCount else { return nil }
        self.size = size
        self.peaks = peaks
    }

    public mutating func append(_ leaf: Digest32) {
        var hash = leaf
        var merges = (~size).trailingZeroBitCount
        while merges > 0, let left = peaks.popLast() {
            hash = MerkleTree.nodeHash(left, hash)
            merges -= 1
        }
        peaks.append(hash)
        size += 1
    }

    /// The RFC 6962 root over all leaves so far.
    public var root: Digest32 {
        guard var hash = peaks.last else { return MerkleTree.emptyRoot }
        for left in peaks.dropLast().reversed() {
            hash = MerkleTree.nodeHash(left, hash)
        }
        return hash
    }
}
