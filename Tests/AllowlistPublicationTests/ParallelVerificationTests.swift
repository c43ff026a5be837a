import Crypto
import Testing
import TransparencyLog

@testable import Allowlist
@testable import AllowlistPublication

@Suite("Verification on several threads", .serialized)
struct ParallelVerificationTests {
    private static let devices = 20_000

    @Test("A fault in the second half of a big list is named the same whatever the number of threads")
    func sameFault() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        for number in 0..<Self.devices { try writer.append(.add(TestLog.device(number, run: "R"))) }
        try log.publish(writer)
        let segment = try #require(try log.files().first { $0.hasPrefix("index/key") })
        // An octet, and where in the file it lies; nil takes the file away.
        let faults: [(file: String, offset: Int?, code: AllowlistError.Code, index: UInt64?)] = [
            ("tile/entries/070", 5000, .entryMismatch, nil), ("tile/entries/070", 0, .entriesMalformed, nil),
            ("tile/0/071", 32 * 9, .tileMismatch, 71 * 256 + 9), ("tile/0/072", nil, .fileMissing, nil),
            ("tile/entries/073", nil, .fileMissing, nil),
            ("tile/1/000.p/78", 32 * 60, .tileMismatch, 60 * 256),
            (segment, 40 * 15_000, .segment, nil), (segment, 40 * 4096 * 3 + 39, .segment, nil),
        ]
        for fault in faults {
            let bytes = try log.contents(fault.file)
            if let offset = fault.offset {
                var changed = bytes
                changed[offset] ^= 0xff
                try log.write(changed, to: fault.file)
            } else {
                try log.remove(fault.file)
            }
            let errors = [1, 2, 3, 8].map { refusal(log, workers: $0) }
            #expect(errors[0]?.file == fault.file, "\(fault)")
            #expect(errors[0]?.code == fault.code, "\(fault): \(String(describing: errors[0]))")
            if let index = fault.index { #expect(errors[0]?.index == index) }
            for error in errors { #expect(error == errors[0], "\(fault)") }
            try log.write(bytes, to: fault.file)
        }
        for workers in [1, 2, 3, 8] {
            let list = try BundleVerifier.verify(BundleFolder(log.path), pins: log.pins(), workers: workers)
                .list
            #expect(list == (try log.verify()))
            #expect(list.counts[.add] == UInt64(Self.devices))
        }
    }

    @Test(
        "Of two signed faults the earlier one is named, whatever the number of threads",
        arguments: [
            (1000, 19_000, AllowlistError.Code.run), (18_000, 19_000, .run),
        ])
    func earlier(first: Int, second: Int, code: AllowlistError.Code) throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        for number in 0..<Self.devices {
            var device = TestLog.device(number, run: "R")
            if number == first || number == second { device.authorityKeyID = [1] }
            try writer.append(.add(device))
        }
        try log.publish(writer)
        for workers in [1, 2, 5] {
            let error = try #require(refusal(log, workers: workers))
            #expect(error.code == code)
            #expect(error.index == UInt64(first + 1))
        }
    }

