import Crypto
import CryptoExtras
import X509

/// A software key that lives for the linting of certificates and signs nothing that leaves the process.
struct ThrowawayKey: Sendable {
    let privateKey: X509.Certificate.PrivateKey
    let publicKey: SubjectPublicKey

    /// A key that signs by the algorithm.
    init(_ algorithm: SignatureAlgorithm) throws(CertificatesError) {
        do {
            let subjectPublicKeyInfo: [UInt8]
            switch algorithm {
            case .ecdsaWithSHA256:
                let key = P256.Signing.PrivateKey()
                privateKey = .init(key)
                subjectPublicKeyInfo = Array(key.publicKey.derRepresentation)
            case .ecdsaWithSHA384:
                let key = P384.Signing.PrivateKey()
                privateKey = .init(key)
                subjectPublicKeyInfo = Array(key.publicKey.derRepresentation)
            case .sha256WithRSAEncryption, .sha384WithRSAEncryption:
                let key = try Self.rsa.get()
                privateKey = .init(key)
                subjectPublicKeyInfo = Array(key.publicKey.derRepresentation)
            }
            publicKey = try SubjectPublicKey(subjectPublicKeyInfo: subjectPublicKeyInfo)
        } catch {
            throw CertificatesError(
                .build, subject: "throwaway key", "the key for linting could not be made: \(error)")
        }
    }

    /// One for the process, since an RSA key takes long to make. Nobody trusts it: 2048 bits are enough, and sign by
    /// either algorithm.
    private static let rsa = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    /// Whether this key signed the certificate by the algorithm.
    func signed(_ certificate: ReceivedCertificate, by algorithm: SignatureAlgorithm) -> Bool {
        certificate.x509.signatureAlgorithm == algorithm.x509
            && privateKey.publicKey.isValidSignature(certificate.x509.signature, for: certificate.x509)
    }
}

extension EllipticCurvePublicKey {
    /// A key whose private half is gone already.
    init(throwawayOn curve: EllipticCurve) {
        self.curve = curve
        switch curve {
        case .p256: point = Array(P256.Signing.PrivateKey().publicKey.x963Representation)
        case .p384: point = Array(P384.Signing.PrivateKey().publicKey.x963Representation)
        }
        subjectPublicKeyInfo = curve.subjectPublicKeyInfoPrefix + point
    }
}

extension CertificateKeyType {
    /// The DER subjectPublicKeyInfo of a key that nobody has, for trying a template before any key is generated.
    ///
    /// An RSA modulus is a random odd number: nothing is encrypted or verified with it, and no primes are searched.
    public func throwawaySubjectPublicKeyInfo() -> [UInt8] {
        if let curve { return EllipticCurvePublicKey(throwawayOn: curve).subjectPublicKeyInfo }
        var modulus = (0..<(modulusBits ?? 0) / 8).map { _ in UInt8.random(in: .min ... .max) }
        if let last = modulus.indices.last {
            modulus[0] |= 0x80
            modulus[last] |= 1
        }
        return RSAPublicKey.subjectPublicKeyInfo(modulus: modulus, exponent: RSAPublicKey.acceptedExponent)
    }
}

extension RSAPublicKey {
    /// The DER of a key whose numbers are given big-endian, without leading zeros.
    static func subjectPublicKeyInfo(modulus: [UInt8], exponent: [UInt8]) -> [UInt8] {
        func integer(_ magnitude: [UInt8]) -> [UInt8] {
            derElement(0x02, (magnitude.first ?? 0) >= 0x80 ? [0] + magnitude : magnitude)
        }
        let key = derElement(0x30, integer(modulus) + integer(exponent))
        return derElement(0x30, algorithm + derElement(0x03, [0] + key))
    }
}
