import CanonicalJSON
import Crypto
import Foundation

/// Who may take part, with which keys, and how many it takes: one version of a site's roster, signed.
///
/// Its form and rules are those of the transcript's specification, "Rosters".
public struct Roster: Sendable, Hashable {
    /// Somebody on the roster.
    public struct Member: Sendable, Hashable {
        public let name: String
        public let roles: [CeremonyRole]
        /// SubjectPublicKeyInfo in DER, on P-256: for sign-offs, approvals and rosters.
        public let signingKey: [UInt8]
        /// SubjectPublicKeyInfo in DER, on P-256: shares are encrypted to it.
        public let shareKey: [UInt8]
        public let tokenSerial: String
        public let tokenLabel: String

        public init(
            name: String, roles: [CeremonyRole], signingKey: [UInt8], shareKey: [UInt8], tokenSerial: String,
            tokenLabel: String
        ) {
            self.name = name
            self.roles = roles
            self.signingKey = signingKey
            self.shareKey = shareKey
            self.tokenSerial = tokenSerial
            self.tokenLabel = tokenLabel
        }
    }

    /// How many members it takes.
    public struct Quorums: Sendable, Hashable {
        /// For the next version of the roster.
        public let roster: Int
        /// For the approval of a run.
        public let approval: Int
        /// For the recovery of a log key.
        public let recovery: Int

        public init(roster: Int, approval: Int, recovery: Int) {
            self.roster = roster
            self.approval = approval
            self.recovery = recovery
        }
    }

    public struct Signature: Sendable, Hashable {
        public let name: String
        /// In the form of ``StrictSignature``.
        public let signature: [UInt8]

        public init(name: String, signature: [UInt8]) {
            self.name = name
            self.signature = signature
        }
    }

    /// Of files that are read, in octets.
    public static let largestFile = 1 << 20

    /// From 1.
    public let version: Int
    public let origin: String
    public let isRehearsal: Bool
    /// The digest of the version before, in hexadecimal; nil in version 1.
    public let previous: String?
    public let members: [Member]
    /// Pairs of roles that no one person may hold.
    public let conflicts: [[CeremonyRole]]
    public let quorums: Quorums
    public private(set) var signatures: [Signature]

    public init(
        version: Int, origin: String, rehearsal: Bool, previous: String?, members: [Member],
        conflicts: [[CeremonyRole]], quorums: Quorums, signatures: [Signature] = []
    ) {
        self.version = version
        self.origin = origin
        isRehearsal = rehearsal
        self.previous = previous
        self.members = members
        self.conflicts = conflicts
        self.quorums = quorums
        self.signatures = signatures
    }

    public func member(_ name: String) -> Member? { members.first { $0.name == name } }

    public func signed(by signatures: [Signature]) -> Roster {
        var copy = self
        copy.signatures = signatures
        return copy
    }

    /// The SHA-256 of the document in canonical form, in hexadecimal: what is read aloud and pinned.
    public var digest: String { StatementForm.hexadecimal(digestOctets) }

    /// The same as 32 octets.
    public var digestOctets: [UInt8] { Array(SHA256.hash(data: document.canonical)) }

    /// What each signer signs: the tag, then the statement in canonical form.
    public var signedBytes: [UInt8] {
        let tag = isRehearsal ? "rootline/rehearsal-roster/v1\n" : "rootline/roster/v1\n"
        return Array(tag.utf8) + statement.canonical
    }
}
