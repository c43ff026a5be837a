import Crypto
import Foundation
import SwiftASN1
import Testing
import X509

@testable import Certificates

/// A certificate that the templates would never make, built straight through the X.509 library.
struct Odd {
    var serial: [UInt8] = CertificateSerialNumber().bytes
    var notBefore = start
    var notAfter = Date(timeIntervalSince1970: 1_800_000_000)
    var subject = "Odd"
    var version = X509.Certificate.Version.v3
    var constraints: BasicConstraints? = .notCertificateAuthority
    var constraintsCritical = true
    var usage: KeyUsage? = KeyUsage(digitalSignature: true)
    var authority: [UInt8]?
    var key: SoftwareKey = .init(.p256)
    var subjectKey: X509.Certificate.PublicKey?

    func certificate(_ hierarchy: Hierarchy) throws -> ReceivedCertificate {
        let issuer = try ReceivedCertificate(der: hierarchy.issuing)
        guard case .p256(let issuingKey) = hierarchy.issuingKey else { throw CancellationError() }
        var extensions = X509.Certificate.Extensions()
        if let constraints { try extensions.append(.init(constraints, critical: constraintsCritical)) }
        if let usage { try extensions.append(.init(usage, critical: true)) }
        let identifier = authority ?? issuer.subjectKeyIdentifier ?? []
        try extensions.append(.init(AuthorityKeyIdentifier(keyIdentifier: identifier[...]), critical: false))
        let certificate = try X509.Certificate(
            version: version, serialNumber: .init(bytes: serial),
            publicKey: subjectKey ?? .init(derEncoded: key.subjectPublicKeyInfo), notValidBefore: notBefore,
            notValidAfter: notAfter, issuer: issuer.x509.subject,
            subject: DistinguishedName { CommonName(subject) }, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: extensions, issuerPrivateKey: .init(issuingKey))
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return try ReceivedCertificate(der: serializer.serializedBytes)
    }

    func rules(_ hierarchy: Hierarchy, kind: CertificateTemplate.Kind = .device) throws -> [LintRule] {
        let issuer = try ReceivedCertificate(der: hierarchy.issuing)
        let lint = CertificateLint(kind: kind, keyTypes: [.p256], rehearsal: false, issuer: issuer)
        return lint.findings(try certificate(hierarchy)).map(\.rule)
    }
}

@Suite("Hierarchy mistakes are refused before any signature")
struct LintTests {
    let hierarchy: Hierarchy

    init() throws { hierarchy = try Hierarchy() }

