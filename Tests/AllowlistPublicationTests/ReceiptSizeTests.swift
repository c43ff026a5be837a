import Allowlist
import Crypto
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("The length of receipts")
struct ReceiptSizeTests {
    static let key = P256.Signing.PrivateKey()

    /// The longest receipt in a log of `treeSize` entries: the last index, the deepest path, the longest signature.
    static func longest(
        _ entry: AllowlistEntry, origin: String = "hospital.example/allowlist", treeSize: UInt64 = 10_000_000
    ) throws -> Receipt {
        let depth = 64 - (treeSize - 1).leadingZeroBitCount
        let checkpoint = Checkpoint(origin: origin, size: treeSize, root: MerkleTree.emptyRoot)
        let log = try NoteKey(name: origin, spki: Array(key.publicKey.derRepresentation))
        // A DER Ecdsa-Sig-Value over P-256 has at most 72 octets.
        let line = log.signature([UInt8](repeating: 0xff, count: 72))
        return try Receipt(
            parsing: TLogProof(
                extra: entry.encoded(), index: treeSize - 1,
                hashes: [Digest32](repeating: MerkleTree.emptyRoot, count: depth),
                checkpoint: SignedNote(text: checkpoint.text, signatures: [line]).bytes
            ).bytes)
    }

    static func device(
        run: Int = 32, product: Int = 32, serial: Int = 32, keyID: Int = 20, fdo: Bool = true,
        firmware: Int = 2
    ) -> AllowlistEntry {
        var device = TestLog.device(1, run: String(repeating: "r", count: run))
        device.product = String(repeating: "p", count: product)
        device.serial = .plain(String(repeating: "s", count: serial))
        device.certificateSerial = [UInt8](repeating: 1, count: 20)
        device.authorityKeyID = [UInt8](repeating: 2, count: keyID)
        if fdo { device.fdo = .init(guid: [UInt8](repeating: 3, count: 16), voucher: TestLog.digest(1, 5)) }
        device.firmware = [Digest32](repeating: TestLog.digest(1, 6), count: firmware)
        return .add(device)
    }

    @Test("With one log signature at ten million entries, 2 048 octets hold every ordinary device")
    func ordinary() throws {
        let devices = [
            Self.device(), Self.device(run: 64, product: 64, serial: 64), Self.device(firmware: 6),
            // The longest serial there is, without firmware digests.
            Self.device(serial: 255, fdo: false, firmware: 0),
            Self.device(run: 40, product: 40, serial: 128, fdo: true, firmware: 1),
        ]
        for device in devices {
            let length = try Self.longest(device).bytes.count
            #expect(length <= Receipt.intendedLength, "\(length)")
        }
    }

    @Test("The page's formula for the longest entry is exact, from a thousand to a billion entries")
    func formula() throws {
        for (treeSize, digits) in [(1_000, 4), (10_000_000, 8), (1_000_000_000, 10)] as [(UInt64, Int)] {
            for origin in ["a", "hospital.example/allowlist", String(repeating: "o", count: 128)] {
                let depth = 64 - (treeSize - 1).leadingZeroBitCount
                let indexDigits = String(treeSize - 1).count
                let rest = 189 + indexDigits + digits + 45 * depth + 2 * origin.utf8.count
                let entry = Self.device()
                let base64 = try (entry.encoded().count + 2) / 3 * 4
                #expect(
                    try Self.longest(entry, origin: origin, treeSize: treeSize).bytes.count == rest + 7
                        + base64)
            }
        }
    }

    @Test("A device with everything at its longest does not fit, is made all the same, and says so")
    func overlong() throws {
        let receipt = try Self.longest(
            Self.device(run: 128, product: 128, serial: 255, keyID: 64, fdo: true, firmware: 16))
        #expect(!receipt.isOfIntendedLength)
        #expect(receipt.bytes.count < TLogProof.maximumLength)
        #expect(try Receipt(parsing: receipt.bytes) == receipt)
    }

    @Test("Cosignatures travel in a receipt while they fit, all or none of them where that is asked for")
    func cosignatures() throws {
        let log = try TestLog.full(devices: 1000)
        let keys = try (0..<12).map { try CosigningKey(generatingFor: "witness-\($0).example") }
        var note = try SignedNote(parsing: log.contents("checkpoint"))
        for key in keys { note = note.adding(try key.cosign(text: note.text, at: 1_700_000_000)) }
        try log.write(note.bytes, to: "checkpoint")
        let reader = try log.reader()
        let fitting = try reader.receipt(forEntryAt: 700)
        #expect(fitting.isOfIntendedLength)
        let lines = try SignedNote(parsing: fitting.proof.checkpoint).signatures
        #expect(lines == Array(note.signatures.prefix(lines.count)))
        #expect((4...12).contains(lines.count))
        // One more would not have fitted.
        let next = note.signatures[lines.count].line.utf8.count + 1
        #expect(fitting.bytes.count + next > Receipt.intendedLength)
        let all = try reader.receipt(forEntryAt: 700, cosignatures: .all)
        #expect(all.proof.checkpoint == note.bytes)
        #expect(!all.isOfIntendedLength)
        let none = try reader.receipt(forEntryAt: 700, cosignatures: .none)
        #expect(try SignedNote(parsing: none.proof.checkpoint).signatures.count == 1)

        var pins = try log.pins()
        pins.witnesses = try WitnessQuorum(3, of: keys.map(\.publicKey))
        #expect(try fitting.verify(pins: pins).cosigned.count == lines.count - 1)
        #expect(try all.verify(pins: pins).cosigned.count == 12)
        #expect(code { try none.verify(pins: pins) } == .witnessQuorum)
    }
}
