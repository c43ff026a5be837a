import PKCS11

/// The one error of this library; what the module itself refused is its `cause`.
public struct TokenKeyError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// A key with this label stands on the token already.
        case labelTaken = "key-label-taken"
        /// An object with this `CKA_ID` stands on the token already.
        case idTaken = "key-id-taken"
        /// More than one private or public key has this label, or other keys have its `CKA_ID`.
        case keyDuplicate = "key-duplicate"
        /// A private key without its public key, or the other way round: a generation that was cut off.
        case keyHalf = "key-half-written"
        /// The key of this label has another `CKA_ID` than the one asked for.
        case idMismatch = "key-id-mismatch"
        /// No key has this label.
        case keyAbsent = "key-absent"
        /// The key's attributes are not those of its declared policy.
        case policyBroken = "key-policy-broken"
        /// The token did something with a key that its attributes forbid.
        case probeFailed = "key-probe-failed"
        /// The token answered another type of key, or numbers that are no public key of its type.
        case keyMalformed = "key-malformed"
        /// A key is asked to do what another role's key does.
        case roleRefused = "key-role-refused"
        /// A rehearsal's key in a live site, or the other way round.
        case rehearsalMixed = "key-rehearsal-mixed"
        /// A signature of the token does not verify.
        case signatureInvalid = "signature-invalid"
        /// A station's passphrase is too short, or has characters on which programs differ.
        case passphraseRefused = "passphrase-refused"
        /// A CMS message does not parse, or its signature does not verify.
        case cmsInvalid = "cms-invalid"
        /// libcrypto or libp11 failed.
        case libraryFailed = "library-failed"
        /// The module refused a call.
        case token = "token"
    }

    public let code: Code
    /// The key's label, or what the work was about.
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

    init(_ cause: PKCS11Error, _ subject: String) {
        self.init(.token, subject, cause.description, hint: cause.hint, cause: cause)
    }

    public var description: String { "\(subject): \(message)" }
}

/// Runs `body` and names `subject` in what the token refuses.
func onToken<R: ~Copyable>(
    _ subject: String, _ body: () throws(PKCS11Error) -> R
) throws(TokenKeyError) -> R {
    do {
        return try body()
    } catch {
        throw TokenKeyError(error, subject)
    }
}