    @Test("One device more than the quantity is named, wherever it stands in its tile")
    func quantity() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R", quantity: 10_000, spoilage: 100))
        for number in 0..<10_200 { try writer.append(.add(TestLog.device(number, run: "R"))) }
        try log.publish(writer)
        for workers in [1, 2, 5] {
            let error = try #require(refusal(log, workers: workers))
            #expect(error.code == .quantity)
            #expect(error.index == 10_101)
        }
    }

    @Test(
        "A serial, key or certificate listed twice far apart is found, with any number of threads",
        arguments: ["serial", "key", "certificate", "certificate serial"])
    func duplicates(what: String) throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        for number in 0..<6000 {
            var device = TestLog.device(number, run: "R")
            let other = TestLog.device(17, run: "R")
            if number == 5500 {
                switch what {
                case "serial": device.serial = other.serial
                case "key": device.key = other.key
                case "certificate": device.certificate = other.certificate
                default: device.certificateSerial = other.certificateSerial
                }
            }
            try writer.append(.add(device))
            // So that there are several live segments.
            if number == 4500 { try log.publish(writer) }
        }
        try log.publish(writer)
        for workers in [1, 2, 5] {
            let error = try #require(refusal(log, workers: workers))
            #expect(error.code == .duplicate)
            #expect(error.index == 5502)
        }
    }

    /// What is signed into the index instead of the right records.
    enum IndexFault: CaseIterable {
        case missing, extra, exchanged, moved
    }

    @Test(
        "An index record that is missing, too many or exchanged is found though it is signed",
        arguments: IndexFault.allCases, Segment.Kind.allCases)
    func index(fault: IndexFault, kind: Segment.Kind) throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        for number in 0..<9000 { try writer.append(.add(TestLog.device(number, run: "R"))) }
        var records = (0..<9000).map { number in
            IndexRecord(
                hash: IndexRecord.hash(of: TestLog.device(number, run: "R"), kind: kind),
                index: UInt64(number + 1))
        }
        switch fault {
        case .missing: records.remove(at: 7000)
        case .extra: records.append(IndexRecord(hash: TestLog.digest(1, 99), index: 8000))
        case .exchanged:
            // The sums of hashes and of indexes stay what they were.
            let (one, other) = (records[100], records[8000])
            records[100] = IndexRecord(hash: one.hash, index: other.index)
            records[8000] = IndexRecord(hash: other.hash, index: one.index)
        case .moved: records[5000] = IndexRecord(hash: records[5000].hash, index: 5000)
        }
        let position = try #require(writer.bundle.collectors.firstIndex { $0.kind == kind })
        writer.bundle.collectors[position] = IndexCollector(kind)
        for record in records { try writer.bundle.collect(record, kind) }
        try log.publish(writer)
        let errors = [1, 2, 5].map { refusal(log, workers: $0) }
        #expect(errors[0]?.code == .segment)
        #expect(errors[0]?.file?.hasPrefix("index/\(kind.name)-") == true)
        for error in errors { #expect(error == errors[0]) }
    }

    @Test("A list of devices with FDO values, firmware and other times verifies, on any number of threads")
    func allForms() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        try writer.append(log.openRun("Q", product: "other"))
        for number in 0..<3000 {
            var device = TestLog.device(
                number, run: number % 3 == 0 ? "Q" : "R", product: number % 3 == 0 ? "other" : "pump",
                serial: String(repeating: "é", count: number % 100) + "\(number)")
            if number % 2 == 0 {
                device.fdo = .init(
                    guid: Array(TestLog.digest(number, 7).bytes.prefix(16)),
                    voucher: TestLog.digest(number, 8))
            }
            if number % 5 < 2 { device.firmware = [TestLog.digest(number % 7, 9)] }
            device.notAfter = [253_402_300_799, 1_900_000_000 + UInt64(number), 60_000, 0][number % 4]
            device.rotates = number % 11 == 0
            try writer.append(.add(device))
        }
        try log.publish(writer)
        for workers in [1, 2, 5] {
            let bundle = try BundleVerifier.verify(BundleFolder(log.path), pins: log.pins(), workers: workers)
            #expect(bundle.list.counts[.add] == 3000)
            #expect(bundle.list.runs.map(\.released) == [2000, 1000])
        }
    }

    @Test("A signed size beyond anything that exists is refused and not made room for")
    func absurdSize() throws {
        for size in [UInt64.max, UInt64.max - 300, 1 << 62, 1 << 40] {
            let log = TestLog()
            let writer = try log.writer()
            try writer.append(log.openRun("R"))
            try log.publish(writer)
            let checkpoint = Checkpoint(origin: log.origin, size: size, root: writer.bundle.tree.root)
            let signature = try log.key.signature(for: checkpoint.text)
            let note = SignedNote(
                text: checkpoint.text,
                signatures: [writer.pins.logKey.signature(Array(signature.derRepresentation))])
            try log.write(note.bytes, to: SignedHead.notePath)
            try log.write(note.text, to: SignedHead.textPath)
            try log.write(
                SoftwareLogKey(log.key).checkpointSignature(over: note.text, at: TestLog.signedAt),
                to: SignedHead.cmsPath)
            for workers in [1, 2, 5] { #expect(refusal(log, workers: workers)?.code == .fileMissing) }
        }
    }

    private func refusal(_ log: TestLog, workers: Int) -> AllowlistError? {
        do {
            _ = try BundleVerifier.verify(BundleFolder(log.path), pins: log.pins(), workers: workers)
            return nil
        } catch {
            return error as? AllowlistError
        }
    }
}
