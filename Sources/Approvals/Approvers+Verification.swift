import Crypto
import Foundation
import Manifests
import Rosters

/// Somebody's signature in a message, verified.
public struct GivenApproval: Sendable, Hashable {
    public let name: String
    /// As the signer claims it.
    public let time: Date
}

/// A statement that a quorum has approved and the run authority has countersigned.
public struct ApprovedStatement<Statement: ApprovableStatement>: Sendable {
    public let statement: Statement
    /// The message as received, in DER.
    public let message: [UInt8]
    /// Those who approved, in the roster's order.
    public let approvals: [GivenApproval]
    /// When the run authority says it countersigned.
    public let countersigned: Date

    /// The SHA-256 of the message, by which log and ledger cite it.
    public var digest: [UInt8] { Array(SHA256.hash(data: message)) }
}

/// A statement that some, or none, have approved so far.
public struct PendingStatement<Statement: ApprovableStatement>: Sendable {
    public let statement: Statement
    public let message: ApprovedMessage
    /// Those who approved, in the roster's order.
    public let approvals: [GivenApproval]
}

extension Approvers {
    /// Reads and verifies what has been signed so far; a message that is countersigned already is refused here.
    public func pending<Statement: ApprovableStatement>(
        _ der: [UInt8], as type: Statement.Type
    ) throws(ApprovalError) -> PendingStatement<Statement> {
        let message = try ApprovedMessage(der: der)
        let statement = try statement(of: message, as: type)
        let approvals = try approvals(in: message)
        guard !message.isCountersigned else {
            throw ApprovalError(
                .malformed, "approval", "is countersigned already: nobody approves after the run authority")
        }
        return PendingStatement(statement: statement, message: message, approvals: approvals)
    }

    /// Verifies a complete authorisation: the form, the roster that it names, every signature, the quorum, the run
    /// authority's signature and that it is over exactly these approvals.
    ///
    /// Whether the statement fits what is here, and its time, is the caller's to say.
    public func approved<Statement: ApprovableStatement>(
        _ der: [UInt8], as type: Statement.Type
    ) throws(ApprovalError) -> ApprovedStatement<Statement> {
        let message = try ApprovedMessage(der: der)
        let statement = try statement(of: message, as: type)
        let approvals = try approvals(in: message)
        try requireQuorum(approvals)
        let countersigned = try requireAuthority(in: message)
        return ApprovedStatement(
            statement: statement, message: der, approvals: approvals,
            countersigned: Date(timeIntervalSince1970: TimeInterval(countersigned)))
    }

    /// The same under the roster that was in force when it was given: for those who look back.
    public func approvedThen<Statement: ApprovableStatement>(
        _ der: [UInt8], as type: Statement.Type
    ) throws(ApprovalError) -> ApprovedStatement<Statement> {
        let named = try Statement.named(in: der)
        return try (whenInForce(named) ?? self).approved(der, as: type)
    }

    private func statement<Statement: ApprovableStatement>(
        of message: ApprovedMessage, as type: Statement.Type
    ) throws(ApprovalError) -> Statement {
        let statement: Statement
        do {
            statement = try Statement.decode(message.content)
        } catch {
            throw ApprovalError(.statementRefused, "approval", error.message, cause: error)
        }
        guard statement.roster == rosterDigest else {
            let older = rosters.first { Approvers.octets($0.digest) == statement.roster }
            throw ApprovalError(
                .rosterRefused, "approval",
                older.map {
                    "names version \($0.version) of the roster, and version \(roster.version) is in force"
                } ?? "names a roster that this site does not know",
                hint: older == nil
                    ? "Is a version missing under rosters? Without the newest nothing is approved or begun."
                    : "Have it approved anew by those who are on the roster now: --anew")
        }
        guard statement.authority == authorityDigest else {
            throw ApprovalError(
                .authorityForeign, "approval", "names another run authority than this site's",
                hint: "Compare certificates/run-authority.pem with the one of its ceremony's transcript.")
        }
        guard statement.approvals == needed else {
            throw ApprovalError(
                .statementRefused, "approval",
                "says that \(statement.approvals) approvals suffice, and the roster demands \(needed)")
        }
        return statement
    }

