import Allowlist
import Foundation
import Testing
import TransparencyLog

@Suite("Reading a bundle from anywhere")
struct BundleSourceTests {
    @Test("A bundle of bytes verifies and answers as the folder does")
    func bytes() throws {
        let log = try TestLog.full(devices: 600)
        let files = try Dictionary(uniqueKeysWithValues: log.files().map { ($0, try log.contents($0)) })
        try check(BundleBytes(files), log)
        try check(BundleBytes { files[$0] }, log)
    }

    @Test("A bundle as a .tar of GNU tar in the ustar form verifies and answers as the folder does")
    func archive() throws {
        let log = try TestLog.full(devices: 600)
        let tar = try TarOfTest()
        try tar.pack(log)
        try check(TarArchive(tar.path), log)
        try check(openBundle(tar.path), log)
        #expect(try openBundle(log.path) is BundleFolder)
    }

    @Test("A file that a source does not have is missing, and one whose source fails cannot be read")
    func missing() throws {
        let tar = try TarOfTest()
        try tar.write([.init("a/b", "1"), .init(directory: "d")])
        let archive = try TarArchive(tar.path)
        for path in ["b", "a", "d", "a/b/", "/a/b", ""] {
            #expect(code { try archive.open(path) } == .fileMissing, "\(path)")
            #expect(code { try BundleBytes(["a/b": [1]]).open(path) } == .fileMissing, "\(path)")
        }
        struct Broken: Error {}
        #expect(code { try BundleBytes { _ in throw Broken() }.open("a") } == .fileAccess)
    }

    @Test("A member is read in parts, whole and mapped, and never beyond its end")
    func parts() throws {
        let content = Array((0..<1500).map { UInt8(truncatingIfNeeded: $0) })
        let tar = try TarOfTest()
        try tar.write([.init("x", "first"), .init("y", content), .init("z", [])])
        let sources: [any BundleSource] = [try TarArchive(tar.path), BundleBytes(["y": content, "z": []])]
        for source in sources {
            let file = try source.open("y")
            #expect(file.byteCount == 1500)
            #expect(try file.read(at: 500, count: 600) == Array(content[500..<1100]))
            #expect(try file.mapped().withUnsafeBytes { Array($0) } == content)
            #expect(code { try file.read(at: 1499, count: 2) } == .fileSize)
            #expect(code { try file.read(at: .max, count: 2) } == .fileSize)
            #expect(try source.open("z").mapped().count == 0)
            #expect(code { try source.bytes(of: "y", maximum: 1499) } == .fileSize)
            #expect(code { try source.bytes(of: "y", count: 1501) } == .fileSize)
        }
    }

    private func check(_ source: any BundleSource, _ log: TestLog) throws {
        #expect(try BundleVerifier.verify(source, pins: log.pins()) == log.verify())
        let reader = try BundleReader(in: source, pins: log.pins(), checkingIndex: true)
        for serial in ["SN-0", "SN-1", "SN-2", "SN-3", "SN-599", "no such"] {
            #expect(try reader.lookup(serial: serial) == log.reader().lookup(serial: serial))
        }
        #expect(
            try ListedRevocations(in: source, pins: log.pins()).certificates
                == ListedRevocations(directory: log.path, pins: log.pins()).certificates)
    }
}
