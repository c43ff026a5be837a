import Allowlist
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Damage to a bundle", .serialized)
struct DamageTests {
    /// Files whose content verification does not judge where no roster is pinned.
    static let unjudged = ["issuers.pem"]

    @Test("A flipped byte anywhere is refused with the file and the entry")
    func flips() throws {
        let log = try TestLog.full(devices: 600)
        let size = try log.verify().treeSize
        for file in try log.files() where !Self.unjudged.contains(file) {
            let bytes = try log.contents(file)
            for position in spread(bytes.count) {
                var changed = bytes
                changed[position] ^= 0x01
                try log.write(changed, to: file)
                let error = #expect(throws: AllowlistError.self, "\(file) at \(position)") {
                    try log.verify()
                }
                #expect(error?.file == file, "\(file) at \(position): \(String(describing: error))")
                #expect(error?.hint != nil)
                guard file.hasPrefix("tile/"), let error else { continue }
                let tile = try Tile(path: file)
                #expect(
                    try error.index == expectedIndex(tile, position, bytes),
                    "\(file) at \(position): \(error)")
                #expect(error.index ?? size < size)
            }
            try log.write(bytes, to: file)
        }
        try log.verify()
    }

    @Test("A file cut short, made longer or removed is refused and named")
    func cuts() throws {
        let log = try TestLog.full(devices: 600)
        try log.verify()
        for file in try log.files() where file != "issuers.pem" {
            let bytes = try log.contents(file)
            var variants: [[UInt8]] = [[], Array(bytes.dropLast()), bytes + [0], bytes + bytes]
            variants.append(Array(bytes.prefix(bytes.count / 2)))
            if Self.unjudged.contains(file) { variants = [[]] }
            for variant in variants where variant != bytes {
                try log.write(variant, to: file)
                let error = #expect(throws: AllowlistError.self, "\(file), \(variant.count) bytes") {
                    try log.verify()
                }
                #expect(error?.file == file, "\(file), \(variant.count) bytes: \(String(describing: error))")
            }
            try log.remove(file)
            let error = #expect(throws: AllowlistError.self, "\(file) removed") { try log.verify() }
            #expect(error?.file == file)
            #expect(error?.code == .fileMissing)
            try log.write(bytes, to: file)
        }
        try log.verify()
    }

    @Test("A flipped hash in a full tile above level 0 is refused with the first entry below it")
    func upperTiles() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        for number in 0..<65_600 { try writer.append(.add(TestLog.device(number, run: "R"))) }
        try log.publish(writer)
        for (file, hash, index) in [
            ("tile/1/000", 3, UInt64(3 * 256)), ("tile/0/200", 9, 200 * 256 + 9),
            ("tile/2/000.p/1", 0, 0),
        ] {
            let bytes = try log.contents(file)
            var changed = bytes
            changed[hash * 32 + 5] ^= 0x80
            try log.write(changed, to: file)
            let error = #expect(throws: AllowlistError.self) { try log.verify() }
            #expect(error?.code == .tileMismatch)
            #expect(error?.file == file)
            #expect(error?.index == index)
            try log.write(bytes, to: file)
        }
    }

    @Test("An authorisation of another content is refused and named")
    func authorisation() throws {
        let log = try TestLog.full(devices: 100)
        let path = Authorisation.path(of: Digest32.sha256(TestLog.authorisation))
        try log.write([1, 2, 3], to: path)
        let error = #expect(throws: AllowlistError.self) { try log.verify() }
        #expect(error?.code == .authorisation)
        #expect(error?.file == path)
    }

    @Test("Two entries exchanged are refused at the first of them")
    func exchanged() throws {
        let log = try TestLog.full(devices: 600)
        let file = "tile/entries/001"
        let bytes = try log.contents(file)
        var entries = try EntryFraming.entries(in: bytes, count: 256).map { Array(bytes[$0]) }
        entries.swapAt(5, 9)
        var bundle: [UInt8] = []
        for entry in entries { try EntryFraming.append(entry, to: &bundle) }
        try log.write(bundle, to: file)
        let error = #expect(throws: AllowlistError.self) { try log.verify() }
        #expect(error?.code == .entryMismatch)
        #expect(error?.file == file)
        #expect(error?.index == 256 + 5)
    }

    @Test("An entry changed together with its leaf hash is refused at that entry")
    func entryAndTile() throws {
        let log = try TestLog.full(devices: 600)
        var bytes = try log.contents("tile/entries/001")
        let range = try #require(try EntryFraming.entries(in: bytes, count: 256).dropFirst(40).first)
        bytes[range.upperBound - 1] ^= 1
        try log.write(bytes, to: "tile/entries/001")
        var tile = try log.contents("tile/0/001")
        tile.replaceSubrange(40 * 32..<41 * 32, with: MerkleTree.leafHash(Array(bytes[range])).bytes)
        try log.write(tile, to: "tile/0/001")
        #expect(throws: AllowlistError.self) { try log.verify() }
    }

    @Test("An older bundle's index is refused")
    func oldIndex() throws {
        let log = try TestLog.full(devices: 100)
        let segment = try #require(try log.files().first { $0.hasPrefix("index/key") })
        let bytes = try log.contents(segment)
        let records = stride(from: 0, to: bytes.count, by: 40).map { Array(bytes[$0..<$0 + 40]) }
        try log.write(records.reversed().flatMap { $0 }, to: segment)
        let error = #expect(throws: AllowlistError.self) { try log.verify() }
        #expect(error?.code == .segment)
        #expect(error?.file == segment)
        #expect(code { try log.reader(checkingIndex: true) } == .segment)
    }

    private func spread(_ count: Int) -> [Int] {
        let step = max(1, count / 12)
        return Array(Set(stride(from: 0, to: count, by: step)).union([1, count / 3, count - 2, count - 1]))
            .filter { $0 >= 0 && $0 < count }.sorted()
    }

    /// The entry at a byte of a bundle or below a hash of a tile.
    private func expectedIndex(_ tile: Tile, _ position: Int, _ bytes: [UInt8]) throws -> UInt64 {
        let first = tile.index * 256
        switch tile.content {
        case .hashes(let level):
            return (first + UInt64(position / 32)) << UInt64(8 * level)
        case .entries:
            let ranges = try EntryFraming.entries(in: bytes, count: tile.width)
            return first + UInt64(ranges.firstIndex { position < $0.upperBound } ?? 0)
        }
    }
}
