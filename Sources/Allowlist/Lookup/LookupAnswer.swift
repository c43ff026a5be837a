import TransparencyLog

/// What the list says about one device at one checkpoint.
public struct LookupAnswer: Hashable, Sendable {
    /// The latest state of a device.
    public enum Status: String, Hashable, Sendable, CaseIterable {
        case listed
        case revoked
        case scrapped
        case replaced
        case notListed = "not-listed"
    }

    /// A later entry about a device.
    public struct Event: Hashable, Sendable {
        public let index: UInt64
        public let status: Status
        /// The reason in the entry's words.
        public let reason: String
        /// UTC seconds since 1970.
        public let at: UInt64
        /// The index of the replacing device's `add`, for `replaced`.
        public let replacedBy: UInt64?
    }

    public let status: Status
    /// Why the status is not `listed`.
    public let reason: String?
    /// The index of the device's `add`.
    public let entryIndex: UInt64?
    /// The device's `add`, proven against the signed root.
    public let device: AllowlistEntry.Add?
    /// Every event about the device, in the order of the log; the last one gives the status.
    public let events: [Event]
    /// Whether the question named the device's key; a serial alone identifies nobody.
    public let keyChecked: Bool
    /// Whether the question named the device's serial and it was compared; false where a log of hashed serials was
    /// asked without its serial key.
    public let serialChecked: Bool
    /// The checkpoint that the answer is about.
    public let checkpoint: Checkpoint

    public var run: String? { device?.run }
    /// UTC seconds since 1970.
    public var notAfter: UInt64? { device?.notAfter }
}
