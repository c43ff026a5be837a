import Foundation
import Testing
import X509

@testable import Certificates

@Suite("Revocation lists are what RFC 5280 section 5 says")
struct RevocationListTests {
    private func text(_ folder: ScratchFolder, _ list: ReceivedRevocationList, _ issuer: [UInt8]) throws
        -> (status: Int32, output: String)
    {
        try openssl([
            "crl", "-noout", "-text", "-verify", "-CAfile", try folder.write("issuer.pem", pem(issuer)),
            "-in", try folder.write("list.pem", pem(list.der, label: "X509 CRL")),
        ])
    }

    @Test(
        "openssl verifies a list and prints its number, times and reasons",
        arguments: [CertificateKeyType.p256, .p384])
    func verified(curve: CertificateKeyType) throws {
        let folder = try ScratchFolder()
        let issuer = ListIssuer(try Hierarchy(issuing: curve))
        let reasons = RevocationReason.allCases.filter { $0 != .removeFromCRL }
        let entries = reasons.map {
            revoked(
                $0.rawValue + 1, at: issued - Int64($0.rawValue) * day, $0,
                invalidityDate: $0 == .keyCompromise ? issued - 3 * day : nil)
        }
        let list = try issuer.signed(issuer.list(entries.reversed(), number: 300))
        #expect(list.entries == entries)
        let result = try text(folder, list, issuer.certificate)
        #expect(result.status == 0)
        #expect(result.output.contains("verify OK"))
        let algorithm = curve == .p256 ? "ecdsa-with-SHA256" : "ecdsa-with-SHA384"
        for line in [
            "Version 2 (0x1)", "Signature Algorithm: \(algorithm)",
            "X509v3 CRL Number: \n                300",
            "Last Update: Feb  1 00:00:00 2026 GMT", "Next Update: Feb  8 00:00:00 2026 GMT",
            "Invalidity Date: \n                Jan 29 00:00:00 2026 GMT", "X509v3 Authority Key Identifier",
            "Serial Number: 40ABABABABABABABABABABABABABABABABABAB02\n"
                + "        Revocation Date: Jan 31 00:00:00 2026 GMT\n        CRL entry extensions:\n"
                + "            X509v3 CRL Reason Code: \n                Key Compromise",
            "CA Compromise", "Affiliation Changed", "Superseded", "Cessation Of Operation",
            "Certificate Hold", "Privilege Withdrawn", "AA Compromise",
            // Unspecified is said by saying nothing.
            "Serial Number: 40ABABABABABABABABABABABABABABABABABAB01\n"
                + "        Revocation Date: Feb  1 00:00:00 2026 GMT\n    Serial Number:",
        ] {
            #expect(result.output.contains(line), "\(line)\n\(result.output)")
        }
        #expect(!result.output.contains("critical"))
    }

    @Test(
        "An RSA issuer's list is signed with the hash that belongs to the key's size",
        arguments: [
            (3072, RevocationListAlgorithm.sha256WithRSAEncryption, "-sha256"),
            (4096, .sha384WithRSAEncryption, "-sha384"),
        ])
    func rsa(bits: Int, algorithm: RevocationListAlgorithm, hash: String) throws {
        let folder = try ScratchFolder()
        let (key, certificate) = ("\(folder.path)/key.pem", "\(folder.path)/ca.pem")
        let made = try openssl([
            "req", "-x509", "-newkey", "rsa:\(bits)", "-nodes", "-keyout", key, "-out", certificate, "-subj",
            "/O=Example/CN=RSA CA", "-days", "30", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        ])
        #expect(made.status == 0, "\(made.output)")
        let issuer = try ReceivedCertificate(pem: String(contentsOfFile: certificate, encoding: .utf8))
        let now = issuer.notBefore
        let list = CertificateRevocationList(
            issuer: issuer.der, number: 1, thisUpdate: now, nextUpdate: now + day,
            entries: [revoked(9, at: now - 60, .superseded)])
        let linted = try prepareRevocationList(list, previous: nil)
        #expect(linted.signatureAlgorithm == algorithm)
        let (bytes, file) = ("\(folder.path)/tbs", "\(folder.path)/signature")
        try Data(linted.bytes).write(to: URL(filePath: bytes))
        let signed = try openssl(["dgst", hash, "-sign", key, "-out", file, bytes])
        #expect(signed.status == 0, "\(signed.output)")
        let signature = Array(try Data(contentsOf: URL(filePath: file)))
        let received = try ReceivedRevocationList(der: linted.revocationList(signature: signature))
        #expect(received.isSigned(by: issuer))
        #expect(try text(folder, received, issuer.der).output.contains("verify OK"))
        var other = signature
        other[bits / 16] ^= 1
        let error = #expect(throws: CertificatesError.self) { try linted.revocationList(signature: other) }
        #expect(error?.code == .signatureInvalid)
    }

