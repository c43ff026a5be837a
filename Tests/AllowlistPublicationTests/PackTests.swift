import Allowlist
import Foundation
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Packing a bundle")
struct PackTests {
    @Test("The archive holds exactly the checkpoint's files, and verifies")
    func contents() throws {
        let log = try TestLog.full(devices: 600)
        let files = try log.files()
        // What is beyond the checkpoint, and what never belongs to a bundle.
        let writer = try log.writer()
        for number in 9000..<9300 { try writer.append(.add(TestLog.device(number, run: "R-9"))) }
        try log.write([1], to: "notes.txt")
        try log.write([1], to: "index/key-0-1")
        let stranger = Authorisation.path(of: Digest32.sha256([7]))
        try log.write([7], to: stranger)
        #expect(try log.files().count > files.count + 3)

        let tar = try TarOfTest()
        let packed = try PackedBundle(
            BundleContents(of: BundleFolder(log.path), pins: log.pins()), to: tar.path)
        #expect(packed.fileCount == files.count)
        #expect(packed.checkpoint == (try log.verify().checkpoint))
        let bytes = try tar.contents()
        #expect(packed.byteCount == UInt64(bytes.count))
        #expect(packed.digest == Digest32.sha256(bytes))
        let archive = try TarArchive(tar.path)
        for file in files { #expect(try archive.bytes(of: file, maximum: 1 << 20) == log.contents(file)) }
        #expect(try BundleVerifier.verify(archive, pins: log.pins()) == log.verify())
    }

    @Test("GNU tar lists the archive in the order of names and unpacks the same files")
    func gnu() throws {
        let log = try TestLog.full(devices: 600)
        let tar = try TarOfTest()
        _ = try PackedBundle(BundleContents(of: BundleFolder(log.path), pins: log.pins()), to: tar.path)
        let listed = try TarOfTest.run("tar", ["-tf", tar.path]).split(separator: "\n").map(String.init)
        #expect(listed == (try log.files()))
        let copy = TestLog(origin: log.origin)
        try FileManager.default.createDirectory(at: copy.folder, withIntermediateDirectories: true)
        _ = try TarOfTest.run("tar", ["-xf", tar.path, "-C", copy.path])
        #expect(try copy.files() == log.files())
        for file in try log.files() { #expect(try copy.contents(file) == log.contents(file)) }
        #expect(try BundleVerifier.verify(directory: copy.path, pins: log.pins()) == log.verify())
    }

    @Test("The same bundle gives the same archive, from the folder, from an archive and from bytes")
    func deterministic() throws {
        let log = try TestLog.full(devices: 300)
        let first = try TarOfTest()
        let folder = BundleFolder(log.path)
        let digest = try PackedBundle(BundleContents(of: folder, pins: log.pins()), to: first.path).digest
        let foreign = try TarOfTest()
        try foreign.pack(log)
        let files = try Dictionary(uniqueKeysWithValues: log.files().map { ($0, try log.contents($0)) })
        for source in [
            folder, try TarArchive(first.path), try TarArchive(foreign.path), BundleBytes(files),
        ] as [any BundleSource] {
            let again = try TarOfTest()
            let packed = try PackedBundle(BundleContents(of: source, pins: log.pins()), to: again.path)
            #expect(packed.digest == digest)
            #expect(try again.contents() == first.contents())
        }
    }

    @Test("Every version of the roster and every rotation's message is carried; a gap ends them")
    func rosters() throws {
        let log = try TestLog.full(devices: 100)
        for folder in ["rosters", "rotations"] {
            try FileManager.default.createDirectory(
                at: log.folder.appendingPathComponent(folder), withIntermediateDirectories: true)
        }
        for version in [1, 2, 4] { try log.write([UInt8(version)], to: "rosters/\(version).json") }
        try log.write([1], to: "rotations/1.p7s")
        let paths = try BundleContents(of: BundleFolder(log.path), pins: log.pins()).paths
        #expect(paths.filter { $0.hasPrefix("rosters/") } == ["rosters/1.json", "rosters/2.json"])
        #expect(!paths.contains("rotations/1.p7s"), "no entry cites it")
    }

    @Test("A bundle that lacks a file or does not lead to its root is not packed, and nothing is left")
    func damaged() throws {
        let log = try TestLog.full(devices: 600)
        let tar = try TarOfTest()
        for file in try log.files() where file != "issuers.pem" {
            let bytes = try log.contents(file)
            try log.remove(file)
            #expect(throws: AllowlistError.self, "\(file)") {
                try PackedBundle(BundleContents(of: BundleFolder(log.path), pins: log.pins()), to: tar.path)
            }
            try log.write(bytes, to: file)
            #expect(try FileManager.default.contentsOfDirectory(atPath: tar.folder).isEmpty)
        }
        var bytes = try log.contents("tile/entries/000")
        bytes[1000] ^= 1
        try log.write(bytes, to: "tile/entries/000")
        let result = code { try BundleContents(of: BundleFolder(log.path), pins: log.pins()) }
        #expect(result == .entryMismatch)
    }

    @Test("Nothing is overwritten, and a publication in between leaves no archive")
    func output() throws {
        let log = try TestLog.full(devices: 300)
        let tar = try TarOfTest()
        let contents = try BundleContents(of: BundleFolder(log.path), pins: log.pins())
        try tar.write([9])
        #expect(code { try PackedBundle(contents, to: tar.path) } == .cannotCreate)
        #expect(try tar.contents() == [9])
        #expect(code { try PackedBundle(contents, to: tar.folder + "/no/such") } == .cannotCreate)
        try FileManager.default.removeItem(atPath: tar.path)

        let writer = try log.writer()
        try writer.append(.add(TestLog.device(5000, run: "R-1")))
        try log.publish(writer)
        #expect(code { try PackedBundle(contents, to: tar.path) } == .bundleChanged)
        #expect(try FileManager.default.contentsOfDirectory(atPath: tar.folder).isEmpty)
    }
}

extension VerifiedList {
    fileprivate var checkpoint: Checkpoint { Checkpoint(origin: origin, size: treeSize, root: root) }
}
