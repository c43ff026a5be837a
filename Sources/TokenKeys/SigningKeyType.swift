import Crypto
import PKCS11

/// The types of signing keys, by the names that scripts and records use.
///
/// P-521 is left out on purpose: many tokens list it and then fail after the key was generated.
public enum SigningKeyType: String, Sendable, CaseIterable {
    case p256 = "P-256"
    case p384 = "P-384"
    case rsa3072 = "RSA-3072"
    case rsa4096 = "RSA-4096"

    public var keyType: KeyType { isRSA ? .rsa : .ec }

    public var isRSA: Bool { self == .rsa3072 || self == .rsa4096 }

    /// For people: `EC P-256`, `RSA-3072`.
    public var description: String { isRSA ? rawValue : "EC \(rawValue)" }

    /// Bits of the curve's order or of the modulus, as tokens state the range of a mechanism.
    public var bits: Int {
        switch self {
        case .p256: return 256
        case .p384: return 384
        case .rsa3072: return 3072
        case .rsa4096: return 4096
        }
    }

    /// The curve's OID as DER, the value of `CKA_EC_PARAMS`; nil for RSA.
    public var curveParameters: [UInt8]? {
        switch self {
        case .p256: return [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
        case .p384: return [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22]
        case .rsa3072, .rsa4096: return nil
        }
    }

    /// 65537, the only public exponent, big-endian as `CKA_PUBLIC_EXPONENT` has it.
    static let publicExponent: [UInt8] = [0x01, 0x00, 0x01]

    /// What the public key's template says of the key itself.
    public var generationAttributes: [Attribute] {
        if let curveParameters { return [Attribute(.ecParameters, bytes: curveParameters)] }
        return [
            Attribute(.modulusBits, UInt(bits)),
            Attribute(.publicExponent, bytes: SigningKeyType.publicExponent),
        ]
    }

    /// What a token answers of a key of this type, in words for records; every other answer is refused.
    var parameters: [KeyParameter] {
        if let curveParameters {
            let value = curveParameters.map { hex($0) }.joined()
            return [
                KeyParameter(name: "CKA_KEY_TYPE", value: "CKK_EC"),
                KeyParameter(name: "CKA_EC_PARAMS", value: value),
            ]
        }
        return [
            KeyParameter(name: "CKA_KEY_TYPE", value: "CKK_RSA"),
            KeyParameter(name: "CKA_MODULUS_BITS", value: "\(bits)"),
            KeyParameter(name: "CKA_PUBLIC_EXPONENT", value: "65537"),
        ]
    }

    public var generationMechanism: MechanismType { isRSA ? .rsaKeyPairGeneration : .ecKeyPairGeneration }

    /// CKM_ECDSA over a hash, or CKM_RSA_PKCS (RSASSA-PKCS1-v1_5) over a DigestInfo: tokens that hash by themselves
    /// are few, so the host does it.
    public var signatureMechanism: MechanismType { isRSA ? .rsaPKCS1 : .ecdsa }

    /// Whether the hash is SHA-384 (P-384, RSA-4096) and not SHA-256 (P-256, RSA-3072).
    var isWithSHA384: Bool { self == .p384 || self == .rsa4096 }

    /// What the token signs for `message`: its hash, for RSA inside the DigestInfo of RFC 8017 §9.2.
    public func signatureInput(_ message: [UInt8]) -> [UInt8] {
        switch self {
        case .p256: return Array(SHA256.hash(data: message))
        case .p384: return Array(SHA384.hash(data: message))
        case .rsa3072: return SigningKeyType.sha256DigestInfo + SHA256.hash(data: message)
        case .rsa4096: return SigningKeyType.sha384DigestInfo + SHA384.hash(data: message)
        }
    }

    /// DigestInfo up to the hash (RFC 8017 §9.2, note 1).
    private static let sha256DigestInfo: [UInt8] = [
        0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
        0x04, 0x20,
    ]
    private static let sha384DigestInfo: [UInt8] = [
        0x30, 0x41, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00,
        0x04, 0x30,
    ]

    /// The attributes that hold the private key, none of which a token may answer.
    var secretAttributes: [AttributeType] {
        isRSA
            ? [.value, .privateExponent, .prime1, .prime2, .exponent1, .exponent2, .coefficient] : [.value]
    }
}

extension SigningKeyType: CustomStringConvertible {}

extension KeyRole {
    /// Whether a CA's: those may be RSA, all others are EC.
    var isCA: Bool { self == .rootCA || self == .issuingCA }
}

extension SigningKeyType {
    /// The type of a SubjectPublicKeyInfo in DER; throws for any that no signing key of ours has.
    public init(publicKeyInfo: [UInt8]) throws(TokenKeyError) {
        if (try? P256.Signing.PublicKey(derRepresentation: publicKeyInfo)) != nil {
            self = .p256
        } else if (try? P384.Signing.PublicKey(derRepresentation: publicKeyInfo)) != nil {
            self = .p384
        } else {
            let key = try TrustedStation(publicKeyInfo: publicKeyInfo)
            self = try PublicKeyFacts.rsa(modulus: key.modulus, exponent: key.exponent, name: "public key").0
        }
    }
}
