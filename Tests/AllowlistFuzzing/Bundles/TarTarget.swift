import Allowlist
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension FuzzTarget {
    /// `TarArchive`: what is opened is what a second, plain walk over the blocks finds, and nothing that has a
    /// strange name, a link or a namesake is opened at all.
    static let tar = FuzzTarget(
        "tar", maximumLength: 6 * 512 + 1, casesInTests: 2000,
        seeds: [
            [1] + SampleTar.archive([("checkpoint", "note"), ("tile/0/000.p/1", "")]),
            [1] + SampleTar.archive([]),
            [0] + SampleTar.archive([("a", "b")]), [1] + SampleTar.archive([("a", "1"), ("a", "2")]),
            [1] + SampleTar.archive([("../a", "1")]),
        ]
    ) { (input) throws(BrokenProperty) in
        var archive = Array(input.dropFirst())
        // A checksum guards each header; mutations should get past it.
        if input.first.map({ $0 & 1 == 1 }) ?? false { SampleTar.fixChecksums(&archive) }
        guard let file = FileInMemory.filled(with: archive) else { throw BrokenProperty("no memory file") }
        defer { close(file) }
        let opened: TarArchive
        do throws(AllowlistError) {
            opened = try TarArchive("/proc/self/fd/\(file)")
        } catch {
            try hold(error.code == .archive, "an archive is refused as \(error.code.rawValue)")
            return .refused(error.message)
        }
        guard let members = SampleTar.members(archive) else {
            throw BrokenProperty("an archive that is not plain is opened")
        }
        try hold(Set(members.map(\.path)).count == members.count, "a name occurs twice")
        for member in members {
            try hold(
                !member.path.hasPrefix("/") && !member.path.split(separator: "/").contains(".."),
                "a name leads out of the bundle")
            let bytes = try? opened.bytes(of: member.path, maximum: archive.count)
            try hold(bytes == (member.isDirectory ? nil : member.content), "another content is read")
        }
        try hold((try? opened.open("no-such-file")) == nil, "a file is opened that is not there")
        return .accepted
    }
}

/// Archives put together and taken apart by the shortest means.
enum SampleTar {
    struct Member {
        let path: String
        let isDirectory: Bool
        let content: [UInt8]
    }

    static func archive(_ files: [(path: String, content: String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (path, content) in files {
            var header = [UInt8](repeating: 0, count: 512)
            func put(_ text: String, _ offset: Int) {
                header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
            }
            put(path, 0)
            put("0000644", 100)
            put(octal(content.utf8.count, digits: 11), 124)
            put("0", 156)
            put("ustar\u{0}00", 257)
            bytes += header + content.utf8 + [UInt8](repeating: 0, count: -content.utf8.count & 511)
        }
        bytes += [UInt8](repeating: 0, count: 1024)
        fixChecksums(&bytes)
        return bytes
    }

    /// Makes the checksum of every block right that could be a header.
    static func fixChecksums(_ bytes: inout [UInt8]) {
        for start in stride(from: 0, to: bytes.count - 511, by: 512) {
            guard bytes[start + 257] == UInt8(ascii: "u") else { continue }
            for place in 148..<156 { bytes[start + place] = 0x20 }
            let sum = bytes[start..<start + 512].reduce(0) { $0 + Int($1) }
            bytes.replaceSubrange(
                start + 148..<start + 156, with: Array(octal(sum, digits: 6).utf8) + [0, 0x20])
        }
    }

    /// The members by a plain walk, or nil where a block makes no sense.
    static func members(_ bytes: [UInt8]) -> [Member]? {
        var members: [Member] = []
        var start = 0
        while start + 512 <= bytes.count, bytes[start..<start + 512].contains(where: { $0 != 0 }) {
            let header = bytes[start..<start + 512]
            func text(_ offset: Int, _ count: Int) -> String {
                let field = header[start + offset..<start + offset + count]
                return String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
            }
            let digits = text(124, 12).prefix { $0 != " " }
            guard let size = Int(digits, radix: 8), start + 512 + size <= bytes.count else { return nil }
            let (name, prefix) = (text(0, 100), text(345, 155))
            var path = prefix.isEmpty ? name : "\(prefix)/\(name)"
            let isDirectory = text(156, 1) == "5"
            if isDirectory, path.hasSuffix("/") { path.removeLast() }
            guard isDirectory || text(156, 1) == "0" else { return nil }
            members.append(
                Member(
                    path: path, isDirectory: isDirectory,
                    content: Array(bytes[start + 512..<start + 512 + size])))
            start += 512 + (size + 511) / 512 * 512
        }
        return bytes.dropFirst(start).allSatisfy { $0 == 0 } && bytes.count - start >= 1024 ? members : nil
    }

    private static func octal(_ value: Int, digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

/// Files that have no name and never reach a disk.
enum FileInMemory {
    /// The descriptor of a new file with these bytes, which the caller closes.
    static func filled(with bytes: [UInt8]) -> CInt? {
        var name = Array("/dev/shm/archive-XXXXXX".utf8CString)
        let file = mkstemp(&name)
        guard file >= 0 else { return nil }
        unlink(name)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(file, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            guard count > 0 else {
                close(file)
                return nil
            }
            written += count
        }
        return file
    }
}
