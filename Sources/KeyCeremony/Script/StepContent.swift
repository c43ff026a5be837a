import SignedStatements
import Sites
import TokenKeys

/// What a step's kind adds to it.
enum StepContent: Sendable, Hashable {
    case say
    case check
    /// With the value that a rehearsal takes down.
    case record(example: String)
    /// With the options, of which a rehearsal takes the example.
    case choose(options: [String], example: String)
    case inspectBag(name: Placed<String>, example: String)
    case sealBag(name: Placed<String>, example: String)
    case inventory(token: Placed<String>)
    case login(token: Placed<String>)
    case split(SplitRequest)
    case collectShares(token: Placed<String>)
    case generateKey(KeyRequest)
    case verifyKey(KeyReference)
    case signCertificate(CertificateRequest)
    case signCRL(CRLRequest)
    case wrap(key: KeyReference, token: Placed<String>, to: Placed<String>)
    case unwrap(key: KeyReference, token: Placed<String>)
    case destroy(DestructionRequest)
    case enrol
    case signRoster
    case print(PrintedDocument)
    case pause
    case readOut(Exhibit)
    case compare(Exhibit)
    case signOff

    var action: StepAction {
        switch self {
        case .say: .say
        case .check: .check
        case .record: .record
        case .choose: .choose
        case .inspectBag: .inspectBag
        case .sealBag: .sealBag
        case .inventory: .inventory
        case .login: .login
        case .split: .split
        case .collectShares: .collectShares
        case .generateKey: .generateKey
        case .verifyKey: .verifyKey
        case .signCertificate: .signCertificate
        case .signCRL: .signCRL
        case .wrap: .wrap
        case .unwrap: .unwrap
        case .destroy: .destroy
        case .enrol: .enrol
        case .signRoster: .signRoster
        case .print: .print
        case .pause: .pause
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
    case firmwareSigner = "firmware-signer"

    var keyRole: KeyRole {
        switch self {
        case .rootCA: .rootCA
        case .issuingCA: .issuingCA
        case .runAuthority: .runAuthority
        case .allowlistSigner: .allowlistSigner
        case .firmwareSigner: .firmwareSigner
        }
    }

    /// Whether its token must be opened by a quorum: nobody alone can use such a key.
    var demandsQuorum: Bool { self == .rootCA || self == .runAuthority || self == .firmwareSigner }

    /// Whether a key of this role can be followed by another one: the log says so itself, by a rotation.
    var hasSuccessors: Bool { self == .allowlistSigner }
}

/// A key to be made.
struct KeyRequest: Sendable, Hashable {
    let role: Placed<CertifiedRole>
    let name: Placed<String>
    let type: Placed<SigningKeyType>
    let backup: Placed<KeyBackupChoice>
    let sessionCopies: Placed<Bool>
    let token: Placed<String>
    /// Whether the key is made to follow the site's present one of the role, which stays in use until then.
    let successor: Placed<Bool>?
    let place: ScriptPlace

    /// As what the key is published.
    var generation: KeyGeneration { successor?.value == true ? .next : .present }

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
    /// The roster's digest.
    case roster
    /// The SHA-256 of a key's SubjectPublicKeyInfo.
    case key(Placed<String>)
    /// The SHA-256 of a key's certificate.
    case certificate(Placed<String>)
    /// The SHA-256 of a revocation list of this name.
    case crl(Placed<String>)
}

/// A key that a step names: one that the script makes, or one that an earlier ceremony made.
enum KeyReference: Sendable, Hashable {
    case made(Placed<String>)
    case earlier(role: Placed<CertifiedRole>, name: Placed<String>, token: Placed<String>?)

    var place: ScriptPlace {
        switch self {
        case .made(let name): name.place
        case .earlier(let role, _, _): role.place
        }
    }
}

/// New activation data for a token, split among people (SLIP-39).
struct SplitRequest: Sendable, Hashable {
    enum Delivery: String, Sendable, CaseIterable {
        /// Encrypted to each holder's credential.
        case credential
        /// Shown to each holder alone, to be written down.
        case screen
    }

    /// All who hold a role have a share of the group; `needed` of them make it whole.
    struct Group: Sendable, Hashable {
        let holders: Placed<CeremonyRole>
        let needed: Placed<Int>
    }

    let token: Placed<String>
    /// One, where the script names no groups.
    let groups: [Group]
    /// How many groups have to be whole.
    let groupsNeeded: Placed<Int>
    let delivery: Placed<Delivery>
}

/// A certificate revocation list to be signed (RFC 5280 §5).
struct CRLRequest: Sendable, Hashable {
    struct Entry: Sendable, Hashable {
        /// The certificate's serial number, in hexadecimal.
        let serial: Placed<String>
        /// As RFC 5280 §5.3.1 names it.
        let reason: Placed<String>
        /// `YYYY-MM-DD`, the day in UTC on which it was revoked.
        let date: Placed<String>
    }

    let name: Placed<String>
    let issuerRole: Placed<CertifiedRole>
    let token: Placed<String>
    let number: Placed<Int>
    /// How long it is valid, in days.
    let days: Placed<Int>
    let revoked: [Entry]
    let place: ScriptPlace
}

struct DestructionRequest: Sendable, Hashable {
    /// A copy of the key that is known to exist, and what becomes of it.
    struct Copy: Sendable, Hashable {
        let place: String
        let disposition: String
    }

    let key: KeyReference
    let token: Placed<String>
    let copies: [Copy]
}

/// What a `print` step puts into the ceremony's folder.
enum PrintedDocument: String, Sendable, CaseIterable {
    case script
    case certificate
    case report
}

extension CRLRequest {
    /// The beginning of a day `YYYY-MM-DD` in UTC, in seconds since 1970; nil where there is no such day.
    static func day(_ text: String) -> Int64? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard text.count == 10, parts.count == 3, let year = Int(parts[0]), let month = Int(parts[1]),
            let day = Int(parts[2]), (1970...9999).contains(year), (1...12).contains(month), day >= 1
        else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[month - 1] else { return nil }
        // Days of the civil calendar since 1970, counted from March so that a leap day ends a year.
        let y = month <= 2 ? year - 1 : year
        let era = y / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int64(era * 146_097 + dayOfEra - 719_468) * 86_400
    }
}
