import Crypto
import Foundation
import PKCS11
import SwiftASN1
import TestTokens
import Testing
import TokenKeys
import X509

@Suite("Signing keys keep to their policy", .serialized)
struct SigningKeyTests {
    private static func label(_ name: String, _ role: KeyRole = .rootCA) -> KeyLabel {
        KeyLabel(role: role, name: name, isRehearsal: true)
    }

    @Test(
        "A key under `backup: none` reads back as local, always sensitive, never extractable",
        arguments: SigningKeyType.allCases)
    func policy(_ type: SigningKeyType) throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        let made = try generateSigningKey(Self.label("a"), type: type, policy: KeyPolicy(), login: login)
        #expect(made.key.type == type)
        let answers = Dictionary(uniqueKeysWithValues: made.readBack.map { ($0.name, $0.value) })
        #expect(answers["CKA_LOCAL"] == true)
        #expect(answers["CKA_ALWAYS_SENSITIVE"] == true)
        #expect(answers["CKA_NEVER_EXTRACTABLE"] == true)
        #expect(answers["CKA_DECRYPT"] == false)
        #expect(answers["CKA_COPYABLE"] == false)
        #expect(made.refusals.map(\.attempt).contains("wrap under an untrusted key"))
        #expect(made.refusals.map(\.attempt).contains("copy"))
    }

    @Test("A label is taken once: the second key of the same label is refused and none is made")
    func labelTaken() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        _ = try generateSigningKey(Self.label("b"), type: .p256, policy: KeyPolicy(), login: login)
        let error = #expect(throws: TokenKeyError.self) {
            try generateSigningKey(Self.label("b"), type: .p256, policy: KeyPolicy(), login: login)
        }
        #expect(error?.code == .labelTaken)
        let count = try token.slot.withSession {
            try $0.find([.objectClass(.privateKey), Attribute(.label, Self.label("b").description)]).count
        }
        #expect(count == 1)
    }

    @Test("A key that somebody made extractable is not taken for one of ours")
    func weakKey() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        let label = Self.label("weak")
        try token.slot.withSession(readWrite: true) { session in
            let pair = try session.generateKeyPair(
                .plain(.ecKeyPairGeneration),
                publicKey: AttributeTemplate(
                    [
                        Attribute(.token, true), Attribute(.label, label.description),
                    ] + SigningKeyType.p256.generationAttributes),
                privateKey: AttributeTemplate([
                    Attribute(.token, true), Attribute(.isPrivate, true), Attribute(.sensitive, true),
                    Attribute(.extractable, true), Attribute(.sign, true),
                    Attribute(.label, label.description),
                ]))
            let error = #expect(throws: TokenKeyError.self) {
                try KeyPolicy().readBack(pair.privateKey, label: label, in: session)
            }
            #expect(error?.code == .policyBroken)
            #expect(error?.message.contains("CKA_EXTRACTABLE is true") == true)
        }
        withExtendedLifetime(login) {}
    }

    @Test("A key serves the role in its label and no other, and no rehearsal's key serves a live site")
    func roles() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        let key = try generateSigningKey(
            Self.label("c", .issuingCA), type: .p256, policy: KeyPolicy(), login: login
        ).key
        try key.require(.issuingCA, rehearsal: true)
        #expect(throws: TokenKeyError.self) { try key.require(.rootCA, rehearsal: true) }
        let error = #expect(throws: TokenKeyError.self) { try key.require(.issuingCA, rehearsal: false) }
        #expect(error?.code == .rehearsalMixed)
    }

    @Test("Labels read back as what they were written from", arguments: KeyRole.allCases)
    func labels(_ role: KeyRole) {
        for isRehearsal in [true, false] {
            let label = KeyLabel(role: role, name: "acme:2026", isRehearsal: isRehearsal)
            #expect(KeyLabel(label.description) == label)
        }
        #expect(KeyLabel("somebody's key") == nil)
        #expect(KeyLabel("unknown-role:x") == nil)
    }

    @Test(
        "A token key issues a certificate through swift-certificates, which verifies",
        arguments: [SigningKeyType.p384, .rsa3072])
    func issuer(_ type: SigningKeyType) throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        let key = try generateSigningKey(Self.label("d"), type: type, policy: KeyPolicy(), login: login).key
        let issuer = try TokenIssuerKey(key)
        let name = try DistinguishedName { CommonName("Test issuer") }
        let now = Date()
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: issuer.publicKey, notValidBefore: now,
            notValidAfter: now + 3600, issuer: name, subject: name,
            signatureAlgorithm: type.isRSA ? .sha256WithRSAEncryption : .ecdsaWithSHA384,
            extensions: Certificate.Extensions(), issuerPrivateKey: Certificate.PrivateKey(issuer))
        #expect(issuer.publicKey.isValidSignature(certificate.signature, for: certificate))
    }
}

