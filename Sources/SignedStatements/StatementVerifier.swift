import Crypto

/// A key that countersigns: a run authority's, or any other that a statement names by its digest.
public struct CountersigningKey: Hashable, Sendable {
    /// SubjectPublicKeyInfo in DER, on P-256 or P-384.
    public let publicKeyInfo: [UInt8]
    public let curve: StrictSignature.Curve

    /// Nil where the key is on neither curve.
    public init?(publicKeyInfo: [UInt8]) {
        self.publicKeyInfo = publicKeyInfo
        if (try? P256.Signing.PublicKey(derRepresentation: publicKeyInfo)) != nil {
            curve = .p256
        } else if (try? P384.Signing.PublicKey(derRepresentation: publicKeyInfo)) != nil {
            curve = .p384
        } else {
            return nil
        }
    }

    /// The SHA-256 of the SubjectPublicKeyInfo: what a statement names it by.
    public var digest: [UInt8] { Array(SHA256.hash(data: publicKeyInfo)) }
}

/// A member's signature in a message, verified.
public struct VerifiedApproval: Sendable, Hashable {
    public let name: String
    /// As the signer claims it: seconds since 1970 UTC.
    public let time: Int64
}

/// Holds signed statements against one version of a roster: who may approve, how many have to, and whose signature
/// makes the approvals count.
///
/// `Authorisation.md` has the rules. Whether a statement fits what is there, and its time, is the caller's to say.
public struct StatementVerifier: Sendable {
    /// A member must hold one of these to approve.
    ///
    /// Whoever only watches, as witness or auditor, does not vouch for their own watching; whoever only keeps the
    /// machines or the safe would approve their own work. What one person may hold together, the roster's conflicts say.
    public static let roles: Set<CeremonyRole> = [.ceremonyAdministrator, .cryptoOfficer, .shareHolder]

    /// Every version up to the one whose members approve, which is the last.
    public let rosters: [Roster]
    /// The version whose members approve.
    public let roster: Roster
    /// How many of them have to.
    public let needed: Int

    /// Holds statements against the last of these versions, whose chain the caller has verified; nil where there is none.
    ///
    /// `quorum` chooses which of its numbers it takes.
    public init?(rosters: [Roster], quorum: (Roster.Quorums) -> Int = \.approval) {
        guard let roster = rosters.last else { return nil }
        self.rosters = rosters
        self.roster = roster
        needed = quorum(roster.quorums)
    }

    /// Those who may approve, in the roster's order.
    public var members: [Roster.Member] { roster.members.filter(Self.mayApprove) }

    public static func mayApprove(_ member: Roster.Member) -> Bool {
        !roles.isDisjoint(with: member.roles)
    }

    /// Whether one of the members has the key for themselves: one key, one role.
    public func hasMember(with publicKeyInfo: [UInt8]) -> Bool {
        roster.members.contains { $0.signingKey == publicKeyInfo || $0.shareKey == publicKeyInfo }
    }

    // MARK: The whole

    /// Verifies a complete message: the roster, quorum and key that its statement names, every signature, and that the
    /// key countersigned exactly these approvals.
    public func verify<Statement: ApprovableStatement>(
        _ message: ApprovedMessage, as type: Statement.Type, countersignedBy key: CountersigningKey
    ) throws(StatementError) -> (statement: Statement, approvals: [VerifiedApproval], countersigned: Int64) {
        let statement = try statement(of: message, as: type, countersignedBy: key)
        let approvals = try approvals(in: message)
        try requireQuorum(approvals)
        return (statement, approvals, try countersignature(in: message, by: key))
    }

    // MARK: Its parts

    /// The message's statement; refused where it names another roster, key or quorum.
    public func statement<Statement: ApprovableStatement>(
        of message: ApprovedMessage, as type: Statement.Type, countersignedBy key: CountersigningKey
    ) throws(StatementError) -> Statement {
        let statement = try Statement.decode(message.content)
        guard statement.roster == roster.digestOctets else {
            guard let older = rosters.first(where: { $0.digestOctets == statement.roster }) else {
                throw StatementError(.rosterUnknown, "approval", "names a roster that is not known")
            }
            throw StatementError(
                .rosterSuperseded, "approval",
                "names version \(older.version) of the roster, and version \(roster.version) is in force")
        }
        guard statement.authority == key.digest else {
            throw StatementError(
                .authorityForeign, "approval", "names another key than the one that has to countersign")
        }
        guard statement.approvals == needed else {
            throw StatementError(
                .quorumDiffers, "approval",
                "says that \(statement.approvals) approvals suffice, and the roster demands \(needed)")
        }
        return statement
    }