    /// Verifies every approver's signature; none may be a stranger's, a retired member's, or a second one of somebody.
    func approvals(in message: ApprovedMessage) throws(ApprovalError) -> [GivenApproval] {
        var times: [String: Int64] = [:]
        for signer in message.approvals {
            let member = try member(of: signer)
            try requireRole(member)
            guard times[member.name] == nil else {
                throw ApprovalError(
                    .repeated, member.name, "has approved twice: one member is one approval")
            }
            guard signer.isValid(over: message.content, key: member.signingKey) else {
                throw invalid(member.name, signer, message)
            }
            times[member.name] = signer.signingTime
        }
        return roster.members.compactMap { member in
            times[member.name].map {
                GivenApproval(name: member.name, time: Date(timeIntervalSince1970: TimeInterval($0)))
            }
        }
    }

    private func member(of signer: SignerInfo) throws(ApprovalError) -> Roster.Member {
        func holder(_ members: [Roster.Member]) -> Roster.Member? {
            members.first { Array(SHA256.hash(data: $0.signingKey)) == signer.keyDigest }
        }
        if let member = holder(roster.members) { return member }
        if let old = holder(rosters.flatMap(\.members)) {
            throw ApprovalError(
                .signerRetired, old.name,
                "approved with a key that version \(roster.version) of the roster no longer has",
                hint: "Have it approved anew by those who are on the roster now: --anew")
        }
        let digest = signer.keyDigest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        throw ApprovalError(.signerUnknown, "key \(digest)", "approved, and is nobody's on the roster")
    }

    private func invalid(
        _ name: String, _ signer: SignerInfo, _ message: ApprovedMessage
    ) -> ApprovalError {
        let isOther = signer.messageDigest != signer.curve.hash(message.content)
        return ApprovalError(
            .signatureInvalid, name,
            isOther ? "signed another statement than this one" : "the signature does not verify")
    }

    /// Throws where these are fewer than the roster demands, and names who can still approve.
    public func requireQuorum(_ approvals: [GivenApproval]) throws(ApprovalError) {
        guard approvals.count >= needed else {
            let given = Set(approvals.map(\.name))
            let missing = members.map(\.name).filter { !given.contains($0) }
            throw ApprovalError(
                .quorumShort, "approval", "\(approvals.count) of \(needed) approvals are there",
                hint: "Who can still approve: \(missing.joined(separator: ", ")).")
        }
    }

    /// Verifies the run authority's signature and answers its time.
    private func requireAuthority(in message: ApprovedMessage) throws(ApprovalError) -> Int64 {
        guard let signer = message.countersignatures.first else {
            throw ApprovalError(
                .authorityMissing, "approval", "the run authority has not countersigned",
                hint: "rootline run approve MANIFEST --countersign")
        }
        guard message.countersignatures.count == 1 else {
            throw ApprovalError(.repeated, "approval", "is countersigned more than once")
        }
        guard signer.keyDigest == Array(SHA256.hash(data: authority)), signer.curve == authorityCurve else {
            throw ApprovalError(
                .authorityForeign, "approval", "is countersigned by another key than the run authority's")
        }
        guard signer.isValid(over: message.content, key: authority) else {
            throw invalid("run authority", signer, message)
        }
        // After the signature: only what the authority really signed can say which approvals it saw.
        let seen = try? ApprovedMessage.digest(ofApprovals: message.approvals)
        guard let seen, seen == signer.approvalsDigest else {
            throw ApprovalError(
                .approvalsChanged, "approval",
                "approvals were added, taken out or exchanged after the run authority countersigned",
                hint: "Put back the message as it was countersigned.")
        }
        return signer.signingTime
    }
}
