/// Bytes that are not what a transparency log may hold, or a proof that does not hold.
public struct TransparencyLogError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// A tile path that C2SP tlog-tiles does not produce.
        case tilePath = "tile-path"
        /// Text or framing of a signed note that is not in the C2SP form.
        case noteMalformed = "note-malformed"
        /// No signature by the key that was asked for.
        case noteUnsigned = "note-unsigned"
        /// A signature by the key that was asked for which does not verify.
        case noteSignature = "note-signature"
        /// A note text that is not a checkpoint.
        case checkpointMalformed = "checkpoint-malformed"
        /// A key that is not in the form of its kind: a P-256 SubjectPublicKeyInfo in its usual DER form, an
        /// Ed25519 key, a verifier key in text form.
        case key
        /// Text that is not in the form of C2SP tlog-proof.
        case proofMalformed = "proof-malformed"
        /// A proof of the wrong length, or one that leads to another root.
        case proof
        /// An entry longer than 65 535 bytes.
        case entryTooLong = "entry-too-long"
        /// An entry bundle whose lengths do not add up.
        case entriesMalformed = "entries-malformed"
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(message) [\(code.rawValue)]" }
}
