import TokenKeys

/// What a ceremony's people are there for (CA/Browser Forum Baseline Requirements 6.1.1.1; ETSI EN 319 411-1 §6.5.1).
public enum CeremonyRole: String, Sendable, CaseIterable, CustomStringConvertible {
    case ceremonyAdministrator = "ceremony-administrator"
    case internalWitness = "internal-witness"
    case externalWitness = "external-witness"
    case systemAdministrator = "system-administrator"
    case safeController = "safe-controller"
    case cryptoOfficer = "crypto-officer"
    case shareHolder = "share-holder"
    case auditor

    public var description: String { rawValue }
}

/// The kinds of step that this version knows.
public enum StepAction: String, Sendable, CaseIterable, CustomStringConvertible {
    /// Somebody reads the text aloud.
    case say
    /// A question that has to be answered with yes.
    case check
    /// A value is taken down.
    case record
    /// Every object on a token is listed.
    case inventory
    /// A token's user is logged in.
    case login
    case generateKey = "generate-key"
    /// A key is found again, read back and tried, by other means than those that made it.
    case verifyKey = "verify-key"
    case signCertificate = "sign-certificate"
    /// A digest is read aloud and taken down on paper.
    case readOut = "read-out"
    /// What was taken down on paper is compared with what the machine shows.
    case compare
    /// Actor and witnesses sign the transcript's head, each with a key of their own.
    case signOff = "sign-off"

    public var description: String { rawValue }

    /// Whether it leaves something behind that no later step can undo.
    var isIrreversible: Bool { self == .generateKey || self == .signCertificate }

    /// Whether people answer it.
    var takesAnswer: Bool { self == .check || self == .record || self == .compare }
}

/// One step of a script.
public struct CeremonyStep: Sendable, Hashable {
    let placedID: Placed<String>
    let placedActor: Placed<CeremonyRole>
    let placedWitnesses: [Placed<CeremonyRole>]
    let content: StepContent
    /// What is said and done, for the people in the room.
    public let text: String
    /// How long the step is expected to take.
    public let minutes: Int
    public let isIrreversible: Bool
    let place: ScriptPlace

    public var id: String { placedID.value }
    public var actor: CeremonyRole { placedActor.value }
    public var witnesses: [CeremonyRole] { placedWitnesses.map(\.value) }
    public var action: StepAction { content.action }
}

/// What a step's kind adds to it.
enum StepContent: Sendable, Hashable {
    case say
    case check
    /// With the value that a rehearsal takes down.
    case record(example: String)
    case inventory(token: Placed<String>)
    case login(token: Placed<String>)
    case generateKey(KeyRequest)
    case verifyKey(name: Placed<String>)
    case signCertificate(CertificateRequest)
    case readOut(Exhibit)
    case compare(Exhibit)
    case signOff

    var action: StepAction {
        switch self {
        case .say: .say
        case .check: .check
        case .record: .record
        case .inventory: .inventory
        case .login: .login
        case .generateKey: .generateKey
        case .verifyKey: .verifyKey
        case .signCertificate: .signCertificate
        case .readOut: .readOut
        case .compare: .compare
        case .signOff: .signOff
        }
    }
}

/// The roles whose keys a ceremony makes and certifies.
enum CertifiedRole: String, Sendable, CaseIterable {
    case rootCA = "root-ca"
    case issuingCA = "issuing-ca"
    case runAuthority = "run-authority"
    case allowlistSigner = "allowlist-signer"

    var keyRole: KeyRole {
        switch self {
        case .rootCA: .rootCA
        case .issuingCA: .issuingCA
        case .runAuthority: .runAuthority
        case .allowlistSigner: .allowlistSigner
        }
    }

    /// Whether its token must be opened by a quorum (TRUST, "Activation").
    var demandsQuorum: Bool { self == .rootCA || self == .runAuthority }
}

/// A key to be made.
struct KeyRequest: Sendable, Hashable {
    let role: Placed<CertifiedRole>
    let name: Placed<String>
    let curve: Placed<SigningKeyType>
    let backup: Placed<KeyBackupChoice>
    let sessionCopies: Placed<Bool>
    let token: Placed<String>
    let place: ScriptPlace

    var policy: KeyPolicy {
        KeyPolicy(backup: backup.value == .wrap ? .wrap : .none, sessionCopies: sessionCopies.value)
    }

    func label(rehearsal: Bool) -> KeyLabel {
        KeyLabel(role: role.value.keyRole, name: name.value, isRehearsal: rehearsal)
    }
}

enum KeyBackupChoice: String, Sendable, CaseIterable {
    case none
    case wrap
}

/// A certificate to be signed.
struct CertificateRequest: Sendable, Hashable {
    enum Issuer: Sendable, Hashable {
        /// The subject's own key.
        case own
        /// A key that an earlier ceremony of the site published, on this token.
        case published(role: Placed<CertifiedRole>, token: Placed<String>)
    }

    /// The name of a file in the site's `templates`, without `.yaml`.
    let template: Placed<String>
    let subjectKey: Placed<String>
    let issuer: Placed<Issuer>
    /// A value for each of the template's placeholders.
    let values: [String: Placed<String>]
    let place: ScriptPlace
}

/// A digest that is read out or compared.
enum Exhibit: Sendable, Hashable {
    /// The transcript's head.
    case head
    /// The SHA-256 of a key's SubjectPublicKeyInfo.
    case key(Placed<String>)
    /// The SHA-256 of a key's certificate.
    case certificate(Placed<String>)
}
