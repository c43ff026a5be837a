/// One fault of a certificate template.
///
/// Lines and columns start at 1; columns count Unicode scalars. `field` is the path of the key, such as
/// `extensions.keyUsage.critical` or `subject[2].value`.
public struct TemplateFault: Hashable, Sendable, CustomStringConvertible {
    public var file: String
    public var line: Int
    public var column: Int
    public var field: String
    public var code: String
    public var message: String

    public init(file: String, line: Int, column: Int, field: String, code: String, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.field = field
        self.code = code
        self.message = message
    }

    public var description: String {
        "\(file):\(line):\(column): \(field.isEmpty ? "" : field + ": ")\(message) [\(code)]"
    }
}

/// What this library throws: a stable code, what it is about, what is wrong, and the next action.
public struct CertificatesError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Stable words for scripts and tests; never renamed.
    public enum Code: String, Sendable, CaseIterable {
        /// The template file could not be read.
        case templateUnreadable = "template.unreadable"
        /// The template is at fault; ``CertificatesError/faults`` has every fault.
        case templateInvalid = "template.invalid"
        /// The template's kind does not serve the purpose.
        case templateKind = "template.kind"
        /// A placeholder was given no value, or a value has no placeholder.
        case values = "certificate.values"
        /// A value does not fit the field it is for.
        case value = "certificate.value"
        /// A public key or a point could not be read, or has a curve that is refused.
        case publicKey = "certificate.public-key"
        /// A certification request could not be read, or is none that is read here.
        case requestUnreadable = "request.unreadable"
        /// A certification request's key is none that a device may have.
        case requestKey = "request.public-key"
        /// A certificate could not be read.
        case certificateUnreadable = "certificate.unreadable"
        /// A time that X.509 cannot express.
        case time = "certificate.time"
        /// The certificate breaks rules; ``CertificatesError/findings`` has every one.
        case lint = "certificate.lint"
        /// A signature has the wrong form.
        case signatureForm = "signature.form"
        /// A signature does not verify with the issuer's key.
        case signatureInvalid = "signature.invalid"
        /// A serial number is not 20 octets with the first from 0x40 to 0x7F.
        case serialNumber = "certificate.serial-number"
        /// A patched certificate differs from the one that the X.509 library builds.
        case patchMismatch = "plan.patch-mismatch"
        /// The X.509 library refused to build the certificate.
        case build = "certificate.build"
        /// A revocation list could not be read, or is none that is read here.
        case revocationListUnreadable = "revocation-list.unreadable"
        /// The revocation list breaks rules; ``CertificatesError/findings`` has every one.
        case revocationListLint = "revocation-list.lint"
    }

    public let code: Code
    /// The file, field or certificate that this is about.
    public let subject: String
    public let message: String
    /// The next action, or nil when the message says it.
    public let hint: String?
    /// The template's faults, empty for other codes.
    public let faults: [TemplateFault]
    /// The broken rules, empty for other codes.
    public let findings: [LintFinding]

    package init(
        _ code: Code, subject: String, _ message: String, hint: String? = nil,
        faults: [TemplateFault] = [], findings: [LintFinding] = []
    ) {
        self.code = code
        self.subject = subject
        self.message = message
        self.hint = hint
        self.faults = faults
        self.findings = findings
    }

    public var description: String {
        var lines = ["\(subject): \(message) [\(code.rawValue)]"]
        lines += faults.map(\.description)
        lines += findings.map(\.description)
        if let hint { lines.append(hint) }
        return lines.joined(separator: "\n")
    }
}

/// One rule that a certificate breaks.
public struct LintFinding: Hashable, Sendable, CustomStringConvertible {
    public let rule: LintRule
    public let message: String

    init(_ rule: LintRule, _ message: String) {
        self.rule = rule
        self.message = message
    }

    public var description: String { "\(message) [\(rule.rawValue)]" }
}
