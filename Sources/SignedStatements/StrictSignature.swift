import Crypto
import Foundation

/// ECDSA on P-256 with SHA-256, or on P-384 with SHA-384, in the one form that signed records take.
///
/// With (r, s) the pair (r, n − s) verifies too, so anybody could write another signature over the same bytes: in a
/// hash chain whose last line is a signature that would be a second valid file. Only s ≤ n/2 is accepted, in the
/// smallest DER (RFC 3279 §2.2.3).
public enum StrictSignature {
    public enum Curve: Sendable, Hashable {
        case p256
        case p384
    }

    /// The DER of a signature that a token gave as r‖s, with s replaced by n − s where it is larger than n/2.
    public static func der(raw: [UInt8], curve: Curve = .p256) -> [UInt8]? {
        let order = Order(curve)
        guard raw.count == 2 * order.size else { return nil }
        let strict = raw[..<order.size] + order.smaller(Array(raw[order.size...]))
        switch curve {
        case .p256:
            return (try? P256.Signing.ECDSASignature(rawRepresentation: strict)).map {
                Array($0.derRepresentation)
            }
        case .p384:
            return (try? P384.Signing.ECDSASignature(rawRepresentation: strict)).map {
                Array($0.derRepresentation)
            }
        }
    }

    /// The same signature in the strict form; nil where it is none on that curve.
    public static func der(_ signature: [UInt8], curve: Curve = .p256) -> [UInt8]? {
        raw(signature, curve).flatMap { der(raw: $0, curve: curve) }
    }

    /// Whether the signature has that form and verifies; `key` is a SubjectPublicKeyInfo in DER.
    public static func isValid(
        _ signature: [UInt8], over bytes: [UInt8], key: [UInt8], curve: Curve = .p256
    ) -> Bool {
        guard let raw = raw(signature, curve), der(raw: raw, curve: curve) == signature else { return false }
        switch curve {
        case .p256:
            guard let key = try? P256.Signing.PublicKey(derRepresentation: key),
                let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: raw)
            else { return false }
            return key.isValidSignature(parsed, for: bytes)
        case .p384:
            guard let key = try? P384.Signing.PublicKey(derRepresentation: key),
                let parsed = try? P384.Signing.ECDSASignature(rawRepresentation: raw)
            else { return false }
            return key.isValidSignature(parsed, for: bytes)
        }
    }

    /// r‖s of a signature in DER.
    private static func raw(_ signature: [UInt8], _ curve: Curve) -> [UInt8]? {
        switch curve {
        case .p256:
            (try? P256.Signing.ECDSASignature(derRepresentation: signature)).map {
                Array($0.rawRepresentation)
            }
        case .p384:
            (try? P384.Signing.ECDSASignature(derRepresentation: signature)).map {
                Array($0.rawRepresentation)
            }
        }
    }

    /// A curve's order n and half of it, rounded down, big-endian (FIPS 186-4 D.1.2.3 and D.1.2.4).
    private struct Order {
        let order: [UInt8]
        let half: [UInt8]
        var size: Int { order.count }

        private static let p256 = Order(
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
            "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8")
        private static let p384 = Order(
            "ffffffffffffffffffffffffffffffffffffffffffffffff"
                + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973",
            "7fffffffffffffffffffffffffffffffffffffffffffffff"
                + "e3b1a6c0fa1b96efac0d06d9245853bd76760cb5666294b9")

        init(_ curve: Curve) {
            switch curve {
            case .p256: self = Order.p256
            case .p384: self = Order.p384
            }
        }

        private init(_ order: String, _ half: String) {
            func octets(_ text: String) -> [UInt8] {
                stride(from: 0, to: text.count, by: 2).compactMap {
                    UInt8(text.dropFirst($0).prefix(2), radix: 16)
                }
            }
            self.order = octets(order)
            self.half = octets(half)
        }

        /// s, or n − s where s is larger than n/2.
        func smaller(_ s: [UInt8]) -> [UInt8] {
            guard half.lexicographicallyPrecedes(s) else { return s }
            var s = s
            var borrow = 0
            for index in stride(from: size - 1, through: 0, by: -1) {
                let difference = Int(order[index]) - Int(s[index]) - borrow
                s[index] = UInt8(truncatingIfNeeded: difference)
                borrow = difference < 0 ? 1 : 0
            }
            return s
        }
    }
}
