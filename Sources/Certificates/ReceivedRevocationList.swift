import Crypto

/// A certificate revocation list as it was received: its bytes are kept, and what is compared is compared on them.
///
/// Read are complete lists of version 2 whose issuer is the CA itself; a delta CRL and an indirect CRL have critical
/// extensions and are refused (RFC 5280 section 5.2.4 and 5.2.5).
public struct ReceivedRevocationList: Hashable, Sendable {
    /// The whole list.
    public let der: [UInt8]
    /// The to-be-signed part, the DER that the signature covers.
    public let toBeSigned: [UInt8]
    public let signatureAlgorithm: RevocationListAlgorithm
    /// An ECDSA-Sig-Value, or the octets of PKCS #1 v1.5.
    public let signature: [UInt8]
    let fields: RevocationListFields

    /// Reads one DER list; anything before or after it is refused. The signature is not verified.
    public init(der: [UInt8]) throws(CertificatesError) {
        guard let outer = DERElement(der), outer.tag == 0x30, let parts = outer.children(in: der),
            parts.count == 3, parts[0].tag == 0x30, parts[1].tag == 0x30, parts[2].tag == 0x03
        else { throw RevocationListFields.unreadable("this is not one DER revocation list") }
        let fields = try RevocationListFields(der, at: parts[0])
        guard Array(der[parts[1].whole]) == fields.algorithm.algorithmIdentifier else {
            throw RevocationListFields.unreadable("the signature algorithms inside and outside differ")
        }
        // A BIT STRING whose first octet counts unused bits: none in a signature.
        let signature = Array(der[parts[2].contents].dropFirst())
        guard der[parts[2].contents].first == 0, !signature.isEmpty else {
            throw RevocationListFields.unreadable("the signature is malformed")
        }
        // The numbers of either curve fit the larger one's octets.
        if fields.algorithm.isECDSA { _ = try ECDSASignatureForm.raw(der: signature, curve: .p384) }
        self.der = der
        self.fields = fields
        self.signature = signature
        toBeSigned = Array(der[parts[0].whole])
        signatureAlgorithm = fields.algorithm
    }

    /// Reads PEM text that holds exactly one list.
    public init(pem text: String) throws(CertificatesError) {
        guard let blocks = derBlocks(inPEM: text, label: "X509 CRL"), blocks.count == 1 else {
            throw RevocationListFields.unreadable("one PEM block X509 CRL is wanted")
        }
        try self.init(der: blocks[0])
    }

    /// The cRLNumber.
    public var number: UInt64 { fields.number }
    /// When the list was issued, in seconds since 1970 UTC.
    public var thisUpdate: Int64 { fields.thisUpdate }
    /// When the next list comes at the latest, in seconds since 1970 UTC.
    public var nextUpdate: Int64 { fields.nextUpdate }
    /// The DER of the issuer's name.
    public var issuer: [UInt8] { fields.issuer }
    /// The keyIdentifier of the authorityKeyIdentifier.
    public var authorityKeyIdentifier: [UInt8] { fields.authorityKeyIdentifier }
    /// What is revoked, in the list's order; no serial number stands twice.
    public var entries: [RevokedCertificate] { fields.entries }

    /// The SHA-256 of the whole list.
    public var digest: [UInt8] { Array(SHA256.hash(data: der)) }

    /// Whether the list names the certificate's subject and key as its issuer and its signature verifies.
    ///
    /// Times, and whether the issuer may sign lists, are not looked at.
    public func isSigned(by issuer: ReceivedCertificate) -> Bool {
        self.issuer == issuer.subject && authorityKeyIdentifier == issuer.subjectKeyIdentifier
            && (try? RevocationListAlgorithm(issuerKey: issuer.subjectPublicKeyInfo)) == signatureAlgorithm
            && signatureAlgorithm.isValid(
                signature: signature, over: toBeSigned, key: issuer.subjectPublicKeyInfo)
    }
}
