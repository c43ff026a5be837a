extension SLIP39 {
    /// Splits a secret; the shares by group and member.
    ///
    /// A split is only worth something once every share was read back and every quorum tried: see `everyQuorum`.
    /// Nothing tells a wrong passphrase from the right one later: it gives another secret.
    ///
    /// - Parameters:
    ///   - secret: at least 128 bits and a multiple of 16 bits. Above 1 248 octets, the checksum no longer finds
    ///     every error in three words.
    ///   - passphrase: printable ASCII (SLIP-0039 "Passphrase"); nil is the empty one.
    ///   - groupThreshold: groups of a quorum.
    ///   - groups: of each the members that a quorum takes and all its members, 16 at most; one member alone
    ///     suffices only in a group of one.
    ///   - iterationExponent: 0 to 15; PBKDF2 takes 10 000 · 2^e rounds.
    ///   - extendable: whether the same secret can be split again, with the same passphrase, under another
    ///     identifier.
    public static func split(
        secret: SecretBytes, passphrase: SecretBytes? = nil, groupThreshold: Int,
        groups: [(threshold: Int, count: Int)], iterationExponent: Int = 1, extendable: Bool = true
    ) throws(SecretSharingError) -> [[Share]] {
        guard secret.count >= shortestSecret, secret.count % 2 == 0 else {
            throw SecretSharingError(
                .secretLength, "secret",
                "\(secret.count) octets; it takes an even number, at least \(shortestSecret)")
        }
        try check(passphrase: passphrase)
        try check(groupThreshold: groupThreshold, groups: groups, iterationExponent: iterationExponent)

        let identifier = try randomIdentifier()
        let cipher = MasterSecretCipher(
            identifier: identifier, extendable: extendable, iterationExponent: iterationExponent,
            passphrase: passphrase)
        let groupSecrets = try Polynomial.split(
            cipher.encrypt(secret), threshold: groupThreshold, count: groups.count)
        var shares: [[Share]] = []
        for (group, groupSecret) in zip(groups, groupSecrets) {
            let members = try Polynomial.split(groupSecret.y, threshold: group.threshold, count: group.count)
            shares.append(
                members.map { member in
                    Share(
                        identifier: identifier, extendable: extendable, iterationExponent: iterationExponent,
                        groupIndex: Int(groupSecret.x), groupThreshold: groupThreshold,
                        groupCount: groups.count,
                        memberIndex: Int(member.x), memberThreshold: group.threshold, value: member.y)
                })
        }
        return shares
    }

    private static func check(passphrase: SecretBytes?) throws(SecretSharingError) {
        guard passphrase?.withBytes({ $0.allSatisfy { (0x20...0x7E).contains($0) } }) ?? true else {
            throw SecretSharingError(
                .passphraseRefused, "passphrase", "it holds other characters than printable ASCII",
                hint: "Other keyboards and systems encode them otherwise, so that the secret would be lost.")
        }
    }

    private static func check(
        groupThreshold: Int, groups: [(threshold: Int, count: Int)], iterationExponent: Int
    ) throws(SecretSharingError) {
        func refuse(_ subject: String, _ message: String) -> SecretSharingError {
            SecretSharingError(.schemeInvalid, subject, message)
        }
        guard (1...mostShares).contains(groups.count) else {
            throw refuse("groups", "\(groups.count); it takes 1 to \(mostShares)")
        }
        guard (1...groups.count).contains(groupThreshold) else {
            throw refuse("group threshold", "\(groupThreshold) of \(groups.count) groups")
        }
        for (index, group) in groups.enumerated() {
            guard (1...mostShares).contains(group.count) else {
                throw refuse("group \(index + 1)", "\(group.count) members; it takes 1 to \(mostShares)")
            }
            guard (1...group.count).contains(group.threshold) else {
                throw refuse("group \(index + 1)", "threshold \(group.threshold) of \(group.count) members")
            }
            guard group.threshold > 1 || group.count == 1 else {
                throw refuse(
                    "group \(index + 1)", "one of \(group.count) members would be copies of one share")
            }
        }
        guard (0...greatestIterationExponent).contains(iterationExponent) else {
            throw refuse(
                "iteration exponent", "\(iterationExponent); it takes 0 to \(greatestIterationExponent)")
        }
    }

    /// 15 random bits.
    private static func randomIdentifier() throws(SecretSharingError) -> Int {
        let octets = try SecretBytes.random(count: 2)
        return Int(octets[0] & 0x7F) << 8 | Int(octets[1])
    }
}
