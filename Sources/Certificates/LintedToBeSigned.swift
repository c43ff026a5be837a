import Foundation

/// To-be-signed bytes that passed the lint; there is no other way to make one.
///
/// What was linted is what gets signed: the certificate is put together from exactly these bytes.
public struct LintedToBeSigned: Hashable, Sendable {
    /// The DER of the TBSCertificate.
    public let bytes: [UInt8]
    /// The algorithm that the issuer signs with.
    public let signatureAlgorithm: SignatureAlgorithm
    /// The key that the signature has to verify with.
    public let issuerKey: SubjectPublicKey
    /// The last second of validity, since 1970 UTC.
    public let notAfter: Int64

    /// The hash of the bytes, which a token signs by CKM_ECDSA, or inside a DigestInfo by CKM_RSA_PKCS.
    public var digest: [UInt8] { signatureAlgorithm.digest(bytes) }

    /// Lints a certificate that a throwaway key signed.
    init(
        throwawaySigned der: [UInt8], by throwaway: ThrowawayKey, lint: CertificateLint,
        issuerKey: SubjectPublicKey, subject: String
    ) throws(CertificatesError) {
        let certificate = try ReceivedCertificate(der: der)
        var findings = lint.findings(certificate)
        if !throwaway.signed(certificate, by: issuerKey.signatureAlgorithm) {
            findings.append(
                LintFinding(.linted, "the throwaway key's signature does not cover the linted bytes"))
        }
        guard findings.isEmpty else {
            throw CertificatesError(
                .lint, subject: subject,
                findings.count == 1
                    ? "the certificate breaks a rule" : "the certificate breaks \(findings.count) rules",
                hint: "Correct the template or the issuer; nothing was signed.", findings: findings)
        }
        bytes = certificate.toBeSigned
        signatureAlgorithm = issuerKey.signatureAlgorithm
        notAfter = certificate.notAfter
        self.issuerKey = issuerKey
    }

    /// The certificate with a signature in X.509's form, an ECDSA-Sig-Value or the octets of RSASSA-PKCS1-v1_5;
    /// refused unless it verifies with the issuer's key.
    public func certificate(signature: [UInt8]) throws(CertificatesError) -> [UInt8] {
        try issuerKey.requireForm(ofSignature: signature)
        guard issuerKey.isValid(signature: signature, over: bytes) else {
            throw CertificatesError(
                .signatureInvalid, subject: "signature",
                "the signature does not verify with the issuer's key",
                hint: "The token signed with another key, or other bytes.")
        }
        return derElement(
            0x30, bytes + signatureAlgorithm.algorithmIdentifier + derElement(0x03, [0x00] + signature))
    }

    /// The certificate with a signature as PKCS#11 gives it: r‖s, or the octets of RSASSA-PKCS1-v1_5.
    public func certificate(rawSignature: [UInt8]) throws(CertificatesError) -> [UInt8] {
        try certificate(signature: issuerKey.signature(raw: rawSignature))
    }
}

extension CertificateTemplate {
    /// Builds and lints the certificate of a CA or a signer, for its issuer's token to sign.
    ///
    /// - Parameters:
    ///   - subjectKey: the DER subjectPublicKeyInfo of the key to certify.
    ///   - notBefore: the first second of validity; a fraction is dropped.
    ///   - values: a value for each of ``placeholders``, no more and no fewer.
    ///   - rehearsal: whether the subject gets the rehearsal's marker.
    public func prepare(
        subjectKey: [UInt8], issuer: CertificateIssuer,
        serialNumber: CertificateSerialNumber = CertificateSerialNumber(), notBefore: Date,
        values: [String: String], rehearsal: Bool
    ) throws(CertificatesError) -> LintedToBeSigned {
        guard kind != .device else {
            throw CertificatesError(
                .templateKind, subject: name, "a device template is used through a plan, once per run")
        }
        if let extra = Set(values.keys).subtracting(placeholders).sorted().first {
            throw CertificatesError(.values, subject: "{\(extra)}", "the template has no such placeholder")
        }
        let key = try SubjectPublicKey(subjectPublicKeyInfo: subjectKey)
        let received: ReceivedCertificate?
        let issuerKey: SubjectPublicKey
        switch issuer {
        case .selfSigned:
            received = nil
            issuerKey = key
        case .issuedBy(let der):
            let certificate = try ReceivedCertificate(der: der)
            received = certificate
            issuerKey = try certificate.publicKey()
        }
        let builder = try CertificateBuilder(
            template: self, issuer: received, issuerKey: issuerKey, notBefore: notBefore,
            rehearsal: rehearsal)
        let der = try builder.certificate(serialNumber: serialNumber, subjectKey: key, values: values)
        return try LintedToBeSigned(
            throwawaySigned: der, by: builder.throwaway,
            lint: CertificateLint(
                kind: kind, keyTypes: keyTypes, neverEnds: neverEnds, rehearsal: rehearsal, issuer: received),
            issuerKey: issuerKey, subject: name)
    }
}
