import TransparencyLog

extension FuzzTarget {
    /// `Proofs`: of all proofs for a leaf of a tree, or for an older tree, only the right one is accepted,
    /// and only for what it proves.
    static let proof = FuzzTarget(
        "proof", maximumLength: 300,
        seeds: [
            [0, 40, 17, 17, 0], [1, 40, 17, 0], [2] + [UInt8](repeating: 255, count: 60), [0, 1],
            [1, 63, 63],
        ]
    ) { (input) throws(BrokenProperty) in
        var choices = Choices(input)
        switch choices.below(3) {
        case 0: return try inclusion(&choices)
        case 1: return try consistency(&choices)
        default: return try anyNumbers(&choices)
        }
    }

    private static func inclusion(_ choices: inout Choices) throws(BrokenProperty) -> Outcome {
        let size = choices.below(SampleTree.leaves.count) + 1
        let index = choices.below(size)
        let leaf = choices.below(SampleTree.leaves.count)
        let truth = SampleTree.inclusion(of: index, in: size)
        let proof = changed(truth, &choices)
        do throws(TransparencyLogError) {
            try Proofs.checkInclusion(
                leaf: SampleTree.leaves[leaf], index: UInt64(index), treeSize: UInt64(size),
                root: SampleTree.root(0, size), proof: proof)
        } catch {
            try hold(leaf != index || proof != truth, "the right proof is refused: \(error)")
            return .refused(error.message)
        }
        try hold(leaf == index && proof == truth, "a wrong inclusion proof is accepted")
        return .accepted
    }

    private static func consistency(_ choices: inout Choices) throws(BrokenProperty) -> Outcome {
        let newer = choices.below(SampleTree.leaves.count) + 1
        let older = choices.below(newer + 1)
        let isWrongRoot = choices.byte() == 1
        let truth = SampleTree.consistency(from: older, to: newer)
        let proof = changed(truth, &choices)
        do throws(TransparencyLogError) {
            try Proofs.checkConsistency(
                olderSize: UInt64(older), olderRoot: isWrongRoot ? Digest32() : SampleTree.root(0, older),
                newerSize: UInt64(newer), newerRoot: SampleTree.root(0, newer), proof: proof)
        } catch {
            try hold(isWrongRoot || proof != truth, "the right proof is refused: \(error)")
            return .refused(error.message)
        }
        try hold(!isWrongRoot && proof == truth, "a wrong consistency proof is accepted")
        return .accepted
    }

    /// Sizes of any height: nothing may trap or take long, and nothing is proven.
    private static func anyNumbers(_ choices: inout Choices) throws(BrokenProperty) -> Outcome {
        let (small, large) = (choices.unsigned(), choices.unsigned())
        var tree = TiledTree(size: large, source: EmptyTiles())
        try hold(tree.inclusionProof(index: small).count <= 64, "an inclusion proof is longer than the tree")
        try hold(tree.consistencyProof(from: small).count <= 65, "a consistency proof is too long")
        _ = tree.frontier()
        var proof: [Digest32] = []
        while !choices.isAtEnd, proof.count < 70 { proof.append(Digest32.sha256(choices.bytes(3))) }
        let root = Digest32.sha256([7])
        try hold(
            (try? Proofs.checkInclusion(
                leaf: Digest32(), index: small, treeSize: large, root: root, proof: proof)) == nil,
            "a made-up inclusion proof is accepted")
        let isConsistent: Bool
        do throws(TransparencyLogError) {
            try Proofs.checkConsistency(
                olderSize: small, olderRoot: Digest32(), newerSize: large, newerRoot: root, proof: proof)
            isConsistent = true
        } catch {
            isConsistent = false
        }
        try hold(!isConsistent, "a made-up consistency proof is accepted")
        return .refused("made up")
    }

    private static func changed(_ truth: [Digest32], _ choices: inout Choices) -> [Digest32] {
        var proof = truth
        while !choices.isAtEnd {
            switch choices.below(6) {
            case 0 where !proof.isEmpty: proof.remove(at: choices.below(proof.count))
            case 1: proof.insert(Digest32(), at: choices.below(proof.count + 1))
            case 2 where !proof.isEmpty: proof[choices.below(proof.count)] = Digest32()
            case 3 where proof.count > 1: proof.swapAt(0, choices.below(proof.count))
            case 4 where !proof.isEmpty: proof.append(proof[choices.below(proof.count)])
            default:
                proof.append(SampleTree.leaves[choices.below(SampleTree.leaves.count)])
            }
        }
        return proof
    }
}

/// Proofs straight from the definitions of RFC 6962 §2.1, over sixty-four leaves.
enum SampleTree {
    static let leaves = (0..<64).map { MerkleTree.leafHash([UInt8($0)]) }
    private static let roots = (0...64).map { start in (0...64).map { computeRoot(start, $0) } }

    static func root(_ start: Int, _ end: Int) -> Digest32 {
        roots[start][end]
    }

    static func inclusion(of index: Int, in size: Int) -> [Digest32] {
        path(index, 0, size)
    }

    static func consistency(from older: Int, to newer: Int) -> [Digest32] {
        older == 0 || older == newer ? [] : subproof(older, 0, newer, isWhole: true)
    }

    private static func computeRoot(_ start: Int, _ end: Int) -> Digest32 {
        guard end > start else { return MerkleTree.emptyRoot }
        guard end - start > 1 else { return leaves[start] }
        let split = start + half(end - start)
        return MerkleTree.nodeHash(computeRoot(start, split), computeRoot(split, end))
    }

    private static func path(_ index: Int, _ start: Int, _ end: Int) -> [Digest32] {
        guard end - start > 1 else { return [] }
        let split = start + half(end - start)
        return index < split
            ? path(index, start, split) + [root(split, end)] : path(index, split, end) + [root(start, split)]
    }

    private static func subproof(_ older: Int, _ start: Int, _ end: Int, isWhole: Bool) -> [Digest32] {
        if older == end { return isWhole ? [] : [root(start, end)] }
        let split = start + half(end - start)
        return older <= split
            ? subproof(older, start, split, isWhole: isWhole) + [root(split, end)]
            : subproof(older, split, end, isWhole: false) + [root(start, split)]
    }

    private static func half(_ count: Int) -> Int {
        var half = 1
        while half * 2 < count { half *= 2 }
        return half
    }
}

/// A source that has no tile.
private struct EmptyTiles: TileSource {
    func hashes(of tile: Tile) -> [Digest32] { [] }
}
