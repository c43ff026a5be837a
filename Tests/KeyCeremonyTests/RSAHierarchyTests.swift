import Certificates
import Foundation
import PKCS11
import Sites
import TestTokens
import Testing
import TokenKeys

@Suite("CAs with RSA keys on a token", .serialized)
struct RSAHierarchyTests {
    private let folder: URL
    private let values = ["organization": "Example", "generation": "G1"]

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("rsa-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func template(_ name: String) throws -> CertificateTemplate {
        try CertificateTemplate.load(path: Repository.path("Templates/certificates/\(name).yaml"))
    }

    private func write(_ name: String, _ der: [UInt8]) throws -> String {
        let path = folder.appendingPathComponent(name).path
        try Site.certificatePEM(der).write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test(
        "openssl verifies the chain that a token signed, device certificate and all",
        arguments: [
            (SigningKeyType.rsa3072, SigningKeyType.p256), (.p256, .rsa3072), (.rsa4096, .rsa3072),
        ])
    func chain(root: SigningKeyType, issuing: SigningKeyType) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        func key(_ role: KeyRole, _ type: SigningKeyType) throws -> TokenKey {
            try generateSigningKey(
                KeyLabel(role: role, name: "k", isRehearsal: true), type: type, policy: KeyPolicy(),
                login: login
            ).key
        }
        let rootKey = try key(.rootCA, root)
        let issuingKey = try key(.issuingCA, issuing)
        // A fraction of a second before "now" would be dropped: openssl compares with its own clock.
        let start = Date().addingTimeInterval(-60)
        let rootBytes = try template("root-ca").prepare(
            subjectKey: rootKey.publicKeyInfo, issuer: .selfSigned, notBefore: start, values: values,
            rehearsal: true)
        let rootDER = try rootBytes.certificate(signature: rootKey.signature(over: rootBytes.bytes))
        try verifyCertificate(der: rootDER, issuedBy: nil)
        let issuingBytes = try template("issuing-ca").prepare(
            subjectKey: issuingKey.publicKeyInfo, issuer: .issuedBy(rootDER), notBefore: start,
            values: values, rehearsal: true)
        let issuingDER = try issuingBytes.certificate(
            signature: rootKey.signature(over: issuingBytes.bytes))
        try verifyCertificate(der: issuingDER, issuedBy: rootDER)
        #expect(throws: TokenKeyError.self) { try verifyCertificate(der: issuingDER, issuedBy: nil) }

        let plan = try DeviceCertificatePlan(
            template: template("idevid-ec-p256"), issuer: issuingDER, notBefore: start, product: "Sensor",
            rehearsal: true)
        let device = try generateSigningKey(
            KeyLabel(role: .station, name: "device", isRehearsal: true), type: .p256, policy: KeyPolicy(),
            login: login
        ).key
        let bytes = try plan.toBeSigned(
            DeviceCertificateRow(
                serialNumber: .init(), point: Array(device.publicKeyInfo.suffix(65)), values: ["EX-1"]))
        // As a run signs: the token's own octets, not those of `TokenKey.signature`.
        let raw = try token.slot.withSession { session in
            let object = try session.findOne(
                [.objectClass(.privateKey), Attribute(.label, issuingKey.label.description)], "issuer")
            return try session.sign(
                .plain(issuing.signatureMechanism), key: object, issuing.signatureInput(bytes))
        }
        let deviceDER = try plan.certificate(toBeSigned: bytes, rawSignature: raw)
        #expect(try ReceivedCertificate(der: deviceDER).isSigned(by: plan.issuerKey))
        try verifyCertificate(der: deviceDER, issuedBy: issuingDER)

        let rootFile = try write("root.pem", rootDER)
        let issuingFile = try write("issuing.pem", issuingDER)
        let deviceFile = try write("device.pem", deviceDER)
        let verified = try openssl(
            "verify", "-x509_strict", "-CAfile", rootFile, "-untrusted", issuingFile, deviceFile)
        #expect(verified.code == 0, "\(verified.output)")
        let names: [SigningKeyType: String] = [
            .p256: "ecdsa-with-SHA256", .rsa3072: "sha256WithRSAEncryption",
            .rsa4096: "sha384WithRSAEncryption",
        ]
        for (file, signer) in [(rootFile, root), (issuingFile, root), (deviceFile, issuing)] {
            let text = try openssl("x509", "-in", file, "-noout", "-text").output
            #expect(text.contains("Signature Algorithm: \(names[signer] ?? "?")"), "\(text)")
        }
    }
}
