import Crypto
import Foundation
import SwiftASN1
import X509

/// Who issues a certificate.
public enum CertificateIssuer: Hashable, Sendable {
    /// The certificate's own key signs it: roots and signers.
    case selfSigned
    /// The DER of the issuing CA's certificate.
    case issuedBy([UInt8])
}

/// Builds certificates through the X.509 library, signed with a throwaway key.
///
/// The library gives no to-be-signed bytes without a signature, and a linter wants a whole certificate, so a key
/// made for the moment signs; its signature is never given out.
struct CertificateBuilder: Sendable {
    let template: CertificateTemplate
    /// Nil when self-signed.
    let issuer: ReceivedCertificate?
    /// What the key that will sign signs by.
    let signatureAlgorithm: SignatureAlgorithm
    let notBefore: Int64
    let notAfter: Int64
    let rehearsal: Bool
    let throwaway: ThrowawayKey

    init(
        template: CertificateTemplate, issuer: ReceivedCertificate?, issuerKey: SubjectPublicKey,
        notBefore: Date, rehearsal: Bool
    ) throws(CertificatesError) {
        guard let start = CalendarTime.seconds(of: notBefore) else {
            throw CertificatesError(
                .time, subject: template.name, "notBefore has to lie in the years 1950 to 9999")
        }
        let end = template.validityEnd.end(from: start)
        guard end <= CalendarTime.endOfTime else {
            throw CertificatesError(
                .time, subject: template.name, "the certificate would end after the year 9999")
        }
        let algorithm = issuerKey.signatureAlgorithm
        guard template.signatureAlgorithms.contains(algorithm) else {
            let allowed = template.signatureAlgorithms.map(\.rawValue).joined(separator: ", ")
            throw CertificatesError(
                .lint, subject: template.name,
                "the issuer's \(issuerKey.name) key signs by \(algorithm.rawValue); "
                    + "the template allows \(allowed)",
                findings: [
                    LintFinding(.signatureAlgorithm, "the template does not allow the issuer's algorithm")
                ])
        }
        self.template = template
        self.issuer = issuer
        signatureAlgorithm = algorithm
        self.notBefore = start
        notAfter = end
        self.rehearsal = rehearsal
        throwaway = try ThrowawayKey(algorithm)
    }

    /// The certificate of one subject, signed by the throwaway key.
    ///
    /// - Parameter checksTexts: false for samples whose texts are only there to be cut out again.
    func certificate(
        serialNumber: CertificateSerialNumber, subjectKey: SubjectPublicKey, values: [String: String],
        checksTexts: Bool = true
    ) throws(CertificatesError) -> [UInt8] {
        if checksTexts { try check(values) }
        let subject = try subject(values)
        let extensions = try extensions(subjectKey, values)
        do {
            let certificate = try X509.Certificate(
                version: .v3,
                serialNumber: .init(bytes: serialNumber.bytes),
                publicKey: .init(derEncoded: subjectKey.subjectPublicKeyInfo),
                notValidBefore: Date(timeIntervalSince1970: TimeInterval(notBefore)),
                notValidAfter: Date(timeIntervalSince1970: TimeInterval(notAfter)),
                issuer: issuer?.x509.subject ?? subject,
                subject: subject,
                signatureAlgorithm: signatureAlgorithm.x509,
                extensions: extensions,
                issuerPrivateKey: throwaway.privateKey)
            var serializer = DER.Serializer()
            try serializer.serialize(certificate)
            return serializer.serializedBytes
        } catch {
            throw CertificatesError(
                .build, subject: template.name, "the certificate could not be built: \(error)")
        }
    }

    private func check(_ values: [String: String]) throws(CertificatesError) {
        for attribute in template.subject {
            if let fault = attribute.rule.fault(try attribute.text.filled(values)) {
                throw CertificatesError(.value, subject: "subject \(attribute.type.name)", fault)
            }
        }
        for (text, rule) in template.extensions.texts {
            let filled = try text.filled(values)
            if let fault = rule.fault(filled) { throw CertificatesError(.value, subject: filled, fault) }
        }
    }

    private func subject(_ values: [String: String]) throws(CertificatesError) -> DistinguishedName {
        var names: [RelativeDistinguishedName] = []
        for attribute in template.subject {
            let text = try attribute.text.filled(values)
            names.append(try Self.name(attribute.type.oid, attribute.encoding, text))
        }
        if rehearsal {
            names.append(try Self.name([2, 5, 4, 11], .printable, RehearsalMarker.organizationalUnit))
        }
        return DistinguishedName(names)
    }

    private static func name(
        _ oid: [UInt], _ encoding: StringEncoding, _ text: String
    ) throws(CertificatesError) -> RelativeDistinguishedName {
        do {
            let value: RelativeDistinguishedName.Attribute.Value =
                switch encoding {
                case .printable: try .init(printableString: text)
                case .ia5: try .init(ia5String: text)
                case .utf8: .init(utf8String: text)
                }
            return RelativeDistinguishedName(.init(type: try .init(elements: oid), value: value))
        } catch {
            throw CertificatesError(.value, subject: text, "the text does not fit its string type: \(error)")
        }
    }

    private func extensions(
        _ subjectKey: SubjectPublicKey, _ values: [String: String]
    ) throws(CertificatesError) -> X509.Certificate.Extensions {
        do {
            return try X509.Certificate.Extensions(try extensionList(subjectKey, values))
        } catch let error as CertificatesError {
            throw error
        } catch {
            throw CertificatesError(
                .build, subject: template.name, "the extensions could not be built: \(error)")
        }
    }

