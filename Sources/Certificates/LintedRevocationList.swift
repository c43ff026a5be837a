/// The to-be-signed bytes of a revocation list that passed the lint; ``prepareRevocationList(_:previous:notAfter:)``
/// alone makes one.
///
/// What was linted is what gets signed: the list is put together from exactly these bytes.
public struct LintedRevocationList: Hashable, Sendable {
    /// The DER of the TBSCertList.
    public let bytes: [UInt8]
    /// The algorithm that the issuer signs with.
    public let signatureAlgorithm: RevocationListAlgorithm
    /// The certificate whose key has to sign.
    public let issuer: ReceivedCertificate
    /// The cRLNumber.
    public let number: UInt64

    init(
        bytes: [UInt8], signatureAlgorithm: RevocationListAlgorithm, issuer: ReceivedCertificate,
        number: UInt64
    ) {
        self.bytes = bytes
        self.signatureAlgorithm = signatureAlgorithm
        self.issuer = issuer
        self.number = number
    }

    /// The hash of the bytes: what a token signs.
    public var digest: [UInt8] { signatureAlgorithm.digest(bytes) }

    /// The DER of the list with a signature: an ECDSA-Sig-Value, or the octets of PKCS #1 v1.5.
    ///
    /// Refused unless the result reads back with the linted bytes in it and verifies with the issuer's key.
    public func revocationList(signature: [UInt8]) throws(CertificatesError) -> [UInt8] {
        let der = derElement(
            0x30, bytes + signatureAlgorithm.algorithmIdentifier + derElement(0x03, [0x00] + signature))
        let received = try ReceivedRevocationList(der: der)
        guard received.toBeSigned == bytes else {
            throw revocationListError([
                LintFinding(.crlLinted, "the list does not hold the bytes that were linted")
            ])
        }
        guard received.isSigned(by: issuer) else {
            throw CertificatesError(
                .signatureInvalid, subject: "signature",
                "the signature does not verify with the issuer's key",
                hint: "The token signed with another key, or other bytes.")
        }
        return der
    }
}
