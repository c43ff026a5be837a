import CanonicalJSON
import Certificates
import Crypto
import Foundation
import PKCS11
import Sites
import TokenKeys

// What a ceremony does with tokens. Each effect is three lines: the intent, on disk before the token is
// called; what the token answered; and what was then seen on it. Whoever resumes knows from the last of them
// where the token stands.
extension CeremonyRunner {
    private func token(_ name: String) throws(CeremonyError) -> OpenToken {
        guard let token = tokens[name] else {
            throw CeremonyError(.token, "token \(name)", "is not logged in")
        }
        return token
    }

    func login(_ name: String) throws(CeremonyError) {
        try note("intent", ["effect": "login", "token": .string(name)])
        let open = try concerning("token \(name)") { try site.open(name) }
        tokens[name] = open
        let info = try open.json()
        show("Token \(name) is open.")
        let digest = FileManager.default.contents(atPath: open.binding.module).map { SHA256.hash(data: $0) }
        try note(
            "observed",
            [
                "effect": "login", "token": info,
                "moduleDigest": digest.map { .string(hexadecimal($0)) } ?? .null,
            ])
        try requireFreeLabels(on: open)
    }

    /// Refuses a label that stands on the token already, now that private objects are seen too.
    private func requireFreeLabels(on token: OpenToken) throws(CeremonyError) {
        let taken = Set(try TokenInventory(of: token).entries.map(\.label))
        for step in script.steps {
            guard case .generateKey(let request) = step.content, request.token.value == token.name
            else { continue }
            let label = request.label(rehearsal: site.isRehearsal).description
            if taken.contains(label) {
                throw CeremonyError(
                    .labelTaken, label, "an object of this label is on the token already",
                    hint: "Choose another name for the key, or follow the destruction ceremony first.")
            }
        }
    }

    func inventory(_ name: String) throws(CeremonyError) {
        let inventory = try TokenInventory(of: try token(name))
        for entry in inventory.entries { show("\(entry.kind) \(entry.label)") }
        if inventory.entries.isEmpty { show("Token \(name) is empty.") }
        try note("inventory", ["token": .string(name), "objects": inventory.json])
    }

    // MARK: Keys

    func generate(_ request: KeyRequest) throws(CeremonyError) {
        let token = try token(request.token.value)
        let label = request.label(rehearsal: site.isRehearsal)
        let before = try TokenInventory(of: token)
        try note(
            "intent",
            [
                "effect": "generate-key", "token": .string(token.name), "label": .string(label.description),
                "curve": .string(request.curve.value.rawValue),
                "backup": .string(request.backup.value.rawValue),
                "sessionCopies": .bool(request.sessionCopies.value), "objects": before.json,
            ])
        let made = try concerning(label.description) {
            try generateSigningKey(
                label, type: request.curve.value, policy: request.policy, login: token.login)
        }
        try note(
            "effect",
            [
                "effect": "generate-key", "label": .string(label.description),
                "keyID": .string(hexadecimal(made.key.id)),
                "subjectPublicKeyInfo": .base64(made.key.publicKeyInfo),
            ])
        let new = Set(try TokenInventory(of: token).entries).subtracting(before.entries)
        let expected: Set = [
            TokenInventory.Entry(kind: "private-key", label: label.description, id: made.key.id),
            TokenInventory.Entry(kind: "public-key", label: label.description, id: made.key.id),
        ]
        guard new == expected else {
            throw CeremonyError(
                .keyRefused, label.description,
                "the token shows \(new.count) new objects where a key pair of this label is expected")
        }
        keys[request.name.value] = made.key
        for attribute in made.readBack {
            show("\(attribute.name) \(attribute.value.map { String($0) } ?? "not answered")")
        }
        for refusal in made.refusals { show("\(refusal.attempt): \(refusal.answer)") }
        try note(
            "observed",
            [
                "effect": "generate-key", "label": .string(label.description),
                "attributes": Self.json(made.readBack),
                "probes": .array(
                    made.refusals.map {
                        ["attempt": .string($0.attempt), "tokenAnswer": .string($0.answer)]
                    }),
                "testSignature": "verified by OpenSSL",
                "attestation": "none",
            ])
    }

    private static func json(_ attributes: [ReadBackAttribute]) -> JSONValue {
        .array(
            attributes.map {
                ["name": .string($0.name), "flag": $0.value.map { .bool($0) } ?? .null]
            })
    }

