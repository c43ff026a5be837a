import Crypto

/// The types of keys that certificates may hold: on curves everywhere, RSA for CAs alone.
public enum CertificateKeyType: String, Sendable, CaseIterable, Hashable {
    case p256 = "P-256"
    case p384 = "P-384"
    case rsa3072 = "RSA-3072"
    case rsa4096 = "RSA-4096"

    init(_ curve: EllipticCurve) {
        self = curve == .p256 ? .p256 : .p384
    }

    /// The curve; nil for RSA.
    public var curve: EllipticCurve? {
        switch self {
        case .p256: .p256
        case .p384: .p384
        case .rsa3072, .rsa4096: nil
        }
    }

    /// Bits of the modulus; nil for keys on curves.
    public var modulusBits: Int? {
        switch self {
        case .p256, .p384: nil
        case .rsa3072: 3072
        case .rsa4096: 4096
        }
    }
}

/// The public key of a certificate (RFC 5280 section 4.1.2.7), as it was received.
public enum SubjectPublicKey: Hashable, Sendable {
    case ellipticCurve(EllipticCurvePublicKey)
    case rsa(RSAPublicKey)

    /// Reads a DER subjectPublicKeyInfo; see ``EllipticCurvePublicKey`` and ``RSAPublicKey`` for what is refused.
    public init(subjectPublicKeyInfo der: [UInt8]) throws(CertificatesError) {
        // rsaEncryption, where DER puts it.
        let rsa: [UInt8] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]
        if der.prefix(20).contains(rsa) {
            self = .rsa(try RSAPublicKey(subjectPublicKeyInfo: der))
        } else {
            self = .ellipticCurve(try EllipticCurvePublicKey(subjectPublicKeyInfo: der))
        }
    }

    /// The DER as received.
    public var subjectPublicKeyInfo: [UInt8] {
        switch self {
        case .ellipticCurve(let key): key.subjectPublicKeyInfo
        case .rsa(let key): key.subjectPublicKeyInfo
        }
    }

    /// The contents of the BIT STRING subjectPublicKey, of which key identifiers are hashes.
    public var subjectPublicKey: [UInt8] {
        switch self {
        case .ellipticCurve(let key): key.point
        case .rsa(let key): key.encoded
        }
    }

    /// Nil for an RSA key of another size or exponent than the lint accepts.
    public var keyType: CertificateKeyType? {
        switch self {
        case .ellipticCurve(let key): CertificateKeyType(key.curve)
        case .rsa(let key):
            key.exponent == RSAPublicKey.acceptedExponent
                ? CertificateKeyType.allCases.first { $0.modulusBits == key.modulusBits } : nil
        }
    }

    /// For people: `P-256` or `RSA-3072`.
    public var name: String {
        switch self {
        case .ellipticCurve(let key): key.curve.rawValue
        case .rsa(let key): "RSA-\(key.modulusBits)"
        }
    }

    /// What a key signs by: its curve or size decides.
    public var signatureAlgorithm: SignatureAlgorithm {
        switch self {
        case .ellipticCurve(let key): key.curve.signatureAlgorithm
        case .rsa(let key): key.signatureAlgorithm
        }
    }

    /// Octets of a signature as PKCS#11 gives it: r‖s, or as many as the modulus has.
    public var rawSignatureOctets: Int {
        switch self {
        case .ellipticCurve(let key): 2 * key.curve.coordinateOctets
        case .rsa(let key): key.signatureOctets
        }
    }

    /// The SHA-256 of the subjectPublicKeyInfo as received.
    public var digest: [UInt8] { Array(SHA256.hash(data: subjectPublicKeyInfo)) }

    /// Whether a signature, as it stands in a certificate, verifies over the message.
    public func isValid(signature: [UInt8], over message: [UInt8]) -> Bool {
        switch self {
        case .ellipticCurve(let key): key.isValid(signature: signature, over: message)
        case .rsa(let key): key.isValid(signature: signature, over: message)
        }
    }

    /// The signature as it stands in a certificate, out of PKCS#11's; refuses another count of octets.
    func signature(raw: [UInt8]) throws(CertificatesError) -> [UInt8] {
        guard raw.count == rawSignatureOctets else {
            throw CertificatesError(
                .signatureForm, subject: "signature",
                "\(rawSignatureOctets) octets are wanted, got \(raw.count)")
        }
        switch self {
        case .ellipticCurve: return try ECDSASignatureForm.der(raw: raw)
        case .rsa: return raw
        }
    }

    /// Throws unless a signature has the form that it has in certificates.
    func requireForm(ofSignature signature: [UInt8]) throws(CertificatesError) {
        switch self {
        case .ellipticCurve(let key): _ = try ECDSASignatureForm.raw(der: signature, curve: key.curve)
        case .rsa: _ = try self.signature(raw: signature)
        }
    }
}
