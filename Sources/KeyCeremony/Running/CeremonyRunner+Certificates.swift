import CanonicalJSON
import Certificates
import Crypto
import Foundation
import PKCS11
import Sites
import TokenKeys

// Certificates and revocation lists: linted on a throwaway key, signed from exactly the linted bytes.
extension CeremonyRunner {
    // MARK: Certificates

    func sign(_ request: CertificateRequest) throws(CeremonyError) {
        guard let made = script.keyRequest(request.subjectKey.value) else {
            throw CeremonyError(.token, request.subjectKey.value, "no step makes a key of this name")
        }
        let label = made.label(rehearsal: site.isRehearsal)
        guard let subject = record.keys[label.description] else {
            throw CeremonyError(.token, label.description, "no such key has been generated")
        }
        let (issuer, issuerDER) = try issuerKey(request, subject: label, publicKeyInfo: subject.publicKeyInfo)
        let template = try concerning(request.template.value) {
            try CertificateTemplate.load(path: site.templatePath(request.template.value))
        }
        func prepare(_ serial: CertificateSerialNumber, _ notBefore: Date) throws(CeremonyError)
            -> LintedToBeSigned
        {
            try concerning(request.template.value) {
                try template.prepare(
                    subjectKey: subject.publicKeyInfo, issuer: issuerDER.map { .issuedBy($0) } ?? .selfSigned,
                    serialNumber: serial, notBefore: notBefore, values: request.values.mapValues(\.value),
                    rehearsal: site.isRehearsal)
            }
        }
        let effect = try intend("sign-certificate") { () throws(CeremonyError) in
            let (serial, notBefore) = (CertificateSerialNumber(), Date())
            let linted = try prepare(serial, notBefore)
            var members: [String: JSONValue] = [
                "subjectKey": .string(label.description), "issuerKey": .string(issuer.label.description),
                "template": .string(request.template.value),
                "templateDigest": .string(hexadecimal(template.digest)),
                "values": .object(request.values.mapValues { .string($0.value) }),
                "certificateSerial": .string(serial.hex), "notBefore": .string(timestamp(notBefore)),
                "toBeSigned": .base64(linted.bytes),
                "toBeSignedDigest": .string(hexadecimal(SHA256.hash(data: linted.bytes))),
            ]
            if let issuerDER { members["issuerCertificate"] = .base64(issuerDER) }
            return members
        }
        if effect.observed != nil { return }
        // After an interruption the same bytes are signed again, never others: nothing of a first try has left the
        // process, and the serial number stays the one that was noted.
        let serialOctets = hexadecimalOctets(effect.intent["certificateSerial"]?.text ?? "")
        guard let serial = try? CertificateSerialNumber(bytes: serialOctets),
            let notBefore = effect.intent["notBefore"]?.text.flatMap({ try? Date($0, strategy: .iso8601) })
        else { throw CeremonyError(.transcriptInvalid, journal.path, "the intent to sign is malformed") }
        let linted = try prepare(serial, notBefore)
        let digest = hexadecimal(SHA256.hash(data: linted.bytes))
        guard effect.intent["toBeSigned"]?.octets == linted.bytes else {
            throw CeremonyError(
                .certificate, label.description,
                "the bytes to be signed are not those of the intent: template, issuer or values have changed",
                hint: "Put back the template that the transcript names by its digest.")
        }
        let signature: [UInt8]
        if let done = effect.effect?["signature"]?.octets {
            signature = done
        } else {
            signature = try concerning(issuer.label.description) { try issuer.signature(over: linted.bytes) }
            try noteEffect(
                "sign-certificate",
                ["toBeSignedDigest": .string(digest), "signature": .base64(signature)], recovered: false)
        }
        let certificate = try concerning(label.description) {
            let der = try linted.certificate(signature: signature)
            let received = try ReceivedCertificate(der: der)
            guard received.toBeSigned == linted.bytes,
                received.subjectPublicKeyInfo == subject.publicKeyInfo
            else {
                throw CeremonyError(
                    .certificate, label.description, "the certificate is not what was linted and signed")
            }
            try verifyCertificate(der: der, issuedBy: issuerDER)
            return received
        }
        let fingerprint = hexadecimal(certificate.digest)
        show("\(certificate.subjectText)")
        show("SHA-256 of the certificate: \(Self.inGroups(fingerprint))")
        try noteObserved(
            "sign-certificate",
            [
                "certificate": .base64(certificate.der), "certificateDigest": .string(fingerprint),
                "toBeSignedDigest": .string(digest),
                "notBefore": .string(Self.time(certificate.notBefore)),
                "notAfter": .string(Self.time(certificate.notAfter)),
                "subject": .string(certificate.subjectText), "verification": "verified by OpenSSL",
            ])
    }

    static func time(_ seconds: Int64) -> String {
        timestamp(Date(timeIntervalSince1970: TimeInterval(seconds)))
    }

    /// The key that signs, and its certificate where that is not the subject's own.
    private func issuerKey(
        _ request: CertificateRequest, subject: KeyLabel, publicKeyInfo: [UInt8]
    ) throws(CeremonyError) -> (TokenKey, [UInt8]?) {
        guard case .published(let role, let tokenName) = request.issuer.value else {
            guard let made = script.keyRequest(request.subjectKey.value) else {
                throw CeremonyError(.token, request.subjectKey.value, "no step makes a key of this name")
            }
            let token = try token(made.token.value)
            let key = try concerning(subject.description) { try TokenKey(subject, login: token.login) }
            guard key.publicKeyInfo == publicKeyInfo else {
                throw CeremonyError(
                    .keyRefused, subject.description, "the key on the token is not the one that was generated"
                )
            }
            return (key, nil)
        }
        let (key, certificate) = try publishedKey(role.value.keyRole, on: tokenName.value)
        guard key.publicKeyInfo != publicKeyInfo else {
            throw CeremonyError(
                .certificate, key.label.description, "a subordinate CA has a key of its own")
        }
        return (key, certificate)
    }

    /// A key that an earlier ceremony published, on its token, with its certificate.
    func publishedKey(_ role: KeyRole, on tokenName: String) throws(CeremonyError) -> (TokenKey, [UInt8]) {
        let token = try token(tokenName)
        return try concerning("the site's \(role.rawValue)") {
            let published = try site.publishedKey(role)
            let key = try TokenKey(published.label, login: token.login)
            try key.require(role, rehearsal: site.isRehearsal)
            let certificate = try ReceivedCertificate(der: published.certificate)
            guard key.publicKeyInfo == certificate.subjectPublicKeyInfo else {
                throw CeremonyError(
                    .certificate, published.label.description,
                    "the key on the token is not the one that its certificate names")
            }
            return (key, published.certificate)
        }
    }
}
