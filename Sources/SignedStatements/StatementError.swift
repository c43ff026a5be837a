/// The one error of this library: why a signed statement, or the roster that it is held against, is refused.
public struct StatementError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// Not one message in the one form that `Authorisation.md` gives it.
        case messageMalformed = "statement-message-malformed"
        /// The content is no statement of the wanted type in canonical form, or a value is out of its range.
        case statementMalformed = "statement-malformed"
        /// The statement asks for another quorum than the roster.
        case quorumDiffers = "statement-quorum-differs"
        /// The statement names an earlier version of the roster than the one it is held against.
        case rosterSuperseded = "statement-roster-superseded"
        /// The statement names a roster that is not known.
        case rosterUnknown = "statement-roster-unknown"
        /// A signature does not verify, or is over another statement.
        case signatureInvalid = "statement-signature-invalid"
        /// Somebody signed who was never on the roster.
        case signerUnknown = "statement-signer-unknown"
        /// Somebody signed who was on an earlier version of the roster and is not on this one.
        case signerRetired = "statement-signer-retired"
        /// A member signed whose roles do not approve.
        case roleMissing = "statement-role-missing"
        /// One member, or the countersigning key, signed twice.
        case repeated = "statement-repeated"
        /// Fewer members approved than the roster demands.
        case quorumShort = "statement-quorum-short"
        /// Nobody has countersigned.
        case authorityMissing = "statement-authority-missing"
        /// Another key is named, or countersigned, than the one that has to.
        case authorityForeign = "statement-authority-foreign"
        /// Other approvals were countersigned than those that are there.
        case approvalsChanged = "statement-approvals-changed"
        /// A roster breaks the form or its rules.
        case rosterMalformed = "statement-roster-malformed"
        /// A roster is short of signatures, or one does not verify.
        case rosterSignatures = "statement-roster-signatures"
        /// A roster does not descend from the version before it, or the pinned one is not among them.
        case rosterDescent = "statement-roster-descent"
    }

    public let code: Code
    /// The message, roster, person or key that this is about.
    public let subject: String
    public let message: String

    public init(_ code: Code, _ subject: String, _ message: String) {
        self.code = code
        self.subject = subject
        self.message = message
    }

    public var description: String { "\(subject): \(message)" }
}
