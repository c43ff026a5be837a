import Certificates
import Foundation
import Glibc
import PKCS11
import Sites
import TokenKeys

/// Looks at a site for what a script wants of it, before anything is logged in to or changed.
struct SiteCheck {
    let script: CeremonyScript
    let site: Site
    private(set) var faults: [ScriptFault] = []
    private var slots: [String: Slot] = [:]

    init(script: CeremonyScript, site: Site) {
        self.script = script
        self.site = site
    }

    private mutating func report(_ place: ScriptPlace, _ code: String, _ message: String) {
        faults.append(ScriptFault(script.file, place, code, message))
    }

    mutating func run() {
        for token in script.tokens { checkToken(token) }
        checkFolders()
        for step in script.steps {
            switch step.content {
            case .generateKey(let request): checkKey(request)
            case .signCertificate(let request): checkCertificate(request)
            default: break
            }
        }
    }

    /// The error of a library below, with its hint, as a sentence of a fault.
    private static func sentence(_ error: any Error) -> String {
        let error = CeremonyError(error, "")
        let message = error.message
        return error.hint.map { "\(message). \($0)" } ?? message
    }

    // MARK: Tokens

    private mutating func checkToken(_ token: Placed<String>) {
        let binding: TokenBinding
        do {
            binding = try site.token(token.value)
        } catch {
            report(token.place, "token.unbound", Self.sentence(error))
            return
        }
        do {
            let slot = try site.slot(token.value)
            slots[token.value] = slot
            let info = try slot.tokenInfo()
            if !info.hasUserPIN { report(token.place, "token.pin", "the token has no user PIN yet") }
            if info.isPINLocked { report(token.place, "token.pin", "the token's PIN is locked") }
        } catch {
            report(token.place, "token.unreachable", Self.sentence(error))
        }
        if site.isRehearsal {
            guard let source = binding.pinSource else {
                report(
                    token.place, "activation.attended",
                    "site.yaml names no PIN source for it: a rehearsal, which runs unattended, cannot open it"
                )
                return
            }
            if access(site.pinFile(source), R_OK) != 0 {
                report(token.place, "activation.pin-source", "its PIN source \(source) cannot be read")
            }
        }
    }

    // MARK: Keys

    private mutating func checkKey(_ request: KeyRequest) {
        let label = request.label(rehearsal: site.isRehearsal)
        if let binding = site.description.tokens[request.token.value] {
            // A demo has no custodians; everything it makes says that it is a rehearsal's.
            if request.role.value.demandsQuorum, binding.activation != .quorum, !site.isRehearsal {
                report(
                    request.token.place, "activation.quorum",
                    "the token of a \(request.role.value.rawValue) has `activation: quorum` in site.yaml")
            }
        }
        checkOutputs(request)
        guard let slot = slots[request.token.value] else { return }
        do {
            let type = request.curve.value
            let bits = UInt(type.bits)
            let generation = try slot.info(of: type.generationMechanism)
            if generation?.canGenerateKeyPair != true {
                report(
                    request.token.place, "token.mechanism",
                    "the token does not offer \(type.generationMechanism)")
            } else if let generation, !Self.covers(generation, bits) {
                report(
                    request.curve.place, "token.curve",
                    "the token makes \(type.isRSA ? "RSA" : "EC") keys of \(generation.minimumKeySize) to \(generation.maximumKeySize) bits"
                )
            }
            if try slot.info(of: type.signatureMechanism)?.canSign != true {
                report(
                    request.token.place, "token.mechanism",
                    "the token does not offer \(type.signatureMechanism)"
                )
            }
            // The probe of a new key makes an AES key and tries to wrap with it.
            if try slot.info(of: .aesKeyGeneration)?.canGenerate != true {
                report(
                    request.token.place, "token.mechanism",
                    "the token does not offer CKM_AES_KEY_GEN, with which a new key is probed")
            }
            let isTaken = try slot.withSession { session in
                try !session.find([Attribute(.label, label.description)], limit: 1).isEmpty
            }
            if isTaken {
                report(
                    request.name.place, "key.label-taken",
                    "an object labelled \(label) is on the token already: choose another name")
            }
        } catch {
            report(request.token.place, "token.unreachable", Self.sentence(error))
        }
    }

    /// Whether a range of key sizes has this one; some tokens give no range.
    private static func covers(_ mechanism: MechanismInfo, _ bits: UInt) -> Bool {
        if mechanism.maximumKeySize == 0 { return true }
        return mechanism.minimumKeySize <= bits && bits <= mechanism.maximumKeySize
    }

