extension SLIP39 {
    /// The secret of a quorum's shares (SLIP-0039 "Combining the shares").
    ///
    /// With more shares than a quorum takes, all are checked against each other, and none may be wrong; of a
    /// group that is there at all, its threshold must be. The checks are by a digest of 32 bits: a share that was
    /// forged at random passes with probability 2⁻³². The shares of groups of one and the group threshold one
    /// have no digest.
    ///
    /// Another passphrase than the one at splitting gives another secret, and no error.
    public static func combine(
        _ shares: [Share], passphrase: SecretBytes? = nil
    ) throws(SecretSharingError) -> SecretBytes {
        let byGroup = try SharesByGroup(shares)
        guard byGroup.groups.count >= byGroup.groupThreshold else {
            throw SecretSharingError(
                .groupsInsufficient, "shares",
                "of \(byGroup.groups.count) groups; a quorum takes \(byGroup.groupThreshold)")
        }
        for members in byGroup.groups where members.count < members[0].share.memberThreshold {
            throw SecretSharingError(
                .membersInsufficient, "group \(members[0].share.groupIndex + 1)",
                "\(members.count) shares; a quorum takes \(members[0].share.memberThreshold)",
                hint: "Bring another share of this group, or leave the group out if others suffice.")
        }

        var groupSecrets: [Point] = []
        for members in byGroup.groups {
            let share = members[0].share
            let secret = try recover(
                "group \(share.groupIndex + 1)", threshold: share.memberThreshold,
                members.map { (Point(x: UInt8($0.share.memberIndex), y: $0.share.value), [$0]) })
            groupSecrets.append(Point(x: UInt8(share.groupIndex), y: secret))
        }
        let encrypted = try recover(
            "groups", threshold: byGroup.groupThreshold, Array(zip(groupSecrets, byGroup.groups)))

        return try MasterSecretCipher(
            identifier: shares[0].identifier, extendable: shares[0].extendable,
            iterationExponent: shares[0].iterationExponent, passphrase: passphrase
        ).decrypt(encrypted)
    }

    /// Recovers one secret and names the shares behind the points that do not fit.
    private static func recover(
        _ subject: String, threshold: Int, _ points: [(point: Point, shares: [SharesByGroup.Member])]
    ) throws(SecretSharingError) -> SecretBytes {
        do {
            return try Polynomial.recover(threshold: threshold, points.map(\.point))
        } catch {
            switch error {
            case .digest:
                throw SecretSharingError(
                    .digestInvalid, subject, "the shares do not give the secret that was split",
                    hint: "At least one share is wrong; with another right one it can be named.")
            case .disagreement:
                throw SecretSharingError(
                    .shareMisfit, subject, "the shares do not fit together, and nothing tells which are right"
                )
            case .misfits(let xs):
                let odd = points.filter { xs.contains($0.point.x) }.flatMap(\.shares)
                throw SecretSharingError(
                    .shareMisfit, SharesByGroup.names(odd), "does not fit with the other shares",
                    hint: "Leave it out, and find out where it comes from.", shares: odd.map(\.offset))
            case .library(let error):
                throw error
            }
        }
    }
}
