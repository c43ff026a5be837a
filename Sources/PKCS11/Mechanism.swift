import CCryptoki

/// Which mechanism (`CK_MECHANISM_TYPE`).
public struct MechanismType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt

    public init(rawValue: UInt) {
        self.rawValue = rawValue
    }

    public static let rsaKeyPairGeneration = MechanismType(rawValue: CKM_RSA_PKCS_KEY_PAIR_GEN)
    public static let rsaPKCS1 = MechanismType(rawValue: CKM_RSA_PKCS)
    public static let rsaOAEP = MechanismType(rawValue: CKM_RSA_PKCS_OAEP)
    public static let ecKeyPairGeneration = MechanismType(rawValue: CKM_EC_KEY_PAIR_GEN)
    public static let ecdsa = MechanismType(rawValue: CKM_ECDSA)
    public static let ecdh1Derivation = MechanismType(rawValue: CKM_ECDH1_DERIVE)
    public static let aesKeyGeneration = MechanismType(rawValue: CKM_AES_KEY_GEN)
    public static let aesKeyWrap = MechanismType(rawValue: CKM_AES_KEY_WRAP)
    public static let aesKeyWrapPad = MechanismType(rawValue: CKM_AES_KEY_WRAP_PAD)
    /// AES key wrap with padding as RFC 5649 has it (`CKM_AES_KEY_WRAP_KWP`, PKCS#11 v3.0).
    public static let aesKeyWrapKWP = MechanismType(rawValue: 0x210B)
    public static let genericSecretKeyGeneration = MechanismType(rawValue: CKM_GENERIC_SECRET_KEY_GEN)
    public static let sha256HMAC = MechanismType(rawValue: CKM_SHA256_HMAC)

    private static let names: [UInt: String] = [
        CKM_RSA_PKCS_KEY_PAIR_GEN: "CKM_RSA_PKCS_KEY_PAIR_GEN", CKM_RSA_PKCS: "CKM_RSA_PKCS",
        CKM_RSA_PKCS_OAEP: "CKM_RSA_PKCS_OAEP", CKM_RSA_PKCS_PSS: "CKM_RSA_PKCS_PSS",
        CKM_SHA256_RSA_PKCS: "CKM_SHA256_RSA_PKCS", CKM_SHA384_RSA_PKCS: "CKM_SHA384_RSA_PKCS",
        CKM_SHA512_RSA_PKCS: "CKM_SHA512_RSA_PKCS", CKM_SHA256_RSA_PKCS_PSS: "CKM_SHA256_RSA_PKCS_PSS",
        CKM_EC_KEY_PAIR_GEN: "CKM_EC_KEY_PAIR_GEN", CKM_ECDSA: "CKM_ECDSA",
        CKM_ECDSA_SHA256: "CKM_ECDSA_SHA256", CKM_ECDSA_SHA384: "CKM_ECDSA_SHA384",
        CKM_ECDH1_DERIVE: "CKM_ECDH1_DERIVE", CKM_SHA256: "CKM_SHA256", CKM_SHA384: "CKM_SHA384",
        CKM_SHA512: "CKM_SHA512", CKM_SHA_1: "CKM_SHA_1", CKM_SHA256_HMAC: "CKM_SHA256_HMAC",
        CKM_GENERIC_SECRET_KEY_GEN: "CKM_GENERIC_SECRET_KEY_GEN", CKM_AES_KEY_GEN: "CKM_AES_KEY_GEN",
        CKM_AES_ECB: "CKM_AES_ECB", CKM_AES_CBC: "CKM_AES_CBC", CKM_AES_CBC_PAD: "CKM_AES_CBC_PAD",
        CKM_AES_GCM: "CKM_AES_GCM", CKM_AES_CTR: "CKM_AES_CTR", CKM_AES_CMAC: "CKM_AES_CMAC",
        CKM_AES_KEY_WRAP: "CKM_AES_KEY_WRAP", CKM_AES_KEY_WRAP_PAD: "CKM_AES_KEY_WRAP_PAD",
        0x210B: "CKM_AES_KEY_WRAP_KWP", 0x1055: "CKM_EC_EDWARDS_KEY_PAIR_GEN", 0x1057: "CKM_EDDSA",
        0x1054: "CKM_RSA_AES_KEY_WRAP",
    ]

    public var description: String { MechanismType.names[rawValue] ?? "CKM_0x" + String(rawValue, radix: 16) }
}

/// What a token says of a mechanism (`CK_MECHANISM_INFO`).
public struct MechanismInfo: Sendable {
    /// In bits, or in bytes for some secret keys: the standard leaves it to each mechanism.
    public let minimumKeySize: UInt
    public let maximumKeySize: UInt
    public let flags: UInt

    public var canSign: Bool { flags & UInt(CKF_SIGN) != 0 }
    public var canWrap: Bool { flags & UInt(CKF_WRAP) != 0 }
    public var canUnwrap: Bool { flags & UInt(CKF_UNWRAP) != 0 }
    public var canGenerate: Bool { flags & UInt(CKF_GENERATE) != 0 }
    public var canGenerateKeyPair: Bool { flags & UInt(CKF_GENERATE_KEY_PAIR) != 0 }
}

/// A mechanism with its parameters.
public enum Mechanism: Sendable {
    /// One that takes no parameter, or whose default is meant.
    case plain(MechanismType)
    /// RSA-OAEP with SHA-1 and MGF1-SHA-1, no label (RFC 8017 §7.1).
    ///
    /// SHA-1 here is no signature: OAEP does not rest on its collision resistance, and SoftHSM offers no other.
    case rsaOAEPWithSHA1
    /// ECDH without a key derivation function, with the other side's uncompressed point (PKCS#11 v2.40 §2.3.8).
    case ecdh1(point: [UInt8])

    public var type: MechanismType {
        switch self {
        case .plain(let type): return type
        case .rsaOAEPWithSHA1: return .rsaOAEP
        case .ecdh1: return .ecdh1Derivation
        }
    }

    /// Calls `body` with the standard's structure, valid for the call alone.
    @inline(__always)
    func withMechanism<R>(_ body: (UnsafeMutablePointer<CK_MECHANISM>) -> R) -> R {
        var raw = CK_MECHANISM(mechanism: type.rawValue, pParameter: nil, ulParameterLen: 0)
        switch self {
        case .plain:
            return body(&raw)
        case .rsaOAEPWithSHA1:
            var parameters = CK_RSA_PKCS_OAEP_PARAMS()
            parameters.hashAlg = CKM_SHA_1
            parameters.mgf = UInt(CKG_MGF1_SHA1)
            parameters.source = UInt(CKZ_DATA_SPECIFIED)
            return withUnsafeMutableBytes(of: &parameters) { bytes in
                raw.pParameter = bytes.baseAddress
                raw.ulParameterLen = UInt(bytes.count)
                return body(&raw)
            }
        case .ecdh1(let point):
            var point = point
            return point.withUnsafeMutableBufferPointer { publicData in
                var parameters = CK_ECDH1_DERIVE_PARAMS()
                parameters.kdf = 1  // CKD_NULL
                parameters.ulPublicDataLen = UInt(publicData.count)
                parameters.pPublicData = publicData.baseAddress
                return withUnsafeMutableBytes(of: &parameters) { bytes in
                    raw.pParameter = bytes.baseAddress
                    raw.ulParameterLen = UInt(bytes.count)
                    return body(&raw)
                }
            }
        }
    }
}
