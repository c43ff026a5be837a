import Allowlist
import Crypto
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Receipts")
struct ReceiptTests {
    let log: TestLog
    let reader: BundleReader

    init() throws {
        log = try TestLog.full(devices: 1000)
        reader = try log.reader()
    }

    private func presented(_ number: Int) -> PresentedDevice {
        PresentedDevice(
            key: TestLog.digest(number, 1), certificate: TestLog.digest(number, 2), serial: "SN-\(number)",
            product: "pump")
    }

    /// The index of a device of the first run.
    private func index(_ number: Int) -> UInt64 { UInt64(number + 1) }

    /// A receipt with some part of it changed.
    private func changed(
        _ receipt: Receipt, extra: [UInt8]? = nil, index: UInt64? = nil, hashes: [Digest32]? = nil,
        checkpoint: [UInt8]? = nil
    ) throws -> Receipt {
        let proof = receipt.proof
        return try Receipt(
            parsing: TLogProof(
                extra: extra ?? proof.extra, index: index ?? proof.index, hashes: hashes ?? proof.hashes,
                checkpoint: checkpoint ?? proof.checkpoint
            ).bytes)
    }

    @Test("A device's receipt shows that it is listed, from the pins alone")
    func listed() throws {
        for number in [0, 1, 255, 256, 700, 799] {
            let bytes = try reader.receipt(forEntryAt: index(number)).bytes
            let receipt = try Receipt(parsing: bytes)
            #expect(receipt.bytes == bytes)
            let answer = try receipt.verify(pins: log.pins(), device: presented(number))
            #expect(answer.device.serial == .plain("SN-\(number)"))
            #expect(answer.entryIndex == index(number))
            #expect(answer.checkpoint == reader.checkpoint)
            #expect(answer.keyChecked && answer.certificateChecked && answer.serialChecked)
        }
    }

    @Test("A receipt says what it cannot show, and that nobody was identified where no device was named")
    func limits() throws {
        // This device was revoked before the checkpoint that its receipt has: the receipt cannot know.
        let answer = try reader.receipt(forEntryAt: 3).verify(pins: log.pins())
        #expect(try reader.lookup(key: answer.device.key).status == .revoked)
        #expect(answer.limits == [.events, .newestCheckpoint, .quantities])
        #expect(!answer.keyChecked && !answer.certificateChecked && !answer.serialChecked)
        for limit in ProofLimit.allCases { #expect(!limit.text.isEmpty) }
    }

    @Test("A changed octet anywhere is refused")
    func flips() throws {
        let bytes = try reader.receipt(forEntryAt: index(700)).bytes
        let pins = try log.pins()
        for position in bytes.indices {
            var changed = bytes
            changed[position] ^= 1 << UInt8(position % 8)
            #expect(throws: AllowlistError.self, "octet \(position)") {
                _ = try Receipt(parsing: changed).verify(pins: pins, device: presented(700))
            }
        }
    }

