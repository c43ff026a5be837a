import SwiftASN1
import X509

/// The rules that a certificate is held to before any token signs it; each raw value is stable.
public enum LintRule: String, Sendable, CaseIterable, Hashable {
    /// X.509 version 3 (RFC 5280 section 4.1.2.1).
    case version = "lint.version"
    /// Positive, at most 20 octets, shortest form (RFC 5280 section 4.1.2.2).
    case serialNumber = "lint.serial-number"
    /// The algorithm is the one that belongs to the issuer's key (RFC 5280 section 4.1.2.3).
    case signatureAlgorithm = "lint.signature-algorithm"
    /// notAfter lies after notBefore (CEREMONIES, "Hierarchy mistakes").
    case datesInverted = "lint.dates-inverted"
    /// UTCTime through 2049, GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5).
    case timeForm = "lint.time-form"
    /// A subject has a name (RFC 5280 section 4.1.2.6).
    case subjectEmpty = "lint.subject-empty"
    /// Texts keep to the characters of their string type (X.680 section 41.4, RFC 5280 section 4.1.2.4).
    case nameCharacters = "lint.name-characters"
    /// The subject's key is an EC key on P-256 or P-384, or RSA; P-521 is refused.
    case curve = "lint.curve"
    /// The subject's curve or RSA size is one that the template allows.
    case templateCurve = "lint.template-curve"
    /// Devices and signers have EC keys; RSA is for CAs.
    case rsaKind = "lint.rsa-kind"
    /// An RSA modulus, the subject's or the issuer's, has 3072 or 4096 bits.
    case rsaModulus = "lint.rsa-modulus"
    /// An RSA exponent, the subject's or the issuer's, is 65537.
    case rsaExponent = "lint.rsa-exponent"
    /// No extension stands twice (RFC 5280 section 4.2).
    case duplicateExtension = "lint.duplicate-extension"
    /// The certificate is what the template's kind says it is.
    case kind = "lint.kind"
    /// A CA has critical basicConstraints (RFC 5280 section 4.2.1.9).
    case basicConstraints = "lint.basic-constraints"
    /// A CA may sign certificates, nobody else may (RFC 5280 section 4.2.1.3).
    case keyUsage = "lint.key-usage"
    /// A CA has a subjectKeyIdentifier (RFC 5280 section 4.2.1.2).
    case subjectKeyIdentifier = "lint.subject-key-identifier"
    /// The authorityKeyIdentifier is the issuer's subjectKeyIdentifier (RFC 5280 section 4.2.1.1).
    case authorityKeyIdentifier = "lint.authority-key-identifier"
    /// A root or a signer is self-signed, every other certificate is not.
    case selfSigned = "lint.self-signed"
    /// The issuer field is the issuer's subject, octet for octet (RFC 5280 section 4.1.2.4).
    case issuerName = "lint.issuer-name"
    /// The issuer is a CA that may sign certificates (RFC 5280 section 6.1.4).
    case issuerNotCA = "lint.issuer-not-ca"
    /// The issuer's path length leaves room for this CA (RFC 5280 section 4.2.1.9).
    case pathLength = "lint.path-length"
    /// A subordinate has a key of its own.
    case ownKey = "lint.own-key"
    /// A subordinate has a name of its own (compared without case and as octets).
    case sameName = "lint.same-name"
    /// A certificate starts no earlier than its issuer.
    case precedesIssuer = "lint.precedes-issuer"
    /// A certificate ends no later than its issuer; IDevIDs that never end are excepted by their template.
    case outlivesIssuer = "lint.outlives-issuer"
    /// A rehearsal's marker is in every subject of a rehearsal and in no other.
    case rehearsal = "lint.rehearsal"
    /// The signature of the throwaway key covers exactly the bytes that were linted.
    case linted = "lint.linted-bytes"

    // Revocation lists.

