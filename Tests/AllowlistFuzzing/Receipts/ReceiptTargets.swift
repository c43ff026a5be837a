import Allowlist
import TransparencyLog

extension FuzzTarget {
    /// `TLogProof(parsing:)`: one form, and the checkpoint verbatim.
    static let tlogProof = FuzzTarget("tlog-proof", maximumLength: 2600, seeds: SampleProofs.receipts) {
        (input) throws(BrokenProperty) in
        let proof: TLogProof
        do throws(TransparencyLogError) {
            proof = try TLogProof(parsing: input)
        } catch {
            return .refused(error.message)
        }
        try hold(proof.bytes == input, "a proof is not written again as it was read")
        try hold(proof.hashes.count <= 64, "a path is longer than any tree's")
        return .accepted
    }

    /// `VerifierKey`, witnesses' keys and files of them.
    static let verifierKey = FuzzTarget("verifier-key", maximumLength: 300, seeds: SampleProofs.verifierKeys)
    {
        (input) throws(BrokenProperty) in
        let text = String(decoding: input, as: UTF8.self)
        var isAccepted = false
        if let key = try? VerifierKey(parsing: text) {
            isAccepted = true
            try hold(Array(key.description.utf8) == input, "a key has two text forms")
            if let cosigner = try? CosignerKey(key) {
                try hold(cosigner.verifierKey == key, "a witness's key is another one")
            }
            if let signer = try? Ed25519NoteKey(key) {
                try hold(signer.name == key.name && signer.id == key.id, "a key has another name")
            }
        }
        if let quorum = try? WitnessQuorum(quorum: 1, file: input) {
            isAccepted = true
            try hold(!quorum.witnesses.isEmpty, "a quorum of nobody")
        }
        return isAccepted ? .accepted : .refused("")
    }

    /// A receipt that was changed shows what the right one shows, or nothing.
    static let receipt = FuzzTarget(
        "receipt", maximumLength: 2600, casesInTests: 2000, seeds: SampleProofs.receipts
    ) { (input) throws(BrokenProperty) in
        guard let pins = SampleLog.pins else { throw BrokenProperty("the sample pins are none") }
        let answer: ReceiptAnswer
        do throws(AllowlistError) {
            answer = try Receipt(parsing: input).verify(pins: pins)
        } catch {
            return .refused(error.code.rawValue)
        }
        try hold(
            SampleProofs.devices.contains { $0.index == answer.entryIndex && $0.device == answer.device },
            "a receipt shows a device that the log does not list there")
        let other = PresentedDevice(key: Digest32.sha256(input))
        try hold(
            (try? Receipt(parsing: input).verify(pins: pins, device: other)) == nil,
            "a receipt is accepted for another device")
        return .accepted
    }

    /// A proof of absence never shows the absence of what is listed, whatever it was changed to.
    static let absenceProof = FuzzTarget(
        "absence-proof", maximumLength: 4000, casesInTests: 2000, seeds: SampleProofs.absences
    ) { (input) throws(BrokenProperty) in
        guard let pins = SampleLog.pins else { throw BrokenProperty("the sample pins are none") }
        let proof: AbsenceProof
        do throws(AllowlistError) {
            proof = try AbsenceProof(parsing: input)
        } catch {
            try hold(error.code == .absenceMalformed, "a proof is refused as \(error.code.rawValue)")
            return .refused("")
        }
        try hold(proof.bytes == input, "a proof has two forms")
        do throws(AllowlistError) {
            _ = try proof.verify(pins: pins)
        } catch {
            return .refused(error.code.rawValue + error.message.prefix(12))
        }
        let listed = SampleProofs.devices.contains { device in
            [.key(device.device.key), .serial(device.device.serial)].contains(proof.subject)
        }
        try hold(!listed, "the absence of a listed device is shown")
        return .accepted
    }
}

/// Proofs out of the sample logs.
enum SampleProofs {
    static let devices: [(index: UInt64, device: AllowlistEntry.Add)] = SampleLog.small.entries.enumerated()
        .compactMap { (index, bytes) in
            guard case .add(let device)? = try? AllowlistEntry(decoding: bytes) else { return nil }
            return (UInt64(index), device)
        }

    static let reader = SampleLog.pins.flatMap {
        try? BundleReader(in: BundleBytes(SampleBundle.small.files), pins: $0)
    }

    static let receipts: [[UInt8]] = {
        guard let reader else { return [] }
        var maker = ReceiptMaker(reader)
        return devices.prefix(3).compactMap { try? maker.receipt(forEntryAt: $0.index).bytes }
    }()

    static let absences: [[UInt8]] = {
        let subjects: [AbsenceProof.Subject] = [
            .key(SampleEntries.digest(999, 1)), .key(Digest32()), .serial(.plain("absent")),
            .key(Digest32([UInt8](repeating: 255, count: 32)) ?? Digest32()),
        ]
        return subjects.compactMap { try? reader?.absenceProof(of: $0).bytes }
    }()

    static let verifierKeys: [[UInt8]] = {
        let witness = try? CosignerKey(name: "witness.example", publicKey: [UInt8](repeating: 1, count: 32))
        let key = witness.map { Array($0.verifierKey.description.utf8) } ?? []
        return [key, Array("# comment\n\n".utf8) + key + [0x0a]]
    }()
}