    /// Finds the key anew by its label, reads it back again and has it sign something fresh.
    func verify(_ name: String) throws(CeremonyError) {
        guard let request = script.keyRequest(name), let made = keys[name] else {
            throw CeremonyError(.token, name, "no such key has been generated")
        }
        let token = try token(request.token.value)
        let label = made.label
        try note("intent", ["effect": "test-signature", "label": .string(label.description)])
        let readBack = try concerning(label.description) {
            let found = try TokenKey(label, login: token.login)
            try found.require(request.role.value.keyRole, rehearsal: site.isRehearsal)
            guard found.publicKeyInfo == made.publicKeyInfo, found.id == made.id else {
                throw CeremonyError(
                    .keyRefused, label.description, "the key found by its label is not the one generated")
            }
            let message = Array("rootline test signature: \(label) ".utf8) + Array(UUID().uuidString.utf8)
            let signature = try found.signature(over: message)
            try verifyWithOpenSSL(
                signature: signature, over: message, publicKeyInfo: made.publicKeyInfo, type: found.type)
            return try token.slot.withSession { session in
                let object = try session.findOne(
                    [.objectClass(.privateKey), Attribute(.label, label.description)], label.description)
                return try request.policy.readBack(object, label: label, in: session)
            }
        }
        let digest = hexadecimal(SHA256.hash(data: made.publicKeyInfo))
        show("SHA-256 of the public key: \(Self.inGroups(digest))")
        try note(
            "observed",
            [
                "effect": "test-signature", "label": .string(label.description),
                "attributes": Self.json(readBack), "testSignature": "verified by OpenSSL",
            ])
    }

    // MARK: Certificates

    func sign(_ request: CertificateRequest) throws(CeremonyError) {
        let name = request.subjectKey.value
        guard let subject = keys[name] else {
            throw CeremonyError(.token, name, "no such key has been generated")
        }
        let (issuer, issuerDER) = try issuerKey(request, subject: subject)
        let serial = CertificateSerialNumber()
        let template = try concerning(request.template.value) {
            try CertificateTemplate.load(path: site.templatePath(request.template.value))
        }
        let linted = try concerning(request.template.value) {
            try template.prepare(
                subjectKey: subject.publicKeyInfo, issuer: issuerDER.map { .issuedBy($0) } ?? .selfSigned,
                serialNumber: serial, notBefore: Date(), values: request.values.mapValues(\.value),
                rehearsal: site.isRehearsal)
        }
        let digest = hexadecimal(SHA256.hash(data: linted.bytes))
        try note(
            "intent",
            [
                "effect": "sign-certificate", "subjectKey": .string(subject.label.description),
                "issuerKey": .string(issuer.label.description),
                "issuerDigest": issuerDER.map { .string(hexadecimal(SHA256.hash(data: $0))) } ?? .null,
                "template": .string(request.template.value),
                "templateDigest": .string(hexadecimal(template.digest)),
                "values": .object(request.values.mapValues { .string($0.value) }),
                "certificateSerial": .string(serial.hex), "toBeSignedDigest": .string(digest),
            ])
        let signature = try concerning(issuer.label.description) { try issuer.signature(over: linted.bytes) }
        try note(
            "effect",
            [
                "effect": "sign-certificate", "signature": .base64(signature),
                "toBeSignedDigest": .string(digest),
            ])
        let certificate = try concerning(subject.label.description) {
            let der = try linted.certificate(signature: signature)
            let received = try ReceivedCertificate(der: der)
            guard hexadecimal(SHA256.hash(data: received.toBeSigned)) == digest,
                received.subjectPublicKeyInfo == subject.publicKeyInfo
            else {
                throw CeremonyError(
                    .certificate, subject.label.description,
                    "the certificate is not what was linted and signed")
            }
            try verifyCertificate(der: der, issuedBy: issuerDER)
            return received
        }
        certificates[name] = certificate.der
        let fingerprint = hexadecimal(certificate.digest)
        show("\(certificate.subjectText)")
        show("SHA-256 of the certificate: \(Self.inGroups(fingerprint))")
        try note(
            "observed",
            [
                "effect": "sign-certificate", "certificate": .base64(certificate.der),
                "certificateDigest": .string(fingerprint), "toBeSignedDigest": .string(digest),
                "notBefore": .string(Self.time(certificate.notBefore)),
                "notAfter": .string(Self.time(certificate.notAfter)),
                "subject": .string(certificate.subjectText), "verification": "verified by OpenSSL",
            ])
    }

    private static func time(_ seconds: Int64) -> String {
        timestamp(Date(timeIntervalSince1970: TimeInterval(seconds)))
    }

    /// The key that signs, and its certificate where that is not the subject's own.
    private func issuerKey(
        _ request: CertificateRequest, subject: TokenKey
    ) throws(CeremonyError) -> (TokenKey, [UInt8]?) {
        guard case .published(let role, let tokenName) = request.issuer.value else { return (subject, nil) }
        let token = try token(tokenName.value)
        return try concerning("the site's \(role.value.rawValue)") {
            let published = try site.publishedKey(role.value.keyRole)
            let key = try TokenKey(published.label, login: token.login)
            try key.require(role.value.keyRole, rehearsal: site.isRehearsal)
            let certificate = try ReceivedCertificate(der: published.certificate)
            guard key.publicKeyInfo == certificate.subjectPublicKeyInfo else {
                throw CeremonyError(
                    .certificate, published.label.description,
                    "the key on the token is not the one that its certificate names")
            }
            guard key.publicKeyInfo != subject.publicKeyInfo else {
                throw CeremonyError(
                    .certificate, published.label.description, "a subordinate CA has a key of its own")
            }
            return (key, published.certificate)
        }
    }
}
