import SignedStatements

/// The one error of this library; what a lower library threw is its `cause`.
public struct ApprovalError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// No approval has been opened, or none was given.
        case absent = "approval-absent"
        /// The file is not one message in the one form that `Authorisation.md` gives it.
        case malformed = "approval-malformed"
        /// The statement is not one, or does not fit what is here: another run, issuer, log or time.
        case statementRefused = "approval-statement-refused"
        /// A signature does not verify, or is over another statement.
        case signatureInvalid = "approval-signature-invalid"
        /// Somebody signed who was never on the roster.
        case signerUnknown = "approval-signer-unknown"
        /// Somebody signed who was on an earlier version of the roster and is not on the one in force.
        case signerRetired = "approval-signer-retired"
        /// A member signed, or wants to, whose roles do not approve.
        case roleMissing = "approval-role-missing"
        /// One member signed twice, or wants to.
        case repeated = "approval-repeated"
        /// Fewer members approved than the roster demands.
        case quorumShort = "approval-quorum-short"
        /// The run authority has not countersigned.
        case authorityMissing = "approval-authority-missing"
        /// Another key countersigned than this site's run authority.
        case authorityForeign = "approval-authority-foreign"
        /// The run authority countersigned other approvals than those that are there.
        case approvalsChanged = "approval-approvals-changed"
        /// The statement names another version of the roster than the one in force.
        case rosterRefused = "approval-roster-refused"
        /// The site has no roster, or none whose members can approve.
        case siteNotReady = "approval-site-not-ready"
        /// A member was shown the statement and said no.
        case declined = "approval-declined"
        /// A file that was named is not there.
        case unreadable = "approval-unreadable"
        /// A file is there already or cannot be made.
        case cannotCreate = "approval-cannot-create"
        /// Reading or writing failed.
        case io = "approval-io"
    }

    public let code: Code
    /// The file or person that this is about.
    public let subject: String
    public let message: String
    public let hint: String?
    public let cause: (any Error)?

    public init(
        _ code: Code, _ subject: String, _ message: String, hint: String? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.subject = subject
        self.message = message
        self.hint = hint
        self.cause = cause
    }

    public var description: String { "\(subject): \(message)" }

    /// The same with the file named, where a lower function could not know it.
    func inFile(_ path: String, hint: String? = nil) -> ApprovalError {
        ApprovalError(code, path, message, hint: self.hint ?? hint, cause: cause)
    }

    /// What the library of statements refused, in this one's words.
    init(_ error: StatementError, hint: String? = nil) {
        let code: Code
        switch error.code {
        case .messageMalformed: code = .malformed
        case .statementMalformed, .quorumDiffers: code = .statementRefused
        case .rosterSuperseded, .rosterUnknown, .rosterMalformed, .rosterSignatures, .rosterDescent:
            code = .rosterRefused
        case .signatureInvalid: code = .signatureInvalid
        case .signerUnknown: code = .signerUnknown
        case .signerRetired: code = .signerRetired
        case .roleMissing: code = .roleMissing
        case .repeated: code = .repeated
        case .quorumShort: code = .quorumShort
        case .authorityMissing: code = .authorityMissing
        case .authorityForeign: code = .authorityForeign
        case .approvalsChanged: code = .approvalsChanged
        }
        self.init(code, error.subject, error.message, hint: hint, cause: error)
    }
}
