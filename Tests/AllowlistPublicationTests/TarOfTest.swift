import Foundation

/// Archives written byte by byte, so that each rule of the form can be broken.
final class TarOfTest {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).tar").path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    struct Member {
        var header: [UInt8]
        var content: [UInt8]

        init(_ name: String, _ content: String) { self.init(name, Array(content.utf8)) }

        init(_ name: String, _ content: [UInt8]) {
            header = TarOfTest.header(name: name, size: content.count)
            self.content = content
        }

        init(directory name: String) {
            header = TarOfTest.header(name: name, size: 0)
            content = []
            set("5", at: 156)
        }

        /// Puts text into the header and makes its checksum right again.
        mutating func set(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
            TarOfTest.sign(&header)
        }

        func with(_ text: String, at offset: Int) -> Member {
            var member = self
            member.set(text, at: offset)
            return member
        }

        var bytes: [UInt8] {
            header + content + [UInt8](repeating: 0, count: -content.count & 511)
        }
    }

    static let end = [UInt8](repeating: 0, count: 1024)

    func write(_ members: [Member], end: [UInt8] = TarOfTest.end) throws {
        try write(members.flatMap(\.bytes) + end)
    }

    func write(_ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    func contents() throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// Packs a log's files with the system's tar.
    func pack(_ log: TestLog) throws {
        _ = try TarOfTest.run(
            "tar", ["--format=ustar", "-cf", path, "-C", log.path] + log.files())
    }

    /// Runs a program; gives what it printed, and throws where it failed.
    static func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        struct Failed: Error { let program: String }
        guard process.terminationStatus == 0 else { throw Failed(program: program) }
        return String(decoding: printed, as: UTF8.self)
    }

    private static func header(name: String, size: Int) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        put(name, 0)
        put("0000644", 100)
        put("0000000", 108)
        put("0000000", 116)
        let digits = String(size, radix: 8)
        put(String(repeating: "0", count: 11 - digits.count) + digits, 124)
        put("00000000000", 136)
        put("0", 156)
        put("ustar\u{0}00", 257)
        sign(&header)
        return header
    }

    static func sign(_ header: inout [UInt8]) {
        header.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
        let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        let text = String(repeating: "0", count: 6 - sum.count) + sum + "\u{0} "
        header.replaceSubrange(148..<156, with: text.utf8)
    }
}
