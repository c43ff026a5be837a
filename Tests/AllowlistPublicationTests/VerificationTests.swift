import Allowlist
import Crypto
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Verification of a bundle")
struct VerificationTests {
    @Test("A list grown over several publications verifies and tells its runs")
    func whole() throws {
        let log = try TestLog.full()
        let list = try log.verify()
        #expect(list.treeSize == 3000 + 3 * 6 + 6)
        #expect(list.counts[.add] == 3000)
        #expect(list.counts[.state] == 6)
        #expect(list.runs.map(\.id) == ["R-1", "R-2", "R-3"])
        #expect(list.runs.map(\.released) == [2399, 299, 299])
        #expect(list.runs.allSatisfy { $0.isSealed && $0.scrapped == 1 && $0.burned == 1 })
        #expect(list.authorised == .claimed)
        #expect(!list.isRehearsal)
        #expect(list.warnings.isEmpty)
        #expect(try log.writer().published?.root == list.root)
    }

    @Test("A list of nothing but its state verifies")
    func empty() throws {
        let log = TestLog()
        try log.publish(log.writer())
        #expect(try log.verify().treeSize == 1)
        try log.publish(log.writer())
        #expect(try log.verify().treeSize == 2)
    }

    @Test(
        "Lists of sizes around the tile's width verify after every publication",
        arguments: [
            250...260, 508...516,
        ])
    func sizes(range: ClosedRange<Int>) throws {
        let log = TestLog()
        var writer = try log.writer()
        try writer.append(log.openRun("R"))
        for number in 0..<range.lowerBound - 3 { try writer.append(.add(TestLog.device(number, run: "R"))) }
        for number in range {
            try log.publish(writer)
            #expect(try log.verify().treeSize == writer.size)
            if number % 2 == 0 {
                writer = try reopened(&writer, log)
            }
        }
    }

