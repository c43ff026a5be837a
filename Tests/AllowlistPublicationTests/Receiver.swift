import Allowlist
import Foundation
import Testing
import TransparencyLog

@testable import AllowlistPublication

/// A consumer's own copy of a bundle, as it was when it was taken.
final class Receiver {
    let folder: URL

    var path: String { folder.path }

    /// Nothing yet.
    init() {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("kept-\(UUID().uuidString)")
    }

    /// The files that a log publishes now; the writer's own folder is not carried.
    convenience init(of log: TestLog) throws {
        self.init()
        for name in try log.files() { try write(try log.contents(name), to: name) }
    }

    convenience init(copyOf other: Receiver) throws {
        self.init()
        try FileManager.default.copyItem(at: other.folder, to: folder)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        let file = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }

    /// Every file with its bytes, without the grower's own folder.
    func contents() throws -> [String: Data] {
        try everything().filter { !$0.key.hasPrefix(".publication") }
    }

    /// Every file with its bytes, and every folder.
    func everything() throws -> [String: Data] {
        var found: [String: Data] = [:]
        for name in (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? [] {
            var isFolder: ObjCBool = false
            let file = folder.appendingPathComponent(name)
            _ = FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder)
            found[name] = isFolder.boolValue ? Data() : try Data(contentsOf: file)
        }
        return found
    }

    func size(_ pins: Pins) throws -> UInt64 {
        try BundleReader(directory: path, pins: pins).checkpoint.size
    }
}

/// A delta in a file of its own.
final class TestDelta {
    let path: String
    private(set) var written: BundleDelta.Written?

    init() {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).tar").path
    }

    convenience init(from base: UInt64, of log: TestLog) throws {
        self.init()
        written = try BundleDelta.write(
            from: base, of: BundleFolder(log.path), pins: log.pins(), to: path)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    @discardableResult
    func apply(to receiver: Receiver, pins: Pins, verifying: Bool = false) throws -> BundleDelta.Applied {
        try BundleDelta.apply(TarArchive(path), to: receiver.path, pins: pins, verifying: verifying)
    }

    /// The archive's files, in their order.
    func members() throws -> [(name: String, content: [UInt8])] {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        var members: [(name: String, content: [UInt8])] = []
        var offset = 0
        while bytes[offset] != 0 {
            let name = String(decoding: bytes[offset..<offset + 100].prefix { $0 != 0 }, as: UTF8.self)
            let digits = String(decoding: bytes[offset + 124..<offset + 135], as: UTF8.self)
            let count = try #require(Int(digits, radix: 8))
            members.append((name, Array(bytes[offset + 512..<offset + 512 + count])))
            offset += 512 + (count + 511) / 512 * 512
        }
        return members
    }

    /// Puts other files in place of these.
    func rewrite(_ change: (inout [(name: String, content: [UInt8])]) throws -> Void) throws {
        var members = try members()
        try change(&members)
        let archive = members.flatMap { TarOfTest.Member($0.name, $0.content).bytes } + TarOfTest.end
        try Data(archive).write(to: URL(fileURLWithPath: path))
    }
}

extension TestLog {
    /// A log with one open run, and its writer.
    static func begun() throws -> (log: TestLog, writer: BundleWriter) {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        return (log, writer)
    }

    /// Lists so many devices more, from `first` on, and publishes.
    func add(_ count: Int, from first: inout Int, _ writer: BundleWriter) throws {
        for _ in 0..<count {
            try writer.append(.add(TestLog.device(first, run: "R")))
            first += 1
        }
        try publish(writer)
    }

    /// The same log grown from a copy of its present bundle: what a signer makes who tells two stories.
    func fork(at receiver: Receiver) throws -> BundleWriter {
        try BundleWriter(directory: receiver.path, origin: origin, logKeySPKI: spki)
    }
}
