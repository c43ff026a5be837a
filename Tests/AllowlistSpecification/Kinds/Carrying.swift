import TransparencyLog

@testable import Allowlist

extension VectorCase {
    /// One member of an archive, byte for byte.
    private struct Member {
        var header: [UInt8]
        var content: [UInt8]

        init(_ name: String, _ content: String = "x", type: String = "0") throws {
            self.content = Array(content.utf8)
            header = try TarWriter.header(path: "", byteCount: UInt64(self.content.count))
            put(name, at: 0)
            put(type, at: 156)
        }

        /// Puts text into the header and makes its checksum right again.
        mutating func put(_ text: String, at offset: Int) { put(Array(text.utf8), at: offset) }

        mutating func put(_ bytes: [UInt8], at offset: Int) {
            header.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            header.replaceSubrange(148..<156, with: Array("        ".utf8))
            let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
            let text = String(repeating: "0", count: 6 - sum.count) + sum + "\u{0} "
            header.replaceSubrange(148..<156, with: Array(text.utf8))
        }

        func with(_ text: String, at offset: Int) -> Member {
            var member = self
            member.put(text, at: offset)
            return member
        }

        var bytes: [UInt8] { header + content + [UInt8](repeating: 0, count: -content.count & 511) }
    }

    /// Good bundles as archives that a strict reader takes or refuses.
    static let carrying: [VectorCase] = [
        member("unknown-file", "A member that the format does not have is ignored.", nil) {
            [try Member("notes.txt")]
        },
        member("directories", "Directories may be there, with or without a slash at the end.", nil) {
            [try Member("tile/", "", type: "5"), try Member("index", "", type: "5")]
        },
        member("prefix", "A name in two parts.", nil) {
            [try Member("notes.txt").with("more/notes", at: 345)]
        },
        member("size-with-a-space", "A size of fewer digits that ends in a space and a NUL.", nil) {
            [try Member("notes.txt").with("0000000001 \u{0}", at: 124)]
        },
        member("parent", "A name with `..`.", .archive) { [try Member("../checkpoint")] },
        member("parent-inside", "A name with `..` in its middle.", .archive) {
            [try Member("tile/../checkpoint")]
        },
        member("parent-in-prefix", "A prefix that is `..`.", .archive) {
            [try Member("checkpoint").with("..", at: 345)]
        },
        member("absolute", "An absolute name.", .archive) { [try Member("/checkpoint")] },
        member("dot", "A name that begins with `./`.", .archive) { [try Member("./notes.txt")] },
        member("empty-part", "A name with two slashes together.", .archive) {
            [try Member("tile//notes.txt")]
        },
        member("empty-name", "A name of nothing.", .archive) { [try Member("")] },
        member("slash-at-the-end", "An ordinary file whose name ends in a slash.", .archive) {
            [try Member("notes/")]
        },
        member("backslash", "A name with a backslash.", .archive) { [try Member("tile\\notes")] },
        member("space", "A name with a space.", .archive) { [try Member("tile notes")] },
        member("beyond-ascii", "A name with a letter beyond ASCII.", .archive) { [try Member("notés")] },
        member("bytes-behind-the-name", "Bytes behind the NUL that ends a name.", .archive) {
            [try Member("notes\u{0}more")]
        },
        member("hard-link", "A hard link.", .archive) {
            [try Member("notes", "", type: "1").with("checkpoint", at: 157)]
        },
        member("symbolic-link", "A symbolic link.", .archive) {
            [try Member("notes", "", type: "2").with("/etc/passwd", at: 157)]
        },
        member("link-name-in-a-file", "An ordinary file with a link's name.", .archive) {
            [try Member("notes").with("checkpoint", at: 157)]
        },
        member("device", "A character device.", .archive) { [try Member("notes", "", type: "3")] },
        member("pipe", "A named pipe.", .archive) { [try Member("notes", "", type: "6")] },
        member("old-type", "The type NUL of older archives.", .archive) {
            [try Member("notes", type: "\u{0}")]
        },
        member("pax", "A pax header.", .archive) { [try Member("notes", "11 path=a\n", type: "x")] },
        member("pax-global", "A global pax header.", .archive) {
            [try Member("notes", "11 path=a\n", type: "g")]
        },
        member("gnu-long-name", "GNU's long name.", .archive) {
            [try Member("././@LongLink", "a\u{0}", type: "L")]
        },
        member("gnu-magic", "GNU's magic.", .archive) { [try Member("notes").with("ustar  \u{0}", at: 257)] },
        member("directory-with-content", "A directory with a content.", .archive) {
            [try Member("notes", type: "5")]
        },
        member("twice", "A second `checkpoint`.", .archive) { [try Member("checkpoint")] },
        member("twice-by-prefix", "A second `checkpoint.txt`'s neighbour, once in two parts.", .archive) {
            [try Member("more/notes"), try Member("notes").with("more", at: 345)]
        },
        member("file-and-directory", "A directory with a file's name.", .archive) {
            [try Member("checkpoint/", "", type: "5")]
        },
        member("size-beyond", "A size that runs beyond the archive.", .archive) {
            [try Member("notes").with("00000100000\u{0}", at: 124)]
        },
        member("size-largest", "The largest size that twelve bytes can say.", .archive) {
            [try Member("notes").with("77777777777\u{0}", at: 124)]
        },
        member("size-twelve-digits", "A size without an end.", .archive) {
            [try Member("notes").with("000000000001", at: 124)]
        },
        member("size-leading-space", "A size with leading spaces.", .archive) {
            [try Member("notes").with("          1\u{0}", at: 124)]
        },
        member("size-negative", "A negative size.", .archive) {
            [try Member("notes").with("-0000000001\u{0}", at: 124)]
        },
        member("size-base-256", "A size in base 256 that overflows 64 bits.", .archive) {
            var member = try Member("notes")
            member.put([0x80] + [UInt8](repeating: 0xff, count: 11), at: 124)
            return [member]
        },
        member("checksum", "A wrong checksum.", .archive) {
            var member = try Member("notes")
            member.header[100] ^= 1
            return [member]
        },
        whole("no-end", "The two blocks of zeros are missing.", .archive) { $0.removeLast(1024) },
        whole("one-end-block", "Only one block of zeros ends the archive.", .archive) { $0.removeLast(512) },
        whole("cut", "The archive ends in the middle of a member.", .archive) {
            $0.removeLast($0.count / 2 & ~511)
        },
        whole("not-whole-blocks", "The archive's size is not one of whole blocks.", .archive) {
            $0.append(0)
        },
        whole("trailing-byte", "A byte that is not zero behind the end.", .archive) {
            $0 += [UInt8](repeating: 0, count: 511) + [1]
        },
        whole("second-archive", "A second archive behind the first one's end.", .archive) { $0 += $0 },
        whole("padding", "A content is filled up with something else than zeros.", .archive) {
            $0[$0.count - 1025] = 1
        },
        whole("more-zeros", "More blocks of zeros than two.", nil) {
            $0 += [UInt8](repeating: 0, count: 8192)
        },
    ]

    /// A good bundle with more members behind its own.
    private static func member(
        _ name: String, _ what: String, _ code: AllowlistError.Code?,
        _ members: @escaping @Sendable () throws -> [Member]
    ) -> VectorCase {
        whole(name, what, code) { archive in
            archive.removeLast(1024)
            archive += try members().flatMap(\.bytes) + [UInt8](repeating: 0, count: 1024)
        }
    }

    /// A good bundle whose archive is changed.
    private static func whole(
        _ name: String, _ what: String, _ code: AllowlistError.Code?,
        _ change: @escaping @Sendable (inout [UInt8]) throws -> Void
    ) -> VectorCase {
        VectorCase(name: "tar-\(name)", what: what, code: code) {
            var log = VectorLog()
            try log.appendState()
            var made = Made(log: log, files: try log.files(authorisations: []))
            var archive = try VectorCase.archive(made.files)
            try change(&archive)
            made.archive = archive
            return made
        }
    }
}