    @Test("An RSA key of 2048 bits signs no list")
    func shortRSA() throws {
        let folder = try ScratchFolder()
        let certificate = "\(folder.path)/ca.pem"
        let made = try openssl([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "\(folder.path)/key.pem", "-out",
            certificate, "-subj", "/CN=RSA CA", "-addext", "keyUsage=critical,cRLSign",
        ])
        #expect(made.status == 0, "\(made.output)")
        let issuer = try ReceivedCertificate(pem: String(contentsOfFile: certificate, encoding: .utf8))
        let error = #expect(throws: CertificatesError.self) {
            try prepareRevocationList(
                .init(
                    issuer: issuer.der, number: 1, thisUpdate: issuer.notBefore,
                    nextUpdate: issuer.notBefore + day, entries: []), previous: nil)
        }
        #expect(error?.code == .publicKey)
    }

    @Test("openssl verify refuses the revoked device and accepts the other one")
    func crlCheck() throws {
        let folder = try ScratchFolder()
        let hierarchy = try Hierarchy()
        let issuer = ListIssuer(hierarchy)
        let plan = try hierarchy.plan(template("idevid-ec-p256"))
        let serials = [CertificateSerialNumber(), CertificateSerialNumber()]
        let list = try issuer.signed(
            issuer.list([
                RevokedCertificate(
                    serialNumber: serials[0].bytes, revocationTime: issued - day, reason: .keyCompromise)
            ]))
        let listFile = try folder.write("list.pem", pem(list.der, label: "X509 CRL"))
        let root = try folder.write("root.pem", pem(hierarchy.root))
        let issuing = try folder.write("issuing.pem", pem(hierarchy.issuing))
        for (serial, isRevoked) in zip(serials, [true, false]) {
            let bytes = try plan.toBeSigned(
                .init(serialNumber: serial, point: SoftwareKey(.p256).point, values: ["EX-1"]))
            let der = try plan.certificate(
                toBeSigned: bytes, rawSignature: hierarchy.issuingKey.rawSignature(bytes))
            let result = try openssl([
                "verify", "-crl_check", "-x509_strict", "-attime", "\(issued + day)", "-CAfile", root,
                "-untrusted", issuing, "-CRLfile", listFile, try folder.write("device.pem", pem(der)),
            ])
            #expect((result.status != 0) == isRevoked, "\(result.output)")
            #expect(result.output.contains("certificate revoked") == isRevoked, "\(result.output)")
        }
    }

    @Test("A list without entries has no revokedCertificates at all")
    func empty() throws {
        let folder = try ScratchFolder()
        let issuer = try ListIssuer()
        let list = try issuer.signed(issuer.list())
        #expect(list.entries.isEmpty)
        let result = try text(folder, list, issuer.certificate)
        #expect(result.output.contains("verify OK"))
        #expect(result.output.contains("No Revoked Certificates."))
    }

    @Test("Times through 2049 are UTCTime, later ones GeneralizedTime")
    func timeForms() throws {
        let folder = try ScratchFolder()
        // 2049-12-31T23:59:59Z.
        let last: Int64 = 2_524_607_999
        let issuer = try ListIssuer(notAfter: last + 400 * day)
        let list = try issuer.signed(
            issuer.list([revoked(1, at: last - 1)], thisUpdate: last, nextUpdate: last + 1))
        #expect(list.thisUpdate == last && list.nextUpdate == last + 1)
        #expect(list.toBeSigned.contains([0x17, 13] + Array("491231235959Z".utf8)))
        #expect(list.toBeSigned.contains([0x18, 15] + Array("20500101000000Z".utf8)))
        let result = try text(folder, list, issuer.certificate)
        #expect(result.output.contains("Next Update: Jan  1 00:00:00 2050 GMT"))
        let later = try issuer.signed(
            issuer.list([revoked(1, at: last + 1)], thisUpdate: last + 2, nextUpdate: last + day))
        #expect(later.entries == [revoked(1, at: last + 1)])
        #expect(try text(folder, later, issuer.certificate).output.contains("verify OK"))
    }

    @Test("An unspecified reason is not written, beside an invalidityDate either")
    func unspecified() throws {
        let issuer = try ListIssuer()
        let entry = revoked(1, invalidityDate: issued - 2 * day)
        let list = try issuer.signed(issuer.list([entry]))
        #expect(list.entries == [entry])
        #expect(!list.toBeSigned.contains([0x06, 3] + RevocationListExtension.reasonCode))
    }

    @Test("Entries stand by ascending serial number, whatever the order and length they came in")
    func sorted() throws {
        let issuer = try ListIssuer()
        let numbers: [[UInt8]] = [
            [1], [2], [0x7F], [0, 0x80], [0, 0xFF], [1, 0], [0x7F, 0xFF, 0xFF], serial(1),
        ]
        let entries = numbers.map { RevokedCertificate(serialNumber: $0, revocationTime: issued) }
        let list = try issuer.signed(issuer.list(entries.shuffled()))
        #expect(list.entries == entries)
    }

    @Test("The issuer's name and key identifier are those of its certificate, octet for octet")
    func issuerName() throws {
        let issuer = try ListIssuer()
        let certificate = try ReceivedCertificate(der: issuer.certificate)
        let list = try issuer.signed(issuer.list(number: .max))
        #expect(list.issuer == certificate.subject)
        #expect(list.authorityKeyIdentifier == certificate.subjectKeyIdentifier)
        #expect(list.number == .max)
        #expect(list.digest.count == 32)
        #expect(try ReceivedRevocationList(pem: pem(list.der, label: "X509 CRL")) == list)
    }

    @Test("A signature of another key, or over other bytes, makes no list")
    func otherSignature() throws {
        let issuer = try ListIssuer()
        let linted = try prepareRevocationList(issuer.list([revoked(1)]), previous: nil)
        #expect(linted.digest == linted.signatureAlgorithm.digest(linted.bytes))
        for signature in [
            try ListIssuer().signature(linted.bytes), try issuer.signature(linted.bytes + [0]),
        ] {
            let error = #expect(throws: CertificatesError.self) {
                try linted.revocationList(signature: signature)
            }
            #expect(error?.code == .signatureInvalid)
        }
        let raw = try issuer.key.rawSignature(linted.bytes)
        let error = #expect(throws: CertificatesError.self) { try linted.revocationList(signature: raw) }
        #expect(error?.code == .signatureForm)
    }
}
