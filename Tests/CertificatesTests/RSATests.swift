import Crypto
import CryptoExtras
import Foundation
import SwiftASN1
import Testing
import X509

@testable import Certificates

@Suite("RSA keys of CAs")
struct RSATests {
    private func lint(
        _ name: String, key: [UInt8], issuer: CertificateIssuer = .selfSigned,
        values: [String: String] = caValues
    ) throws -> [LintRule] {
        let template = try template(name)
        let error = #expect(throws: CertificatesError.self) {
            try template.prepare(
                subjectKey: key, issuer: issuer, notBefore: start, values: values, rehearsal: false)
        }
        #expect(error?.code == .lint, "\(String(describing: error))")
        return rules(error)
    }

    @Test(
        "openssl prints the issuer's algorithm with the hash that belongs to its size",
        arguments: [
            (CertificateKeyType.rsa3072, "sha256WithRSAEncryption", "(3072 bit)"),
            (.rsa4096, "sha384WithRSAEncryption", "(4096 bit)"),
        ])
    func algorithms(type: CertificateKeyType, algorithm: String, size: String) throws {
        let folder = try ScratchFolder()
        let hierarchy = try Hierarchy(root: type, issuing: .p256)
        for (name, der) in [("root", hierarchy.root), ("issuing", hierarchy.issuing)] {
            let file = try folder.write("\(name).pem", pem(der))
            let text = try openssl(["x509", "-noout", "-text", "-in", file]).output
            #expect(text.components(separatedBy: "Signature Algorithm: \(algorithm)").count == 3, "\(text)")
            #expect(text.contains(size) == (name == "root"))
            #expect(text.contains("Exponent: 65537 (0x10001)") == (name == "root"))
        }
        let root = try ReceivedCertificate(der: hierarchy.root)
        let key = try root.publicKey()
        #expect(key.keyType == type)
        #expect(key.name == type.rawValue)
        #expect(root.isSigned(by: key))
        // RFC 7093: the leftmost 160 bits of the SHA-256 of the BIT STRING's value.
        #expect(
            root.subjectKeyIdentifier == Array(SHA256.hash(data: key.subjectPublicKey).prefix(20)))
    }

    @Test("A modulus below 3072 bits, and one of another size than 3072 and 4096")
    func modulus() throws {
        let short = try SoftwareKey.rsa2048.get().subjectPublicKeyInfo
        #expect(try lint("root-ca", key: short) == [.rsaModulus])
        let hierarchy = try Hierarchy()
        #expect(try lint("issuing-ca", key: short, issuer: .issuedBy(hierarchy.root)) == [.rsaModulus])
        for bits in [3064, 3080, 8192] {
            let odd = RSAPublicKey.subjectPublicKeyInfo(
                modulus: [UInt8](repeating: 0xFF, count: bits / 8), exponent: [1, 0, 1])
            #expect(try lint("root-ca", key: odd) == [.rsaModulus])
        }
        for bits in [1024, 2040, 8200] {
            let odd = RSAPublicKey.subjectPublicKeyInfo(
                modulus: [UInt8](repeating: 0xFF, count: bits / 8), exponent: [1, 0, 1])
            let error = #expect(throws: CertificatesError.self) {
                try RSAPublicKey(subjectPublicKeyInfo: odd)
            }
            #expect(error?.code == .publicKey)
        }
    }

    @Test("An exponent other than 65537", arguments: [[3], [1, 0, 3]] as [[UInt8]])
    func exponent(value: [UInt8]) throws {
        let key = RSAPublicKey.subjectPublicKeyInfo(
            modulus: [UInt8](repeating: 0xFF, count: 384), exponent: value)
        #expect(try lint("root-ca", key: key) == [.rsaExponent])
        #expect(try SubjectPublicKey(subjectPublicKeyInfo: key).keyType == nil)
    }

    @Test("A size that the template does not allow, and an algorithm that it does not allow the issuer")
    func templateSizes() throws {
        let only = try edited("root-ca", "modulusBits: [4096, 3072]", "modulusBits: [4096]")
        let key = CertificateKeyType.rsa3072.throwawaySubjectPublicKeyInfo()
        let error = #expect(throws: CertificatesError.self) {
            try only.prepare(
                subjectKey: key, issuer: .selfSigned, notBefore: start, values: caValues, rehearsal: false)
        }
        #expect(rules(error) == [.templateCurve])
        let noRSA = try edited(
            "idevid-ec-p256", ", sha256WithRSAEncryption, sha384WithRSAEncryption]", "]")
        let hierarchy = try Hierarchy(issuing: .rsa3072)
        let refused = #expect(throws: CertificatesError.self) { try hierarchy.plan(noRSA) }
        #expect(rules(refused) == [.signatureAlgorithm])
    }

    @Test("A signer with an RSA key")
    func signer() throws {
        let key = CertificateKeyType.rsa3072.throwawaySubjectPublicKeyInfo()
        let template = try edited(
            "signer", "[ecdsa-with-SHA256, ecdsa-with-SHA384]", "[sha256WithRSAEncryption]")
        let error = #expect(throws: CertificatesError.self) {
            try template.prepare(
                subjectKey: key, issuer: .selfSigned, notBefore: start,
                values: ["organization": "E", "role": "r", "name": "n"], rehearsal: false)
        }
        #expect(rules(error) == [.rsaKind, .templateCurve])
    }

    /// A certificate under `issuer` that the templates would never make.
    private func odd(
        issuer: ReceivedCertificate, key: SoftwareKey, algorithm: X509.Certificate.SignatureAlgorithm
    ) throws -> ReceivedCertificate {
        guard case .rsa(let issuerKey) = key else { throw CancellationError() }
        let certificate = try X509.Certificate(
            version: .v3, serialNumber: .init(bytes: CertificateSerialNumber().bytes),
            publicKey: .init(derEncoded: SoftwareKey(.p256).subjectPublicKeyInfo), notValidBefore: start,
            notValidAfter: Date(timeIntervalSince1970: 1_800_000_000), issuer: issuer.x509.subject,
            subject: DistinguishedName { CommonName("Odd") }, signatureAlgorithm: algorithm,
            extensions: .init([
                .init(KeyUsage(digitalSignature: true), critical: true),
                .init(
                    AuthorityKeyIdentifier(keyIdentifier: (issuer.subjectKeyIdentifier ?? [])[...]),
                    critical: false),
            ]), issuerPrivateKey: .init(issuerKey))
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return try ReceivedCertificate(der: serializer.serializedBytes)
    }

    @Test(
        "A hash that does not belong to the issuer's key",
        arguments: [
            (CertificateKeyType.rsa3072, X509.Certificate.SignatureAlgorithm.sha384WithRSAEncryption),
            (.rsa3072, .sha512WithRSAEncryption), (.rsa4096, .sha256WithRSAEncryption),
        ])
    func hash(type: CertificateKeyType, algorithm: X509.Certificate.SignatureAlgorithm) throws {
        let hierarchy = try Hierarchy(issuing: type)
        let issuer = try ReceivedCertificate(der: hierarchy.issuing)
        let lint = CertificateLint(kind: .device, rehearsal: false, issuer: issuer)
        let wrong = try odd(issuer: issuer, key: hierarchy.issuingKey, algorithm: algorithm)
        #expect(lint.findings(wrong).map(\.rule) == [.signatureAlgorithm])
        #expect(try !wrong.isSigned(by: issuer.publicKey()))
        let right = try odd(
            issuer: issuer, key: hierarchy.issuingKey,
            algorithm: type == .rsa3072 ? .sha256WithRSAEncryption : .sha384WithRSAEncryption)
        #expect(lint.findings(right).isEmpty)
        #expect(try right.isSigned(by: issuer.publicKey()))
    }

    @Test("An issuer whose own modulus is too short, or whose exponent is another")
    func issuerNumbers() throws {
        for (key, rule) in [
            (try SoftwareKey.rsa2048.get().subjectPublicKeyInfo, LintRule.rsaModulus),
            (
                RSAPublicKey.subjectPublicKeyInfo(
                    modulus: [UInt8](repeating: 0xFF, count: 384), exponent: [3]), .rsaExponent
            ),
        ] {
            let root = try ReceivedCertificate(der: Hierarchy(root: .rsa3072).root)
            // The root's certificate with another key in it; its signature is not looked at here.
            guard case .rsa(let rootKey) = try SoftwareKey(type: .rsa3072) else { return }
            let certificate = try X509.Certificate(
                version: .v3, serialNumber: root.x509.serialNumber, publicKey: .init(derEncoded: key),
                notValidBefore: root.x509.notValidBefore, notValidAfter: root.x509.notValidAfter,
                issuer: root.x509.subject, subject: root.x509.subject,
                signatureAlgorithm: .sha256WithRSAEncryption, extensions: root.x509.extensions,
                issuerPrivateKey: .init(rootKey))
            var serializer = DER.Serializer()
            try serializer.serialize(certificate)
            let found = try lint(
                "issuing-ca", key: SoftwareKey(.p256).subjectPublicKeyInfo,
                issuer: .issuedBy(serializer.serializedBytes))
            #expect(found == [rule])
        }
    }

    @Test("A signature with one octet changed, one too few or of another key is refused")
    func signatures() throws {
        let key = try SoftwareKey(type: .rsa3072)
        let prepared = try template("root-ca").prepare(
            subjectKey: key.subjectPublicKeyInfo, issuer: .selfSigned, notBefore: start, values: caValues,
            rehearsal: false)
        let good = try key.rawSignature(prepared.bytes)
        #expect(try prepared.certificate(signature: good) == prepared.certificate(rawSignature: good))
        var changed = good
        changed[100] ^= 1
        for (signature, code) in [
            (changed, CertificatesError.Code.signatureInvalid), (Array(good.dropLast()), .signatureForm),
            (try SoftwareKey.rsa2048.get().rawSignature(prepared.bytes), .signatureForm),
        ] {
            let error = #expect(throws: CertificatesError.self) {
                try prepared.certificate(signature: signature)
            }
            #expect(error?.code == code)
        }
    }

    @Test(
        "A subjectPublicKeyInfo that is not strict DER is refused",
        arguments: ["parameters", "negative", "long integer", "even", "trailing", "unused bits"])
    func strictForm(fault: String) throws {
        let good = CertificateKeyType.rsa3072.throwawaySubjectPublicKeyInfo()
        #expect(try SubjectPublicKey(subjectPublicKeyInfo: good).keyType == .rsa3072)
        let modulus: [UInt8] = [0] + [UInt8](repeating: 0xFF, count: 384)
        func info(_ modulus: [UInt8], algorithm: [UInt8] = RSAPublicKey.algorithm, unused: UInt8 = 0)
            -> [UInt8]
        {
            let key = derElement(0x30, derElement(0x02, modulus) + derElement(0x02, [1, 0, 1]))
            return derElement(0x30, algorithm + derElement(0x03, [unused] + key))
        }
        #expect(try RSAPublicKey(subjectPublicKeyInfo: info(modulus)).modulusBits == 3072)
        let bad: [UInt8] =
            switch fault {
            case "parameters":
                info(modulus, algorithm: derElement(0x30, Array(RSAPublicKey.algorithm[2..<13])))
            case "negative": info(Array(modulus.dropFirst()))
            case "long integer": info([0] + modulus)
            case "even": info(modulus.dropLast() + [0xFE])
            case "unused bits": info(modulus, unused: 1)
            default: info(modulus) + [0]
            }
        let error = #expect(throws: CertificatesError.self) {
            try SubjectPublicKey(subjectPublicKeyInfo: bad)
        }
        #expect(error?.code == .publicKey)
    }

    @Test("Device certificates under an RSA issuing CA are what the library builds, and verify")
    func plan() throws {
        let hierarchy = try Hierarchy(root: .p384, issuing: .rsa3072)
        let plan = try hierarchy.plan(template("idevid-ec-p256"))
        #expect(plan.signatureAlgorithm == .sha256WithRSAEncryption)
        for length in [1, 30, 64] {
            let row = DeviceCertificateRow(
                serialNumber: .init(), point: SoftwareKey(.p256).point,
                values: [String(repeating: "A", count: length)])
            try plan.check(row)
            let bytes = try plan.toBeSigned(row)
            let der = try plan.certificate(
                toBeSigned: bytes, rawSignature: hierarchy.issuingKey.rawSignature(bytes))
            #expect(try ReceivedCertificate(der: der).isSigned(by: plan.issuerKey))
        }
        let short = #expect(throws: CertificatesError.self) {
            try plan.certificate(toBeSigned: [1], rawSignature: [UInt8](repeating: 1, count: 64))
        }
        #expect(short?.code == .signatureForm)
    }

    @Test(
        "A template's fault in its RSA key is named with its code, its field and its place",
        arguments: [
            ("{ type: rsa, modulusBits: [4096, 3072] }", "{ type: rsa }", "field.missing", "modulusBits"),
            ("[4096, 3072]", "[2048]", "field.value", "modulusBits[0]"),
            ("[4096, 3072]", "[4096, 4096]", "field.repeated", "modulusBits[1]"),
            ("[4096, 3072]", "[]", "field.value", "modulusBits"),
            ("[4096, 3072]", "[\"4096\"]", "field.type", "modulusBits[0]"),
            ("modulusBits: [4096, 3072]", "curves: [P-256]", "field.unknown", "curves"),
            ("type: rsa, modulusBits: [4096, 3072]", "type: ec, curves: [P-256]", "field.repeated", ""),
            ("type: rsa,", "type: dsa,", "field.value", "type"),
        ])
    func templateFaults(old: String, new: String, code: String, field: String) throws {
        let error = #expect(throws: CertificatesError.self) { try edited("root-ca", old, new) }
        let path = "key[1]" + (field.isEmpty ? "" : "." + field)
        #expect(
            error?.faults.contains { $0.code == code && $0.field == path } == true,
            "\(error?.faults.map(\.description) ?? [])")
    }

    @Test("A template may name one family of keys without a list, and no empty list")
    func templateForms() throws {
        let list =
            "key:\n  - { type: ec, curves: [P-384, P-256] }\n  - { type: rsa, modulusBits: [4096, 3072] }"
        let one = try edited("root-ca", list, "key: { type: rsa, modulusBits: [4096] }")
        #expect(one.keyTypes == [.rsa4096])
        #expect(try template("root-ca").keyTypes == [.p384, .p256, .rsa4096, .rsa3072])
        let error = #expect(throws: CertificatesError.self) { try edited("root-ca", list, "key: []") }
        #expect(error?.faults.map(\.code) == ["field.value"])
        let device = #expect(throws: CertificatesError.self) {
            try edited(
                "idevid-ec-p256", "key:\n  type: ec\n  curves: [P-256]",
                "key: { type: rsa, modulusBits: [3072] }")
        }
        #expect(device?.faults.map(\.field) == ["key.type"])
    }
}
