import Allowlist
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Publication")
struct PublicationTests {
    struct Interruption: Error {}

    @Test(
        "A publication interrupted at any step is finished or forgotten, never half",
        arguments: [
            (CheckpointStaging.Step.staged, false), (.committed, true), (.cmsInPlace, true),
            (.textInPlace, true),
            (.checkpointInPlace, true),
        ])
    func interrupted(step: CheckpointStaging.Step, isPublished: Bool) throws {
        let log = try TestLog.full(devices: 300)
        let before = try log.verify()
        do {
            let writer = try log.writer()
            try grow(writer, log)
            writer.bundle.reached = { (reached) throws(AllowlistError) in
                if reached == step { throw AllowlistError(.publication, "interrupted") }
            }
            #expect(code { try log.publish(writer) } == .publication)
            #expect(code { try writer.append(log.openRun("R-8")) } == .publication)
        }
        let writer = try log.writer()
        let list = try log.verify()
        #expect(writer.size == list.treeSize)
        if isPublished {
            #expect(list.treeSize > before.treeSize)
        } else {
            #expect(list == before)
            try grow(writer, log)
        }
        try log.publish(writer)
        #expect(try log.verify().counts[.add] == 1000)
    }

    @Test("A signature that fails leaves the published list as it was")
    func failedSignature() throws {
        let log = try TestLog.full(devices: 300)
        let before = try log.verify()
        let writer = try log.writer()
        try grow(writer, log)
        #expect(throws: Interruption.self) {
            try writer.publish(signNote: { _ in throw Interruption() }, signText: { _ in [1] })
        }
        #expect(try log.verify() == before)
        try writer.rollback()
        #expect(writer.size == before.treeSize)
        #expect(
            code { try writer.publish(signNote: { _ in [0x30, 0] }, signText: { _ in [1] }) }
                == .checkpointSignature)
        #expect(try log.verify() == before)
    }

    @Test("A CMS signature that a consumer would refuse is not published")
    func foreignCMS() throws {
        let log = try TestLog.full(devices: 300)
        let before = try log.verify()
        let (own, other) = (try SoftwareLogKey(log.key), try SoftwareLogKey())
        for signText: ([UInt8]) throws -> [UInt8] in [
            { _ in [] }, { try other.checkpointSignature(over: $0, at: 1) },
            { try own.checkpointSignature(over: $0 + [0x0A], at: 1) },
        ] {
            let writer = try log.writer()
            try grow(writer, log)
            let error = #expect(throws: AllowlistError.self) {
                try writer.publish(signNote: { try own.noteSignature(over: $0) }, signText: signText)
            }
            #expect(error?.code == .checkpointSignature)
            #expect(error?.file == "checkpoint.p7s")
            #expect(try log.verify() == before)
            try writer.rollback()
        }
    }

    @Test("Entries appended again after a rollback give the same bytes")
    func deterministic() throws {
        let log = try TestLog.full(devices: 300)
        let writer = try log.writer()
        try writer.append(log.openRun("R-7"))
        for number in 0..<2000 { try writer.append(.add(TestLog.device(70_000 + number, run: "R-7"))) }
        try writer.rollback()
        try grow(writer, log)
        try log.publish(writer)
        let resumed = try log.verify()

        let direct = try TestLog.full(devices: 300)
        let other = try direct.writer()
        try grow(other, direct)
        try direct.publish(other)
        #expect(try direct.verify().root == resumed.root)
    }

    @Test("A second writer is kept out while the first is open")
    func locked() throws {
        let log = TestLog()
        let first = try log.writer()
        #expect(code { try log.writer() } == .publication)
        #expect(first.size == 0)
    }

    @Test("A bundle damaged along its right edge is not grown")
    func damagedEdge() throws {
        for prefix in ["tile/0/", "tile/entries/", "tile/1/"] {
            let log = try TestLog.full(devices: 300)
            let file = try #require(try log.files().last { $0.hasPrefix(prefix) && $0.contains(".p/") })
            var bytes = try log.contents(file)
            bytes[bytes.count - 1] ^= 1
            try log.write(bytes, to: file)
            #expect(throws: AllowlistError.self) { try log.writer() }
        }
    }

    @Test("A damaged segment is not merged into the next state")
    func damagedSegment() throws {
        let log = try TestLog.full(devices: 300)
        let file = try #require(try log.files().last { $0.hasPrefix("index/key") })
        var bytes = try log.contents(file)
        bytes[bytes.count - 1] ^= 1
        try log.write(bytes, to: file)
        let writer = try log.writer()
        try grow(writer, log)
        #expect(code { try log.publish(writer) } == .segment)
    }

    @Test("A cited authorisation must be in the bundle")
    func missingAuthorisation() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        let error = #expect(throws: AllowlistError.self) {
            try writer.publish(signNote: { _ in [] }, signText: { _ in [] })
        }
        #expect(error?.code == .authorisation)
    }

    @Test(
        "Only the files that a bundle knows are taken beside the log",
        arguments: [
            "checkpoint", "../x", "tile/0/000", "index/key-0-1", "authorisations/x.p7s", "/etc/x",
            "roster.json", "rosters/0.json", "rosters/01.json", "rosters/+1.json", "rosters/x.json",
            "rosters/1.json/x", "rosters/../x.json",
        ])
    func extraFiles(path: String) throws {
        let log = TestLog()
        let writer = try log.writer()
        let error = #expect(throws: AllowlistError.self) {
            try writer.publish(
                extraFiles: [ExtraFile(path: path, bytes: [1])], signNote: { _ in [] }, signText: { _ in [] })
        }
        #expect(error?.code == .authorisation)
        #expect(error?.file == path)
    }

    @Test("Events must cite an `add`, published or not")
    func citations() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        #expect(code { try writer.append(TestLog.revoke(0, run: "R")) } == .entryReference)
        #expect(code { try writer.append(TestLog.revoke(1, run: "R")) } == .entryReference)
        #expect(code { try writer.append(.state(.init(segments: []))) } == .state)
        for number in 0..<600 { try writer.append(.add(TestLog.device(number, run: "R"))) }
        try writer.append(TestLog.revoke(5, run: "R"))
        try writer.append(TestLog.revoke(600, run: "R"))
        try log.publish(writer)
        try writer.append(TestLog.revoke(7, run: "R"))
        try log.publish(writer)
        #expect(try log.verify().counts[.revoke] == 3)
        #expect(try log.reader().lookup(serial: "SN-599").status == .revoked)
    }

    @Test("Live segments stay few, and dead segments and partial tiles go")
    func segments() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        var number = 0
        for round in 0..<60 {
            for _ in 0..<(round % 7 == 0 ? 40 : 5) {
                try writer.append(.add(TestLog.device(number, run: "R")))
                number += 1
            }
            let report = try log.publish(writer)
            #expect(report.segments.count <= 2 * 10)
            for kind in Segment.Kind.allCases {
                let sizes = report.segments.filter { $0.kind == kind }.map(\.recordCount)
                #expect(zip(sizes, sizes.dropFirst()).allSatisfy { $0 > 2 * $1 })
                #expect(sizes.reduce(0, +) == UInt64(number))
            }
        }
        let list = try log.verify()
        let tiles = Set(Tile.all(treeSize: list.treeSize).map(\.path))
        let files = try log.files()
        #expect(Set(files.filter { $0.hasPrefix("tile/") }) == tiles)
        #expect(Set(files.filter { $0.hasPrefix("index/") }) == Set(writer.bundle.state.segments.map(\.path)))
        #expect(!files.contains { $0.hasSuffix(".tmp") })
    }

    @Test("More records than fit in memory are spilled and merged")
    func spills() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        for number in 0..<70_000 { try writer.append(.add(TestLog.device(number, run: "R"))) }
        try log.publish(writer)
        #expect(try log.verify().counts[.add] == 70_000)
        #expect(writer.bundle.folder.names(in: IndexCollector.spillFolder).isEmpty)
    }

    /// Fills up to a thousand devices in one more run.
    private func grow(_ writer: BundleWriter, _ log: TestLog) throws {
        try writer.append(log.openRun("R-4"))
        for number in 0..<700 { try writer.append(.add(TestLog.device(50_000 + number, run: "R-4"))) }
    }
}
