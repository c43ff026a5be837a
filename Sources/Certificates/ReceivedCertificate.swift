import Crypto
import Foundation
import SwiftASN1
import X509

/// A certificate as it was received: its bytes are kept, and what is compared is compared on them.
public struct ReceivedCertificate: Hashable, Sendable {
    /// The whole certificate.
    public let der: [UInt8]
    /// The to-be-signed part, the DER that the signature covers.
    public let toBeSigned: [UInt8]
    /// The contents of the serialNumber INTEGER.
    public let serialNumber: [UInt8]
    /// The DER of the issuer's name.
    public let issuer: [UInt8]
    /// The DER of the subject's name.
    public let subject: [UInt8]
    public let subjectPublicKeyInfo: [UInt8]
    /// The first second of validity, since 1970 UTC.
    public let notBefore: Int64
    /// The last second of validity, since 1970 UTC.
    public let notAfter: Int64
    /// The contents of the subjectKeyIdentifier, nil without the extension.
    public let subjectKeyIdentifier: [UInt8]?
    /// The keyIdentifier of the authorityKeyIdentifier, nil without it.
    public let authorityKeyIdentifier: [UInt8]?

    let fields: ToBeSignedFields
    let x509: X509.Certificate

    /// Reads one DER certificate; anything before or after it is refused.
    public init(der: [UInt8]) throws(CertificatesError) {
        guard let outer = DERElement(der), outer.tag == 0x30, let parts = outer.children(in: der),
            parts.count == 3, parts[0].tag == 0x30, parts[1].tag == 0x30, parts[2].tag == 0x03
        else { throw Self.unreadable("this is not one DER certificate") }
        let fields = try ToBeSignedFields(der, at: parts[0])
        let x509: X509.Certificate
        let extensions: (subject: [UInt8]?, authority: [UInt8]?)
        do {
            x509 = try X509.Certificate(derEncoded: der)
            extensions = (
                try x509.extensions.subjectKeyIdentifier.map { Array($0.keyIdentifier) },
                try x509.extensions.authorityKeyIdentifier?.keyIdentifier.map { Array($0) }
            )
        } catch {
            throw Self.unreadable("the certificate cannot be read: \(error)")
        }
        self.der = der
        self.fields = fields
        self.x509 = x509
        toBeSigned = Array(der[parts[0].whole])
        serialNumber = Array(der[fields.serialNumber.contents])
        issuer = Array(der[fields.issuer.whole])
        subject = Array(der[fields.subject.whole])
        subjectPublicKeyInfo = Array(der[fields.publicKey.whole])
        notBefore = Int64(x509.notValidBefore.timeIntervalSince1970.rounded())
        notAfter = Int64(x509.notValidAfter.timeIntervalSince1970.rounded())
        subjectKeyIdentifier = extensions.subject
        authorityKeyIdentifier = extensions.authority
    }

    /// Reads PEM text that holds exactly one certificate.
    public init(pem text: String) throws(CertificatesError) {
        guard let blocks = derBlocks(inPEM: text), blocks.count == 1 else {
            throw Self.unreadable("one PEM block CERTIFICATE is wanted")
        }
        try self.init(der: blocks[0])
    }

    /// The SHA-256 of the subjectPublicKeyInfo as received.
    public var subjectPublicKeyInfoDigest: [UInt8] { Array(SHA256.hash(data: subjectPublicKeyInfo)) }

    /// The SHA-256 of the whole certificate.
    public var digest: [UInt8] { Array(SHA256.hash(data: der)) }

    /// The subject as text (RFC 4514 order of the library), for people to read.
    public var subjectText: String { "\(x509.subject)" }

    /// Whether the subject carries the rehearsal marker.
    public var isRehearsal: Bool { RehearsalMarker.isIn(x509.subject) }

    /// The key of the subject; another key type than EC and RSA is refused.
    public func publicKey() throws(CertificatesError) -> SubjectPublicKey {
        try SubjectPublicKey(subjectPublicKeyInfo: subjectPublicKeyInfo)
    }

    /// The signature's octets, as the certificate carries them: for ECDSA a DER ECDSA-Sig-Value.
    public var signature: [UInt8] {
        guard let outer = DERElement(der), let parts = outer.children(in: der), parts.count == 3 else {
            return []
        }
        return Array(der[parts[2].contents].dropFirst())
    }

