import Allowlist
import Crypto
import TransparencyLog

extension VectorCase {
    /// Checkpoints whose consumer pins witnesses.
    static let witnesses: [VectorCase] = [
        witnessed(
            "two-of-three", "Two of three pinned witnesses cosigned, and two must have.", nil, by: [1, 3]),
        witnessed(
            "one-of-three", "One of three pinned witnesses cosigned, and two must have.", .witnessQuorum,
            by: [2]),
        witnessed("none", "No pinned witness cosigned.", .witnessQuorum, by: []),
        witnessed("one-twice", "One witness cosigned twice, which counts once.", .witnessQuorum, by: [1, 1]),
        witnessed("strangers", "Two witnesses cosigned whom nobody pinned.", .witnessQuorum, by: [4, 5]),
        witnessed(
            "wrong-signature",
            "Of three lines by pinned witnesses one does not verify; that one refuses the note.",
            .witnessSignature, by: [1, 2, 3], wrong: 3),
        witnessed(
            "age-by-their-time",
            "The second oldest cosignature is as old as is allowed, and the log's own time older.",
            nil, by: [1, 2], signedAt: VectorLog.time - 90_000, maxAge: 86_400),
        witnessed(
            "age-beyond-their-time", "The quorum's cosignatures are a second older than is allowed.", .stale,
            by: [1, 2], maxAge: 86_400, late: 1),
    ]

    private static func witnessed(
        _ name: String, _ what: String, _ code: AllowlistError.Code?, by witnesses: [Int], wrong: Int? = nil,
        signedAt: UInt64 = VectorLog.time, maxAge: UInt64? = nil, late: UInt64 = 0
    ) -> VectorCase {
        VectorCase(name: "witness-\(name)", what: what, code: code) {
            var log = try VectorLog.published()
            log.signedAt = signedAt
            let text = Checkpoint(origin: log.origin, size: log.size, root: log.root).text
            let lines = try witnesses.map { number in
                try line(of: number, over: number == wrong ? [1] : text)
            }
            var files = try log.files()
            files.merge(try log.checkpoint(text: text, extra: lines)) { $1 }
            var made = Made(log: log, files: files)
            made.witnesses = .init(
                quorum: 2, keys: try [1, 2, 3].map { try key(of: $0).verifierKey.description })
            made.maxAge = maxAge
            if let maxAge { made.now = VectorLog.time + maxAge + late }
            return made
        }
    }

    private static func privateKey(_ number: Int) throws -> Curve25519.Signing.PrivateKey {
        try .init(rawRepresentation: VectorLog.digest(number, "witness").bytes)
    }

    private static func key(of number: Int) throws -> CosignerKey {
        try CosignerKey(
            name: "witness-\(number).example",
            publicKey: Array(try privateKey(number).publicKey.rawRepresentation))
    }

    /// A cosignature (C2SP tlog-cosignature) at the time of the log's vectors.
    private static func line(of number: Int, over text: [UInt8]) throws -> SignedNote.Signature {
        let message = Array("cosignature/v1\ntime \(VectorLog.time)\n".utf8) + text
        let signature = Array(try privateKey(number).signature(for: message))
        let time = withUnsafeBytes(of: VectorLog.time.bigEndian) { Array($0) }
        let key = try key(of: number)
        return SignedNote.Signature(keyName: key.name, keyID: key.id, bytes: time + signature)
    }
}
