import Crypto
import Foundation

/// ECDSA on P-256 with SHA-256 in the one form that signed records take.
///
/// With (r, s) the pair (r, n − s) verifies too, so anybody could write another signature over the same bytes: in a
/// hash chain whose last line is a signature that would be a second valid file. Only s ≤ n/2 is accepted, in the
/// smallest DER (RFC 3279 §2.2.3).
public enum StrictSignature {
    /// The order of P-256 and half of it, rounded down, big-endian (FIPS 186-4 D.1.2.3).
    private static let order: [UInt8] = octets(
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    private static let half: [UInt8] = octets(
        "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8")

    private static func octets(_ text: String) -> [UInt8] {
        stride(from: 0, to: text.count, by: 2).compactMap { UInt8(text.dropFirst($0).prefix(2), radix: 16) }
    }

    /// The DER of a signature that a token gave as r‖s, with s replaced by n − s where it is larger than n/2.
    public static func der(raw: [UInt8]) -> [UInt8]? {
        guard raw.count == 64 else { return nil }
        var s = Array(raw[32...])
        if half.lexicographicallyPrecedes(s) {
            var borrow = 0
            for index in stride(from: 31, through: 0, by: -1) {
                let difference = Int(order[index]) - Int(s[index]) - borrow
                s[index] = UInt8(truncatingIfNeeded: difference)
                borrow = difference < 0 ? 1 : 0
            }
        }
        guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: raw[..<32] + s) else {
            return nil
        }
        return Array(signature.derRepresentation)
    }

    /// Whether the signature has that form and verifies; `key` is a SubjectPublicKeyInfo in DER.
    public static func isValid(_ signature: [UInt8], over bytes: [UInt8], key: [UInt8]) -> Bool {
        guard let key = try? P256.Signing.PublicKey(derRepresentation: key),
            let parsed = try? P256.Signing.ECDSASignature(derRepresentation: signature),
            Array(parsed.derRepresentation) == signature
        else { return false }
        let s = Array(parsed.rawRepresentation.suffix(32))
        return !half.lexicographicallyPrecedes(s) && key.isValidSignature(parsed, for: bytes)
    }
}
