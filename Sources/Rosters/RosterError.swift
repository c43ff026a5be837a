import PKCS11
import TokenKeys

/// The one error of this library; what a token refused is its `cause`.
public struct RosterError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// No roster, or no draft of one, stands at the path.
        case unreadable = "roster-unreadable"
        /// A roster or its draft breaks the form.
        case malformed = "roster-malformed"
        /// A roster is short of signatures, or one does not verify.
        case signatures = "roster-signatures"
        /// A roster does not descend from the one that is pinned.
        case descent = "roster-descent"
        /// No token shows the person's key.
        case credentialAbsent = "credential-absent"
        /// A person's token holds another key than the roster says, or one of another policy.
        case credentialRefused = "credential-refused"
        /// A share does not open, or is for another token, set or holder.
        case shareRefused = "share-refused"
        /// A person's token refused; the cause says what.
        case token = "credential-token"
    }

    public let code: Code
    /// The file, person or token that this is about.
    public let subject: String
    public let message: String
    public let hint: String?
    public let cause: PKCS11Error?

    public init(
        _ code: Code, _ subject: String, _ message: String, hint: String? = nil, cause: PKCS11Error? = nil
    ) {
        self.code = code
        self.subject = subject
        self.message = message
        self.hint = hint
        self.cause = cause
    }

    public var description: String { "\(subject): \(message)" }
}

/// Runs `body` and names `subject` in what a token refuses.
func onCredential<R>(_ subject: String, _ body: () throws -> R) throws(RosterError) -> R {
    do {
        return try body()
    } catch let error as RosterError {
        throw error
    } catch let error as PKCS11Error {
        throw RosterError(.token, subject, error.description, hint: error.hint, cause: error)
    } catch let error as TokenKeyError {
        throw RosterError(
            .credentialRefused, subject, error.description, hint: error.hint, cause: error.cause)
    } catch {
        throw RosterError(.malformed, subject, "\(error)")
    }
}
