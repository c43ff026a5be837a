import Allowlist
import Crypto
import TransparencyLog

extension VectorCase {
    /// Questions about one device to a good list.
    static let lookups: [VectorCase] = [
        lookup("listed", "A device by serial and key.", serial: "SN-1", key: 1),
        lookup("scrapped", "A scrapped device.", serial: "SN-2", key: 2),
        lookup("revoked", "A revoked device.", serial: "SN-3", key: 3),
        lookup("replaced", "A replaced device, with the new one.", serial: "SN-4", key: 4),
        lookup(
            "revoked-after-the-seal", "A device that was revoked after its run's seal.", serial: "SN-5",
            key: 5),
        lookup(
            "other-key", "A listed serial with a key of another device is not listed.", serial: "SN-1", key: 6
        ),
        lookup("serial-alone", "A serial alone identifies nobody, and the answer says so.", serial: "SN-1"),
        lookup("other-product", "A listed serial of another product.", serial: "SN-1", product: "Monitor"),
        lookup("absent", "A device that is in no segment.", serial: "SN-99", key: 99),
        lookup("certificate", "A device by certificate and key.", certificate: 20, key: 20),
        lookup(
            "certificate-other-key", "A listed certificate with a key of another device.", certificate: 20,
            key: 21),
        lookup("burned", "A burned certificate's device was never listed.", certificate: 9, key: 9),
        hashedLookup(
            "hashed", "A device of a log with hashed serials, by serial and serial key.", serial: "SN-1"),
        hashedLookup("hashed-revoked", "A revoked device of such a log.", serial: "SN-3"),
        hashedLookup("hashed-absent", "A serial that such a log does not have.", serial: "SN-77"),
        .refused(
            "lookup-ambiguous", "A serial of two products, without the product or the key.", .ambiguousSerial
        ) {
            var log = VectorLog()
            try log.append(log.openRun())
            try log.append(.add(VectorLog.device(1)))
            try log.append(log.openRun("R-2", product: "Syringe pump"))
            try log.append(.add(VectorLog.device(2, run: "R-2", product: "Syringe pump", serial: "SN-1")))
            try log.appendState()
            return Made(
                log: log, files: try log.files(), question: .init(lookup: .init(serial: "SN-1")))
        },
        .refused(
            "lookup-misled", "The signed index leads from a key to another device; the entry is no answer.",
            .segment
        ) {
            var log = try VectorLog.oneRun()
            log.changeIndex = { kind, records in
                guard kind == .key else { return }
                records.append(IndexRecord(hash: VectorLog.device(99).key, index: 2))
                records.sort()
            }
            try log.appendState()
            let device = VectorLog.device(99)
            return Made(
                log: log, files: try log.files(),
                question: .init(
                    lookup: .init(key: device.key.hex, certificate: device.certificate.hex)))
        },
    ]

    private static func lookup(
        _ name: String, _ what: String, serial: String? = nil, product: String? = nil,
        certificate: Int? = nil,
        key: Int? = nil
    ) -> VectorCase {
        .accepted("lookup-\(name)", what) {
            let log = try everyEvent()
            return Made(
                log: log, files: try log.files(), shared: "every-event",
                question: .init(
                    lookup: .init(
                        serial: serial, product: product, key: key.map { VectorLog.digest($0, "key").hex },
                        certificate: certificate.map { VectorLog.digest($0, "certificate").hex })))
        }
    }

    private static func hashedLookup(_ name: String, _ what: String, serial: String) -> VectorCase {
        .accepted("lookup-\(name)", what) {
            let log = try hashed()
            return Made(
                log: log, files: try log.files(), shared: "hashed-serials",
                question: .init(lookup: .init(serial: serial, serialKey: serialKey)))
        }
    }