@Suite("CMS messages are signed in the token and trusted by key", .serialized)
struct CMSTests {
    private struct Signer {
        let key: TokenKey
        let signer: CMSSigner
        let login: Login

        init(_ token: TestTokens.Token, _ name: String) throws {
            login = try token.slot.login(pin: token.pin)
            key = try generateSigningKey(
                KeyLabel(role: .allowlistSigner, name: name, isRehearsal: true), type: .p256,
                policy: KeyPolicy(), login: login
            ).key
            let issuer = try TokenIssuerKey(key)
            let subject = try DistinguishedName { CommonName("Signer \(name)") }
            let now = Date()
            let certificate = try Certificate(
                version: .v3, serialNumber: .init(), publicKey: issuer.publicKey, notValidBefore: now,
                notValidAfter: now + 3600, issuer: subject, subject: subject,
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions { KeyUsage(digitalSignature: true) },
                issuerPrivateKey: Certificate.PrivateKey(issuer))
            var serializer = DER.Serializer()
            try serializer.serialize(certificate)
            signer = try CMSSigner(key, certificate: serializer.serializedBytes)
        }
    }

    @Test("What was signed is answered, and another key's message is refused")
    func attached() throws {
        let token = try TestTokens.make()
        let (one, two) = (try Signer(token, "one"), try Signer(token, "two"))
        let content = Array("what is approved".utf8)
        let message = try one.signer.sign(content, detached: false)
        #expect(try verifyCMS(message, detachedContent: nil, signedBy: one.key.publicKeyInfo) == content)
        let error = #expect(throws: TokenKeyError.self) {
            try verifyCMS(message, detachedContent: nil, signedBy: two.key.publicKeyInfo)
        }
        #expect(error?.code == .cmsInvalid)
    }

    @Test("A message with any one byte flipped is refused, or says exactly what was signed")
    func flipped() throws {
        let token = try TestTokens.make()
        let one = try Signer(token, "flip")
        let content = Array("what is approved".utf8)
        let message = try one.signer.sign(content, detached: false)
        var refused = 0
        for index in message.indices {
            var other = message
            other[index] ^= 0x01
            do {
                // Octets that no signature covers, such as the certificate's own, may differ; the content may not.
                #expect(
                    try verifyCMS(other, detachedContent: nil, signedBy: one.key.publicKeyInfo) == content)
            } catch {
                refused += 1
            }
        }
        #expect(refused > message.count / 3)
    }

    @Test("Detached: other content, content inside, and bytes behind the message are refused")
    func detached() throws {
        let token = try TestTokens.make()
        let one = try Signer(token, "detached")
        let content = Array("checkpoint".utf8)
        let message = try one.signer.sign(content, detached: true)
        let key = one.key.publicKeyInfo
        #expect(try verifyCMS(message, detachedContent: content, signedBy: key) == content)
        #expect(throws: TokenKeyError.self) {
            try verifyCMS(message, detachedContent: Array("Checkpoint".utf8), signedBy: key)
        }
        #expect(throws: TokenKeyError.self) {
            try verifyCMS(message, detachedContent: nil, signedBy: key)
        }
        #expect(throws: TokenKeyError.self) {
            try verifyCMS(message + [0], detachedContent: content, signedBy: key)
        }
        let attached = try one.signer.sign(content, detached: false)
        #expect(throws: TokenKeyError.self) {
            try verifyCMS(attached, detachedContent: content, signedBy: key)
        }
    }

    @Test("A certificate of another key makes no signer")
    func otherCertificate() throws {
        let token = try TestTokens.make()
        let one = try Signer(token, "own")
        let two = try Signer(token, "other")
        let message = try two.signer.sign([1], detached: false)
        #expect(!message.isEmpty)
        let issuer = try TokenIssuerKey(two.key)
        let name = try DistinguishedName { CommonName("x") }
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: issuer.publicKey, notValidBefore: Date(),
            notValidAfter: Date() + 60, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions(), issuerPrivateKey: Certificate.PrivateKey(issuer))
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        let der = serializer.serializedBytes
        let error = #expect(throws: TokenKeyError.self) { try CMSSigner(one.key, certificate: der) }
        #expect(error?.code == .roleRefused)
    }
}
