import Crypto
import Foundation
import Testing

@testable import Certificates

@Suite("Certification requests")
struct RequestTests {
    /// A request built field by field, so that each can be another than it should be.
    struct Draft {
        var version: [UInt8] = [0x02, 0x01, 0x00]
        var subject: [UInt8] = derElement(0x30, Draft.name([0x55, 0x04, 0x05], 0x13, "EX-1"))
        var key: [UInt8]
        var attributes: [UInt8] = [0xA0, 0x00]
        var algorithm: [UInt8]
        var sign: @Sendable ([UInt8]) throws -> [UInt8]

        init(_ key: SoftwareKey) {
            self.key = key.subjectPublicKeyInfo
            let curve: EllipticCurve = key.point.count == 65 ? .p256 : .p384
            algorithm = curve.signatureAlgorithm.algorithmIdentifier
            sign = { try ECDSASignatureForm.der(raw: try key.rawSignature($0)) }
        }

        static func name(_ type: [UInt8], _ tag: UInt8, _ text: String) -> [UInt8] {
            derElement(0x31, derElement(0x30, derElement(0x06, type) + derElement(tag, Array(text.utf8))))
        }

        func der() throws -> [UInt8] {
            let info = derElement(0x30, version + subject + key + attributes)
            return derElement(0x30, info + algorithm + derElement(0x03, [0] + (try sign(info))))
        }
    }

    /// The order n of P-256's group (FIPS 186-4 section D.1.2.3).
    private static let order: [UInt8] =
        [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 8)
        + [0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51]

