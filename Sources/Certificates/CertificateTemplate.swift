import Crypto
import Foundation
import StrictYAML

/// A certificate template: everything that certificates of one kind have in common.
///
/// A template leaves nothing to defaults: every key of the file has to be written, absent extensions as `none`.
public struct CertificateTemplate: Hashable, Sendable {
    /// What the certificates are for; the kind decides which combinations are legal.
    public enum Kind: String, Sendable, CaseIterable, Hashable {
        case rootCA = "root-ca"
        case issuingCA = "issuing-ca"
        case device
        /// A self-signed certificate that gives a log signer's or a run authority's key a name for CMS.
        ///
        /// Trust in it comes from pinning the key, never from the certificate.
        case signer

        var isCA: Bool { self == .rootCA || self == .issuingCA }
    }

    /// How a device's private key may leave the token.
    public enum KeyDelivery: String, Sendable, CaseIterable, Hashable {
        /// By RFC 5649 under a key that only the station can open.
        case wrapped
        /// As PKCS#12 under a passphrase: the key passes through the memory of the host.
        case pkcs12
    }

    /// The file's name, for messages.
    public let name: String
    /// The file's bytes.
    public let source: [UInt8]
    public let kind: Kind
    /// The types that the subject's key may have; RSA in templates of CAs alone.
    public let keyTypes: [CertificateKeyType]
    /// The algorithms that the issuer's key may sign with; the issuer's key type decides between them.
    public let signatureAlgorithms: [SignatureAlgorithm]
    /// Whether keys certified by this template are replaced on a plan rather than for good.
    public let rotates: Bool
    /// The deliveries that a run may choose from; `wrapped` alone where the template says nothing, empty for kinds
    /// whose keys are delivered to nobody.
    public let deliveries: [KeyDelivery]
    /// Placeholders in the order of their first use, such as `serial`, `product`, `column.mac`.
    public let placeholders: [String]

    let subject: [SubjectAttribute]
    let validityEnd: ValidityEnd
    let extensions: TemplateExtensions

    init(
        name: String, source: [UInt8], kind: Kind, keyTypes: [CertificateKeyType],
        signatureAlgorithms: [SignatureAlgorithm], rotates: Bool, deliveries: [KeyDelivery],
        subject: [SubjectAttribute],
        validityEnd: ValidityEnd, extensions: TemplateExtensions
    ) {
        self.name = name
        self.source = source
        self.kind = kind
        self.keyTypes = keyTypes
        self.signatureAlgorithms = signatureAlgorithms
        self.rotates = rotates
        self.deliveries = deliveries
        self.subject = subject
        self.validityEnd = validityEnd
        self.extensions = extensions
        var placeholders: [String] = []
        for (text, _) in Self.texts(subject, extensions) {
            for name in text.placeholders where !placeholders.contains(name) { placeholders.append(name) }
        }
        self.placeholders = placeholders
    }

    /// The curves that the subject's key may be on.
    public var curves: [EllipticCurve] { keyTypes.compactMap(\.curve) }

    /// The SHA-256 of the file's bytes, as authorisations and seals cite it.
    public var digest: [UInt8] { Array(SHA256.hash(data: source)) }

    /// Whether the template's certificates end in the year 9999, as IDevIDs do (IEEE 802.1AR section 8).
    public var neverEnds: Bool { validityEnd == .never }

    /// The columns that a device list has to have, `serial` first; names without the `column.` before them.
    public var columns: [String] {
        ["serial"]
            + placeholders.filter { $0.hasPrefix("column.") && $0 != "column.serial" }.map {
                String($0.dropFirst(7))
            }
    }