    private func prepare(
        _ template: CertificateTemplate, key: [UInt8]? = nil, issuer: CertificateIssuer? = nil,
        notBefore: Date = start, values: [String: String] = caValues, rehearsal: Bool = false
    ) -> CertificatesError? {
        #expect(throws: CertificatesError.self) {
            try template.prepare(
                subjectKey: key ?? SoftwareKey(.p256).subjectPublicKeyInfo,
                issuer: issuer ?? .issuedBy(hierarchy.root), notBefore: notBefore, values: values,
                rehearsal: rehearsal)
        }
    }

    @Test("A subordinate with the root's own key")
    func ownKey() throws {
        let error = prepare(try template("issuing-ca"), key: hierarchy.rootKey.subjectPublicKeyInfo)
        #expect(rules(error) == [.ownKey])
        #expect(error?.code == .lint)
    }

    @Test("A subordinate CA that outlives its issuer")
    func outlives() throws {
        let late = start.addingTimeInterval(25 * 365.25 * 86_400)
        #expect(rules(prepare(try template("issuing-ca"), notBefore: late)) == [.outlivesIssuer])
    }

    @Test("A subordinate that starts before its issuer")
    func precedes() throws {
        #expect(
            rules(prepare(try template("issuing-ca"), notBefore: start.addingTimeInterval(-1))) == [
                .precedesIssuer
            ])
    }

    @Test("A subordinate with its issuer's name, in any case of letters", arguments: ["Example", "EXAMPLE"])
    func sameName(organization: String) throws {
        let same = try edited("issuing-ca", "Device Issuing CA", "Device Root CA")
        let values = ["organization": organization, "generation": "G1"]
        #expect(rules(prepare(same, values: values)) == [.sameName])
    }

    @Test("A pathLen:0 issuer signing a CA")
    func pathLength() throws {
        let error = prepare(try template("issuing-ca"), issuer: .issuedBy(hierarchy.issuing))
        #expect(rules(error).contains(.pathLength))
    }

    @Test("A CA with more room below it than its issuer leaves")
    func pathLengthTooGreat() throws {
        let deep = try edited("issuing-ca", "pathLength: 0", "pathLength: 1")
        #expect(rules(prepare(deep)) == [.pathLength])
        let endless = try edited("issuing-ca", "pathLength: 0", "pathLength: none")
        let prepared = try endless.prepare(
            subjectKey: SoftwareKey(.p256).subjectPublicKeyInfo, issuer: .issuedBy(hierarchy.root),
            notBefore: start, values: caValues, rehearsal: false)
        #expect(!prepared.bytes.isEmpty)
    }

    @Test("A P-521 key, and a curve that the template does not allow")
    func curves() throws {
        let p521 = Array(P521.Signing.PrivateKey().publicKey.derRepresentation)
        #expect(prepare(try template("issuing-ca"), key: p521)?.code == .publicKey)
        let only = try edited("issuing-ca", "curves: [P-256, P-384]", "curves: [P-384]")
        #expect(rules(prepare(only)) == [.templateCurve])
    }

    @Test("An algorithm that the template does not allow the issuer")
    func algorithm() throws {
        let only = try edited("issuing-ca", "[ecdsa-with-SHA384, ecdsa-with-SHA256,", "[ecdsa-with-SHA256,")
        #expect(rules(prepare(only)) == [.signatureAlgorithm])
    }

    @Test("A root issued by a CA, and an issuing CA signed by itself")
    func selfSigned() throws {
        #expect(rules(prepare(try template("root-ca"))).contains(.selfSigned))
        let values = ["organization": "Example", "generation": "G1"]
        let withoutAuthority = prepare(try template("issuing-ca"), issuer: .selfSigned, values: values)
        #expect(rules(withoutAuthority) == [.selfSigned])
    }

    @Test("A rehearsal's issuer for production, and a production issuer for a rehearsal")
    func rehearsal() throws {
        #expect(rules(prepare(try template("issuing-ca"), rehearsal: true)) == [.rehearsal])
        let other = try Hierarchy(rehearsal: true)
        #expect(rules(prepare(try template("issuing-ca"), issuer: .issuedBy(other.root))) == [.rehearsal])
        let disguised = ["organization": "Example", "generation": "G1"]
        let marked = try edited(
            "issuing-ca", "  - { type: CN",
            "  - { type: OU, encoding: utf8, value: \"\(RehearsalMarker.organizationalUnit)\" }\n  - { type: CN"
        )
        #expect(rules(prepare(marked, values: disguised)) == [.rehearsal])
    }

    @Test("A device template is not for CAs, and a CA template not for runs")
    func kinds() throws {
        #expect(prepare(try template("idevid-ec-p256"))?.code == .templateKind)
        let error = #expect(throws: CertificatesError.self) { try hierarchy.plan(template("issuing-ca")) }
        #expect(error?.code == .templateKind)
    }

    @Test("A device certificate with an end may not outlive its issuer; an IDevID may")
    func deviceEnd() throws {
        let long = try edited("tls-client-ec-p256", "P5Y", "P11Y")
        let error = #expect(throws: CertificatesError.self) { try hierarchy.plan(long) }
        #expect(rules(error) == [.outlivesIssuer])
        #expect(try hierarchy.plan(template("idevid-ec-p256")).notAfter == 253_402_300_799)
    }

    @Test("A device that is issued by a certificate which is no CA")
    func issuerNotCA() throws {
        let key = SoftwareKey(.p256)
        let signer = try template("signer").prepare(
            subjectKey: key.subjectPublicKeyInfo, issuer: .selfSigned, notBefore: start,
            values: ["organization": "E", "role": "r", "name": "n"], rehearsal: false)
        let der = try signer.certificate(rawSignature: key.rawSignature(signer.bytes))
        let error = #expect(throws: CertificatesError.self) {
            try DeviceCertificatePlan(
                template: template("idevid-ec-p256"), issuer: der, notBefore: start, product: "S",
                rehearsal: false)
        }
        #expect(rules(error) == [.issuerNotCA])
    }

    @Test("A certificate without flaws breaks no rule")
    func clean() throws {
        #expect(try Odd().rules(hierarchy) == [])
    }

    @Test("Inverted dates")
    func invertedDates() throws {
        #expect(try Odd(notBefore: start, notAfter: start).rules(hierarchy) == [.datesInverted])
        #expect(
            try Odd(notBefore: start.addingTimeInterval(10), notAfter: start).rules(hierarchy) == [
                .datesInverted
            ])
    }

    @Test(
        "A serial number that is zero or longer than 20 octets",
        arguments: [
            [UInt8(0)], [UInt8](repeating: 0x7F, count: 21),
        ])
    func serialNumber(serial: [UInt8]) throws {
        #expect(try Odd(serial: serial).rules(hierarchy) == [.serialNumber])
    }

    @Test("A certificate of version 1")
    func version() throws {
        #expect(try Odd(version: .v1).rules(hierarchy).contains(.version))
    }

    @Test("A device that is a CA, or may sign certificates, or has no keyUsage")
    func deviceRights() throws {
        #expect(try Odd(constraints: .isCertificateAuthority(maxPathLength: nil)).rules(hierarchy) == [.kind])
        #expect(try Odd(usage: KeyUsage(keyCertSign: true)).rules(hierarchy) == [.keyUsage])
        #expect(try Odd(usage: nil).rules(hierarchy) == [.keyUsage])
    }

    @Test("A CA whose basicConstraints are not critical, which lacks keyCertSign and a key identifier")
    func caRights() throws {
        let odd = Odd(constraints: .isCertificateAuthority(maxPathLength: 0), constraintsCritical: false)
        #expect(
            try odd.rules(hierarchy, kind: .issuingCA) == [
                .basicConstraints, .keyUsage, .subjectKeyIdentifier, .pathLength,
            ])
    }

    @Test("An authorityKeyIdentifier that is not the issuer's key identifier")
    func authority() throws {
        #expect(try Odd(authority: [1, 2, 3]).rules(hierarchy) == [.authorityKeyIdentifier])
    }

    @Test("A key on another curve")
    func subjectCurve() throws {
        #expect(try Odd(key: SoftwareKey(.p384)).rules(hierarchy) == [.templateCurve])
        let p521 = X509.Certificate.PublicKey(P521.Signing.PrivateKey().publicKey)
        #expect(try Odd(subjectKey: p521).rules(hierarchy) == [.curve])
    }

    @Test("A control character in a name")
    func characters() throws {
        #expect(try Odd(subject: "a\u{7}b").rules(hierarchy) == [.nameCharacters])
    }

    @Test("An empty subject")
    func emptySubject() throws {
        let odd = try Odd().certificate(hierarchy)
        // The subject is one RDN; cutting its contents out leaves 30 00.
        var bytes = odd.toBeSigned
        let name = odd.subject
        let range = try #require(bytes.ranges(of: name).last)
        bytes.replaceSubrange(range, with: [0x30, 0x00])
        let element = try #require(
            DERElement(bytes, at: 0, before: bytes.count - name.count + 2) ?? outer(bytes))
        let whole = derElement(0x30, Array(bytes[element.contents.lowerBound...]))
        let der = derElement(
            0x30,
            whole + SignatureAlgorithm.ecdsaWithSHA256.algorithmIdentifier
                + derElement(0x03, [0, 0x30, 6, 2, 1, 1, 2, 1, 1]))
        let issuer = try ReceivedCertificate(der: hierarchy.issuing)
        let lint = CertificateLint(kind: .device, keyTypes: [.p256], rehearsal: false, issuer: issuer)
        #expect(lint.findings(try ReceivedCertificate(der: der)).map(\.rule) == [.subjectEmpty])
    }

    /// The outer element of bytes whose length octets no longer fit.
    private func outer(_ bytes: [UInt8]) -> DERElement? {
        let header = bytes[1] == 0x82 ? 4 : bytes[1] == 0x81 ? 3 : 2
        return DERElement(derElement(bytes[0], Array(bytes[header...])))
    }

    @Test("Bytes that a throwaway key did not sign are not linted bytes")
    func lintedBytes() throws {
        let certificate = try Odd().certificate(hierarchy)
        let issuer = try ReceivedCertificate(der: hierarchy.issuing)
        let error = #expect(throws: CertificatesError.self) {
            try LintedToBeSigned(
                throwawaySigned: certificate.der, by: ThrowawayKey(.ecdsaWithSHA256),
                lint: CertificateLint(kind: .device, rehearsal: false, issuer: issuer),
                issuerKey: issuer.publicKey(), subject: "t")
        }
        #expect(rules(error) == [.linted])
    }
}