    /// A list's issuer is a CA; lists by others would be indirect (RFC 5280 section 5).
    case crlIssuerNotCA = "lint.crl-issuer-not-ca"
    /// The issuer's keyUsage has cRLSign (RFC 5280 section 4.2.1.3).
    case crlIssuerKeyUsage = "lint.crl-issuer-key-usage"
    /// The authorityKeyIdentifier has the issuer's subjectKeyIdentifier to name (RFC 5280 section 5.2.1).
    case crlIssuerKeyIdentifier = "lint.crl-issuer-key-identifier"
    /// The issuer's certificate is valid at thisUpdate (RFC 5280 section 6.3.3).
    case crlIssuerExpired = "lint.crl-issuer-expired"
    /// Times lie in the years that X.509 expresses (RFC 5280 section 5.1.2.4).
    case crlTime = "lint.crl-time"
    /// thisUpdate does not lie before the previous list's (RFC 5280 section 5.1.2.4).
    case crlThisUpdate = "lint.crl-this-update"
    /// nextUpdate lies after thisUpdate (RFC 5280 section 5.1.2.5).
    case crlNextUpdate = "lint.crl-next-update"
    /// nextUpdate is not after the issuer's end (RFC 5280 section 5.1.2.5).
    case crlOutlivesIssuer = "lint.crl-outlives-issuer"
    /// The cRLNumber is positive, and one more than the previous list's (RFC 5280 section 5.2.3).
    case crlNumber = "lint.crl-number"
    /// Serial numbers are positive, at most 20 octets, shortest form (RFC 5280 sections 4.1.2.2 and 5.1.2.6).
    case crlSerialNumber = "lint.crl-serial-number"
    /// No serial number stands twice (RFC 5280 section 5.1.2.6).
    case crlDuplicateSerial = "lint.crl-duplicate-serial"
    /// The issuer does not revoke its own serial number (RFC 5280 section 5.1.2.6).
    case crlOwnSerial = "lint.crl-own-serial"
    /// No revocation lies after thisUpdate (RFC 5280 section 5.1.2.6).
    case crlRevocationDate = "lint.crl-revocation-date"
    /// An invalidityDate does not lie after the revocation (RFC 5280 section 5.3.2).
    case crlInvalidityDate = "lint.crl-invalidity-date"
    /// removeFromCRL belongs in delta CRLs only (RFC 5280 section 5.3.1).
    case crlRemoveFromCRL = "lint.crl-remove-from-crl"
    /// The previous list names this issuer and verifies with its key (RFC 5280 section 5.1.2.3).
    case crlPreviousIssuer = "lint.crl-previous-issuer"
    /// An entry stays until it stood on a list issued after its certificate's end (RFC 5280 section 3.3).
    case crlEntryVanished = "lint.crl-entry-vanished"
    /// An entry's time, reason and invalidityDate stay as they were (RFC 5280 section 5.3).
    case crlEntryChanged = "lint.crl-entry-changed"
    /// The bytes say what was linted, and stand unchanged in the signed list (RFC 5280 section 5.1.1).
    case crlLinted = "lint.crl-linted-bytes"
}

/// Checks one certificate against the rules of its kind and against its issuer.
public struct CertificateLint: Sendable {
    public let kind: CertificateTemplate.Kind
    public let keyTypes: [CertificateKeyType]
    /// Whether certificates may end in 9999 although the issuer ends before.
    public let neverEnds: Bool
    public let rehearsal: Bool
    /// Nil when the certificate is to be self-signed.
    public let issuer: ReceivedCertificate?

    public init(
        kind: CertificateTemplate.Kind, keyTypes: [CertificateKeyType] = CertificateKeyType.allCases,
        neverEnds: Bool = false, rehearsal: Bool, issuer: ReceivedCertificate?
    ) {
        self.kind = kind
        self.keyTypes = keyTypes
        self.neverEnds = neverEnds
        self.rehearsal = rehearsal
        self.issuer = issuer
    }

    /// Every rule that the certificate breaks; the signature is not looked at.
    public func findings(_ certificate: ReceivedCertificate) -> [LintFinding] {
        var findings: [LintFinding] = []
        func check(_ rule: LintRule, _ holds: Bool, _ message: @autoclosure () -> String) {
            if !holds { findings.append(LintFinding(rule, message())) }
        }
        form(certificate, check)
        key(certificate, check)
        extensions(certificate, check)
        lineage(certificate, check)
        return findings
    }

    private typealias Check = (LintRule, Bool, @autoclosure () -> String) -> Void

