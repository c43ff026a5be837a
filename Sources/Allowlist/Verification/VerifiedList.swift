import TransparencyLog

/// What a full verification found.
public struct VerifiedList: Hashable, Sendable {
    /// How far the authorisations of the runs were checked.
    public enum Authorised: String, Hashable, Sendable {
        /// Authorisations are cited and present; who signed them was not checked.
        case claimed
        /// Every run was approved by a quorum of the pinned roster and countersigned by the run authority.
        case approved
    }

    /// What holding the authorisations against a pinned roster found.
    public struct Approval: Hashable, Sendable {
        /// How many members have to approve a run, by the newest roster.
        public let needed: Int
        /// How many members may.
        public let members: Int
        public let rosterVersion: Int
        /// Certificates in `issuers.pem` and `signers.pem` whose keys neither a pin nor an approved statement names.
        public let notVouchedFor: [String]
    }

    /// One run as the log tells it.
    public struct Run: Hashable, Sendable {
        public let id: String
        public let product: String
        public let openIndex: UInt64
        /// SHA-256 of the authorisation.
        public let authorisation: Digest32
        public let quantity: UInt64
        public let spoilage: UInt64
        /// Devices listed and not scrapped before the seal.
        public let released: UInt64
        public let scrapped: UInt64
        public let burned: UInt64
        /// UTC seconds since 1970.
        public let openedAt: UInt64
        /// The run's seal, or nil where it is open.
        public let seal: AllowlistEntry.Seal?

        public var isSealed: Bool { seal != nil }
        public var reserved: UInt64 { released + scrapped + burned }
    }

    public let origin: String
    public let treeSize: UInt64
    public let root: Digest32
    /// Entries by kind; kinds that do not occur are 0.
    public let counts: [AllowlistEntry.Kind: UInt64]
    /// In the order in which they were opened.
    public let runs: [Run]
    public let isRehearsal: Bool
    public let authorised: Authorised
    /// Nil where no roster is pinned.
    public var approval: Approval?
    /// When the log's key says that it signed the checkpoint: UTC seconds since 1970.
    public var signedAt: UInt64?
    /// The time by which the checkpoint's age is judged: the witnesses', else ``signedAt``.
    public var time: UInt64?
    /// Matters that do not make the list wrong, for a person to read.
    public let warnings: [String]
}
