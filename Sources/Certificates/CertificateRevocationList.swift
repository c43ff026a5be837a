/// What a complete certificate revocation list is to say (RFC 5280 section 5), for its issuer's token to sign.
public struct CertificateRevocationList: Sendable {
    /// The DER of the issuing CA's certificate.
    public var issuer: [UInt8]
    /// The cRLNumber: 1 or more, and one more than the list before.
    public var number: UInt64
    /// When the list is issued, in seconds since 1970 UTC.
    public var thisUpdate: Int64
    /// When the next list comes at the latest, in seconds since 1970 UTC.
    public var nextUpdate: Int64
    /// What is revoked, in any order: every certificate that the issuer revoked and that has not expired.
    public var entries: [RevokedCertificate]

    public init(
        issuer: [UInt8], number: UInt64, thisUpdate: Int64, nextUpdate: Int64, entries: [RevokedCertificate]
    ) {
        self.issuer = issuer
        self.number = number
        self.thisUpdate = thisUpdate
        self.nextUpdate = nextUpdate
        self.entries = entries
    }
}

/// Builds and lints a revocation list, for its issuer's token to sign.
///
/// - Parameters:
///   - previous: the issuer's latest list, which this one continues; nil for an issuer that has none yet.
///   - notAfter: the last second of validity of the certificate with a serial number, since 1970 UTC, or nil when
///     it is not known. It is asked about entries that would vanish: an entry may go once it stood on a list that
///     was issued after its certificate had expired (RFC 5280 section 3.3). By default nothing may vanish.
/// - Throws: `.revocationListLint` with every broken rule; `.certificateUnreadable` and `.publicKey` for an issuer
///   whose certificate or key is not understood.
public func prepareRevocationList(
    _ list: CertificateRevocationList, previous: ReceivedRevocationList?,
    notAfter: (_ serialNumber: [UInt8]) -> Int64? = { _ in nil }
) throws(CertificatesError) -> LintedRevocationList {
    let issuer = try ReceivedCertificate(der: list.issuer)
    let algorithm = try RevocationListAlgorithm(issuerKey: issuer.subjectPublicKeyInfo)
    var findings = RevocationListLint(list: list, issuer: issuer).findings()
    if let previous {
        findings += RevocationListContinuity(list: list, previous: previous, issuer: issuer)
            .findings(notAfter: notAfter)
    }
    guard findings.isEmpty, let keyIdentifier = issuer.subjectKeyIdentifier else {
        throw revocationListError(findings)
    }
    let entries = list.entries.sorted(by: RevokedCertificate.precedes)
    let bytes: [UInt8]
    do {
        bytes = try encodedToBeSigned(
            list, issuer: issuer.subject, keyIdentifier: keyIdentifier, algorithm: algorithm, entries: entries
        )
    } catch {
        throw CertificatesError(
            .build, subject: "revocation list", "the revocation list could not be built: \(error)")
    }
    guard let element = DERElement(bytes) else {
        throw RevocationListFields.unreadable("the to-be-signed part is not DER")
    }
    // The rules were held against the wish; the reader shows that the bytes say just that.
    let fields = try RevocationListFields(bytes, at: element)
    guard
        fields.algorithm == algorithm, fields.issuer == issuer.subject, fields.entries == entries,
        fields.thisUpdate == list.thisUpdate, fields.nextUpdate == list.nextUpdate,
        fields.number == list.number, fields.authorityKeyIdentifier == keyIdentifier
    else {
        throw revocationListError([
            LintFinding(.crlLinted, "the bytes do not say what the list was asked to say")
        ])
    }
    return LintedRevocationList(
        bytes: bytes, signatureAlgorithm: algorithm, issuer: issuer, number: list.number)
}

func revocationListError(_ findings: [LintFinding]) -> CertificatesError {
    CertificatesError(
        .revocationListLint, subject: "revocation list",
        findings.count == 1
            ? "the revocation list breaks a rule" : "the revocation list breaks \(findings.count) rules",
        hint: "Correct the entries or the issuer; nothing was signed.", findings: findings)
}
