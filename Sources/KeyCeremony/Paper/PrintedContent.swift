import TokenKeys

/// What a kind of step adds to its print.
struct PrintedContent: Sendable, Hashable {
    var before: String?
    var after: String?
    var facts: [PrintedStep.Fact] = []
    var blanks: [PrintedStep.Blank] = []

    func with(_ name: String, _ value: String) -> PrintedContent {
        var content = self
        content.facts.append(.init(name: name, value: value))
        return content
    }
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
        case .choose(let options, _):
            PrintedContent(blanks: [.choice("Chosen", options: options)])
        case .inspectBag(let name, _):
            PrintedContent(
                before: "The bag is closed and whole.", after: "Its number is taken down; it is open.",
                blanks: [
                    .value("Number on the bag “\(name.value)”"),
                    .choice("Bag", options: ["whole", "damaged"]),
                ])
        case .sealBag(let name, _):
            PrintedContent(
                after: "The bag is sealed and initialled.",
                blanks: [.value("Number on the new bag “\(name.value)”")])
        case .inventory(let token):
            PrintedContent(
                after: "Every object on the token is listed.", blanks: [.value("Objects on the token")]
            ).with("Token", token.value)
        case .collectShares(let token):
            PrintedContent(
                before: "The token is closed.", after: "The token is open.",
                blanks: [
                    .value("Serial number on the case"), .value("Holders who brought their share, initials"),
                ]
            ).with("Token", token.value)
        case .login(let token):
            PrintedContent(
                before: "The token is closed.", after: "The token is open.",
                blanks: [.value("Serial number on the case")]
            ).with("Token", token.value)
        case .split(let request): request.printed
        case .generateKey(let key): key.printed
        case .verifyKey(let key):
            PrintedContent(before: "The key exists.", after: "The key is verified.").with("Key", key.onPaper)
        case .signCertificate(let certificate): certificate.printed
        case .signCRL(let list): list.printed
        case .wrap(let key, let token, let target):
            PrintedContent(
                before: "Both tokens are open. The key was made with the policy “backup: wrap”.",
                after: "The backup exists; only the token “\(target.value)” can restore it."
            ).with("Key", key.onPaper).with("From token", token.value).with("For token", target.value)
        case .unwrap(let key, let token):
            PrintedContent(
                before: "The token is open and has no such key.",
                after: "The key exists there, and signed with it."
            ).with("Key", key.onPaper).with("Token", token.value)
        case .destroy(let request): request.printed
        case .enrol:
            PrintedContent(after: "Each person on the roster has two keys on a token of their own.")
        case .signRoster:
            PrintedContent(
                before: "Each member of the roster has keys.",
                after: "The roster is signed by those whom it names.")
        case .print(let document):
            PrintedContent(after: "The \(document.rawValue) stands in the ceremony's folder.")
        case .pause:
            PrintedContent(
                before: "Nothing is open.", after: "Everyone is back; nothing was touched.",
                blanks: [.value("Began (UTC)"), .value("Went on (UTC)")])
        case .readOut(let exhibit): exhibit.printed("Taken down as it is read")
        case .compare(let exhibit): exhibit.printed("Copied from the paper that is compared")
        default: PrintedContent()
        }
    }
}

extension KeyReference {
    fileprivate var onPaper: String {
        switch self {
        case .made(let name): name.value
        case .earlier(let role, let name, let token):
            "\(role.value.rawValue) “\(name.value)”, of an earlier ceremony"
                + (token.map { ", on token \($0.value)" } ?? "")
        }
    }
}

extension SplitRequest {
    fileprivate var printed: PrintedContent {
        PrintedContent(
            before: "The token has none or other activation data.",
            after:
                "The quorum holds the token, every share was read back, every quorum tested; it is closed.",
            blanks: [
                .value("Set of shares, as the screen names it"),
                .value("Holders who took their share and read it back, initials"),
            ]
        )
        .with("Token", token.value)
        .with("Holders", holdersOnPaper)
        .with(
            "Delivery",
            delivery.value == .credential
                ? "encrypted to each holder's credential" : "on the screen, to each holder alone")
    }

    private var holdersOnPaper: String {
        guard groups.count > 1 else {
            return groups.map {
                "all who hold the role \($0.holders.value.onPaper); \($0.needed.value) open the token"
            }.joined()
        }
        let list = groups.map { "\($0.needed.value) of all who hold the role \($0.holders.value.onPaper)" }
        return
            "in groups: \(list.joined(separator: "; ")). \(groupsNeeded.value) of the groups open the token"
    }
}

extension KeyRequest {
    fileprivate var printed: PrintedContent {
        PrintedContent(
            before: "The token is open and was listed. No key has the label.",
            after: "The key exists. Its attributes were read back, and attempts to take it out were refused.",
            blanks: [.value("Key identifier (CKA_ID)")]
        )
        .with("Key", "\(role.value.rawValue) “\(name.value)”, \(type.value.rawValue)")
        .with("Token", token.value)
        .with(
            "Backup",
            backup.value == .none
                ? "none: the key never leaves the token" : "wrap: the key can leave wrapped for another token"
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

extension CRLRequest {
    fileprivate var printed: PrintedContent {
        PrintedContent(before: "The issuer's token is open.", after: "The revocation list exists.")
            .with("List", "\(name.value), number \(number.value), for \(days.value) days")
            .with("Issuer", "\(issuerRole.value.rawValue) on token \(token.value)")
            .with(
                "Revoked",
                revoked.isEmpty
                    ? "nothing"
                    : revoked.map { "\($0.serial.value), \($0.reason.value), \($0.date.value)" }
                        .joined(separator: "\n"))
    }
}

extension DestructionRequest {
    fileprivate var printed: PrintedContent {
        PrintedContent(
            before: "The token is open and has the key.", after: "The key is gone, seen by a scan.",
            blanks: copies.map { .choice("Copy, \($0.place)", options: ["done as it says", "otherwise"]) }
        )
        .with("Key", key.onPaper).with("Token", token.value)
        .with(
            "Known copies",
            copies.isEmpty ? "none" : copies.map { "\($0.place): \($0.disposition)" }.joined(separator: "\n"))
    }
}

extension Exhibit {
    fileprivate func printed(_ label: String) -> PrintedContent {
        switch self {
        case .head:
            PrintedContent(blanks: [.digest("\(label): the transcript's head")])
        case .roster:
            PrintedContent(blanks: [.digest("\(label): SHA-256 of the roster")])
        case .key(let name):
            PrintedContent(blanks: [.digest("\(label): SHA-256 of the public key “\(name.value)”")])
        case .certificate(let name):
            PrintedContent(blanks: [.digest("\(label): SHA-256 of the certificate of “\(name.value)”")])
        case .crl(let name):
            PrintedContent(blanks: [.digest("\(label): SHA-256 of the revocation list “\(name.value)”")])
        }
    }
}
