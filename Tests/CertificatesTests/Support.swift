import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import Certificates

/// A software key that stands for a key in a token.
enum SoftwareKey {
    case p256(P256.Signing.PrivateKey)
    case p384(P384.Signing.PrivateKey)
    case rsa(_RSA.Signing.PrivateKey)

    // RSA keys take long to make: the process has one of a kind for each place in a hierarchy.
    static let rsa2048 = Result { SoftwareKey.rsa(try _RSA.Signing.PrivateKey(keySize: .bits2048)) }
    private static let rsa3072 = Result { SoftwareKey.rsa(try _RSA.Signing.PrivateKey(keySize: .bits3072)) }
    private static let rsa4096 = Result { SoftwareKey.rsa(try _RSA.Signing.PrivateKey(keySize: .bits4096)) }

    init(type: CertificateKeyType) throws {
        switch type {
        case .p256: self.init(.p256)
        case .p384: self.init(.p384)
        case .rsa3072: self = try Self.rsa3072.get()
        case .rsa4096: self = try Self.rsa4096.get()
        }
    }

    init(_ curve: EllipticCurve) {
        self = curve == .p256 ? .p256(.init()) : .p384(.init())
    }

    var subjectPublicKeyInfo: [UInt8] {
        switch self {
        case .p256(let key): Array(key.publicKey.derRepresentation)
        case .p384(let key): Array(key.publicKey.derRepresentation)
        case .rsa(let key): Array(key.publicKey.derRepresentation)
        }
    }

    /// The uncompressed point; empty for RSA.
    var point: [UInt8] {
        switch self {
        case .p256(let key): Array(key.publicKey.x963Representation)
        case .p384(let key): Array(key.publicKey.x963Representation)
        case .rsa: []
        }
    }

    /// As a token gives it: r‖s, or RSASSA-PKCS1-v1_5 with SHA-256, from 4096 bits on with SHA-384.
    func rawSignature(_ bytes: [UInt8]) throws -> [UInt8] {
        switch self {
        case .p256(let key): Array(try key.signature(for: Data(bytes)).rawRepresentation)
        case .p384(let key): Array(try key.signature(for: Data(bytes)).rawRepresentation)
        case .rsa(let key):
            Array(
                try key.keySizeInBits < 4096
                    ? key.signature(for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5)
                        .rawRepresentation
                    : key.signature(for: SHA384.hash(data: bytes), padding: .insecurePKCS1v1_5)
                        .rawRepresentation)
        }
    }
}

let templateFolder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Templates/certificates").path

func template(_ name: String) throws -> CertificateTemplate {
    try CertificateTemplate.load(path: "\(templateFolder)/\(name).yaml")
}

func templateText(_ name: String) throws -> String {
    try String(contentsOfFile: "\(templateFolder)/\(name).yaml", encoding: .utf8)
}

/// A template's text with one part replaced.
func edited(_ name: String, _ old: String, _ new: String) throws -> CertificateTemplate {
    let text = try templateText(name)
    try #require(text.contains(old), "the template has to have: \(old)")
    return try CertificateTemplate.parse(
        Array(text.replacingOccurrences(of: old, with: new).utf8), name: "\(name).yaml")
}

let caValues = ["organization": "Example", "generation": "G1"]
/// 2026-01-01T00:00:00Z.
let start = Date(timeIntervalSince1970: 1_767_225_600)

/// A root and an issuing CA made in software.
struct Hierarchy {
    let rootKey: SoftwareKey
    let root: [UInt8]
    let issuingKey: SoftwareKey
    let issuing: [UInt8]

    init(
        root rootType: CertificateKeyType = .p384, issuing issuingType: CertificateKeyType = .p256,
        rehearsal: Bool = false
    )
        throws
    {
        rootKey = try SoftwareKey(type: rootType)
        let root = try template("root-ca").prepare(
            subjectKey: rootKey.subjectPublicKeyInfo, issuer: .selfSigned, notBefore: start, values: caValues,
            rehearsal: rehearsal)
        self.root = try root.certificate(rawSignature: rootKey.rawSignature(root.bytes))
        issuingKey = try SoftwareKey(type: issuingType)
        let issuing = try template("issuing-ca").prepare(
            subjectKey: issuingKey.subjectPublicKeyInfo, issuer: .issuedBy(self.root), notBefore: start,
            values: caValues, rehearsal: rehearsal)
        self.issuing = try issuing.certificate(rawSignature: rootKey.rawSignature(issuing.bytes))
    }

    func plan(
        _ template: CertificateTemplate, rehearsal: Bool = false, product: String = "Sensor"
    ) throws -> DeviceCertificatePlan {
        try DeviceCertificatePlan(
            template: template, issuer: issuing, notBefore: start, product: product, rehearsal: rehearsal)
    }
}

/// A folder that is removed with the value's owner.
final class ScratchFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "certificates-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}

/// Runs the openssl command and returns its status and everything it printed.
func openssl(_ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
}

/// The error's rules, when it is a lint error.
func rules(_ error: CertificatesError?) -> [LintRule] { error?.findings.map(\.rule) ?? [] }
