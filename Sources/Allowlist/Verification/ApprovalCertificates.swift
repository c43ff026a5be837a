import SignedStatements

/// One of the bundle's two files of certificates, which nothing vouches for by itself.
struct BundleCertificates {
    static let issuersPath = "issuers.pem"
    static let signersPath = "signers.pem"
    private static let maximumLength = 1 << 20

    private let path: String
    private let certificates: [CertificateFields]

    /// Throws `approval` where the file is not certificates in PEM; none where there is no bundle to ask.
    init(_ path: String, in bundle: (any BundleSource)?) throws(AllowlistError) {
        self.path = path
        guard let bundle else {
            certificates = []
            return
        }
        let bytes = try bundle.bytes(of: path, maximum: Self.maximumLength)
        guard let certificates = CertificateFields.read(pem: bytes) else {
            throw AllowlistError(
                .approval, file: path, "the file is not certificates in PEM",
                hint: BundleFolder.incompleteHint)
        }
        self.certificates = certificates
    }

    /// The SubjectPublicKeyInfo with this SHA-256, of whichever certificate.
    func key(digest: [UInt8]) -> [UInt8]? {
        certificates.first { $0.keyDigest == digest }?.publicKeyInfo
    }

    /// Whether a certificate has the key with this SHA-256 and this subject key identifier.
    func holds(digest: [UInt8], keyIdentifier: [UInt8]) -> Bool {
        certificates.contains { $0.keyDigest == digest && $0.subjectKeyIdentifier == keyIdentifier }
    }

    /// The certificates of other keys than these, by file, place and the key's SHA-256.
    func names(except digests: Set<[UInt8]>) -> [String] {
        certificates.enumerated().compactMap { place, certificate in
            digests.contains(certificate.keyDigest)
                ? nil
                : "\(path), certificate \(place + 1): key \(StatementForm.hexadecimal(certificate.keyDigest))"
        }
    }
}
