import Crypto
import Foundation
import SwiftASN1
import Testing
import X509

@testable import Certificates

@Suite("Certificates of CAs and signers")
struct IssuanceTests {
    @Test(
        "openssl verifies a chain from device to root",
        arguments: [
            (CertificateKeyType.p384, CertificateKeyType.p256), (.p256, .p256), (.p384, .p384),
            (.rsa3072, .p256), (.p256, .rsa3072), (.rsa4096, .rsa3072), (.p384, .rsa4096),
        ])
    func chain(root: CertificateKeyType, issuing: CertificateKeyType) throws {
        let folder = try ScratchFolder()
        let hierarchy = try Hierarchy(root: root, issuing: issuing)
        let rootFile = try folder.write("root.pem", pem(hierarchy.root))
        let issuingFile = try folder.write("issuing.pem", pem(hierarchy.issuing))
        for name in ["idevid-ec-p256", "ldevid-ec-p256", "tls-client-ec-p256"] {
            let plan = try hierarchy.plan(template(name))
            let key = SoftwareKey(.p256)
            let bytes = try plan.toBeSigned(
                .init(serialNumber: .init(), point: key.point, values: ["EX-0001"]))
            let der = try plan.certificate(
                toBeSigned: bytes, rawSignature: hierarchy.issuingKey.rawSignature(bytes))
            let file = try folder.write("device.pem", pem(der))
            let result = try openssl([
                "verify", "-x509_strict", "-CAfile", rootFile, "-untrusted", issuingFile, file,
            ])
            #expect(result.status == 0, "\(result.output)")
            let received = try ReceivedCertificate(pem: pem(der))
            #expect(received.der == der)
            #expect(received.isSigned(by: try ReceivedCertificate(der: hierarchy.issuing).publicKey()))
            #expect(received.subjectPublicKeyInfo == key.subjectPublicKeyInfo)
            #expect(received.authorityKeyIdentifier == plan.authorityKeyIdentifier)
            #expect(received.notAfter == plan.notAfter)
        }
    }

    @Test("openssl prints an IDevID as IEEE 802.1AR wants it")
    func idevidText() throws {
        let folder = try ScratchFolder()
        let hierarchy = try Hierarchy()
        let plan = try hierarchy.plan(template("idevid-ec-p256"))
        let bytes = try plan.toBeSigned(
            .init(serialNumber: .init(), point: SoftwareKey(.p256).point, values: ["EX-0001"]))
        let der = try plan.certificate(
            toBeSigned: bytes, rawSignature: hierarchy.issuingKey.rawSignature(bytes))
        let text = try openssl(["x509", "-noout", "-text", "-in", try folder.write("d.pem", pem(der))]).output
        #expect(text.contains("Not After : Dec 31 23:59:59 9999 GMT"))
        #expect(text.contains("O = Example Manufacturing, CN = Sensor, serialNumber = EX-0001"))
        #expect(text.contains("X509v3 Key Usage: critical\n                Digital Signature\n"))
        #expect(text.contains("X509v3 Authority Key Identifier"))
        #expect(!text.contains("X509v3 Subject Key Identifier"))
        #expect(text.contains("othername:"))
        let parsed = try openssl(["asn1parse", "-in", try folder.write("d.pem", pem(der)), "-strparse", "4"])
        #expect(parsed.status == 0)
        // hwSerialNum is the serial's octets; 1.3.6.1.5.5.7.8.4 is HardwareModuleName.
        let oid: [UInt8] = [0x06, 0x08, 0x2B, 6, 1, 5, 5, 7, 8, 4]
        #expect(der.contains(oid))
        #expect(der.contains([0x04, 0x07] + Array("EX-0001".utf8)))
    }

    @Test("A signer's certificate is self-signed, is no CA and verifies with its own key")
    func signer() throws {
        let folder = try ScratchFolder()
        let key = SoftwareKey(.p256)
        let prepared = try template("signer").prepare(
            subjectKey: key.subjectPublicKeyInfo, issuer: .selfSigned, notBefore: start,
            values: ["organization": "Example", "role": "log signer", "name": "log.example/1"],
            rehearsal: true)
        let der = try prepared.certificate(rawSignature: key.rawSignature(prepared.bytes))
        let file = try folder.write("s.pem", pem(der))
        let text = try openssl(["x509", "-noout", "-text", "-in", file]).output
        #expect(text.contains("CA:FALSE"))
        #expect(text.contains("OU = REHEARSAL - NOT FOR PRODUCTION"))
        #expect(try openssl(["verify", "-CAfile", file, file]).status == 0)
        #expect(try ReceivedCertificate(der: der).isRehearsal)
    }

    @Test("Every subject of a rehearsal carries the marker as its last attribute, devices' too")
    func rehearsal() throws {
        let hierarchy = try Hierarchy(rehearsal: true)
        let plan = try hierarchy.plan(template("idevid-ec-p256"), rehearsal: true)
        let bytes = try plan.toBeSigned(
            .init(serialNumber: .init(), point: SoftwareKey(.p256).point, values: ["EX-1"]))
        let der = try plan.certificate(
            toBeSigned: bytes, rawSignature: hierarchy.issuingKey.rawSignature(bytes))
        for certificate in [hierarchy.root, hierarchy.issuing, der] {
            let received = try ReceivedCertificate(der: certificate)
            #expect(received.isRehearsal)
            // The library writes the last attribute first (RFC 4514).
            #expect(received.subjectText.hasPrefix("OU=\(RehearsalMarker.organizationalUnit)"))
        }
        #expect(try ReceivedCertificate(der: Hierarchy().root).isRehearsal == false)
    }

