import Crypto
import CryptoExtras
import Foundation

/// An RSA public key (RFC 8017 appendix A.1.1), read out of a subjectPublicKeyInfo and kept as it was received.
///
/// Keys of any size from 2048 to 8192 bits and of any exponent are read, so that the lint can name what is wrong
/// with them; it accepts ``CertificateKeyType`` alone.
public struct RSAPublicKey: Hashable, Sendable {
    /// The DER as received.
    public let subjectPublicKeyInfo: [UInt8]
    /// The subjectPublicKey: the DER of RSAPublicKey.
    public let encoded: [UInt8]
    public let modulusBits: Int
    /// The public exponent, big-endian without leading zeros.
    public let exponent: [UInt8]

    /// 65537, the only exponent that the lint accepts.
    static let acceptedExponent: [UInt8] = [0x01, 0x00, 0x01]

    /// SEQUENCE { rsaEncryption, NULL }; the parameters have to be there (RFC 3279 section 2.3.1).
    static let algorithm: [UInt8] = [
        0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
    ]

    /// Octets of the modulus, and of every signature.
    public var signatureOctets: Int { (modulusBits + 7) / 8 }

    /// SHA-256 with keys below 4096 bits, SHA-384 from there on.
    public var signatureAlgorithm: SignatureAlgorithm {
        modulusBits < 4096 ? .sha256WithRSAEncryption : .sha384WithRSAEncryption
    }

    /// Reads a DER subjectPublicKeyInfo; another key type or encoding, and sizes outside 2048 to 8192 bits are
    /// refused.
    public init(subjectPublicKeyInfo der: [UInt8]) throws(CertificatesError) {
        guard let outer = DERElement(der), outer.tag == 0x30, let parts = outer.children(in: der),
            parts.count == 2, Array(der[parts[0].whole]) == Self.algorithm, parts[1].tag == 0x03,
            der[parts[1].contents].first == 0
        else { throw Self.refusal("this is not an RSA public key (rsaEncryption with NULL parameters)") }
        let encoded = Array(der[parts[1].contents].dropFirst())
        guard let key = DERElement(encoded), key.tag == 0x30, let numbers = key.children(in: encoded),
            numbers.count == 2, let modulus = Self.magnitude(numbers[0], in: encoded),
            let exponent = Self.magnitude(numbers[1], in: encoded)
        else { throw Self.refusal("modulus and exponent are not two positive INTEGERs in DER") }
        let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
        guard (2048...8192).contains(bits), modulus.last.map({ $0 & 1 == 1 }) ?? false else {
            throw Self.refusal("a modulus of \(bits) bits; an odd one of 3072 or 4096 bits is wanted")
        }
        subjectPublicKeyInfo = der
        self.encoded = encoded
        modulusBits = bits
        self.exponent = exponent
    }

    /// The octets of a positive INTEGER in its shortest form, without the zero before a high bit.
    private static func magnitude(_ element: DERElement, in bytes: [UInt8]) -> [UInt8]? {
        let octets = Array(bytes[element.contents])
        guard element.tag == 0x02, let first = octets.first, first < 0x80 else { return nil }
        guard first == 0 else { return octets }
        return octets.count > 1 && octets[1] >= 0x80 ? Array(octets.dropFirst()) : nil
    }

    private static func refusal(_ message: String) -> CertificatesError {
        CertificatesError(
            .publicKey, subject: "public key", message,
            hint: "Generate an RSA key of 3072 or 4096 bits with the exponent 65537.")
    }

    /// Whether an RSASSA-PKCS1-v1_5 signature over the message verifies, with the hash that belongs to the size.
    public func isValid(signature: [UInt8], over message: [UInt8]) -> Bool {
        guard signature.count == signatureOctets,
            let key = try? _RSA.Signing.PublicKey(derRepresentation: subjectPublicKeyInfo)
        else { return false }
        let value = _RSA.Signing.RSASignature(rawRepresentation: signature)
        return switch signatureAlgorithm {
        case .sha384WithRSAEncryption:
            key.isValidSignature(value, for: SHA384.hash(data: message), padding: .insecurePKCS1v1_5)
        default:
            key.isValidSignature(value, for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5)
        }
    }
}