    /// Receipts that a device carries itself.
    static let receipts: [VectorCase] = [
        .accepted("receipt-good", "A device's receipt, compared with its key, certificate and serial.") {
            try receipt(asked: 1)
        },
        .accepted("receipt-without-device", "A receipt by itself identifies nobody, and the answer says so.")
        {
            try receipt(asked: nil)
        },
        .refused(
            "receipt-of-another-device", "A receipt that was copied from another device.", .receiptDevice
        ) {
            try receipt(asked: 2)
        },
        .refused(
            "receipt-of-another-tree", "Entry and path under the checkpoint of another tree.", .receiptProof
        ) {
            var made = try receipt(asked: 1)
            var other = made.log
            other.entries[0] = try AllowlistEntry.add(VectorLog.device(50)).encoded()
            made.receipt = try replacing(made, checkpoint: other)
            return made
        },
        .refused("receipt-entry-altered", "One bit of the receipt's entry was changed.", .receiptProof) {
            try altered { $0[60] ^= 1 }
        },
        .refused("receipt-index-altered", "The receipt names another index.", .receiptProof) {
            var made = try receipt(asked: 1)
            made.receipt = made.receipt.map { text in
                Array(
                    String(decoding: text, as: UTF8.self).replacing("\nindex 1\n", with: "\nindex 2\n").utf8)
            }
            return made
        },
        .refused(
            "receipt-by-another-key", "The receipt's checkpoint is signed by another key.",
            .checkpointSignature
        ) {
            var made = try receipt(asked: 1)
            var other = made.log
            other.key = VectorLog.key("another key")
            made.receipt = try replacing(made, checkpoint: other)
            return made
        },
        .refused(
            "receipt-of-no-device", "The receipt proves an entry that lists no device.", .receiptMalformed
        ) {
            try receipt(asked: nil, index: 0)
        },
        .refused("receipt-cut", "The receipt ends in its middle.", .receiptMalformed) {
            var made = try receipt(asked: 1)
            made.receipt = made.receipt.map { Array($0.prefix($0.count / 2)) }
            return made
        },
        .refused(
            "receipt-trailing",
            "Something follows the receipt; a receipt ends in its checkpoint, so that is malformed.",
            .checkpointMalformed
        ) {
            var made = try receipt(asked: 1)
            made.receipt? += Array("more\n".utf8)
            return made
        },
    ]

    /// The receipt of an entry of a published run, and the question of a device about it.
    private static func receipt(asked: Int?, index: UInt64 = 1) throws -> Made {
        let log = try VectorLog.published()
        var tree = InMemory(leaves: log.leaves)
        let text = Checkpoint(origin: log.origin, size: log.size, root: log.root).text
        let note = SignedNote(text: text, signatures: [try log.line(over: text)])
        let proof = TLogProof(
            extra: log.entries[Int(index)], index: index, hashes: tree.path(of: Int(index)),
            checkpoint: note.bytes)
        var made = Made(log: log, files: [:], question: .init(receipt: .init(file: "")))
        made.receipt = proof.bytes
        if let asked {
            let device = VectorLog.device(asked)
            made.question.receipt?.key = device.key.hex
            made.question.receipt?.certificate = device.certificate.hex
            made.question.receipt?.serial = device.serial.plainText
        }
        return made
    }

    private static func altered(_ change: (inout [UInt8]) -> Void) throws -> Made {
        var made = try receipt(asked: 1)
        let proof = try TLogProof(parsing: made.receipt ?? [])
        var entry = made.log.entries[1]
        change(&entry)
        made.receipt =
            TLogProof(
                extra: entry, index: proof.index, hashes: proof.hashes, checkpoint: proof.checkpoint
            ).bytes
        return made
    }

    private static func replacing(_ made: Made, checkpoint other: VectorLog) throws -> [UInt8] {
        let proof = try TLogProof(parsing: made.receipt ?? [])
        let text = Checkpoint(origin: other.origin, size: other.size, root: other.root).text
        let note = SignedNote(text: text, signatures: [try other.line(over: text)])
        return TLogProof(
            extra: made.log.entries[1], index: proof.index, hashes: proof.hashes, checkpoint: note.bytes
        ).bytes
    }

    /// Audit paths as RFC 6962 §2.1.1 defines them, straight from the leaves.
    private struct InMemory {
        var leaves: [Digest32]

        mutating func path(of index: Int) -> [Digest32] { Self.path(index, leaves[...]) }

        private static func path(_ index: Int, _ leaves: ArraySlice<Digest32>) -> [Digest32] {
            guard leaves.count > 1 else { return [] }
            var half = 1
            while half * 2 < leaves.count { half *= 2 }
            let middle = leaves.startIndex + half
            return index < half
                ? path(index, leaves[..<middle]) + [MerkleTree.root(of: leaves[middle...])]
                : path(index - half, leaves[middle...]) + [MerkleTree.root(of: leaves[..<middle])]
        }
    }
}
