/// What a key is for. One key has one role, and is refused for any other.
public enum KeyRole: String, Sendable, CaseIterable {
    case rootCA = "root-ca"
    case issuingCA = "issuing-ca"
    case runAuthority = "run-authority"
    case allowlistSigner = "allowlist-signer"
    case firmwareSigner = "firmware-signer"
    /// A person's key for sign-offs and approvals.
    case custodian
    /// A person's key to which shares are encrypted.
    case custodianShare = "custodian-share"
    /// What backups leave and reach a token under.
    case backupWrapping = "backup-wrapping"
    /// The public key of a programming station.
    case station = "station"
    /// The symmetric key from which an enrolment group's registration secrets are derived.
    case registrationGroup = "registration-group"
}

/// A key's `CKA_LABEL`: role and name, and whether a rehearsal made it.
///
/// Its text is `root-ca:acme-2026`, a rehearsal's `rehearsal/root-ca:acme-2026`.
public struct KeyLabel: Hashable, Sendable, CustomStringConvertible {
    public let role: KeyRole
    public let name: String
    public let isRehearsal: Bool

    public init(role: KeyRole, name: String, isRehearsal: Bool) {
        self.role = role
        self.name = name
        self.isRehearsal = isRehearsal
    }

    /// Reads a label of this form; nil for any other, which is not our key.
    public init?(_ text: String) {
        var rest = text[...]
        let isRehearsal = rest.hasPrefix("rehearsal/")
        if isRehearsal { rest = rest.dropFirst("rehearsal/".count) }
        let parts = rest.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let role = KeyRole(rawValue: String(parts[0])) else { return nil }
        self.init(role: role, name: String(parts[1]), isRehearsal: isRehearsal)
    }

    public var description: String { (isRehearsal ? "rehearsal/" : "") + "\(role.rawValue):\(name)" }
}
