import Crypto
import SwiftASN1
import X509

/// The signature algorithms of revocation lists, each the one that belongs to its issuer's key.
public enum RevocationListAlgorithm: String, Sendable, CaseIterable, Hashable {
    /// For P-256 (RFC 5758 section 3.2).
    case ecdsaWithSHA256 = "ecdsa-with-SHA256"
    /// For P-384.
    case ecdsaWithSHA384 = "ecdsa-with-SHA384"
    /// For RSA-3072 (RFC 4055 section 5: PKCS #1 v1.5).
    case sha256WithRSAEncryption = "sha256WithRSAEncryption"
    /// For RSA-4096.
    case sha384WithRSAEncryption = "sha384WithRSAEncryption"

    /// The algorithm that a key signs by; keys other than P-256, P-384, RSA-3072 and RSA-4096 are refused.
    public init(issuerKey subjectPublicKeyInfo: [UInt8]) throws(CertificatesError) {
        switch Self.modulusBits(subjectPublicKeyInfo) {
        case 3072: self = .sha256WithRSAEncryption
        case 4096: self = .sha384WithRSAEncryption
        case .some(let bits):
            throw CertificatesError(
                .publicKey, subject: "issuer's key", "an RSA key of \(bits) bits is refused",
                hint: "RSA keys have 3072 or 4096 bits here.")
        case nil:
            let key = try EllipticCurvePublicKey(subjectPublicKeyInfo: subjectPublicKeyInfo)
            self = key.curve == .p256 ? .ecdsaWithSHA256 : .ecdsaWithSHA384
        }
    }

    init?(algorithmIdentifier: ArraySlice<UInt8>) {
        guard let named = Self.allCases.first(where: { $0.algorithmIdentifier[...] == algorithmIdentifier })
        else { return nil }
        self = named
    }

    /// The AlgorithmIdentifier: without parameters for ECDSA, with NULL for RSA (RFC 4055 section 5).
    var algorithmIdentifier: [UInt8] {
        switch self {
        case .ecdsaWithSHA256: Self.ecdsaIdentifier(0x02)
        case .ecdsaWithSHA384: Self.ecdsaIdentifier(0x03)
        case .sha256WithRSAEncryption: Self.rsaIdentifier(0x0B)
        case .sha384WithRSAEncryption: Self.rsaIdentifier(0x0C)
        }
    }

    private static func ecdsaIdentifier(_ last: UInt8) -> [UInt8] {
        [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, last]
    }

    private static func rsaIdentifier(_ last: UInt8) -> [UInt8] {
        [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, last, 0x05, 0x00]
    }

    var isECDSA: Bool { self == .ecdsaWithSHA256 || self == .ecdsaWithSHA384 }

    /// The hash of a message: what a token signs.
    public func digest(_ message: [UInt8]) -> [UInt8] {
        switch self {
        case .ecdsaWithSHA256, .sha256WithRSAEncryption: Array(SHA256.hash(data: message))
        case .ecdsaWithSHA384, .sha384WithRSAEncryption: Array(SHA384.hash(data: message))
        }
    }

    /// Whether the key made the signature over the message: an ECDSA-Sig-Value, or PKCS #1 v1.5's octets.
    func isValid(signature: [UInt8], over message: [UInt8], key subjectPublicKeyInfo: [UInt8]) -> Bool {
        guard let key = try? X509.Certificate.PublicKey(derEncoded: subjectPublicKeyInfo) else {
            return false
        }
        return key.isValidSignature(signature, for: message, signatureAlgorithm: x509)
    }

    private var x509: X509.Certificate.SignatureAlgorithm {
        switch self {
        case .ecdsaWithSHA256: .ecdsaWithSHA256
        case .ecdsaWithSHA384: .ecdsaWithSHA384
        case .sha256WithRSAEncryption: .sha256WithRSAEncryption
        case .sha384WithRSAEncryption: .sha384WithRSAEncryption
        }
    }

    /// The bits of an RSA key's modulus (RFC 3279 section 2.3.1); nil for another key or exponent than 65537.
    private static func modulusBits(_ der: [UInt8]) -> Int? {
        // rsaEncryption with NULL.
        let algorithm: [UInt8] = [
            0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
        ]
        guard let info = DERElement(der), info.tag == 0x30, let parts = info.children(in: der),
            parts.count == 2, Array(der[parts[0].whole]) == algorithm, parts[1].tag == 0x03,
            der[parts[1].contents].first == 0,
            let key = DERElement(
                der, at: parts[1].contents.lowerBound + 1, before: parts[1].contents.upperBound),
            key.tag == 0x30, let numbers = key.children(in: der), numbers.count == 2,
            numbers[0].tag == 0x02, Array(der[numbers[1].whole]) == [0x02, 0x03, 0x01, 0x00, 0x01]
        else { return nil }
        let modulus = der[numbers[0].contents].drop { $0 == 0 }
        return modulus.first.map { modulus.count * 8 - $0.leadingZeroBitCount }
    }
}