    /// Verifies every approver's signature, in the roster's order; none may be a stranger's, a retired member's, or a
    /// second one of somebody.
    public func approvals(in message: ApprovedMessage) throws(StatementError) -> [VerifiedApproval] {
        var times: [String: Int64] = [:]
        for signer in message.approvals {
            let member = try member(of: signer)
            try requireRole(member)
            guard times[member.name] == nil else {
                throw StatementError(
                    .repeated, member.name, "has approved twice: one member is one approval")
            }
            guard signer.isValid(over: message.content, key: member.signingKey) else {
                throw Self.invalid(member.name, signer, message)
            }
            times[member.name] = signer.signingTime
        }
        return roster.members.compactMap { member in
            times[member.name].map { VerifiedApproval(name: member.name, time: $0) }
        }
    }

    public func requireQuorum(_ approvals: [VerifiedApproval]) throws(StatementError) {
        guard approvals.count >= needed else {
            throw StatementError(
                .quorumShort, "approval", "\(approvals.count) of \(needed) approvals are there")
        }
    }

    public func requireRole(_ member: Roster.Member) throws(StatementError) {
        guard Self.mayApprove(member) else {
            throw StatementError(
                .roleMissing, member.name,
                "may not approve as \(member.roles.map(\.rawValue).joined(separator: ", "))")
        }
    }

    /// Verifies the countersignature, of which there must be exactly one, and answers the time that it claims.
    public func countersignature(
        in message: ApprovedMessage, by key: CountersigningKey
    ) throws(StatementError) -> Int64 {
        guard let signer = message.countersignatures.first else {
            throw StatementError(.authorityMissing, "approval", "the key that has to countersign has not")
        }
        guard message.countersignatures.count == 1 else {
            throw StatementError(.repeated, "approval", "is countersigned more than once")
        }
        guard signer.keyDigest == key.digest, signer.curve == key.curve else {
            throw StatementError(
                .authorityForeign, "approval", "is countersigned by another key than the one that has to")
        }
        guard !hasMember(with: key.publicKeyInfo) else {
            throw StatementError(
                .authorityForeign, "approval", "is countersigned with a member's own key: one key, one role")
        }
        guard signer.isValid(over: message.content, key: key.publicKeyInfo) else {
            throw Self.invalid("countersignature", signer, message)
        }
        // After the signature: only what the authority really signed can say which approvals it saw.
        let seen = try? ApprovedMessage.digest(ofApprovals: message.approvals)
        guard let seen, seen == signer.approvalsDigest else {
            throw StatementError(
                .approvalsChanged, "approval",
                "approvals were added, taken out or exchanged after the countersignature")
        }
        return signer.signingTime
    }

    /// The countersignature that the statement needs, and the time that it claims; nil where the statement takes none,
    /// and then there must be none.
    public func countersignature<Statement: ApprovableStatement>(
        for statement: Statement, in message: ApprovedMessage, by key: CountersigningKey
    ) throws(StatementError) -> Int64? {
        if statement.needsCountersignature { return try countersignature(in: message, by: key) }
        guard !message.isCountersigned else {
            throw StatementError(
                .repeated, "approval", "is countersigned, where its quorum alone has to approve")
        }
        return nil
    }

    private func member(of signer: SignerInfo) throws(StatementError) -> Roster.Member {
        func holder(_ members: [Roster.Member]) -> Roster.Member? {
            members.first { Array(SHA256.hash(data: $0.signingKey)) == signer.keyDigest }
        }
        if let member = holder(roster.members) { return member }
        if let old = holder(rosters.flatMap(\.members)) {
            throw StatementError(
                .signerRetired, old.name,
                "approved with a key that version \(roster.version) of the roster no longer has")
        }
        throw StatementError(
            .signerUnknown, "key \(StatementForm.hexadecimal(signer.keyDigest))",
            "approved, and is nobody's on the roster")
    }

    private static func invalid(
        _ name: String, _ signer: SignerInfo, _ message: ApprovedMessage
    ) -> StatementError {
        let isOther = signer.messageDigest != signer.curve.hash(message.content)
        return StatementError(
            .signatureInvalid, name,
            isOther ? "signed another statement than this one" : "the signature does not verify")
    }
}
