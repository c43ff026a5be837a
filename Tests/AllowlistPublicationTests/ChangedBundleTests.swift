import Allowlist
import Foundation
import Synchronization
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("A bundle that changes while it is read")
struct ChangedBundleTests {
    /// A folder in which something happens just before one of its files is opened.
    private final class Interrupted: BundleSource {
        let folder: BundleFolder
        let path: String
        private let event: Mutex<(() throws -> Void)?>

        init(_ log: TestLog, before path: String, _ event: sending @escaping () throws -> Void) {
            folder = BundleFolder(log.path)
            self.path = path
            self.event = Mutex(event)
        }

        func open(_ path: String) throws(AllowlistError) -> any BundleFile {
            if path == self.path {
                let event = event.withLock { event in
                    defer { event = nil }
                    return event
                }
                do { try event?() } catch { Issue.record(error) }
            }
            return try folder.open(path)
        }
    }

    private static func log() throws -> TestLog {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        for number in 0..<300 { try writer.append(.add(TestLog.device(number, run: "R"))) }
        try log.publish(writer)
        return log
    }

    private static func publishMore(_ folder: String, _ log: TestLog) throws {
        let writer = try log.writer()
        for number in 300..<310 { try writer.append(.add(TestLog.device(number, run: "R"))) }
        try log.publish(writer)
    }

    @Test("A publication in the middle of a verification is told apart from damage, wherever it falls")
    func publication() throws {
        let reference = try Self.log()
        for path in try reference.files() where !["issuers.pem"].contains(path) {
            let log = try Self.log()
            nonisolated(unsafe) let publisher = log
            // The same devices give the same paths; the authorisation and the segments, too.
            let source = Interrupted(log, before: path) { try Self.publishMore(publisher.path, publisher) }
            let result = code { try BundleVerifier.verify(source, pins: log.pins()) }
            if path == SignedHead.notePath {
                #expect(result == nil, "what changed before it was read is simply newer")
            } else {
                #expect(result == .bundleChanged, "\(path)")
            }
            #expect(code { try log.verify() } == nil, "verified again, it is in order")
        }
    }

    @Test("A reader that was overtaken by a publication says so, and a new one answers")
    func reader() throws {
        let log = try Self.log()
        let reader = try log.reader()
        #expect(try reader.lookup(serial: "SN-299").status == .listed)
        try Self.publishMore(log.path, log)
        // Entry 300 lies in a partial bundle, which the publication replaced.
        let error = #expect(throws: AllowlistError.self) { try reader.lookup(serial: "SN-299") }
        #expect(error?.code == .bundleChanged)
        #expect(error?.hint?.contains("again") == true)
        #expect(try log.reader().lookup(serial: "SN-299").status == .listed)
    }

    @Test("A file that is missing under an unchanged checkpoint is missing")
    func missing() throws {
        let log = try Self.log()
        nonisolated(unsafe) let publisher = log
        let source = Interrupted(log, before: "tile/entries/000") { try publisher.remove("tile/entries/000") }
        #expect(code { try BundleVerifier.verify(source, pins: log.pins()) } == .fileMissing)
    }

    @Test("A file that grows or shrinks between its opening and its end is not taken for a whole one")
    func resized() throws {
        let log = try Self.log()
        let tar = try TarOfTest()
        try tar.pack(log)
        let bundles: [(any BundleSource, String)] = [
            (BundleFolder(log.path), log.path + "/tile/entries/000"), (try TarArchive(tar.path), tar.path),
        ]
        for (bundle, file) in bundles {
            let original = try Data(contentsOf: URL(fileURLWithPath: file))
            let size = UInt64(original.count)
            for changed in [size + 1, size + 512, size / 2, 0] {
                let open = try bundle.open("tile/entries/000")
                #expect(truncate(file, off_t(changed)) == 0)
                #expect(
                    code { try open.read(at: 0, count: Int(open.byteCount)) } == .bundleChanged,
                    "\(file) of \(changed) bytes")
                // Written in place, as whoever grows a file does.
                let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
                try handle.write(contentsOf: original)
                try handle.truncate(atOffset: size)
                try handle.close()
                #expect(try open.read(at: 0, count: Int(open.byteCount)).count == Int(open.byteCount))
            }
        }
    }

    @Test(
        "An archive that is appended to while it is verified is refused, and one put in its place is not seen"
    )
    func archive() throws {
        let log = try Self.log()
        let tar = try TarOfTest()
        try tar.pack(log)
        let archive = try TarArchive(tar.path)
        #expect(code { try BundleVerifier.verify(archive, pins: log.pins()) } == nil)
        let old = try tar.contents()
        try Data(old.dropLast(512)).write(to: URL(fileURLWithPath: tar.path), options: .atomic)
        #expect(code { try BundleVerifier.verify(archive, pins: log.pins()) } == nil)
        let second = try TarArchive(tar.path)
        #expect(truncate(tar.path, off_t(old.count)) == 0)
        #expect(code { try BundleVerifier.verify(second, pins: log.pins()) } == .bundleChanged)
    }

    @Test("A checkpoint whose text was replaced in between is a change, not a broken bundle")
    func text() throws {
        let log = try Self.log()
        nonisolated(unsafe) let publisher = log
        let source = Interrupted(log, before: SignedHead.textPath) {
            try Self.publishMore(publisher.path, publisher)
        }
        #expect(code { try SignedHead(in: source, pins: log.pins()) } == .bundleChanged)
    }
}
