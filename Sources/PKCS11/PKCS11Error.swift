import CCryptoki

/// The one error of this library.
public struct PKCS11Error: Error, Sendable, CustomStringConvertible {
    /// Stable across versions; the command line maps it to an exit code.
    public enum Code: String, Sendable {
        /// No file stands at the module's path.
        case moduleMissing = "module-missing"
        /// The file is no shared library, or exports no `C_GetFunctionList`.
        case notPKCS11 = "module-not-pkcs11"
        /// No slot holds a token with the serial and label asked for.
        case tokenAbsent = "token-absent"
        /// More than one token answers to the selection.
        case tokenAmbiguous = "token-ambiguous"
        /// The token refused the PIN, or has locked it.
        case pinRefused = "pin-refused"
        /// No object matches, where exactly one should.
        case objectAbsent = "object-absent"
        /// More than one object matches, where exactly one should.
        case objectAmbiguous = "object-ambiguous"
        /// The token does not offer a mechanism that the work needs.
        case mechanismMissing = "mechanism-missing"
        /// A `pkcs11:` URI does not parse (RFC 7512), or names no token.
        case uriInvalid = "uri-invalid"
        /// A PIN source is missing, unreadable, empty, or open to other users.
        case pinSourceRefused = "pin-source-refused"
        /// Any other return value than `CKR_OK`.
        case returned = "returned"
        /// An answer that no conforming module gives.
        case malformedAnswer = "malformed-answer"
    }

    public let code: Code
    /// The PKCS#11 function that was called, e.g. `C_Login`; nil where none was.
    public let function: String?
    /// What it returned; nil where no function was called.
    public let returnValue: ReturnValue?
    /// What the work was about: a path, a token, a key's label.
    public let subject: String
    /// What to do next, in a sentence; nil where there is nothing to say.
    public let hint: String?

    public init(
        _ code: Code, subject: String, function: String? = nil, returnValue: ReturnValue? = nil,
        hint: String? = nil
    ) {
        self.code = code
        self.function = function
        self.returnValue = returnValue
        self.subject = subject
        self.hint = hint
    }

    public var description: String {
        guard let function, let returnValue else { return subject }
        return subject.isEmpty ? "\(function): \(returnValue)" : "\(subject): \(function): \(returnValue)"
    }

    /// Whether the PIN is another than the token's: not of one that is locked, has expired or was never set.
    public var isWrongPIN: Bool {
        guard let value = returnValue?.rawValue else { return false }
        return value == CKR_PIN_INCORRECT || value == CKR_PIN_INVALID || value == CKR_PIN_LEN_RANGE
    }

    static func returned(_ function: String, _ value: CK_RV, subject: String) -> PKCS11Error {
        let returnValue = ReturnValue(rawValue: value)
        switch value {
        case CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE, CKR_PIN_EXPIRED:
            return PKCS11Error(
                .pinRefused, subject: subject, function: function, returnValue: returnValue,
                hint: "Check the PIN source; some tokens lock after a few wrong tries.")
        case CKR_PIN_LOCKED:
            return PKCS11Error(
                .pinRefused, subject: subject, function: function, returnValue: returnValue,
                hint: "The PIN is locked: the token's security officer must set a new one.")
        case CKR_USER_PIN_NOT_INITIALIZED:
            return PKCS11Error(
                .pinRefused, subject: subject, function: function, returnValue: returnValue,
                hint: "The token has no user PIN yet: its security officer must set one.")
        case CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID:
            return PKCS11Error(
                .mechanismMissing, subject: subject, function: function, returnValue: returnValue,
                hint: "`rootline doctor` lists the mechanisms that this token offers.")
        default:
            return PKCS11Error(.returned, subject: subject, function: function, returnValue: returnValue)
        }
    }
}

/// Throws unless `value` is `CKR_OK`.
@inline(__always)
func check(
    _ value: CK_RV, _ function: @autoclosure () -> String, _ subject: @autoclosure () -> String = ""
) throws(PKCS11Error) {
    if value != CKR_OK { throw PKCS11Error.returned(function(), value, subject: subject()) }
}
