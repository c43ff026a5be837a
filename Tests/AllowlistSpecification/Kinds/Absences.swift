import Allowlist
import TransparencyLog

extension VectorCase {
    /// Proofs that a device is in no segment of the index.
    static let absences: [VectorCase] = [
        .accepted("absence-of-a-key", "A key that the log does not list, between neighbours in two segments.")
        {
            try absence(of: .key(VectorLog.digest(99, "key")))
        },
        .accepted("absence-of-a-serial", "A serial that the log does not list.") {
            try absence(of: .serial(.plain("SN-99")))
        },
        .accepted("absence-of-the-device", "The proof is about the device that presents itself.") {
            var made = try absence(of: .key(VectorLog.digest(99, "key")))
            made.question.absence?.key = VectorLog.digest(99, "key").hex
            return made
        },
        .refused(
            "absence-of-another-device", "The proof is about another key than the device's.", .receiptDevice
        ) {
            var made = try absence(of: .key(VectorLog.digest(99, "key")))
            made.question.absence?.key = VectorLog.digest(98, "key").hex
            return made
        },
        .refused(
            "absence-of-a-listed-key", "A good proof for one key under the name of a listed one.",
            .absenceProof
        ) {
            try changed { proof in
                AbsenceProof(
                    subject: .key(VectorLog.digest(1, "key")), checkpoint: proof.checkpoint,
                    state: proof.state, run: proof.run, gaps: proof.gaps)
            }
        },
        .refused(
            "absence-neighbours-apart", "A listed key between neighbours that do not stand together.",
            .absenceProof
        ) {
            let log = try everyEvent()
            let reader = try BundleReader(in: BundleBytes(log.files()), pins: pins(log))
            let listed = VectorLog.digest(6, "key")
            let below = try reader.absenceProof(of: .key(beside(listed, -1)))
            let above = try reader.absenceProof(of: .key(beside(listed, 1)))
            var gaps = below.gaps
            for (index, gap) in below.gaps.enumerated() where gap.after?.record.hash == listed {
                gaps[index] = .init(
                    position: gap.position, before: gap.before, after: above.gaps[index].after)
            }
            let forged = AbsenceProof(
                subject: .key(listed), checkpoint: below.checkpoint, state: below.state, run: below.run,
                gaps: gaps)
            return made(log, forged)
        },
        .refused("absence-segment-left-out", "The gap of one of two segments is left out.", .absenceProof) {
            try changed { proof in
                AbsenceProof(
                    subject: proof.subject, checkpoint: proof.checkpoint, state: proof.state, run: proof.run,
                    gaps: Array(proof.gaps.dropLast()))
            }
        },
        .refused(
            "absence-checkpoint-of-another-key", "The checkpoint is signed by another key.",
            .checkpointSignature
        ) {
            var log = try everyEvent()
            let pinned = log
            log.key = VectorLog.key("another key")
            let reader = try BundleReader(in: BundleBytes(log.files()), pins: pins(log))
            return made(pinned, try reader.absenceProof(of: .key(VectorLog.digest(99, "key"))))
        },
        .refused("absence-trailing", "Something follows the proof.", .absenceMalformed) {
            var made = try absence(of: .key(VectorLog.digest(99, "key")))
            made.absence? += [0x0a, 0x7b, 0x7d]
            return made
        },
        .refused("absence-cut", "The proof ends in its middle.", .absenceMalformed) {
            var made = try absence(of: .key(VectorLog.digest(99, "key")))
            made.absence = made.absence.map { Array($0.prefix($0.count / 2)) }
            return made
        },
    ]

    private static func absence(of subject: AbsenceProof.Subject) throws -> Made {
        let log = try everyEvent()
        let reader = try BundleReader(in: BundleBytes(log.files()), pins: pins(log))
        return made(log, try reader.absenceProof(of: subject))
    }

    private static func changed(_ change: (AbsenceProof) -> AbsenceProof) throws -> Made {
        let log = try everyEvent()
        let reader = try BundleReader(in: BundleBytes(log.files()), pins: pins(log))
        return made(log, change(try reader.absenceProof(of: .key(VectorLog.digest(99, "key")))))
    }

    private static func made(_ log: VectorLog, _ proof: AbsenceProof) -> Made {
        var made = Made(log: log, files: [:], question: .init(absence: .init(file: "")))
        made.absence = proof.bytes
        return made
    }

    private static func pins(_ log: VectorLog) throws -> Pins {
        try Pins(origin: log.origin, logKeySPKI: log.publicKey)
    }

    /// The next or the previous value of 32 octets.
    private static func beside(_ digest: Digest32, _ step: Int) -> Digest32 {
        var bytes = digest.bytes
        for position in bytes.indices.reversed() {
            bytes[position] = bytes[position] &+ UInt8(truncatingIfNeeded: step)
            if bytes[position] != (step > 0 ? 0 : 255) { break }
        }
        return Digest32(bytes) ?? digest
    }
}