    /// Code and message of the refusal; nil where the request is read.
    private func refusal(_ der: [UInt8]) -> CertificatesError? {
        do throws(CertificatesError) {
            _ = try CertificateRequest(der: der)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "A request by openssl is read in DER and PEM, and its proof verifies, with either hash on either curve",
        arguments: [
            ("prime256v1", "-sha256"), ("prime256v1", "-sha384"), ("secp384r1", "-sha256"),
            ("secp384r1", "-sha384"),
        ])
    func openSSL(curve: String, hash: String) throws {
        let folder = try Scratch()
        let (key, pem, der) = (folder.path("key.pem"), folder.path("r.pem"), folder.path("r.der"))
        try #require(try openssl(["ecparam", "-name", curve, "-genkey", "-noout", "-out", key]).status == 0)
        for (form, out) in [("PEM", pem), ("DER", der)] {
            let arguments = [
                "req", "-new", "-key", key, hash, "-subj", "/O=Ex/CN=device/serialNumber=EX-1", "-addext",
                "subjectAltName=DNS:example.com", "-outform", form, "-out", out,
            ]
            try #require(try openssl(arguments).status == 0)
        }
        let inPEM = try CertificateRequestText.der(folder.read("r.pem"))
        let inDER = try CertificateRequestText.der(folder.read("r.der"))
        let inBase64 = try CertificateRequestText.der(
            Array(Data(try folder.read("r.der")).base64EncodedString().utf8))
        #expect(inBase64 == inDER)
        for der in [inPEM, inDER] {
            let request = try CertificateRequest(der: der)
            #expect(request.isProven())
            #expect(request.curve == (curve == "prime256v1" ? .p256 : .p384))
            #expect(request.serialNumbers == ["EX-1"])
            #expect(request.commonNames == ["device"])
            let info = ["pkey", "-in", key, "-pubout", "-outform", "DER", "-out", folder.path("spki")]
            #expect(try openssl(info).status == 0)
            #expect(try folder.read("spki").suffix(request.point.count).elementsEqual(request.point))
        }
    }

    @Test(
        "Whatever single octet of a request is changed, it is refused or unproven",
        arguments: EllipticCurve.allCases)
    func mutations(curve: EllipticCurve) throws {
        let original = try Draft(SoftwareKey(curve)).der()
        try #require(try CertificateRequest(der: original).isProven())
        // On P-384 a verification costs ten times as much: fewer values an octet.
        let changes: [UInt8] = curve == .p256 ? [0x01, 0x02, 0x10, 0x20, 0x40, 0x80, 0xFF] : [0x01, 0x80]
        for index in original.indices {
            for change in changes {
                var bytes = original
                bytes[index] ^= change
                let isAccepted = (try? CertificateRequest(der: bytes))?.isProven() ?? false
                #expect(!isAccepted, "octet \(index) changed by \(change)")
            }
        }
    }

    @Test("A request cut off at any octet, or with octets behind it, is refused")
    func lengths() throws {
        let original = try Draft(SoftwareKey(.p256)).der()
        for count in original.indices {
            #expect(refusal(Array(original[..<count])) != nil, "\(count) octets")
        }
        #expect(refusal(original + [0])?.message == "octets follow the request")
        #expect(refusal(original + original)?.code == .requestUnreadable)
    }

    @Test("The proof of another key, of another request, or with r or s out of range does not verify")
    func otherProofs() throws {
        let (own, other) = (SoftwareKey(.p256), SoftwareKey(.p256))
        var draft = Draft(own)
        draft.sign = Draft(other).sign
        #expect(try !CertificateRequest(der: draft.der()).isProven(), "signed by another key")
        let signature = try own.rawSignature([1, 2, 3])
        draft.sign = { _ in try ECDSASignatureForm.der(raw: signature) }
        #expect(try !CertificateRequest(der: draft.der()).isProven(), "a signature over something else")
        for raw in [Array(signature[..<32]) + Self.order, Self.order + Array(signature[32...])] {
            draft.sign = { _ in try ECDSASignatureForm.der(raw: raw) }
            #expect(try !CertificateRequest(der: draft.der()).isProven(), "r or s is n")
        }
        draft.sign = { _ in [0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00] }
        #expect(try refusal(draft.der())?.code == .requestUnreadable, "r and s are 0")
    }

    @Test("Both forms of s are a proof: s and n - s")
    func bothForms() throws {
        let key = SoftwareKey(.p256)
        var draft = Draft(key)
        draft.sign = { message in
            let raw = try key.rawSignature(message)
            var (negative, borrow) = ([UInt8](repeating: 0, count: 32), 0)
            for index in (0..<32).reversed() {
                let difference = Int(Self.order[index]) - Int(raw[32 + index]) - borrow
                borrow = difference < 0 ? 1 : 0
                negative[index] = UInt8(difference + 256 * borrow)
            }
            return try ECDSASignatureForm.der(raw: Array(raw[..<32]) + negative)
        }
        #expect(try CertificateRequest(der: draft.der()).isProven())
        #expect(try CertificateRequest(der: Draft(key).der()).isProven())
    }

    private static let changes: [(name: String, change: @Sendable (inout Draft) -> Void)] = [
        ("version 1", { (d: inout Draft) in d.version = [0x02, 0x01, 0x01] }),
        ("a long version", { d in d.version = [0x02, 0x02, 0x00, 0x00] }),
        ("no attributes", { d in d.attributes = [] }),
        (
            "an attribute without a value",
            { d in d.attributes = [0xA0, 0x07, 0x30, 0x05, 0x06, 0x01, 0x2A, 0x31, 0x00] }
        ),
        ("octets in the attributes", { d in d.attributes = [0xA0, 0x01, 0x05] }),
        ("a second attributes", { d in d.attributes = [0xA0, 0x00, 0xA0, 0x00] }),
        ("an empty set in the subject", { d in d.subject = [0x30, 0x02, 0x31, 0x00] }),
        (
            "a type that is none",
            { d in d.subject = [0x30, 0x09, 0x31, 0x07, 0x30, 0x05, 0x04, 0x01, 0x55, 0x13, 0x00] }
        ),
        ("ecdsa-with-SHA512", { d in d.algorithm[11] = 0x04 }),
        ("parameters NULL", { d in d.algorithm = [0x30, 0x0C] + d.algorithm[2...] + [0x05, 0x00] }),
        (
            "a signature with a leading zero",
            { d in
                let sign = d.sign
                d.sign = { message in
                    let der = try sign(message)
                    return [0x30, der[1] + 1, 0x02, der[3] + 1, 0x00] + der[4...]
                }
            }
        ),
        (
            "octets behind the signature",
            { d in
                let sign = d.sign
                d.sign = { try sign($0) + [0x00] }
            }
        ),
    ]

    @Test("A field that is not as RFC 2986 has it is refused", arguments: changes.map(\.name))
    func fields(name: String) throws {
        var draft = Draft(SoftwareKey(.p256))
        try #require(Self.changes.first { $0.name == name }).change(&draft)
        #expect(try refusal(draft.der())?.code == .requestUnreadable, "\(name)")
    }

    @Test("A request of more than 4096 octets is refused before it is read")
    func large() throws {
        var draft = Draft(SoftwareKey(.p256))
        draft.subject = derElement(
            0x30, Draft.name([0x55, 0x04, 0x03], 0x0C, String(repeating: "A", count: 4096)))
        #expect(try refusal(draft.der())?.message.contains("4096") == true)
    }

    @Test("A key that no device may have is refused, and the message says which kind it is")
    func keys() throws {
        func message(_ change: (inout [UInt8]) throws -> Void) throws -> String? {
            var draft = Draft(SoftwareKey(.p256))
            try change(&draft.key)
            let error = try refusal(draft.der())
            #expect(error?.code == .requestKey)
            return error?.message
        }
        #expect(try message { $0[22] = 0x08 }?.contains("another curve") == true)
        #expect(
            try message { key in
                // The compressed form of the same point.
                key = [0x30, 0x39] + key[2..<23] + [0x03, 0x22, 0x00, 0x02] + key[27..<59]
            }?.contains("uncompressed") == true)
        let rsa = SoftwareKey.rsa2048
        #expect(try message { $0 = try rsa.get().subjectPublicKeyInfo }?.contains("RSA") == true)
        #expect(
            try message {
                $0 = Array(Curve25519.Signing.PrivateKey().publicKey.rawRepresentation)
                $0 = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00] + $0
            }?.contains("another kind than EC") == true)
    }

    @Test("A point off its curve proves nothing")
    func offCurve() throws {
        var draft = Draft(SoftwareKey(.p256))
        draft.key[90] ^= 1
        #expect(try !CertificateRequest(der: draft.der()).isProven())
        draft.key = EllipticCurve.p256.subjectPublicKeyInfoPrefix + [0x04] + [UInt8](repeating: 0, count: 64)
        #expect(try !CertificateRequest(der: draft.der()).isProven())
    }

    @Test(
        "A P-256 point under P-384's name is refused, and a proof under the other curve's hash alone does not help"
    )
    func swappedCurve() throws {
        var draft = Draft(SoftwareKey(.p256))
        let point = draft.key.suffix(65)
        draft.key =
            [0x30, 0x56, 0x30, 0x10] + EllipticCurve.p384.subjectPublicKeyInfoPrefix[4..<20]
            + [0x03, 0x42, 0x00] + point
        #expect(try refusal(draft.der())?.code == .requestKey)
    }

    @Test("PEM with another block, another label, bad base64 or no end is refused")
    func pemForms() throws {
        let der = try Draft(SoftwareKey(.p256)).der()
        let text = pem(der, label: "CERTIFICATE REQUEST")
        func read(_ text: String) -> [UInt8]? { try? CertificateRequestText.der(Array(text.utf8)) }
        #expect(read(text) == der)
        #expect(read("Certificate Request:\n    Data:\n" + text + "the end\n") == der)
        #expect(read(text.replacingOccurrences(of: "\n", with: "\r\n")) == der)
        #expect(read(text.replacingOccurrences(of: "CERTIFICATE", with: "NEW CERTIFICATE")) == der)
        #expect(read(text + text) == nil)
        #expect(read(pem(der)) == nil)
        #expect(read(text.replacingOccurrences(of: "-----END CERTIFICATE REQUEST-----\n", with: "")) == nil)
        #expect(
            read(text.replacingOccurrences(of: "END CERTIFICATE REQUEST", with: "END CERTIFICATE")) == nil)
        #expect(read(text.replacingOccurrences(of: "MI", with: "M!")) == nil)
        #expect(read("") == nil && read("M") == nil && read("\n") == nil)
        let key = pem([1, 2, 3], label: "EC PRIVATE KEY")
        #expect(throws: CertificatesError.self) {
            do throws(CertificatesError) {
                _ = try CertificateRequestText.der(Array((key + text).utf8))
            } catch {
                #expect(error.message.contains("private key"))
                throw error
            }
        }
    }

    @Test("Base64 has one form: stray bits, missing or misplaced padding and blanks are refused")
    func base64() {
        func decode(_ text: String) -> [UInt8]? { Base64Digits.decode(Array(text.utf8)[...]) }
        #expect(decode("TWFu") == Array("Man".utf8))
        #expect(decode("TWE=") == Array("Ma".utf8))
        #expect(decode("TQ==") == Array("M".utf8))
        for text in [
            "", "T", "TWF", "TWE", "TWF=", "TR==", "T===", "====", "TQ=A", "=WFu", "TW u", "TQ==TQ==", "TWE-",
        ] {
            #expect(decode(text) == nil, "\(text)")
        }
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
            #expect(count == 0 || decode(Data(bytes).base64EncodedString()) == bytes)
        }
    }
}

/// A folder of one test.
private final class Scratch {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "requests-\(UUID().uuidString)")
    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(name)))
    }
    deinit { try? FileManager.default.removeItem(at: folder) }
}
