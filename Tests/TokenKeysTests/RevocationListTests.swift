import Certificates
import Foundation
import PKCS11
import SwiftASN1
import TestTokens
import Testing
import TokenKeys
import X509

/// A CA whose key lives in a token, and its first list.
private struct TokenIssuer {
    let key: TokenKey
    let certificate: [UInt8]
    let login: Login

    init(_ curve: SigningCurve, _ usage: KeyUsage? = KeyUsage(cRLSign: true)) throws {
        let token = try TestTokens.make()
        login = try token.slot.login(pin: token.pin)
        key = try generateSigningKey(
            KeyLabel(role: .issuingCA, name: "lists", isRehearsal: true), curve: curve, policy: KeyPolicy(),
            login: login
        ).key
        certificate = try Self.certificate(key, usage)
    }

    /// A self-signed certificate of the key.
    static func certificate(
        _ key: TokenKey, _ usage: KeyUsage?, name: String = "Lists", keyIdentifier: [UInt8] = [1, 2, 3]
    ) throws -> [UInt8] {
        let issuer = try TokenIssuerKey(key)
        let subject = try DistinguishedName { CommonName(name) }
        var extensions = X509.Certificate.Extensions()
        try extensions.append(
            .init(BasicConstraints.isCertificateAuthority(maxPathLength: 0), critical: true))
        if let usage { try extensions.append(.init(usage, critical: true)) }
        try extensions.append(.init(SubjectKeyIdentifier(keyIdentifier: keyIdentifier[...]), critical: false))
        let certificate = try X509.Certificate(
            version: .v3, serialNumber: .init(), publicKey: issuer.publicKey,
            notValidBefore: Date(timeIntervalSince1970: 1_767_225_600),
            notValidAfter: Date(timeIntervalSince1970: 1_967_225_600), issuer: subject, subject: subject,
            signatureAlgorithm: issuer.defaultSignatureAlgorithm, extensions: extensions,
            issuerPrivateKey: X509.Certificate.PrivateKey(issuer))
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return serializer.serializedBytes
    }

    func list() throws -> [UInt8] {
        let entry = RevokedCertificate(
            serialNumber: [0x40, 1], revocationTime: 1_769_900_000, reason: .cessationOfOperation)
        let linted = try prepareRevocationList(
            CertificateRevocationList(
                issuer: certificate, number: 1, thisUpdate: 1_769_904_000, nextUpdate: 1_770_904_000,
                entries: [entry]), previous: nil)
        return try linted.revocationList(signature: key.signature(over: linted.bytes))
    }
}

@Suite("Revocation lists are signed in the token and verified by OpenSSL", .serialized)
struct RevocationListTests {
    @Test("A token's list verifies with its issuer's certificate", arguments: SigningCurve.allCases)
    func verified(curve: SigningCurve) throws {
        let issuer = try TokenIssuer(curve)
        try verifyRevocationList(der: issuer.list(), issuedBy: issuer.certificate)
    }

    @Test("Another key, name or key identifier, and an issuer that may not sign lists, are refused")
    func otherIssuer() throws {
        let issuer = try TokenIssuer(.p256)
        let list = try issuer.list()
        let usage = KeyUsage(cRLSign: true)
        let others: [(String, [UInt8])] = [
            ("does not verify", try TokenIssuer(.p256).certificate),
            ("another issuer", try TokenIssuer.certificate(issuer.key, usage, name: "Other")),
            ("another issuer", try TokenIssuer.certificate(issuer.key, usage, keyIdentifier: [9])),
            ("may not sign lists", try TokenIssuer.certificate(issuer.key, KeyUsage(keyCertSign: true))),
        ]
        for (reason, certificate) in others {
            let error = #expect(throws: TokenKeyError.self) {
                try verifyRevocationList(der: list, issuedBy: certificate)
            }
            #expect(error?.code == .signatureInvalid)
            #expect(error?.message.contains(reason) == true, "\(reason): \(error?.description ?? "")")
        }
        try verifyRevocationList(der: list, issuedBy: TokenIssuer.certificate(issuer.key, nil))
    }

    @Test("Every other value of every byte, a byte more or less, and BER are refused")
    func mutated() throws {
        let issuer = try TokenIssuer(.p256)
        let list = try issuer.list()
        for index in list.indices {
            for difference in UInt8(1)...255 {
                var bytes = list
                bytes[index] ^= difference
                let isAccepted = (try? verifyRevocationList(der: bytes, issuedBy: issuer.certificate)) != nil
                #expect(!isAccepted, "byte \(index), difference \(difference)")
            }
        }
        // The outer length in one octet more than it needs: BER, not DER.
        let contents = list[1] & 0x80 == 0 ? list[2...] : list[(2 + Int(list[1] & 0x7F))...]
        let long = [0x30, 0x83, 0, UInt8(contents.count >> 8), UInt8(contents.count & 0xFF)] + contents
        for bytes in [list + [0], Array(list.dropLast()), [], long] {
            #expect(throws: TokenKeyError.self) {
                try verifyRevocationList(der: bytes, issuedBy: issuer.certificate)
            }
        }
    }
}
