import TokenKeys

extension CeremonyScript {
    /// The script's steps as they are printed.
    func printedSteps(_ site: SiteNames?) -> [PrintedStep] {
        steps.enumerated().map { index, step in
            let content = step.content.printed
            return PrintedStep(
                number: index + 1, id: step.id, action: step.action.rawValue, actor: step.actor.onPaper,
                witnesses: step.witnesses.map(\.onPaper),
                initials: ([step.actor] + step.witnesses).flatMap { holders(of: $0, site) }, text: step.text,
                minutes: step.minutes, isIrreversible: step.isIrreversible, onFailure: "The ceremony stops.",
                before: content.before, after: content.after, facts: content.facts, blanks: content.blanks)
        }
    }

    /// One name for each person who holds the role: the site's where it gives one, else the role, numbered
    /// where several hold it.
    func holders(of role: CeremonyRole, _ site: SiteNames?) -> [String] {
        let count = roles.first { $0.role == role }?.count ?? 1
        let names = site?.people[role] ?? []
        return (0..<count).map { index in
            if index < names.count { return names[index] }
            return count == 1 ? role.onPaper : "\(role.onPaper) \(index + 1)"
        }
    }
}

extension CeremonyRole {
    /// The role's name in a sentence.
    var onPaper: String { String(rawValue.map { $0 == "-" ? " " : $0 }) }
}

// The conditions are those of the script's language ("What is checked").
extension StepContent {
    /// What the step's kind puts on paper. A kind that this does not list has no more than every step has.
    var printed: PrintedContent {
        switch self {
        case .check:
            PrintedContent(blanks: [.choice("Answer", options: ["yes", "no"])])
        case .record:
            PrintedContent(blanks: [.value("Taken down")])
        case .inventory(let token):
            PrintedContent(
                after: "Every object on the token is listed.", blanks: [.value("Objects on the token")]
            ).with("Token", token.value)
        case .login(let token):
            PrintedContent(
                before: "The token is closed.", after: "The token is open.",
                blanks: [.value("Serial number on the case")]
            ).with("Token", token.value)
        case .generateKey(let key):
            key.printed
        case .verifyKey(let name):
            PrintedContent(before: "The key exists.", after: "The key is verified.").with("Key", name.value)
        case .signCertificate(let certificate):
            certificate.printed
        case .readOut(let exhibit):
            exhibit.printed("Taken down as it is read")
        case .compare(let exhibit):
            exhibit.printed("Copied from the paper that is compared")
        default:
            PrintedContent()
        }
    }
}

extension KeyRequest {
    fileprivate var printed: PrintedContent {
        PrintedContent(
            before: "The token is open and was listed. No key has the label.",
            after: "The key exists. Its attributes were read back, and attempts to take it out were refused.",
            blanks: [.value("Key identifier (CKA_ID)")]
        )
        .with("Key", "\(role.value.rawValue) “\(name.value)”, \(curve.value.rawValue)")
        .with("Token", token.value)
        .with(
            "backup", backup.value == .none ? "none: the key never leaves the token" : backup.value.rawValue
        )
        .with("Session copies", sessionCopies.value ? "allowed" : "refused")
    }
}

extension CertificateRequest {
    fileprivate var printed: PrintedContent {
        var content = PrintedContent(
            before: "The key is verified and not certified. The issuer's token is open.",
            after: "The key is certified.", blanks: [.value("Certificate's serial number")]
        )
        .with("Template", template.value).with("Subject's key", subjectKey.value)
        switch issuer.value {
        case .own: content = content.with("Issuer", "the key itself")
        case .published(let role, let token):
            content = content.with("Issuer", "\(role.value.rawValue) on token \(token.value)")
        }
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            content = content.with(name, value.value)
        }
        return content
    }
}

extension Exhibit {
    fileprivate func printed(_ label: String) -> PrintedContent {
        switch self {
        case .head:
            PrintedContent(blanks: [.digest("\(label): the transcript's head")])
        case .key(let name):
            PrintedContent(blanks: [.digest("\(label): SHA-256 of the public key “\(name.value)”")])
        case .certificate(let name):
            PrintedContent(blanks: [.digest("\(label): SHA-256 of the certificate of “\(name.value)”")])
        }
    }
}