    /// Whether the certificate's own signature verifies with the key, by the algorithm that belongs to it.
    public func isSigned(by key: SubjectPublicKey) -> Bool {
        guard let outer = DERElement(der), let parts = outer.children(in: der), parts.count == 3
        else { return false }
        let algorithm = key.signatureAlgorithm.algorithmIdentifier
        guard Array(der[parts[1].whole]) == algorithm, Array(der[fields.signature.whole]) == algorithm
        else { return false }
        // A BIT STRING whose first octet counts unused bits: none in a signature.
        guard der[parts[2].contents].first == 0 else { return false }
        return key.isValid(signature: Array(der[parts[2].contents].dropFirst()), over: toBeSigned)
    }

    static func unreadable(_ message: String) -> CertificatesError {
        CertificatesError(.certificateUnreadable, subject: "certificate", message)
    }
}

/// Where the fields of a to-be-signed certificate lie (RFC 5280 section 4.1).
struct ToBeSignedFields: Hashable, Sendable {
    var version: DERElement?
    var serialNumber: DERElement
    var signature: DERElement
    var issuer: DERElement
    var notBefore: DERElement
    var notAfter: DERElement
    var subject: DERElement
    var publicKey: DERElement
    /// The OID and the critical flag of each extension, in order.
    var extensions: [ExtensionField] = []

    struct ExtensionField: Hashable, Sendable {
        var oid: [UInt8]
        var critical: Bool
        var value: DERElement
    }

    init(_ bytes: [UInt8], at element: DERElement) throws(CertificatesError) {
        guard var parts = element.children(in: bytes)?[...] else {
            throw ReceivedCertificate.unreadable("the to-be-signed part is not DER")
        }
        version = parts.first?.tag == 0xA0 ? parts.removeFirst() : nil
        let tags: [UInt8] = [0x02, 0x30, 0x30, 0x30, 0x30, 0x30]
        guard parts.count >= 6, parts.prefix(6).map(\.tag) == tags else {
            throw ReceivedCertificate.unreadable("the to-be-signed part lacks a field")
        }
        let fields = Array(parts)
        guard let validity = fields[3].children(in: bytes), validity.count == 2 else {
            throw ReceivedCertificate.unreadable("the validity is malformed")
        }
        (serialNumber, signature, issuer) = (fields[0], fields[1], fields[2])
        (notBefore, notAfter) = (validity[0], validity[1])
        (subject, publicKey) = (fields[4], fields[5])
        guard let last = fields.last, last.tag == 0xA3 else { return }
        guard let wrapper = last.children(in: bytes), wrapper.count == 1,
            let list = wrapper[0].children(in: bytes)
        else { throw ReceivedCertificate.unreadable("the extensions are malformed") }
        for item in list {
            guard let parts = item.children(in: bytes), (2...3).contains(parts.count), parts[0].tag == 0x06,
                let value = parts.last, value.tag == 0x04
            else { throw ReceivedCertificate.unreadable("an extension is malformed") }
            let critical = parts.count == 3 && bytes[parts[1].contents].first == 0xFF
            extensions.append(
                ExtensionField(oid: Array(bytes[parts[0].contents]), critical: critical, value: value))
        }
    }
}

extension SignatureAlgorithm {
    var x509: X509.Certificate.SignatureAlgorithm {
        switch self {
        case .ecdsaWithSHA256: .ecdsaWithSHA256
        case .ecdsaWithSHA384: .ecdsaWithSHA384
        case .sha256WithRSAEncryption: .sha256WithRSAEncryption
        case .sha384WithRSAEncryption: .sha384WithRSAEncryption
        }
    }
}

/// The mark that every subject of a rehearsal carries, so that nothing made in one is taken for the real thing.
public enum RehearsalMarker {
    /// The value of the last attribute, an organizational unit, of every rehearsal subject.
    public static let organizationalUnit = "REHEARSAL - NOT FOR PRODUCTION"

    static func isIn(_ name: DistinguishedName) -> Bool {
        name.contains { attributes in
            attributes.contains {
                $0.type == .RDNAttributeType.organizationalUnitName && String($0.value) == organizationalUnit
            }
        }
    }
}