    private func form(_ certificate: ReceivedCertificate, _ check: Check) {
        let bytes = certificate.der
        let fields = certificate.fields
        check(
            .version, fields.version.map { Array(bytes[$0.contents]) == [0x02, 0x01, 0x02] } ?? false,
            "the certificate is not of version 3")
        let serial = certificate.serialNumber
        let isShort = serial.count < 2 || serial[0] != 0 || serial[1] >= 0x80
        check(
            .serialNumber,
            (1...20).contains(serial.count) && serial[0] < 0x80 && serial.contains { $0 != 0 } && isShort,
            "the serial number is not a positive INTEGER of at most 20 octets")
        check(
            .datesInverted, certificate.notBefore < certificate.notAfter,
            "notAfter does not lie after notBefore")
        for (element, seconds) in [
            (fields.notBefore, certificate.notBefore), (fields.notAfter, certificate.notAfter),
        ] {
            let isGeneralized = element.tag == 0x18
            // 2050-01-01T00:00:00Z.
            check(
                .timeForm, isGeneralized == (seconds >= 2_524_608_000),
                "times through 2049 are UTCTime, later ones GeneralizedTime")
        }
        check(.subjectEmpty, !fields.subject.contents.isEmpty, "the subject is empty")
        for (text, tag) in Self.nameTexts(bytes, fields.subject) {
            let encoding: StringEncoding? =
                switch tag {
                case 0x13: .printable
                case 0x0C: .utf8
                case 0x16: .ia5
                default: nil
                }
            let string = String(validating: text, as: UTF8.self)
            let rule = encoding.map { TextRule(encoding: $0, length: 1...32_768) }
            let fault = string.flatMap { rule?.fault($0) }
            check(
                .nameCharacters, rule != nil && string != nil && fault == nil,
                "the subject: \(fault ?? "a string type other than PrintableString, UTF8String and IA5String")"
            )
        }
    }

    /// The values of a name with their tags.
    private static func nameTexts(_ bytes: [UInt8], _ name: DERElement) -> [(ArraySlice<UInt8>, UInt8)] {
        var texts: [(ArraySlice<UInt8>, UInt8)] = []
        for set in name.children(in: bytes) ?? [] {
            for attribute in set.children(in: bytes) ?? [] {
                guard let parts = attribute.children(in: bytes), parts.count == 2 else { continue }
                texts.append((bytes[parts[1].contents], parts[1].tag))
            }
        }
        return texts
    }

    private func key(_ certificate: ReceivedCertificate, _ check: Check) {
        let subjectKey = try? certificate.publicKey()
        check(
            .curve, subjectKey != nil,
            "the subject's key is neither an EC key on P-256 or P-384 nor an RSA key of an accepted size")
        if let subjectKey {
            numbers(of: subjectKey, "the subject's", check)
            if case .rsa = subjectKey {
                check(.rsaKind, kind.isCA, "a \(kind.rawValue) has an EC key; RSA is for CAs")
            }
            if let type = subjectKey.keyType {
                check(
                    .templateCurve, keyTypes.contains(type),
                    "the template does not allow a \(type.rawValue) key"
                )
            }
        }
        guard let signer = issuer == nil ? subjectKey : try? issuer?.publicKey() else {
            check(
                .signatureAlgorithm, issuer == nil,
                "the issuer's key is neither an EC key on P-256 or P-384 nor an RSA key of an accepted size")
            return
        }
        if issuer != nil { numbers(of: signer, "the issuer's", check) }
        let algorithm = signer.signatureAlgorithm
        let named = Array(certificate.der[certificate.fields.signature.whole])
        check(
            .signatureAlgorithm, named == algorithm.algorithmIdentifier,
            "a \(signer.name) key signs by \(algorithm.rawValue)")
    }

    private func numbers(of key: SubjectPublicKey, _ whose: String, _ check: Check) {
        guard case .rsa(let key) = key else { return }
        check(
            .rsaModulus, CertificateKeyType.allCases.contains { $0.modulusBits == key.modulusBits },
            "\(whose) modulus has \(key.modulusBits) bits; 3072 and 4096 are accepted")
        check(
            .rsaExponent, key.exponent == RSAPublicKey.acceptedExponent,
            "\(whose) RSA exponent is not 65537")
    }

