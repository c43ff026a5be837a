import Testing
import TransparencyLog

@Suite("RFC 6962 trees")
struct MerkleTreeTests {
    /// The leaves and roots of the reference implementation of Certificate Transparency.
    static let leaves: [[UInt8]] = [
        [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], [0x40, 0x41, 0x42, 0x43],
        [0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57], Array(0x60...0x6f),
    ]
    static let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]

    @Test("The roots of the empty tree and of one to eight leaves are the known ones", arguments: 0...8)
    func knownRoot(size: Int) {
        let hashes = Self.leaves.prefix(size).map { MerkleTree.leafHash($0) }
        #expect(MerkleTree.root(of: hashes).hex == Self.roots[size])
        var tree = GrowingTree()
        for hash in hashes { tree.append(hash) { _, _ in } }
        #expect(tree.root.hex == Self.roots[size])
    }

    @Test("A growing tree has the root of the recursive definition at every size")
    func growingTree() {
        var tree = GrowingTree()
        var frontier = Frontier()
        var leaves: [Digest32] = []
        for index in 0..<600 {
            let leaf = MerkleTree.leafHash([UInt8(index & 0xff), UInt8(index >> 8)])
            leaves.append(leaf)
            tree.append(leaf) { _, _ in }
            frontier.append(leaf)
            guard index < 70 || index % 37 == 0 || (250...260).contains(index) else { continue }
            let expected = definition(leaves[...])
            #expect(tree.root == expected)
            #expect(frontier.root == expected)
        }
    }

    @Test("A tree restored from its partial tiles grows on to the same tiles and root")
    func restored() {
        let whole = MemoryTiles(size: 70_000)
        let part = MemoryTiles(size: 69_999)
        var tree = GrowingTree(size: 69_999, source: part)
        #expect(tree.root == part.root)
        tree.append(MemoryTiles.leaf(69_999)) { _, _ in }
        #expect(tree.root == whole.root)
        #expect(
            tree.partialTiles.map(\.tile.path) == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"])
    }

    @Test("Digests are ordered bytewise and read from hexadecimal of 64 digits only")
    func digests() throws {
        let low = try #require(Digest32([0] + [UInt8](repeating: 0xff, count: 31)))
        let high = try #require(Digest32([1] + [UInt8](repeating: 0, count: 31)))
        #expect(low < high)
        #expect(!(high < low))
        #expect(Digest32(hex: high.hex) == high)
        #expect(Digest32(hex: high.hex.uppercased()) == high)
        #expect(Digest32(hex: high.hex.dropLast()) == nil)
        #expect(Digest32(hex: "g" + high.hex.dropFirst()) == nil)
        #expect(Digest32([1, 2, 3]) == nil)
    }

    @Test("Reducing leaves in place gives the definition's root for every size")
    func reducing() {
        let leaves = (0..<300).map { Digest32.sha256([UInt8($0 & 0xff), UInt8($0 >> 8)]) }
        for size in 0...leaves.count {
            var scratch = Array(leaves.prefix(size))
            let root = scratch.withUnsafeMutableBufferPointer { MerkleTree.root(reducing: $0) }
            #expect(root == definition(leaves.prefix(size)))
        }
    }

    private func definition(_ leaves: ArraySlice<Digest32>) -> Digest32 {
        guard leaves.count > 1 else { return leaves.first ?? MerkleTree.emptyRoot }
        var split = 1
        while split * 2 < leaves.count { split *= 2 }
        return MerkleTree.nodeHash(definition(leaves.prefix(split)), definition(leaves.dropFirst(split)))
    }
}

/// All tiles of a tree with numbered leaves.
struct MemoryTiles: TileSource {
    var tiles: [Tile: [Digest32]] = [:]
    let root: Digest32

    static func leaf(_ index: Int) -> Digest32 { MerkleTree.leafHash(Array("leaf \(index)".utf8)) }

    init(size: Int) {
        var tree = GrowingTree()
        var tiles: [Tile: [Digest32]] = [:]
        for index in 0..<size { tree.append(Self.leaf(index)) { tiles[$0] = $1 } }
        for (tile, hashes) in tree.partialTiles { tiles[tile] = hashes }
        self.tiles = tiles
        root = tree.root
    }

    func hashes(of tile: Tile) -> [Digest32] { tiles[tile] ?? [] }
}
