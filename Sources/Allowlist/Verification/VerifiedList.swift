import TransparencyLog

/// What a full verification found.
public struct VerifiedList: Hashable, Sendable {
    /// How far the authorisations of the runs were checked.
    public enum Authorised: String, Hashable, Sendable {
        /// Authorisations are cited and present; who signed them was not checked.
        case claimed
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
    /// Matters that do not make the list wrong, for a person to read.
    public let warnings: [String]
}