    private func extensions(_ certificate: ReceivedCertificate, _ check: Check) {
        let fields = certificate.fields.extensions
        check(
            .duplicateExtension, Set(fields.map(\.oid)).count == fields.count, "an extension stands twice")
        let constraints = try? certificate.x509.extensions.basicConstraints
        let isCA = if case .isCertificateAuthority = constraints { true } else { false }
        check(
            .kind, isCA == kind.isCA,
            kind.isCA
                ? "a \(kind.rawValue) certificate is a CA" : "a \(kind.rawValue) certificate is not a CA")
        let usage = try? certificate.x509.extensions.keyUsage
        if kind.isCA {
            check(
                .basicConstraints, isCA && isCritical(fields, [0x55, 0x1D, 0x13]),
                "a CA has critical basicConstraints")
            check(
                .keyUsage, usage?.keyCertSign == true && isCritical(fields, [0x55, 0x1D, 0x0F]),
                "a CA has critical keyUsage with keyCertSign")
            check(
                .subjectKeyIdentifier, certificate.subjectKeyIdentifier != nil,
                "a CA has a subjectKeyIdentifier")
        } else {
            check(
                .keyUsage, usage.map { !$0.keyCertSign && !$0.cRLSign } ?? false,
                "a \(kind.rawValue) certificate has keyUsage, without keyCertSign and cRLSign")
        }
    }

    private func isCritical(_ fields: [ToBeSignedFields.ExtensionField], _ oid: [UInt8]) -> Bool {
        fields.contains { $0.oid == oid && $0.critical }
    }

    private func lineage(_ certificate: ReceivedCertificate, _ check: Check) {
        check(
            .rehearsal, certificate.isRehearsal == rehearsal,
            rehearsal ? "the subject lacks the rehearsal marker" : "the subject carries the rehearsal marker")
        let mayBeSelfSigned = kind == .rootCA || kind == .signer
        check(
            .selfSigned, mayBeSelfSigned == (issuer == nil),
            mayBeSelfSigned
                ? "a \(kind.rawValue) certificate is self-signed"
                : "a \(kind.rawValue) certificate is issued by a CA")
        guard let issuer else {
            check(
                .issuerName, certificate.issuer == certificate.subject,
                "a self-signed certificate names itself")
            if let authority = certificate.authorityKeyIdentifier {
                check(
                    .authorityKeyIdentifier, authority == certificate.subjectKeyIdentifier,
                    "a self-signed certificate's authorityKeyIdentifier is its own subjectKeyIdentifier")
            }
            return
        }
        check(
            .issuerName, certificate.issuer == issuer.subject, "the issuer field is not the issuer's subject")
        check(
            .authorityKeyIdentifier,
            certificate.authorityKeyIdentifier != nil
                && certificate.authorityKeyIdentifier == issuer.subjectKeyIdentifier,
            "the authorityKeyIdentifier is not the issuer's subjectKeyIdentifier")
        check(
            .ownKey, certificate.subjectPublicKeyInfo != issuer.subjectPublicKeyInfo,
            "the subject's key is the issuer's own key")
        check(
            .sameName,
            certificate.subject != issuer.subject
                && certificate.subjectText.lowercased() != issuer.subjectText.lowercased(),
            "the subject has the issuer's name")
        check(
            .precedesIssuer, certificate.notBefore >= issuer.notBefore,
            "the certificate starts before its issuer")
        let isExcepted = neverEnds && kind == .device && certificate.notAfter == CalendarTime.endOfTime
        check(
            .outlivesIssuer, isExcepted || certificate.notAfter <= issuer.notAfter,
            "the certificate ends after its issuer")
        check(
            .rehearsal, issuer.isRehearsal == rehearsal,
            rehearsal ? "the issuer is not of a rehearsal" : "the issuer is of a rehearsal")
        let constraints = try? issuer.x509.extensions.basicConstraints
        let usage = try? issuer.x509.extensions.keyUsage
        guard case .isCertificateAuthority(let room) = constraints, usage?.keyCertSign == true else {
            check(.issuerNotCA, false, "the issuer is not a CA that may sign certificates")
            return
        }
        guard kind.isCA, let room else { return }
        var below = 0
        if case .isCertificateAuthority(let own) = try? certificate.x509.extensions.basicConstraints {
            below = own.map { $0 + 1 } ?? room
        }
        check(
            .pathLength, room > 0 && below <= room,
            "the issuer's pathLen:\(room) leaves no room for this CA")
    }
}
