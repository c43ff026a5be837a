import Crypto
import Foundation
import SignedStatements
import TokenKeys

/// Somebody's signature in a message, verified.
public struct GivenApproval: Sendable, Hashable {
    public let name: String
    /// As the signer claims it.
    public let time: Date
}

/// A statement that a quorum has approved, and the run authority has countersigned where the statement needs it.
public struct ApprovedStatement<Statement: ApprovableStatement>: Sendable {
    public let statement: Statement
    /// The message as received, in DER.
    public let message: [UInt8]
    /// Those who approved, in the roster's order.
    public let approvals: [GivenApproval]
    /// When it was countersigned, as the run authority, or whoever else has to, claims it; nil where nobody has to.
    public let countersigned: Date?

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
    private static func message(_ der: [UInt8]) throws(ApprovalError) -> ApprovedMessage {
        do {
            return try ApprovedMessage(der: der)
        } catch {
            throw ApprovalError(error)
        }
    }

    /// Reads and verifies what has been signed so far; a message that is countersigned already is refused here.
    public func pending<Statement: ApprovableStatement>(
        _ der: [UInt8], as type: Statement.Type
    ) throws(ApprovalError) -> PendingStatement<Statement> {
        let message = try Approvers.message(der)
        let statement = try statement(of: message, as: type)
        let approvals = try approvals(in: message)
        guard !message.isCountersigned else {
            throw ApprovalError(
                .malformed, "approval", "is countersigned already: nobody approves after \(countersignerName)"
            )
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
        let message = try Approvers.message(der)
        let statement = try statement(of: message, as: type)
        let approvals = try approvals(in: message)
        try requireQuorum(approvals)
        let countersigned = try requireAuthority(for: statement, in: message)
        return ApprovedStatement(
            statement: statement, message: der, approvals: approvals,
            countersigned: countersigned.map { Date(timeIntervalSince1970: TimeInterval($0)) })
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
        do {
            return try verifier.statement(of: message, as: type, countersignedBy: authority)
        } catch {
            throw refusal(error)
        }
    }

    /// Verifies every approver's signature; none may be a stranger's, a retired member's, or a second one of somebody.
    func approvals(in message: ApprovedMessage) throws(ApprovalError) -> [GivenApproval] {
        do {
            return try verifier.approvals(in: message).map {
                GivenApproval(name: $0.name, time: Date(timeIntervalSince1970: TimeInterval($0.time)))
            }
        } catch {
            throw refusal(error)
        }
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
    private func requireAuthority<Statement: ApprovableStatement>(
        for statement: Statement, in message: ApprovedMessage
    ) throws(ApprovalError) -> Int64? {
        do {
            return try verifier.countersignature(for: statement, in: message, by: authority)
        } catch {
            throw refusal(error)
        }
    }

    /// The library's refusal with what the people of this site can do about it.
    func refusal(_ error: StatementError) -> ApprovalError {
        switch error.code {
        case .rosterUnknown:
            return ApprovalError(
                .rosterRefused, error.subject, "names a roster that this site does not know",
                hint: "Is a version missing under rosters? Without the newest nothing is approved or begun.",
                cause: error)
        case .rosterSuperseded, .signerRetired:
            return ApprovalError(
                error, hint: "Have it approved anew by those who are on the roster now: --anew")
        case .roleMissing:
            return ApprovalError(error, hint: "The roles that approve are: \(Approvers.rolesText).")
        case .authorityMissing:
            return ApprovalError(
                .authorityMissing, error.subject, "\(countersignerName) has not countersigned",
                hint: "The same command with --countersign does it.", cause: error)
        case .authorityForeign:
            return ApprovalError(
                error,
                hint:
                    "Compare certificates/\(countersigner.rawValue).pem with the one of its ceremony's transcript."
            )
        case .approvalsChanged:
            return ApprovalError(error, hint: "Put back the message as it was countersigned.")
        default:
            return ApprovalError(error)
        }
    }
}
