import Testing
import TransparencyLog

@Suite("C2SP tlog-tiles")
struct TileTests {
    static let paths: [(Tile.Content, UInt64, Int, String)] = [
        (.hashes(level: 0), 0, 256, "tile/0/000"),
        (.hashes(level: 0), 999, 256, "tile/0/999"),
        (.hashes(level: 1), 1000, 256, "tile/1/x001/000"),
        (.hashes(level: 0), 1_234_067, 256, "tile/0/x001/x234/067"),
        (.hashes(level: 63), 0, 1, "tile/63/000.p/1"),
        (.entries, 1_234_067, 12, "tile/entries/x001/x234/067.p/12"),
        (.entries, 5, 255, "tile/entries/005.p/255"),
    ]

    @Test("Tile paths are encoded as C2SP writes them and read back", arguments: paths)
    func path(content: Tile.Content, index: UInt64, width: Int, path: String) throws {
        let tile = try #require(Tile(content, index: index, width: width))
        #expect(tile.path == path)
        #expect(try Tile(path: path) == tile)
    }

    @Test(
        "Other spellings of tile paths are refused",
        arguments: [
            "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000/000",
            "tile/64/000", "tile/-1/000", "tile/00/000", "tile/+1/000", "tile/0/000.p/0", "tile/0/000.p/256",
            "tile/0/000.p/01", "tile/0/000.p", "tile/0/x001/x234", "tile/0/001/234", "tile/data/000",
            "tile/0/x999/x999/x999/x999/x999/x999/999/000", "/tile/0/000", "tile/0/000/",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
        ])
    func otherPath(path: String) {
        #expect(throws: TransparencyLogError.self) { try Tile(path: path) }
    }

    @Test("A tree of 70 000 leaves has the tiles that C2SP counts")
    func count() {
        let tiles = Tile.all(treeSize: 70_000)
        let hashes = tiles.filter { $0.content != .entries }
        #expect(hashes.filter { $0.content == .hashes(level: 0) }.count == 274)
        #expect(tiles.filter { $0.content == .entries }.count == 274)
        #expect(hashes.filter { !$0.isFull }.map(\.width) == [112, 17, 1])
        #expect(Tile.all(treeSize: 256).map(\.path) == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"])
        #expect(Tile.all(treeSize: 0).isEmpty)
    }

    @Test("Entries are framed with their length and read back, and nothing may be left over")
    func framing() throws {
        var bundle: [UInt8] = []
        let entries: [[UInt8]] = [[], [1], [UInt8](repeating: 2, count: 65535)]
        for entry in entries { try EntryFraming.append(entry, to: &bundle) }
        let ranges = try EntryFraming.entries(in: bundle, count: 3)
        #expect(ranges.map { Array(bundle[$0]) } == entries)
        #expect(throws: TransparencyLogError.self) { try EntryFraming.entries(in: bundle, count: 2) }
        #expect(throws: TransparencyLogError.self) { try EntryFraming.entries(in: bundle, count: 4) }
        #expect(throws: TransparencyLogError.self) {
            try EntryFraming.entries(in: bundle.dropLast(), count: 3)
        }
        #expect(throws: TransparencyLogError.self) {
            try EntryFraming.append([UInt8](repeating: 0, count: 65536), to: &bundle)
        }
    }
}