    @Test("An open run is a warning, no fault")
    func openRun() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        try log.publish(writer)
        #expect(try log.verify().warnings == ["the run R is still open"])
    }

    @Test("What a run in progress wrote beyond the checkpoint is left alone")
    func beyond() throws {
        let log = try TestLog.full(devices: 100)
        let before = try log.verify()
        let writer = try log.writer()
        try writer.append(log.openRun("R-9"))
        for number in 0..<1000 { try writer.append(.add(TestLog.device(10_000 + number, run: "R-9"))) }
        #expect(try log.verify() == before)
    }

    @Test("A rehearsal is refused unless it is allowed")
    func rehearsal() throws {
        let log = TestLog(origin: "rehearsal.invalid/demo")
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        try log.publish(writer)
        #expect(code { try log.verify() } == .rehearsal)
        #expect(code { try log.reader() } == .rehearsal)
        let list = try BundleVerifier.verify(directory: log.path, pins: log.pins(allowRehearsal: true))
        #expect(list.isRehearsal)
    }

    @Test("An entry whose rehearsal flag disagrees with the origin is not appended")
    func rehearsalFlag() throws {
        let log = TestLog()
        let other = TestLog(origin: "rehearsal.invalid/demo")
        let writer = try log.writer()
        #expect(code { try writer.append(other.openRun("R")) } == .rehearsal)
        #expect(writer.size == 0)
        try writer.append(log.openRun("R"))
    }

    @Test("A checkpoint of another log or by another key is refused")
    func otherPins() throws {
        let log = try TestLog.full(devices: 100)
        let other = TestLog(origin: log.origin)
        let otherKey = try Pins(origin: log.origin, logKeySPKI: other.spki)
        #expect(
            code { try BundleVerifier.verify(directory: log.path, pins: otherKey) } == .checkpointSignature)
        let otherOrigin = try Pins(origin: "else.example/list", logKeySPKI: log.spki)
        #expect(
            code { try BundleVerifier.verify(directory: log.path, pins: otherOrigin) } == .checkpointOrigin)
    }

    /// What a faulty line logs, and the code that consumers refuse it with.
    typealias Fault = @Sendable (TestLog, BundleWriter) throws -> Void
    static let faults: [(String, AllowlistError.Code, Fault)] = [
        (
            "a serial twice", .duplicate,
            { log, writer in
                try writer.append(.add(TestLog.device(50, run: "R", serial: "SN-7")))
            }
        ),
        (
            "a key twice", .duplicate,
            { log, writer in
                var device = TestLog.device(50, run: "R")
                device.key = TestLog.digest(7, 1)
                try writer.append(.add(device))
            }
        ),
        (
            "a certificate twice", .duplicate,
            { log, writer in
                var device = TestLog.device(50, run: "R")
                device.certificate = TestLog.digest(7, 2)
                try writer.append(.add(device))
            }
        ),
        (
            "a certificate serial number twice", .duplicate,
            { log, writer in
                var device = TestLog.device(50, run: "R")
                device.certificateSerial = TestLog.device(7, run: "R").certificateSerial
                try writer.append(.add(device))
            }
        ),
        (
            "a released certificate burned", .duplicate,
            { log, writer in
                try writer.append(TestLog.burn(TestLog.device(7, run: "R").certificateSerial, run: "R"))
            }
        ),
        (
            "a device of no run", .run,
            { log, writer in try writer.append(.add(TestLog.device(50, run: "Q"))) }
        ),
        (
            "a device of another product", .run,
            { log, writer in
                try writer.append(.add(TestLog.device(50, run: "R", product: "other")))
            }
        ),
        (
            "a device by another issuer", .run,
            { log, writer in
                var device = TestLog.device(50, run: "R")
                device.authorityKeyID = [1]
                try writer.append(.add(device))
            }
        ),
        ("a run opened twice", .run, { log, writer in try writer.append(log.openRun("R")) }),
        (
            "more made than quantity and spoilage", .quantity,
            { log, writer in
                for number in 0..<3 { try writer.append(TestLog.burn([0x20 + UInt8(number)], run: "R")) }
            }
        ),
        (
            "more released than the quantity", .quantity,
            { log, writer in
                try writer.append(.add(TestLog.device(50, run: "R")))
            }
        ),
        (
            "a seal with a device too many", .seal,
            { log, writer in
                try writer.append(.seal(log.seal("R", openIndex: 0, released: 11)))
            }
        ),
        (
            "a seal that hides a scrapped device", .seal,
            { log, writer in
                try writer.append(.seal(log.seal("R", openIndex: 0, released: 9, scrapped: 1)))
            }
        ),
        (
            "a seal over other burned certificates", .seal,
            { log, writer in
                try writer.append(TestLog.burn([0x21], run: "R"))
                try writer.append(.seal(log.seal("R", openIndex: 0, released: 10, burned: [[0x22]])))
            }
        ),
        (
            "a seal that cites another opening", .seal,
            { log, writer in
                try writer.append(.seal(log.seal("R", openIndex: 1, released: 10)))
            }
        ),
        (
            "a device after the seal", .run,
            { log, writer in
                try writer.append(.seal(log.seal("R", openIndex: 0, released: 10)))
                try writer.append(.add(TestLog.device(50, run: "R")))
            }
        ),
        (
            "a run sealed twice", .run,
            { log, writer in
                try writer.append(.seal(log.seal("R", openIndex: 0, released: 10)))
                try writer.append(.seal(log.seal("R", openIndex: 0, released: 10)))
            }
        ),
        (
            "a revocation under another run", .entryReference,
            { log, writer in
                try writer.append(TestLog.revoke(3, run: "Q"))
            }
        ),
        (
            "a device scrapped twice", .entryReference,
            { log, writer in
                try writer.append(.scrap(.init(index: 3, reason: "dropped", scrappedAt: 1)))
                try writer.append(.scrap(.init(index: 3, reason: "dropped", scrappedAt: 1)))
            }
        ),
        (
            "a device replaced twice", .entryReference,
            { log, writer in
                try writer.append(.replace(.init(priorIndex: 3, newIndex: 4, reason: "RMA", replacedAt: 1)))
                try writer.append(.replace(.init(priorIndex: 3, newIndex: 5, reason: "RMA", replacedAt: 1)))
            }
        ),
        (
            "a record of the index left out", .segment,
            { log, writer in
                writer.bundle.collectors[0] = IndexCollector(.key)
            }
        ),
        (
            "a record too many in the index", .segment,
            { log, writer in
                let record = IndexRecord(hash: TestLog.digest(99, 9), index: 4)
                try writer.bundle.collect(record, .serial)
            }
        ),
    ]

    @Test("A signed list that breaks a rule is refused", arguments: faults.indices)
    func fault(index: Int) throws {
        let (name, expected, make) = Self.faults[index]
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R", quantity: 10, spoilage: 2))
        for number in 0..<10 { try writer.append(.add(TestLog.device(number, run: "R"))) }
        try make(log, writer)
        try log.publish(writer)
        #expect(code { try log.verify() } == expected, "\(name)")
    }

    @Test("Serials may repeat over products, and over a replacement")
    func repeatedSerials() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        try writer.append(log.openRun("Q", product: "other"))
        let prior = try writer.append(.add(TestLog.device(1, run: "R", serial: "S")))
        try writer.append(.add(TestLog.device(2, run: "Q", product: "other", serial: "S")))
        let new = try writer.append(.add(TestLog.device(3, run: "R", serial: "S")))
        try writer.append(.replace(.init(priorIndex: prior, newIndex: new, reason: "RMA", replacedAt: 1)))
        try log.publish(writer)
        #expect(try log.verify().counts[.add] == 3)
        let reader = try log.reader()
        #expect(code { try reader.lookup(serial: "S") } == .ambiguousSerial)
        #expect(try reader.lookup(serial: "S", product: "pump").entryIndex == new)
        let old = try reader.lookup(serial: "S", key: TestLog.digest(1, 1))
        #expect(old.status == .replaced)
        #expect(old.events.first?.replacedBy == new)
    }

    @Test("An entry deleted under an old checkpoint is found, whoever rebuilt the tiles")
    func deleted() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        for number in 0..<300 { try writer.append(.add(TestLog.device(number, run: "R"))) }
        try log.publish(writer)
        let rewritten = TestLog(origin: log.origin)
        let second = try rewritten.writer()
        try second.append(rewritten.openRun("R"))
        for number in 0...300 where number != 17 { try second.append(.add(TestLog.device(number, run: "R"))) }
        try rewritten.publish(second)
        for file in [SignedHead.notePath, SignedHead.textPath, SignedHead.cmsPath] {
            try rewritten.write(log.contents(file), to: file)
        }
        let error = #expect(throws: AllowlistError.self) {
            try BundleVerifier.verify(directory: rewritten.path, pins: log.pins())
        }
        #expect(error?.code == .rootMismatch)
    }

    @Test("A list whose last entry is no state is refused")
    func noState() throws {
        let log = TestLog()
        let writer = try log.writer()
        try log.publish(writer)
        try writer.append(log.openRun("R"))
        try writer.bundle.flush()
        let checkpoint = Checkpoint(origin: log.origin, size: writer.size, root: writer.bundle.tree.root)
        let signature = try log.key.signature(for: checkpoint.text)
        let note = SignedNote(
            text: checkpoint.text,
            signatures: [writer.pins.logKey.signature(Array(signature.derRepresentation))])
        try log.write(note.bytes, to: SignedHead.notePath)
        try log.write(note.text, to: SignedHead.textPath)
        #expect(code { try log.verify() } == .state)
        #expect(code { try log.reader() } == .state)
    }

    private func reopened(_ writer: inout BundleWriter, _ log: TestLog) throws -> BundleWriter {
        try writer.rollback()
        return writer
    }
}

/// The code that `body` is refused with.
func code<Value>(_ body: () throws -> Value) -> AllowlistError.Code? {
    do {
        _ = try body()
        return nil
    } catch let error as AllowlistError {
        return error.code
    } catch {
        return nil
    }
}
