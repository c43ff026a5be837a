import Crypto

/// The curves that keys and certificates may have here (RFC 5480 section 2.1.1.1).
///
/// P-521 is left out on purpose: many tokens list it and then fail after the key was generated.
public enum EllipticCurve: String, Sendable, CaseIterable, Hashable {
    case p256 = "P-256"
    case p384 = "P-384"

    /// Octets of one coordinate, and of r and of s in a signature.
    public var coordinateOctets: Int { self == .p256 ? 32 : 48 }

    /// Octets of an uncompressed point: 0x04, x, y.
    public var pointOctets: Int { 1 + 2 * coordinateOctets }

    /// The hash that a signature with a key on this curve is made over (RFC 5758 section 3.2, equal strength).
    public var signatureAlgorithm: SignatureAlgorithm { self == .p256 ? .ecdsaWithSHA256 : .ecdsaWithSHA384 }

    /// The subjectPublicKeyInfo up to the point.
    var subjectPublicKeyInfoPrefix: [UInt8] {
        switch self {
        case .p256:
            [
                0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
                0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
            ]
        case .p384:
            [
                0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
                0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
            ]
        }
    }

    /// The subjectPublicKeyInfo of an uncompressed point; refuses a wrong count or a compressed point.
    ///
    /// Whether the point lies on the curve is not checked here: it came from the token that signs.
    public func subjectPublicKeyInfo(point: [UInt8]) throws(CertificatesError) -> [UInt8] {
        guard point.count == pointOctets, point.first == 0x04 else {
            throw CertificatesError(
                .publicKey, subject: rawValue, "an uncompressed point of \(pointOctets) octets is wanted")
        }
        return subjectPublicKeyInfoPrefix + point
    }
}

/// An elliptic-curve public key, read out of a subjectPublicKeyInfo and kept as it was received.
public struct EllipticCurvePublicKey: Hashable, Sendable {
    public let curve: EllipticCurve
    /// The DER as received.
    public let subjectPublicKeyInfo: [UInt8]
    /// The uncompressed point: 0x04, x, y.
    public let point: [UInt8]

    /// Reads a DER subjectPublicKeyInfo; another key type, curve, encoding, or a point off the curve is refused.
    public init(subjectPublicKeyInfo: [UInt8]) throws(CertificatesError) {
        for curve in EllipticCurve.allCases {
            let prefix = curve.subjectPublicKeyInfoPrefix
            guard subjectPublicKeyInfo.count == prefix.count + curve.pointOctets,
                subjectPublicKeyInfo.starts(with: prefix)
            else { continue }
            let point = Array(subjectPublicKeyInfo[prefix.count...])
            guard Self.isOnCurve(point, curve) else {
                throw CertificatesError(
                    .publicKey, subject: curve.rawValue,
                    "the public key is not an uncompressed point of the curve")
            }
            self.curve = curve
            self.subjectPublicKeyInfo = subjectPublicKeyInfo
            self.point = point
            return
        }
        let p521: [UInt8] = [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23]
        let isP521 = subjectPublicKeyInfo.count > 40 && subjectPublicKeyInfo[..<40].contains(p521)
        throw CertificatesError(
            .publicKey, subject: "public key",
            isP521
                ? "a P-521 key is refused: tokens list the curve and then fail after generation"
                : "this is neither an RSA key nor an EC key on P-256 or P-384 with a named curve and an "
                    + "uncompressed point",
            hint: "Generate the key on P-256 or P-384.")
    }

    private static func isOnCurve(_ point: [UInt8], _ curve: EllipticCurve) -> Bool {
        switch curve {
        case .p256: (try? P256.Signing.PublicKey(x963Representation: point)) != nil
        case .p384: (try? P384.Signing.PublicKey(x963Representation: point)) != nil
        }
    }

    /// The SHA-256 of the subjectPublicKeyInfo as received.
    public var digest: [UInt8] { Array(SHA256.hash(data: subjectPublicKeyInfo)) }

    /// Whether a DER ECDSA-Sig-Value over the message verifies, with the hash that belongs to the curve.
    public func isValid(signature: [UInt8], over message: [UInt8]) -> Bool {
        switch curve {
        case .p256:
            guard let key = try? P256.Signing.PublicKey(x963Representation: point),
                let value = try? P256.Signing.ECDSASignature(derRepresentation: signature)
            else { return false }
            return key.isValidSignature(value, for: SHA256.hash(data: message))
        case .p384:
            guard let key = try? P384.Signing.PublicKey(x963Representation: point),
                let value = try? P384.Signing.ECDSASignature(derRepresentation: signature)
            else { return false }
            return key.isValidSignature(value, for: SHA384.hash(data: message))
        }
    }
}
