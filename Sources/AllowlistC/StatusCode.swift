import Allowlist
import CAllowlist

/// The numbers of the header and their words.
///
/// A number never gets another meaning, so refusals are listed here one by one in the header's order.
enum StatusCode {
    static let ok = Int32(ROOTLINE_ALLOWLIST_OK)
    static let refused = Int32(ROOTLINE_ALLOWLIST_REFUSED)
    static let keyUnchecked = Int32(ROOTLINE_ALLOWLIST_KEY_UNCHECKED)
    static let stopped = Int32(ROOTLINE_ALLOWLIST_STOPPED)
    static let invalidArgument = Int32(ROOTLINE_ALLOWLIST_INVALID_ARGUMENT)
    static let closed = Int32(ROOTLINE_ALLOWLIST_CLOSED)
    static let other = Int32(ROOTLINE_ALLOWLIST_OTHER)
    static let serialUnchecked = Int32(ROOTLINE_ALLOWLIST_SERIAL_UNCHECKED)

    private static let firstRefusal = 32
    private static let outcomes: [StaticString] = [
        "ok", "refused", "key-unchecked", "stopped", "invalid-argument", "closed", "other",
        "serial-unchecked",
    ]
    private static let refusals: [StaticString] = [
        "pins", "file-missing", "file-access", "file-size", "checkpoint-malformed", "checkpoint-signature",
        "checkpoint-origin", "checkpoint-text", "rehearsal", "tile-mismatch", "entry-mismatch",
        "entries-malformed", "root-mismatch", "entry-malformed", "entry-reference", "run", "quantity", "seal",
        "duplicate", "state", "segment", "authorisation", "signer-rotated", "ambiguous-serial", "publication",
        "checkpoint-older", "checkpoint-fork", "signer-future", "rotation", "approval", "roster",
        "witness-quorum", "witness-signature", "stale", "receipt-malformed", "receipt-proof",
        "absence-malformed", "absence-proof", "archive", "bundle-changed", "delta-base", "delta",
        "journal-malformed", "journal-chain", "serial-key", "receipt-device", "witness-state",
        "cannot-create", "journal-cut", "journal-pins", "journal-checkpoint", "journal-locked",
        "journal-file",
    ]

    /// The number of a refusal; `other` for one that the interface does not know yet.
    static func number(of word: String) -> Int32 {
        let place = refusals.firstIndex { $0.withUTF8Buffer { $0.elementsEqual(word.utf8) } }
        return place.map { Int32(firstRefusal + $0) } ?? other
    }

    /// The word of a number; static, with a NUL at its end.
    static func word(of number: Int32) -> StaticString {
        let number = Int(number)
        if outcomes.indices.contains(number) { return outcomes[number] }
        let place = number - firstRefusal
        return refusals.indices.contains(place) ? refusals[place] : "unknown"
    }
}