    private func extensionList(
        _ subjectKey: SubjectPublicKey, _ values: [String: String]
    ) throws -> [X509.Certificate.Extension] {
        let wanted = template.extensions
        var list: [X509.Certificate.Extension] = []
        if let constraints = wanted.basicConstraints {
            let content: BasicConstraints =
                constraints.content.isCA
                ? .isCertificateAuthority(maxPathLength: constraints.content.pathLength)
                : .notCertificateAuthority
            list.append(try .init(content, critical: constraints.critical))
        }
        if let usage = wanted.keyUsage {
            list.append(try .init(Self.keyUsage(usage.content), critical: usage.critical))
        }
        if let purposes = wanted.extendedKeyUsage {
            let usages = try purposes.content.map { ExtendedKeyUsage.Usage(oid: try .init(elements: $0)) }
            list.append(try .init(ExtendedKeyUsage(usages), critical: purposes.critical))
        }
        var ownIdentifier: [UInt8]?
        if let identifier = wanted.subjectKeyIdentifier {
            let bytes = identifier.content.identifier(of: subjectKey.subjectPublicKey)
            ownIdentifier = bytes
            list.append(
                try .init(SubjectKeyIdentifier(keyIdentifier: bytes[...]), critical: identifier.critical))
        }
        if let authority = wanted.authorityKeyIdentifier {
            guard let bytes = issuer == nil ? ownIdentifier : issuer?.subjectKeyIdentifier else {
                throw CertificatesError(
                    .lint, subject: template.name,
                    "the issuer's certificate has no subjectKeyIdentifier to refer to",
                    findings: [LintFinding(.authorityKeyIdentifier, "the issuer has no subjectKeyIdentifier")]
                )
            }
            list.append(
                try .init(AuthorityKeyIdentifier(keyIdentifier: bytes[...]), critical: authority.critical))
        }
        if let names = wanted.subjectAltName {
            let general = try names.content.map { try Self.generalName($0, values) }
            list.append(try .init(SubjectAlternativeNames(general), critical: names.critical))
        }
        if let policies = wanted.certificatePolicies {
            var body: [UInt8] = []
            for policy in policies.content { body += derElement(0x30, try Self.encoded(policy)) }
            list.append(
                .init(
                    oid: [2, 5, 29, 32], critical: policies.critical, value: derElement(0x30, body)[...]))
        }
        if let points = wanted.cRLDistributionPoints {
            var body: [UInt8] = []
            for point in points.content {
                let uri = try point.filled(values)
                // DistributionPoint { [0] DistributionPointName { [0] fullName { [6] URI } } }, RFC 5280 4.2.1.13.
                body += derElement(
                    0x30, derElement(0xA0, derElement(0xA0, derElement(0x86, Array(uri.utf8)))))
            }
            list.append(
                .init(oid: [2, 5, 29, 31], critical: points.critical, value: derElement(0x30, body)[...]))
        }
        for other in wanted.other {
            list.append(
                .init(oid: try .init(elements: other.oid), critical: other.critical, value: other.der[...]))
        }
        return list
    }

    private static func encoded(_ oid: [UInt]) throws -> [UInt8] {
        var serializer = DER.Serializer()
        try serializer.serialize(ASN1ObjectIdentifier(elements: oid))
        return serializer.serializedBytes
    }

    private static func generalName(
        _ name: TemplateExtensions.AlternativeName, _ values: [String: String]
    ) throws -> GeneralName {
        let filled = try name.text.text.filled(values)
        switch name {
        case .dns: return .dnsName(filled)
        case .uri: return .uniformResourceIdentifier(filled)
        case .hardwareModule(let type, _):
            // HardwareModuleName { hwType OID, hwSerialNum OCTET STRING }, RFC 4108 section 5.
            let value = derElement(0x30, try encoded(type) + derElement(0x04, Array(filled.utf8)))
            let any = ASN1Any(derEncoded: try DER.parse(value))
            return .otherName(.init(typeID: [1, 3, 6, 1, 5, 5, 7, 8, 4], value: any))
        }
    }

    private static func keyUsage(_ bits: [TemplateExtensions.KeyUsageBit]) -> KeyUsage {
        KeyUsage(
            digitalSignature: bits.contains(.digitalSignature),
            nonRepudiation: bits.contains(.nonRepudiation),
            keyEncipherment: bits.contains(.keyEncipherment),
            dataEncipherment: bits.contains(.dataEncipherment),
            keyAgreement: bits.contains(.keyAgreement), keyCertSign: bits.contains(.keyCertSign),
            cRLSign: bits.contains(.cRLSign), encipherOnly: bits.contains(.encipherOnly),
            decipherOnly: bits.contains(.decipherOnly))
    }
}

extension TemplateExtensions.KeyIdentifierMethod {
    /// The 20 octets that name a public key; the hash is over the BIT STRING's value, a point or an RSAPublicKey.
    func identifier(of subjectPublicKey: [UInt8]) -> [UInt8] {
        switch self {
        case .sha1: Array(Insecure.SHA1.hash(data: subjectPublicKey))
        case .truncatedSHA256: Array(SHA256.hash(data: subjectPublicKey).prefix(20))
        }
    }
}
