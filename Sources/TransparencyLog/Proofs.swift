/// Checks of Merkle proofs against roots, by the algorithms of RFC 9162 §2.1.3.2 and §2.1.4.2.
public enum Proofs {
    /// Throws `proof` unless `leaf` is at `index` of the tree with this size and root.
    public static func checkInclusion(
        leaf: Digest32, index: UInt64, treeSize: UInt64, root: Digest32, proof: [Digest32]
    ) throws(TransparencyLogError) {
        guard index < treeSize else {
            throw TransparencyLogError(.proof, "index \(index) is outside a tree of \(treeSize)")
        }
        var node = index
        var last = treeSize - 1
        var hash = leaf
        for sibling in proof {
            guard last != 0 else { throw TransparencyLogError(.proof, "the inclusion proof is too long") }
            if node & 1 == 1 || node == last {
                hash = MerkleTree.nodeHash(sibling, hash)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                hash = MerkleTree.nodeHash(hash, sibling)
            }
            node >>= 1
            last >>= 1
        }
        guard last == 0 else { throw TransparencyLogError(.proof, "the inclusion proof is too short") }
        guard hash == root else {
            throw TransparencyLogError(.proof, "the inclusion proof leads to another root")
        }
    }

    /// Throws `proof` unless the tree of the newer size and root is the older one with leaves appended.
    public static func checkConsistency(
        olderSize: UInt64, olderRoot: Digest32, newerSize: UInt64, newerRoot: Digest32, proof: [Digest32]
    ) throws(TransparencyLogError) {
        guard olderSize <= newerSize else {
            throw TransparencyLogError(.proof, "a tree of \(newerSize) does not extend one of \(olderSize)")
        }
        if olderSize == newerSize || olderSize == 0 {
            guard proof.isEmpty else {
                throw TransparencyLogError(.proof, "the consistency proof is too long")
            }
            let isSame =
                olderSize == 0 ? olderRoot == MerkleTree.emptyRoot : olderRoot == newerRoot
            guard isSame else { throw TransparencyLogError(.proof, "the roots differ at the same size") }
            return
        }
        var path = proof[...]
        if olderSize & (olderSize - 1) == 0 { path = [olderRoot] + path }
        guard let first = path.popFirst() else {
            throw TransparencyLogError(.proof, "the consistency proof is too short")
        }
        var node = olderSize - 1
        var last = newerSize - 1
        while node & 1 == 1 {
            node >>= 1
            last >>= 1
        }
        var older = first
        var newer = first
        for hash in path {
            guard last != 0 else { throw TransparencyLogError(.proof, "the consistency proof is too long") }
            if node & 1 == 1 || node == last {
                older = MerkleTree.nodeHash(hash, older)
                newer = MerkleTree.nodeHash(hash, newer)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                newer = MerkleTree.nodeHash(newer, hash)
            }
            node >>= 1
            last >>= 1
        }
        guard last == 0 else { throw TransparencyLogError(.proof, "the consistency proof is too short") }
        guard older == olderRoot, newer == newerRoot else {
            throw TransparencyLogError(.proof, "the consistency proof leads to other roots")
        }
    }
}
