import Certificates
import Foundation
import PKCS11
import Sites
import TokenKeys

// Keys, certificates and lists: labels, mechanisms, templates, issuers, numbers and outputs.
extension SiteCheck {
    // MARK: Keys

    mutating func checkKey(_ request: KeyRequest) {
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
        checkPredecessor(request)
        guard let slot = slots[request.token.value] else { return }
        do {
            let type = request.type.value
            let generation = try slot.info(of: type.generationMechanism)
            if generation?.canGenerateKeyPair != true {
                report(
                    request.token.place, "token.mechanism",
                    "the token does not offer \(type.generationMechanism)")
            } else if let generation, !Self.covers(generation, UInt(type.bits)) {
                report(
                    request.type.place, "token.key-size",
                    "the token makes such keys of \(generation.minimumKeySize) to \(generation.maximumKeySize) bits"
                )
            }
            if try slot.info(of: type.signatureMechanism)?.canSign != true {
                report(
                    request.token.place, "token.mechanism",
                    "the token does not offer \(type.signatureMechanism)")
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

    private mutating func checkOutputs(_ request: KeyRequest) {
        let role = request.role.value.keyRole
        let generation = request.generation
        let what = generation == .next ? "a successor of its \(role.rawValue)" : "a \(role.rawValue)"
        for path in [site.certificatePath(role, generation), site.publicationPath(role, generation)]
        where FileManager.default.fileExists(atPath: path) {
            report(
                request.role.place, "output.exists",
                "\(path) is there already: this site has \(what), and nothing is overwritten")
        }
    }

    /// A successor follows a key that the site has, on the token where the line looks for it.
    private mutating func checkPredecessor(_ request: KeyRequest) {
        guard let successor = request.successor, successor.value else { return }
        do {
            let present = try site.publishedKey(request.role.value.keyRole)
            if present.tokenName != request.token.value {
                report(
                    request.token.place, "successor.token",
                    "the site's \(request.role.value.rawValue) is on token `\(present.tokenName)`; so is its successor"
                )
            }
        } catch {
            report(successor.place, "successor.nothing", Self.sentence(error))
        }
    }

    // MARK: Certificates

    mutating func checkCertificate(_ request: CertificateRequest) {
        let template: CertificateTemplate
        do {
            template = try CertificateTemplate.load(path: site.templatePath(request.template.value))
        } catch {
            report(request.template.place, "template.unreadable", error.message)
            for fault in error.faults {
                report(
                    ScriptFault(
                        file: fault.file, line: fault.line, column: fault.column, field: fault.field,
                        code: fault.code, message: fault.message))
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
        do {
            // Everything but the signature is made now, for a key that is thrown away.
            _ = try template.prepare(
                subjectKey: subject.type.value.throwawayPublicKeyInfo, issuer: issuer, notBefore: Date(),
                values: request.values.mapValues(\.value), rehearsal: site.isRehearsal)
        } catch {
            reportFindings(error, request.place)
        }
    }

    private mutating func reportFindings(_ error: CertificatesError, _ place: ScriptPlace) {
        for finding in error.findings { report(place, finding.rule.rawValue, finding.message) }
        if error.findings.isEmpty {
            report(place, error.code.rawValue, "\(error.subject): \(error.message)")
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
        return published(role, token).map { .issuedBy($0) }
    }

    /// The certificate of a key that an earlier ceremony published on this token; nil and a fault where there is none.
    private mutating func published(_ role: Placed<CertifiedRole>, _ token: Placed<String>) -> [UInt8]? {
        do {
            let published = try site.publishedKey(role.value.keyRole)
            if published.tokenName != token.value {
                report(
                    token.place, "issuer.token",
                    "the site's \(role.value.rawValue) is on token `\(published.tokenName)`")
                return nil
            }
            return published.certificate
        } catch {
            report(role.place, "issuer.missing", Self.sentence(error))
            return nil
        }
    }

    // MARK: Revocation lists

    mutating func checkList(_ request: CRLRequest) {
        guard let issuer = published(request.issuerRole, request.token) else { return }
        do {
            let previous = try RevocationLists(site, request.issuerRole.value.keyRole).latest()
            _ = try request.prepare(
                issuer: issuer, previous: previous, thisUpdate: Int64(Date().timeIntervalSince1970))
        } catch {
            reportFindings(error, request.place)
        }
    }
}

extension SigningKeyType {
    /// A public key of this type whose private key nobody keeps.
    var throwawayPublicKeyInfo: [UInt8] {
        switch self {
        case .p256: CertificateKeyType.p256.throwawaySubjectPublicKeyInfo()
        case .p384: CertificateKeyType.p384.throwawaySubjectPublicKeyInfo()
        case .rsa3072: CertificateKeyType.rsa3072.throwawaySubjectPublicKeyInfo()
        case .rsa4096: CertificateKeyType.rsa4096.throwawaySubjectPublicKeyInfo()
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
        case .runAuthority, .allowlistSigner, .firmwareSigner: .signer
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