    @Test("A receipt cut anywhere is refused")
    func cuts() throws {
        let bytes = try reader.receipt(forEntryAt: index(700)).bytes
        let pins = try log.pins()
        for length in 0..<bytes.count {
            #expect(throws: AllowlistError.self, "\(length) octets") {
                _ = try Receipt(parsing: Array(bytes[..<length])).verify(pins: pins)
            }
        }
    }

    @Test("A receipt for another tree is refused, though the same log signed both")
    func otherTree() throws {
        let old = try reader.receipt(forEntryAt: index(700))
        let writer = try log.writer()
        try writer.append(log.openRun("R-9"))
        try log.publish(writer)
        let new = try log.reader().receipt(forEntryAt: index(700))
        _ = try old.verify(pins: log.pins())
        _ = try new.verify(pins: log.pins())
        let pins = try log.pins()
        for (proof, tree) in [(old, new), (new, old)] {
            let mixed = try changed(proof, checkpoint: tree.proof.checkpoint)
            #expect(code { try mixed.verify(pins: pins) } == .receiptProof)
        }
    }

    @Test("Another entry, another place or another path under a good checkpoint is refused")
    func otherEntry() throws {
        let (one, other) = (
            try reader.receipt(forEntryAt: index(700)), try reader.receipt(forEntryAt: index(701))
        )
        let pins = try log.pins()
        var forged = TestLog.device(5000, run: "R-1")
        forged.product = "pump"
        let variants = [
            try changed(one, extra: other.proof.extra),
            try changed(one, extra: AllowlistEntry.add(forged).encoded()),
            try changed(one, index: index(701)), try changed(one, index: .max),
            try changed(one, index: reader.checkpoint.size), try changed(one, hashes: other.proof.hashes),
            try changed(one, hashes: []), try changed(one, hashes: one.proof.hashes.dropLast()),
            try changed(one, hashes: one.proof.hashes + [MerkleTree.emptyRoot]),
        ]
        for variant in variants { #expect(code { try variant.verify(pins: pins) } == .receiptProof) }
    }

    @Test("An entry is not read before it is proven")
    func unproven() throws {
        let receipt = try reader.receipt(forEntryAt: index(700))
        let pins = try log.pins()
        // Not CBOR at all, and a nesting bomb: the refusal is about the proof.
        for garbage in [[0xff], [UInt8](repeating: 0x81, count: 60_000)] as [[UInt8]] {
            #expect(code { try changed(receipt, extra: garbage).verify(pins: pins) } == .receiptProof)
        }
    }

    @Test("A proven entry that lists no device is no receipt", arguments: [0, 801, 802, 803, 804])
    func noDevice(index: UInt64) throws {
        var files = EntryFiles(in: BundleFolder(log.path), treeSize: reader.checkpoint.size)
        var tree = TiledTree(size: reader.checkpoint.size, source: files)
        let proof = TLogProof(
            extra: try files.bytes(at: index), index: index, hashes: try tree.inclusionProof(index: index),
            checkpoint: reader.head.note.bytes)
        let pins = try log.pins()
        #expect(code { try Receipt(parsing: proof.bytes).verify(pins: pins) } == .receiptMalformed)
        #expect(code { try reader.receipt(forEntryAt: index) } == .entryReference)
    }

    @Test("Text that is no tlog-proof, or one without an entry, is malformed")
    func malformed() throws {
        let receipt = try reader.receipt(forEntryAt: index(700))
        let bare = TLogProof(
            extra: nil, index: 700, hashes: receipt.proof.hashes, checkpoint: receipt.proof.checkpoint)
        for bytes in [[], Array("{}".utf8), bare.bytes, [0] + receipt.bytes, receipt.bytes.map { $0 | 0x80 }]
        {
            #expect(code { try Receipt(parsing: bytes) } == .receiptMalformed)
        }
    }

    @Test("The checkpoint is held to every pin: origin, key, rehearsal, form")
    func pins() throws {
        let receipt = try reader.receipt(forEntryAt: index(700))
        let stranger = Array(P256.Signing.PrivateKey().publicKey.derRepresentation)
        let otherKey = try Pins(origin: log.origin, logKeySPKI: stranger)
        #expect(code { try receipt.verify(pins: otherKey) } == .checkpointSignature)
        let otherLog = try Pins(origin: "other.example/list", logKeySPKI: log.spki)
        #expect(code { try receipt.verify(pins: otherLog) } == .checkpointOrigin)
        let text = Array("no note\n".utf8)
        #expect(
            code { try changed(receipt, checkpoint: text).verify(pins: log.pins()) } == .checkpointMalformed)

        let rehearsal = try TestLog.full(devices: 100, origin: "rehearsal.invalid/site")
        let practised = try BundleReader(
            directory: rehearsal.path, pins: rehearsal.pins(allowRehearsal: true)
        ).receipt(forEntryAt: 1)
        #expect(code { try practised.verify(pins: rehearsal.pins()) } == .rehearsal)
        _ = try practised.verify(pins: rehearsal.pins(allowRehearsal: true))
    }

    @Test("A receipt copied from another device is refused by whatever differs")
    func copied() throws {
        let receipt = try reader.receipt(forEntryAt: index(700))
        let pins = try log.pins()
        let good = presented(700)
        let changes: [(inout PresentedDevice) -> Void] = [
            { $0.key = TestLog.digest(701, 1) }, { $0.certificate = TestLog.digest(701, 2) },
            { $0.serial = "SN-701" }, { $0.serial = "" }, { $0.product = "monitor" },
        ]
        for change in changes {
            var device = good
            change(&device)
            #expect(code { try receipt.verify(pins: pins, device: device) } == .receiptDevice)
        }
        _ = try receipt.verify(pins: pins, device: PresentedDevice(key: good.key))
    }

    @Test("Serials are compared by octets, not by what Unicode calls equivalent")
    func unicode() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        let index = try writer.append(.add(TestLog.device(1, run: "R", serial: "caf\u{e9}")))
        try log.publish(writer)
        let receipt = try log.reader().receipt(forEntryAt: index)
        let composed = PresentedDevice(key: TestLog.digest(1, 1), serial: "caf\u{e9}")
        let decomposed = PresentedDevice(key: TestLog.digest(1, 1), serial: "cafe\u{301}")
        _ = try receipt.verify(pins: log.pins(), device: composed)
        #expect(code { try receipt.verify(pins: log.pins(), device: decomposed) } == .receiptDevice)
    }

    @Test(
        "In a log of hashed serials the serial is compared with the serial key, and else said to be unchecked"
    )
    func hashedSerials() throws {
        let serialKey = SerialKey()
        let log = try TestLog.full(devices: 100, serialKey: serialKey)
        let pins = try log.pins()
        let receipt = try log.reader().receipt(forEntryAt: 10)
        let right = PresentedDevice(key: TestLog.digest(9, 1), serial: "SN-9")
        let wrong = PresentedDevice(key: TestLog.digest(9, 1), serial: "SN-8")
        #expect(try receipt.verify(pins: pins, device: right, serialKey: serialKey).serialChecked)
        #expect(
            code { try receipt.verify(pins: pins, device: wrong, serialKey: serialKey) } == .receiptDevice)
        #expect(
            code { try receipt.verify(pins: pins, device: right, serialKey: SerialKey()) } == .receiptDevice)
        for device in [right, wrong] {
            let answer = try receipt.verify(pins: pins, device: device)
            #expect(answer.keyChecked && !answer.serialChecked)
        }
    }

    @Test("A bundle whose files were damaged gives no receipt")
    func damaged() throws {
        var tile = try log.contents("tile/0/002")
        tile[9] ^= 1
        try log.write(tile, to: "tile/0/002")
        #expect(code { try reader.receipt(forEntryAt: 600) } == .entryMismatch)
        var bundle = try log.contents("tile/entries/001")
        bundle[9] ^= 1
        try log.write(bundle, to: "tile/entries/001")
        #expect(code { try log.reader().receipt(forEntryAt: 256) } == .entryMismatch)
    }

    @Test("Every device of a run that is still listed gets its receipt, in the log's order")
    func run() throws {
        var serials: [String] = []
        let counts = try reader.receipts(ofRun: "R-1") { device, receipt in
            serials.append(device.serial.description)
            let answer = try receipt.verify(pins: log.pins(), device: PresentedDevice(key: device.key))
            #expect(answer.device == device)
        }
        // The second device was scrapped, the third revoked, the fourth replaced by the fifth.
        #expect(serials == (0..<800).filter { ![1, 2, 3].contains($0) }.map { "SN-\($0)" })
        #expect(counts.made == 797)
        #expect(counts.withdrawn == 3)
        #expect(code { try reader.receipts(ofRun: "R-0") { _, _ in } } == .run)
    }
}