    @Test("The signed bytes are the linted bytes, octet for octet")
    func sameBytes() throws {
        let key = SoftwareKey(.p384)
        let prepared = try template("root-ca").prepare(
            subjectKey: key.subjectPublicKeyInfo, issuer: .selfSigned, notBefore: start, values: caValues,
            rehearsal: false)
        let der = try prepared.certificate(rawSignature: key.rawSignature(prepared.bytes))
        #expect(try ReceivedCertificate(der: der).toBeSigned == prepared.bytes)
        #expect(prepared.digest == Array(SHA384.hash(data: prepared.bytes)))
    }

    @Test("A signature by another key, over other bytes or of another form is refused")
    func badSignatures() throws {
        let key = SoftwareKey(.p384)
        let prepared = try template("root-ca").prepare(
            subjectKey: key.subjectPublicKeyInfo, issuer: .selfSigned, notBefore: start, values: caValues,
            rehearsal: false)
        let other = try SoftwareKey(.p384).rawSignature(prepared.bytes)
        let otherBytes = try key.rawSignature(prepared.bytes + [0])
        for raw in [other, otherBytes] {
            let error = #expect(throws: CertificatesError.self) {
                try prepared.certificate(rawSignature: raw)
            }
            #expect(error?.code == .signatureInvalid)
        }
        let short = #expect(throws: CertificatesError.self) {
            try prepared.certificate(rawSignature: SoftwareKey(.p256).rawSignature(prepared.bytes))
        }
        #expect(short?.code == .signatureForm)
        let trailing = #expect(throws: CertificatesError.self) {
            try prepared.certificate(
                signature: ECDSASignatureForm.der(raw: key.rawSignature(prepared.bytes)) + [0])
        }
        #expect(trailing?.code == .signatureForm)
    }

    @Test("A placeholder without a value and a value without a placeholder are refused")
    func values() throws {
        let key = SoftwareKey(.p256).subjectPublicKeyInfo
        for values in [["organization": "E"], caValues.merging(["x": "y"]) { $1 }] {
            let error = #expect(throws: CertificatesError.self) {
                try template("root-ca").prepare(
                    subjectKey: key, issuer: .selfSigned, notBefore: start, values: values, rehearsal: false)
            }
            #expect(error?.code == .values)
        }
        let long = #expect(throws: CertificatesError.self) {
            try template("root-ca").prepare(
                subjectKey: key, issuer: .selfSigned, notBefore: start,
                values: ["organization": String(repeating: "o", count: 65), "generation": "G1"],
                rehearsal: false)
        }
        #expect(long?.code == .value)
    }

    @Test("Every optional extension comes out as openssl knows it")
    func extensions() throws {
        let folder = try ScratchFolder()
        let text = try templateText("tls-client-ec-p256")
            .replacingOccurrences(
                of: "subjectAltName: none",
                with: "subjectAltName: { critical: false, names: [{ dns: \"{serial}.example\" }, "
                    + "{ uri: \"urn:dev:{column.mac}\" }] }"
            )
            .replacingOccurrences(
                of: "certificatePolicies: none",
                with: "certificatePolicies: { critical: false, policies: [1.3.6.1.4.1.99999.2] }"
            )
            .replacingOccurrences(
                of: "cRLDistributionPoints: none",
                with: "cRLDistributionPoints: { critical: false, uris: [\"http://crl.example/a.crl\"] }"
            )
            .replacingOccurrences(
                of: "other: none",
                with: "other: [{ oid: 1.3.6.1.5.5.7.1.32, critical: false, der: \"16036d2e65\" }]")
        let hierarchy = try Hierarchy()
        let plan = try hierarchy.plan(CertificateTemplate.parse(Array(text.utf8), name: "t"))
        #expect(plan.columns == ["serial", "mac"])
        let row = DeviceCertificateRow(
            serialNumber: .init(), point: SoftwareKey(.p256).point, values: ["ex-1", "0200"])
        try plan.check(row)
        let bytes = try plan.toBeSigned(row)
        let der = try plan.certificate(
            toBeSigned: bytes, rawSignature: hierarchy.issuingKey.rawSignature(bytes))
        let printed = try openssl(["x509", "-noout", "-text", "-in", try folder.write("d.pem", pem(der))])
            .output
        for words in [
            "DNS:ex-1.example, URI:urn:dev:0200", "Policy: 1.3.6.1.4.1.99999.2",
            "URI:http://crl.example/a.crl",
            "TLS Web Client Authentication", "1.3.6.1.5.5.7.1.32", "X509v3 Subject Key Identifier",
        ] {
            #expect(printed.contains(words), "\(printed)")
        }
    }

    @Test("A certificate that cannot be read is refused and never crashes")
    func unreadable() throws {
        let der = try Hierarchy().root
        for cut in stride(from: 0, to: der.count, by: 3) {
            #expect(throws: CertificatesError.self) { try ReceivedCertificate(der: Array(der[..<cut])) }
        }
        #expect(throws: CertificatesError.self) { try ReceivedCertificate(der: der + [0]) }
        for index in der.indices {
            var changed = der
            changed[index] ^= 0xFF
            _ = try? ReceivedCertificate(der: changed)
        }
    }
}
