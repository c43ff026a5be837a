/// Inclusion proofs for many entries of one tree, in the order of their indexes.
///
/// Neighbours share nearly all of their paths: what one proof computed serves the next ones, so that a proof
/// costs about ten hashes instead of some hundred. Entries out of order are proven as well, only slower.
public struct InclusionProver<Source: TileSource> {
    private let source: Source
    private var tree: TiledTree<Source>
    private var roots: [Range<UInt64>: Digest32] = [:]
    private var proofsSinceClearing = 0

    /// Proofs after which everything is forgotten, so that memory is some megabytes whatever the tree's size.
    private static var proofsBetweenClearings: Int { 1 << 14 }

    public init(size: UInt64, source: Source) {
        self.source = source
        tree = TiledTree(size: size, source: source)
    }

    /// The audit path of RFC 6962 §2.1.1, nearest sibling first; empty where `index` is not in the tree.
    public mutating func proof(index: UInt64) throws(Source.Failure) -> [Digest32] {
        guard index < tree.size else { return [] }
        proofsSinceClearing += 1
        if proofsSinceClearing > Self.proofsBetweenClearings {
            tree = TiledTree(size: tree.size, source: source)
            roots.removeAll(keepingCapacity: true)
            proofsSinceClearing = 0
        }
        var proof: [Digest32] = []
        var (start, end) = (UInt64(0), tree.size)
        while end - start > 1 {
            let split = start + largestPowerOfTwo(below: end - start)
            if index < split {
                proof.append(try root(split..<end))
                end = split
            } else {
                proof.append(try root(start..<split))
                start = split
            }
        }
        return proof.reversed()
    }

    private mutating func root(_ range: Range<UInt64>) throws(Source.Failure) -> Digest32 {
        if let known = roots[range] { return known }
        let root = try tree.root(from: range.lowerBound, to: range.upperBound)
        roots[range] = root
        return root
    }
}

extension InclusionProver: Sendable where Source: Sendable {}
