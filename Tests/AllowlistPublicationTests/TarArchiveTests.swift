import Allowlist
import Testing

@Suite("The strict form of a .tar")
struct TarArchiveTests {
    typealias Member = TarOfTest.Member

    static let good = Member("a", "content")

    /// What an attacker or a careless tool puts in place of, or behind, a good member.
    static let refused: [(String, [Member])] = [
        ("a parent's name", [Member("../a", "x")]),
        ("a parent's name inside", [Member("tile/../../a", "x")]),
        ("a parent's name at the end", [Member("tile/..", "x")]),
        ("an absolute name", [Member("/etc/passwd", "x")]),
        ("a name of nothing", [Member("", "x")]),
        ("an empty part", [Member("tile//0", "x")]),
        ("a part `.`", [Member("./a", "x")]),
        ("an ordinary file with a slash at its end", [Member("tile/", "x")]),
        ("a directory with two slashes at its end", [Member(directory: "tile//")]),
        ("the directory `./`", [Member(directory: "./")]),
        ("a backslash", [Member("tile\\a", "x")]),
        ("a space", [Member("tile a", "x")]),
        ("a letter beyond ASCII", [Member("tilé", "x")]),
        ("a control character", [Member("tile\u{7}", "x")]),
        ("bytes behind a name's end", [good.with("\u{0}b", at: 1)]),
        ("an empty part through the prefix", [Member("/a", "x").with("tile", at: 345)]),
        ("a parent's name through the prefix", [Member("a", "x").with("..", at: 345)]),
        ("bytes behind a prefix's end", [Member("a", "x").with("t\u{0}b", at: 345)]),
        ("a hard link", [Member("b", []).with("1", at: 156).with("a", at: 157)]),
        ("a symbolic link", [Member("b", []).with("2", at: 156).with("a", at: 157)]),
        ("a link's name in an ordinary file", [Member("b", "x").with("a", at: 157)]),
        ("a character device", [Member("b", []).with("3", at: 156)]),
        ("a block device", [Member("b", []).with("4", at: 156)]),
        ("a named pipe", [Member("b", []).with("6", at: 156)]),
        ("a contiguous file", [Member("b", "x").with("7", at: 156)]),
        ("the old type of NUL", [Member("b", "x").with("\u{0}", at: 156)]),
        ("a pax header", [Member("b", "x").with("x", at: 156)]),
        ("a global pax header", [Member("b", "x").with("g", at: 156)]),
        ("a long name of GNU tar", [Member("b", "x").with("L", at: 156)]),
        ("a long link of GNU tar", [Member("b", "x").with("K", at: 156)]),
        ("a sparse file of GNU tar", [Member("b", "x").with("S", at: 156)]),
        ("the magic of GNU tar", [Member("b", "x").with("ustar  \u{0}", at: 257)]),
        ("no magic", [Member("b", "x").with("\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}", at: 257)]),
        ("bytes behind the fields", [Member("b", "x").with("x", at: 505)]),
        ("a directory with a content", [Member("b", "x").with("5", at: 156)]),
        ("the same name twice", [Member("b", "x"), Member("c", "x"), Member("b", "y")]),
        (
            "the same name twice, once through the prefix",
            [
                Member("t/b", "x"), Member("b", "x").with("t", at: 345),
            ]
        ),
        ("a file and a directory of one name", [Member("b", "x"), Member(directory: "b/")]),
        ("a size without an end", [Member("b", "x").with("000000000001", at: 124)]),
        ("a size of nothing", [Member("b", []).with("           \u{0}", at: 124)]),
        ("a size with leading spaces", [Member("b", "x").with("          1\u{0}", at: 124)]),
        ("a size with another digit", [Member("b", "x").with("00000000009\u{0}", at: 124)]),
        ("a negative size", [Member("b", "x").with("-0000000001\u{0}", at: 124)]),
        ("a size in base 256", [binarySize(1)]),
        ("a size in base 256 that overflows", [binarySize(0xff)]),
        ("a size beyond the archive", [Member("b", "x").with("00000002001\u{0}", at: 124)]),
        ("the largest size", [Member("b", "x").with("77777777777\u{0}", at: 124)]),
    ]

