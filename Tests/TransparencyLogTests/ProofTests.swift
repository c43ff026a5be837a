import Testing
import TransparencyLog

@Suite("Merkle proofs from tiles")
struct ProofTests {
    static let sizes = Array(1...70) + [255, 256, 257, 511, 513, 600]

    @Test("Every leaf of every size is proven from tiles", arguments: sizes)
    func inclusion(size: Int) throws {
        let tiles = MemoryTiles(size: size)
        var tree = TiledTree(size: UInt64(size), source: tiles)
        for index in stride(from: 0, to: size, by: size > 70 ? 13 : 1) {
            let proof = tree.inclusionProof(index: UInt64(index))
            try check(index, size, tiles.root, proof)
            #expect(throws: TransparencyLogError.self) {
                try check(index, size, tiles.root, proof + [MerkleTree.emptyRoot])
            }
            if !proof.isEmpty {
                #expect(throws: TransparencyLogError.self) {
                    try check(index, size, tiles.root, Array(proof.dropLast()))
                }
                #expect(throws: TransparencyLogError.self) {
                    try check((index + 1) % size, size, tiles.root, proof)
                }
            }
        }
    }

    @Test("Every older size is proven consistent from tiles", arguments: sizes)
    func consistency(size: Int) throws {
        let tiles = MemoryTiles(size: size)
        var tree = TiledTree(size: UInt64(size), source: tiles)
        #expect(tree.frontier().root == tiles.root)
        for older in stride(from: 0, through: size, by: size > 70 ? 31 : 1) {
            let root = MemoryTiles(size: older).root
            let proof = tree.consistencyProof(from: UInt64(older))
            try Proofs.checkConsistency(
                olderSize: UInt64(older), olderRoot: root, newerSize: UInt64(size), newerRoot: tiles.root,
                proof: proof)
            #expect(throws: TransparencyLogError.self) {
                try Proofs.checkConsistency(
                    olderSize: UInt64(older), olderRoot: MemoryTiles.leaf(99_999), newerSize: UInt64(size),
                    newerRoot: tiles.root, proof: proof)
            }
            #expect(throws: TransparencyLogError.self) {
                try Proofs.checkConsistency(
                    olderSize: UInt64(older), olderRoot: root, newerSize: UInt64(size),
                    newerRoot: tiles.root, proof: proof + [root])
            }
        }
    }

    @Test("A proof that is too short for the tree's size is refused even where it leads to the root")
    func shortProof() {
        let left = MemoryTiles.leaf(0)
        let right = MemoryTiles.leaf(1)
        let root = MerkleTree.nodeHash(left, right)
        let error = #expect(throws: TransparencyLogError.self) {
            try Proofs.checkInclusion(leaf: root, index: 0, treeSize: 2, root: root, proof: [])
        }
        #expect(error?.message == "the inclusion proof is too short")
        #expect(throws: TransparencyLogError.self) {
            try Proofs.checkInclusion(leaf: left, index: 0, treeSize: 3, root: root, proof: [right])
        }
        #expect(throws: TransparencyLogError.self) {
            try Proofs.checkInclusion(leaf: left, index: 2, treeSize: 2, root: root, proof: [right])
        }
        #expect(throws: TransparencyLogError.self) {
            try Proofs.checkConsistency(
                olderSize: 2, olderRoot: root, newerSize: 5, newerRoot: root, proof: [])
        }
    }

    @Test("A smaller tree does not extend a larger one")
    func shrunk() {
        let root = MerkleTree.emptyRoot
        #expect(throws: TransparencyLogError.self) {
            try Proofs.checkConsistency(
                olderSize: 5, olderRoot: root, newerSize: 4, newerRoot: root, proof: [])
        }
    }

    private func check(_ index: Int, _ size: Int, _ root: Digest32, _ proof: [Digest32]) throws {
        try Proofs.checkInclusion(
            leaf: MemoryTiles.leaf(index), index: UInt64(index), treeSize: UInt64(size), root: root,
            proof: proof)
    }
}