    // MARK: Folders

    private mutating func checkFolders() {
        for folder in [site.certificates, site.path("ceremonies")] {
            let exists = FileManager.default.fileExists(atPath: folder)
            if access(exists ? folder : site.folder, W_OK | X_OK) != 0 {
                report(
                    script.placedID.place, "output.unwritable",
                    "\(folder): \(String(cString: strerror(errno)))")
            }
        }
    }

    private mutating func checkOutputs(_ request: KeyRequest) {
        let role = request.role.value.keyRole
        for path in [site.certificatePath(role), site.publicationPath(role)]
        where FileManager.default.fileExists(atPath: path) {
            report(
                request.role.place, "output.exists",
                "\(path) is there already: this site has a \(role.rawValue), and nothing is overwritten")
        }
    }

    // MARK: Certificates

    private mutating func checkCertificate(_ request: CertificateRequest) {
        let template: CertificateTemplate
        do {
            template = try CertificateTemplate.load(path: site.templatePath(request.template.value))
        } catch {
            report(request.template.place, "template.unreadable", error.message)
            faults += error.faults.map {
                ScriptFault(
                    file: $0.file, line: $0.line, column: $0.column, field: $0.field, code: $0.code,
                    message: $0.message)
            }
            return
        }
        let subject = script.keyRequest(request.subjectKey.value)
        if let role = subject?.role.value, template.kind != role.templateKind {
            report(
                request.template.place, "template.kind",
                "a \(role.rawValue) wants a template of kind \(role.templateKind.rawValue); "
                    + "this is \(template.kind.rawValue)")
            return
        }
        let isComplete = checkValues(request, template)
        guard let subject, isComplete, let issuer = checkIssuer(request) else { return }
        // Everything but the signature is made now, for a key that is thrown away.
        let throwaway: [UInt8] =
            switch subject.curve.value {
            case .p256: CertificateKeyType.p256.throwawaySubjectPublicKeyInfo()
            case .p384: CertificateKeyType.p384.throwawaySubjectPublicKeyInfo()
            case .rsa3072: CertificateKeyType.rsa3072.throwawaySubjectPublicKeyInfo()
            case .rsa4096: CertificateKeyType.rsa4096.throwawaySubjectPublicKeyInfo()
            }
        do {
            _ = try template.prepare(
                subjectKey: throwaway, issuer: issuer, notBefore: Date(),
                values: request.values.mapValues(\.value), rehearsal: site.isRehearsal)
        } catch {
            for finding in error.findings {
                report(request.place, finding.rule.rawValue, finding.message)
            }
            if error.findings.isEmpty {
                report(request.place, error.code.rawValue, "\(error.subject): \(error.message)")
            }
        }
    }

    private mutating func checkValues(_ request: CertificateRequest, _ template: CertificateTemplate) -> Bool
    {
        let wanted = Set(template.placeholders)
        let missing = wanted.subtracting(request.values.keys).sorted()
        for name in missing {
            report(request.place, "template.values", "the template wants a value for `\(name)`")
        }
        let strange = request.values.filter { !wanted.contains($0.key) }.sorted { $0.key < $1.key }
        for (_, value) in strange {
            report(value.place, "template.values", "the template has no such placeholder")
        }
        return missing.isEmpty && strange.isEmpty
    }

    /// The issuer, where it is at hand; nil and a fault where it is not.
    private mutating func checkIssuer(_ request: CertificateRequest) -> CertificateIssuer? {
        guard case .published(let role, let token) = request.issuer.value else { return .selfSigned }
        do {
            let published = try site.publishedKey(role.value.keyRole)
            if published.tokenName != token.value {
                report(
                    token.place, "issuer.token",
                    "the site's \(role.value.rawValue) is on token `\(published.tokenName)`")
                return nil
            }
            return .issuedBy(published.certificate)
        } catch {
            report(role.place, "issuer.missing", Self.sentence(error))
            return nil
        }
    }
}

extension Site {
    func templatePath(_ name: String) -> String { templates + "/\(name).yaml" }
}

extension CertifiedRole {
    /// The kind of template that certifies keys of this role.
    var templateKind: CertificateTemplate.Kind {
        switch self {
        case .rootCA: .rootCA
        case .issuingCA: .issuingCA
        case .runAuthority, .allowlistSigner: .signer
        }
    }
}

extension CeremonyScript {
    /// The request of the key of this name.
    func keyRequest(_ name: String) -> KeyRequest? {
        for step in steps {
            if case .generateKey(let request) = step.content, request.name.value == name { return request }
        }
        return nil
    }
}