    /// GNU's form for large sizes: the first octet is 0x80.
    private static func binarySize(_ byte: UInt8) -> Member {
        var member = Member("b", "x")
        member.header.replaceSubrange(124..<136, with: [UInt8](repeating: byte == 1 ? 0 : byte, count: 12))
        member.header[124] = 0x80
        member.header[135] = byte
        TarOfTest.sign(&member.header)
        return member
    }

    @Test("An archive with what does not belong there is refused", arguments: refused.indices)
    func refusals(index: Int) throws {
        let (what, members) = Self.refused[index]
        let tar = try TarOfTest()
        for order in [members, [Self.good] + members, members + [Self.good]] where !hasTwice(order) {
            try tar.write(order)
            #expect(code { try TarArchive(tar.path) } == .archive, "\(what)")
        }
    }

    /// Whether the good member's own name would be the reason of a refusal.
    private func hasTwice(_ members: [Member]) -> Bool {
        members.count(where: { $0.header.prefix(2) == [UInt8(ascii: "a"), 0] }) > 1
    }

    @Test("The members that the refusals are made of are otherwise in order")
    func control() throws {
        let tar = try TarOfTest()
        try tar.write([Self.good, Member("b", "x"), Member(directory: "tile/"), Member(directory: "t")])
        let archive = try TarArchive(tar.path)
        #expect(try archive.bytes(of: "a", maximum: 100) == Array("content".utf8))
        try tar.write([Self.good.with("tile/x", at: 345), Member("b", "x").with("1 \u{0} ", at: 132)])
        #expect(try TarArchive(tar.path).bytes(of: "tile/x/a", count: 7) == Array("content".utf8))
    }

    @Test("An archive that does not end in two blocks of zeros and nothing else is refused")
    func ends() throws {
        let tar = try TarOfTest()
        let block = [UInt8](repeating: 0, count: 512)
        for end in [[], block, block + Array(block.dropLast()), block + Self.good.bytes + TarOfTest.end] {
            try tar.write([Self.good], end: end)
            #expect(code { try TarArchive(tar.path) } == .archive, "\(end.count)")
        }
        try tar.write([Member]())
        #expect(code { try TarArchive(tar.path) } == nil)
        try tar.write([UInt8]())
        #expect(code { try TarArchive(tar.path) } == .archive)
        // Blocking factors beyond two are common and carry nothing.
        try tar.write([Self.good], end: [UInt8](repeating: 0, count: 10240))
        #expect(code { try TarArchive(tar.path) } == nil)
        for trailing in [TarOfTest.end + Self.good.bytes, TarOfTest.end + block.dropLast() + [1]] {
            try tar.write([Self.good], end: trailing)
            let error = #expect(throws: AllowlistError.self) { try TarArchive(tar.path) }
            #expect(error?.code == .archive)
            #expect(error?.offset ?? 0 >= 2048)
        }
    }

    @Test("A flipped bit in a header, in the zeros behind a content, or a cut is refused")
    func flips() throws {
        let tar = try TarOfTest()
        let bytes = Self.good.bytes + Member("b", "x").bytes + TarOfTest.end
        for position in bytes.indices where !(512..<519).contains(position) && position != 1536 {
            var changed = bytes
            changed[position] ^= 0x40
            try tar.write(changed)
            #expect(code { try TarArchive(tar.path) } == .archive, "\(position)")
        }
        for length in [511, 512, 1023, 1024, 1535, 2047, 2048, 2560, 3071] {
            try tar.write(Array(bytes.prefix(length)))
            #expect(code { try TarArchive(tar.path) } == .archive, "\(length)")
        }
    }

    @Test("An archive that was written over after it was opened is not trusted")
    func writtenOver() throws {
        let tar = try TarOfTest()
        try tar.write([Self.good, Member("b", "x")])
        let archive = try TarArchive(tar.path)
        try tar.write([Member("a", "another content"), Member("c", "x")])
        #expect(code { try archive.open("b") } != nil)
    }
}
