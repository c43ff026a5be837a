/// A byte sequence that is not the one deterministic encoding this codec accepts.
public struct CBORError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The stable reason of a refusal.
    public enum Code: String, Hashable, Sendable {
        /// The bytes end inside an item.
        case truncated
        /// Bytes follow the last item.
        case trailingBytes = "trailing-bytes"
        /// An integer, length or tag number is longer than needed (RFC 8949 §4.2.1).
        case notShortest = "not-shortest"
        /// An indefinite length or a lone break (RFC 8949 §4.2.1).
        case indefiniteLength = "indefinite-length"
        /// A reserved additional information value (28 to 30, RFC 8949 §3).
        case reserved
        /// A floating-point number or a simple value other than false, true and null.
        case unsupported
        /// Map keys out of bytewise order of their encodings.
        case unsortedKeys = "unsorted-keys"
        /// A map key that occurs twice.
        case duplicateKey = "duplicate-key"
        /// A text string that is not UTF-8.
        case invalidText = "invalid-text"
        /// A length or count above the reader's limit.
        case tooLarge = "too-large"
        /// Items nested deeper than the reader's limit.
        case tooDeep = "too-deep"
        /// An item of another type than the one asked for.
        case unexpectedType = "unexpected-type"
    }

    public let code: Code
    /// Bytes from the start of the document to the offending item.
    public let offset: Int

    public init(_ code: Code, at offset: Int) {
        self.code = code
        self.offset = offset
    }

    public var description: String { "CBOR \(code.rawValue) at byte \(offset)" }
}