    /// Reads and checks a template file of at most 256 KiB.
    public static func load(path: String) throws(CertificatesError) -> CertificateTemplate {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CertificatesError(
                .templateUnreadable, subject: path, "the template cannot be read",
                hint: "Check the path and its permissions.")
        }
        return try parse(Array(data), name: path)
    }

    /// Checks a template's bytes; the error carries every fault.
    public static func parse(_ bytes: [UInt8], name: String) throws(CertificatesError) -> CertificateTemplate
    {
        var parser = TemplateParser()
        let template = parser.template(bytes, name: name)
        let faults = parser.yaml.problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) }.map {
            TemplateFault(
                file: name, line: $0.line, column: $0.column, field: $0.field, code: $0.code,
                message: $0.message)
        }
        guard let template, faults.isEmpty else {
            throw CertificatesError(
                .templateInvalid, subject: name,
                faults.count == 1 ? "the template has a fault" : "the template has \(faults.count) faults",
                hint: "Correct the template and try again; nothing was signed.", faults: faults)
        }
        return template
    }

    /// What is wrong with a value for a column, or nil.
    ///
    /// Looks at the characters and at the length that the value alone brings to each field. The sum of several
    /// placeholders in one field is checked by ``DeviceCertificatePlan/faults(values:)``.
    public func fault(column: String, value: String) -> String? {
        let names = column == "serial" ? ["serial", "column.serial"] : ["column.\(column)"]
        for (text, rule) in Self.texts(subject, extensions)
        where text.placeholders.contains(where: names.contains) {
            if value.isEmpty { return "the value is empty" }
            if let fault = rule.characterFault(value) { return fault }
            var count = 0
            for part in text.parts {
                switch part {
                case .literal(let literal): count += literal.unicodeScalars.count
                case .placeholder(let name): count += names.contains(name) ? value.unicodeScalars.count : 0
                }
            }
            if count > rule.length.upperBound {
                return
                    "the field would have \(count) characters; at most \(rule.length.upperBound) are allowed"
            }
        }
        return nil
    }

    /// Every text of the template with the rule of the field that it fills.
    var texts: [(text: TemplateText, rule: TextRule)] { Self.texts(subject, extensions) }

    private static func texts(
        _ subject: [SubjectAttribute], _ extensions: TemplateExtensions
    ) -> [(text: TemplateText, rule: TextRule)] {
        subject.map { ($0.text, $0.rule) } + extensions.texts
    }
}

/// One attribute of the subject; each makes a relative distinguished name of its own.
struct SubjectAttribute: Hashable, Sendable {
    let type: SubjectAttributeType
    let encoding: StringEncoding
    let text: TemplateText
    let rule: TextRule

    init(type: SubjectAttributeType, encoding: StringEncoding, text: TemplateText) {
        self.type = type
        self.encoding = encoding
        self.text = text
        rule = TextRule(encoding: encoding, length: type.length)
    }
}

/// The extensions of a template; nil is `none`.
struct TemplateExtensions: Hashable, Sendable {
    enum KeyIdentifierMethod: String, CaseIterable, Sendable, Hashable {
        /// RFC 5280 section 4.2.1.2, method 1.
        case sha1
        /// RFC 7093 section 2, method 1: the leftmost 160 bits of the SHA-256.
        case truncatedSHA256 = "sha256-160"
    }

    enum KeyUsageBit: String, CaseIterable, Sendable, Hashable {
        case digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment, keyAgreement
        case keyCertSign, cRLSign, encipherOnly, decipherOnly
    }

    enum AlternativeName: Hashable, Sendable {
        case dns(TemplateText)
        case uri(TemplateText)
        /// RFC 4108 section 5.
        case hardwareModule(type: [UInt], serial: TemplateText)

        var text: (text: TemplateText, rule: TextRule) {
            switch self {
            case .dns(let text): (text, .dns)
            case .uri(let text): (text, .uri)
            case .hardwareModule(_, let text): (text, .hardwareSerial)
            }
        }
    }

    struct Value<Content: Hashable & Sendable>: Hashable, Sendable {
        var critical: Bool
        var content: Content
    }

    struct BasicConstraints: Hashable, Sendable {
        var isCA: Bool
        /// Nil is no limit.
        var pathLength: Int?
    }

    struct Other: Hashable, Sendable {
        var oid: [UInt]
        var critical: Bool
        var der: [UInt8]
    }

    var basicConstraints: Value<BasicConstraints>?
    var keyUsage: Value<[KeyUsageBit]>?
    var extendedKeyUsage: Value<[[UInt]]>?
    var subjectKeyIdentifier: Value<KeyIdentifierMethod>?
    var authorityKeyIdentifier: Value<Bool>?
    var subjectAltName: Value<[AlternativeName]>?
    var certificatePolicies: Value<[[UInt]]>?
    var cRLDistributionPoints: Value<[TemplateText]>?
    var other: [Other] = []

    var texts: [(text: TemplateText, rule: TextRule)] {
        (subjectAltName?.content.map(\.text) ?? [])
            + (cRLDistributionPoints?.content.map { ($0, TextRule.uri) } ?? [])
    }
}
