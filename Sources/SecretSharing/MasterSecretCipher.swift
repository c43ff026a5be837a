/// The four-round Feistel cipher over the master secret (SLIP-0039 "Encryption of the master secret").
struct MasterSecretCipher {
    let identifier: Int
    let extendable: Bool
    let iterationExponent: Int
    /// Nil is the empty one.
    let passphrase: SecretBytes?

    private static let rounds: [UInt8] = [0, 1, 2, 3]

    func encrypt(_ secret: SecretBytes) throws(SecretSharingError) -> SecretBytes {
        try run(secret, Self.rounds)
    }

    func decrypt(_ encrypted: SecretBytes) throws(SecretSharingError) -> SecretBytes {
        try run(encrypted, Self.rounds.reversed())
    }

    private func run(_ input: SecretBytes, _ rounds: [UInt8]) throws(SecretSharingError) -> SecretBytes {
        let half = input.count / 2
        var left = input.prefix(half)
        var right = input.suffix(from: half)
        for round in rounds {
            let mask = try roundFunction(round, right)
            let sum = SecretBytes(count: half) { output in
                for offset in output.indices { output[offset] = left[offset] ^ mask[offset] }
            }
            (left, right) = (right, sum)
        }
        return SecretBytes(joining: right, left)
    }

    private func roundFunction(_ round: UInt8, _ right: SecretBytes) throws(SecretSharingError) -> SecretBytes
    {
        let number = SecretBytes(count: 1) { $0[0] = round }
        let password = passphrase.map { SecretBytes(joining: number, $0) } ?? number
        return try pbkdf2SHA256(
            password: password, salt: SecretBytes(joining: salt, right),
            // 10 000 · 2^e in all, at most 327 680 000.
            iterations: Int32(2500) << Int32(iterationExponent), count: right.count)
    }

    /// "shamir" and the identifier; nothing in an extendable backup, whose splits differ in identifier only.
    private var salt: SecretBytes {
        var bytes: [UInt8] = []
        if !extendable {
            bytes = Array("shamir".utf8) + [UInt8(identifier >> 8), UInt8(identifier & 0xFF)]
        }
        return SecretBytes(consuming: &bytes)
    }
}
