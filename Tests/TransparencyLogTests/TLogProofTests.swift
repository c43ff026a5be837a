import Testing
import TransparencyLog

@Suite("The text form of tlog-proof")
struct TLogProofTests {
    static let head = "c2sp.org/tlog-proof@v1\n"
    static let hash = MerkleTree.emptyRoot.base64
    static let note = "example.com/log\n7\n\(hash)\n\n— example.com/log AAAAAAEC\n"

    @Test("A proof is written as the specification shows and read back", arguments: [nil, [UInt8("x")]])
    func roundTrip(extra: [UInt8]?) throws {
        let proof = TLogProof(
            extra: extra, index: 5, hashes: [MemoryTiles.leaf(1), MemoryTiles.leaf(2)],
            checkpoint: Array(Self.note.utf8))
        let expected =
            Self.head + (extra == nil ? "" : "extra eA==\n") + "index 5\n\(MemoryTiles.leaf(1).base64)\n"
            + "\(MemoryTiles.leaf(2).base64)\n\n" + Self.note
        #expect(String(decoding: proof.bytes, as: UTF8.self) == expected)
        #expect(try TLogProof(parsing: proof.bytes) == proof)
    }

    @Test("A proof in a tree of one leaf has no path")
    func single() throws {
        let proof = try TLogProof(parsing: Array((Self.head + "index 0\n\n" + Self.note).utf8))
        #expect(proof.hashes.isEmpty)
        #expect(proof.extra == nil)
        #expect(proof.checkpoint == Array(Self.note.utf8))
    }

    @Test(
        "Anything else is refused",
        arguments: [
            "", "\n\n", head, head + "index 0\n", head + "index 0\n\n", "index 0\n\n" + note,
            "c2sp.org/tlog-proof@v2\nindex 0\n\n" + note, head + "\nindex 0\n\n" + note,
            head + "extra eA==\n\n" + note, head + "extra \nindex 0\n\n" + note,
            head + "extra eA\nindex 0\n\n" + note, head + "extra eB==\nindex 0\n\n" + note,
            head + "extra eA==\nextra eA==\nindex 0\n\n" + note, head + "index 0\nextra eA==\n\n" + note,
            head + "index 00\n\n" + note, head + "index +1\n\n" + note, head + "index -1\n\n" + note,
            head + "index 1 \n\n" + note, head + "index\n\n" + note, head + "Index 1\n\n" + note,
            head + "index 18446744073709551616\n\n" + note, head + "index 0\r\n\n" + note,
            head + "index 0\n\(hash.dropLast(4))\n\n" + note, head + "index 0\n \(hash)\n\n" + note,
            head + "index 0\n\(hash.dropLast(2))V=\n\n" + note,
            head + "index 0\n" + String(repeating: hash + "\n", count: 65) + "\n" + note,
            head + String(repeating: "x", count: TLogProof.maximumLength),
        ])
    func refused(text: String) {
        let error = #expect(throws: TransparencyLogError.self) { try TLogProof(parsing: Array(text.utf8)) }
        #expect(error?.code == .proofMalformed)
    }

    @Test("A proof is of its index, its leaf and its tree")
    func check() throws {
        let tiles = MemoryTiles(size: 300)
        var tree = TiledTree(size: 300, source: tiles)
        let checkpoint = Checkpoint(origin: "o", size: 300, root: tiles.root)
        func proof(_ index: UInt64, _ hashes: [Digest32]) -> TLogProof {
            TLogProof(extra: nil, index: index, hashes: hashes, checkpoint: [])
        }
        let path = tree.inclusionProof(index: 299)
        try proof(299, path).check(leaf: MemoryTiles.leaf(299), in: checkpoint)
        for (index, leaf, size) in [(298, 299, 300), (299, 298, 300), (299, 299, 301), (300, 299, 300)] {
            let other = Checkpoint(origin: "o", size: UInt64(size), root: tiles.root)
            #expect(throws: TransparencyLogError.self) {
                try proof(UInt64(index), path).check(leaf: MemoryTiles.leaf(leaf), in: other)
            }
        }
    }

    @Test("The many proofs of one tree are those of one by one", arguments: [1, 2, 7, 255, 256, 257, 70_000])
    func many(size: Int) throws {
        let tiles = MemoryTiles(size: size)
        var tree = TiledTree(size: UInt64(size), source: tiles)
        var prover = InclusionProver(size: UInt64(size), source: tiles)
        for index in stride(from: 0, to: size, by: size > 1000 ? 97 : 1) {
            let index = UInt64(index)
            #expect(prover.proof(index: index) == tree.inclusionProof(index: index))
        }
        #expect(prover.proof(index: UInt64(size)).isEmpty)
    }
}

extension UInt8 {
    fileprivate init(_ character: Unicode.Scalar) { self.init(ascii: character) }
}
