import Crypto

/// The signature algorithms of this version, by the names of RFC 5758 section 3.2 and RFC 8017 appendix A.2.4.
public enum SignatureAlgorithm: String, Sendable, CaseIterable, Hashable {
    case ecdsaWithSHA256 = "ecdsa-with-SHA256"
    case ecdsaWithSHA384 = "ecdsa-with-SHA384"
    case sha256WithRSAEncryption
    case sha384WithRSAEncryption

    /// The AlgorithmIdentifier; its parameters are absent for ECDSA (RFC 5758 section 3.2) and NULL for
    /// RSASSA-PKCS1-v1_5 (RFC 4055 section 5).
    var algorithmIdentifier: [UInt8] {
        switch self {
        case .ecdsaWithSHA256:
            [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02]
        case .ecdsaWithSHA384:
            [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03]
        case .sha256WithRSAEncryption:
            [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B, 0x05, 0x00]
        case .sha384WithRSAEncryption:
            [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0C, 0x05, 0x00]
        }
    }

    /// The hash of a message, on which the signature is made.
    public func digest(_ message: [UInt8]) -> [UInt8] {
        switch self {
        case .ecdsaWithSHA256, .sha256WithRSAEncryption: Array(SHA256.hash(data: message))
        case .ecdsaWithSHA384, .sha384WithRSAEncryption: Array(SHA384.hash(data: message))
        }
    }
}
