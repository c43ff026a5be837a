import Crypto
import Foundation
import SwiftASN1
import Testing
import X509

@testable import Certificates

/// 2026-02-01T00:00:00Z.
let issued: Int64 = 1_769_904_000
let day: Int64 = 86_400

/// A serial number of 20 octets that ends in `last`.
func serial(_ last: UInt8) -> [UInt8] { [0x40] + [UInt8](repeating: 0xAB, count: 18) + [last] }

func revoked(
    _ last: UInt8, at time: Int64 = issued - day, _ reason: RevocationReason = .unspecified,
    invalidityDate: Int64? = nil
) -> RevokedCertificate {
    RevokedCertificate(
        serialNumber: serial(last), revocationTime: time, reason: reason, invalidityDate: invalidityDate)
}

/// A software CA that signs lists, with a certificate made through the X.509 library.
struct ListIssuer {
    let key: SoftwareKey
    let certificate: [UInt8]

    init(
        _ curve: EllipticCurve = .p256, key: SoftwareKey? = nil, isCA: Bool = true,
        usage: KeyUsage = KeyUsage(cRLSign: true),
        keyIdentifier: [UInt8]? = [1, 2, 3, 4], notAfter: Int64 = issued + 3650 * day
    ) throws {
        self.key = key ?? SoftwareKey(curve)
        let name = try DistinguishedName {
            OrganizationName("Example")
            CommonName("List issuer")
        }
        var extensions = X509.Certificate.Extensions()
        if isCA {
            try extensions.append(
                .init(BasicConstraints.isCertificateAuthority(maxPathLength: 0), critical: true))
        }
        try extensions.append(.init(usage, critical: true))
        if let keyIdentifier {
            try extensions.append(
                .init(SubjectKeyIdentifier(keyIdentifier: keyIdentifier[...]), critical: false))
        }
        let signing: X509.Certificate.PrivateKey
        if case .p256(let key) = self.key {
            signing = .init(key)
        } else if case .p384(let key) = self.key {
            signing = .init(key)
        } else {
            throw CancellationError()
        }
        let certificate = try X509.Certificate(
            version: .v3, serialNumber: .init(bytes: serial(0)), publicKey: signing.publicKey,
            notValidBefore: start, notValidAfter: Date(timeIntervalSince1970: TimeInterval(notAfter)),
            issuer: name, subject: name,
            signatureAlgorithm: curve == .p256 ? .ecdsaWithSHA256 : .ecdsaWithSHA384,
            extensions: extensions, issuerPrivateKey: signing)
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        self.certificate = serializer.serializedBytes
    }

    /// The CA of a hierarchy that the templates made.
    init(_ hierarchy: Hierarchy) {
        key = hierarchy.issuingKey
        certificate = hierarchy.issuing
    }

    func list(
        _ entries: [RevokedCertificate] = [], number: UInt64 = 1, thisUpdate: Int64 = issued,
        nextUpdate: Int64? = nil
    ) -> CertificateRevocationList {
        CertificateRevocationList(
            issuer: certificate, number: number, thisUpdate: thisUpdate,
            nextUpdate: nextUpdate ?? thisUpdate + 7 * day, entries: entries)
    }

    func signature(_ bytes: [UInt8]) throws -> [UInt8] {
        try ECDSASignatureForm.der(raw: key.rawSignature(bytes))
    }

    /// The list, linted and signed.
    func signed(
        _ list: CertificateRevocationList, previous: ReceivedRevocationList? = nil,
        notAfter: ([UInt8]) -> Int64? = { _ in nil }
    ) throws -> ReceivedRevocationList {
        let linted = try prepareRevocationList(list, previous: previous, notAfter: notAfter)
        return try ReceivedRevocationList(
            der: linted.revocationList(signature: signature(linted.bytes)))
    }

    /// The rules that the list breaks.
    func rules(
        _ list: CertificateRevocationList, previous: ReceivedRevocationList? = nil,
        notAfter: ([UInt8]) -> Int64? = { _ in nil }
    ) -> [LintRule] {
        let error = #expect(throws: CertificatesError.self) {
            try prepareRevocationList(list, previous: previous, notAfter: notAfter)
        }
        #expect(error?.code == .revocationListLint)
        return error?.findings.map(\.rule) ?? []
    }
}

/// A list written part by part, for forms that the encoder never writes.
struct RawList {
    static let name: [UInt8] = derElement(
        0x30, derElement(0x31, derElement(0x30, [0x06, 3, 0x55, 4, 3] + derElement(0x0C, Array("CA".utf8)))))
    static let algorithm = RevocationListAlgorithm.ecdsaWithSHA256.algorithmIdentifier

    static func utc(_ text: String) -> [UInt8] { derElement(0x17, Array(text.utf8)) }
    static func generalized(_ text: String) -> [UInt8] { derElement(0x18, Array(text.utf8)) }

    /// An Extension whose last arc below 2.5.29 is given.
    static func item(_ arc: UInt8, _ value: [UInt8], critical: [UInt8] = []) -> [UInt8] {
        derElement(0x30, [0x06, 3, 0x55, 0x1D, arc] + critical + derElement(0x04, value))
    }

    static func entry(
        serial: [UInt8] = [0x02, 1, 7], time: [UInt8] = utc("260101000000Z"), extensions: [UInt8] = []
    ) -> [UInt8] {
        derElement(0x30, serial + time + extensions)
    }

    static let authority = item(0x23, [0x30, 0x03, 0x80, 0x01, 0x09])
    static let number = item(0x14, [0x02, 0x01, 0x05])
    static let critical: [UInt8] = [0x01, 0x01, 0xFF]

    var version: [UInt8] = [0x02, 0x01, 0x01]
    var inner = algorithm
    var issuer = name
    var thisUpdate = utc("260201000000Z")
    var nextUpdate = utc("260301000000Z")
    var entries: [UInt8] = derElement(0x30, entry())
    var extensions: [UInt8] = derElement(0xA0, derElement(0x30, authority + number))
    var outer = algorithm
    var signature: [UInt8] = [0x03, 0x09, 0x00, 0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01]
    var after: [UInt8] = []

    mutating func extend(_ items: [UInt8]) { extensions = derElement(0xA0, derElement(0x30, items)) }

    mutating func reason(_ value: [UInt8], critical: [UInt8] = []) {
        entries = derElement(
            0x30, Self.entry(extensions: derElement(0x30, Self.item(0x15, value, critical: critical))))
    }

    var der: [UInt8] {
        let fields = version + inner + issuer + thisUpdate + nextUpdate + entries + extensions
        return derElement(0x30, derElement(0x30, fields) + outer + signature) + after
    }
}
