import TransparencyLog

extension EntryFiles {
    /// The entry at `index`, after its bytes were proven to be in the tree with this root.
    public mutating func provenEntry(
        at index: UInt64, root: Digest32
    ) throws(AllowlistError) -> AllowlistEntry {
        let bytes = try bytes(at: index)
        var tree = TiledTree(size: treeSize, source: self)
        let proof = try tree.inclusionProof(index: index)
        do throws(TransparencyLogError) {
            try Proofs.checkInclusion(
                leaf: MerkleTree.leafHash(bytes), index: index, treeSize: treeSize, root: root, proof: proof)
        } catch {
            throw AllowlistError(
                .entryMismatch, file: bundlePath(of: index), index: index,
                "the entry cannot be proven against the signed root: \(error.message)",
                hint: "verify the whole bundle to find the damaged file")
        }
        do {
            return try AllowlistEntry(decoding: bytes)
        } catch {
            throw error.at(file: bundlePath(of: index), index: index)
        }
    }

    /// The proven `state` at the end of the tree, which must cover every entry before it.
    package mutating func provenState(root: Digest32) throws(AllowlistError) -> AllowlistEntry.State {
        guard treeSize > 0, case .state(let state) = try provenEntry(at: treeSize - 1, root: root) else {
            throw AllowlistError(.state, "the last entry of the tree is not a `state`")
        }
        try state.check(covers: treeSize - 1)
        return state
    }
}

extension AllowlistEntry.State {
    /// Throws unless the segments of each kind cover exactly the entries before `index`.
    func check(covers index: UInt64) throws(AllowlistError) {
        let isComplete =
            index == 0
            ? segments.isEmpty
            : Segment.Kind.allCases.allSatisfy { kind in
                segments.last(where: { $0.kind == kind })?.end == index
            }
        guard isComplete else {
            throw AllowlistError(
                .state, index: index, "the index segments do not cover the entries before the `state`")
        }
    }
}
