/// The one error of this library. It never carries a word, a share's value or a secret.
public struct SecretSharingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Stable across versions; the command line maps it to an exit code.
    public enum Code: String, Hashable, Sendable {
        /// A word is not in the standard's list.
        case wordUnknown = "share-word-unknown"
        /// No share has this many words.
        case lengthInvalid = "share-length"
        /// The words are in the list, but not together one mnemonic.
        case checksumInvalid = "share-checksum"
        /// The bits before the value are not zero.
        case paddingInvalid = "share-padding"
        /// A group threshold or a group index that the number of groups does not allow.
        case groupInvalid = "share-group"

        /// A secret shorter than 128 bits or no multiple of 16 bits.
        case secretLength = "secret-length"
        /// A passphrase with other characters than printable ASCII.
        case passphraseRefused = "passphrase-refused"
        /// Thresholds, counts or an iteration exponent that the standard does not allow.
        case schemeInvalid = "scheme-invalid"

        /// There are no shares to combine.
        case sharesAbsent = "shares-absent"
        /// Shares of different splits.
        case identifierMismatch = "identifier-mismatch"
        case extendableMismatch = "extendable-mismatch"
        case iterationExponentMismatch = "iteration-exponent-mismatch"
        case groupThresholdMismatch = "group-threshold-mismatch"
        case groupCountMismatch = "group-count-mismatch"
        case memberThresholdMismatch = "member-threshold-mismatch"
        case valueLengthMismatch = "value-length-mismatch"
        /// Two shares with the same group and member index.
        case memberRepeated = "member-repeated"
        /// Fewer groups than the group threshold.
        case groupsInsufficient = "groups-insufficient"
        /// Fewer shares of a group than its member threshold.
        case membersInsufficient = "members-insufficient"
        /// The shares give a secret whose digest is not the one they give.
        case digestInvalid = "digest-invalid"
        /// Shares that do not lie on the polynomial that the others agree on.
        case shareMisfit = "share-misfit"

        /// libcrypto failed, or has no random octets.
        case libraryFailed = "library-failed"
    }

    public let code: Code
    /// A share ("group 1, member 3", counted from one), a group, a word's position, or a libcrypto function.
    public let subject: String
    public let message: String
    /// What to do next, in a sentence; nil where there is nothing to say.
    public let hint: String?
    /// Offsets, in the list of shares that was given, of those that do not fit; empty where it cannot be known.
    public let shares: [Int]

    public init(_ code: Code, _ subject: String, _ message: String, hint: String? = nil, shares: [Int] = []) {
        self.code = code
        self.subject = subject
        self.message = message
        self.hint = hint
        self.shares = shares
    }

    public var description: String { "\(subject): \(message)" }
}
