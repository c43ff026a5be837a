import TransparencyLog

/// What a service asked the list about a device, what the answer was, and what the service did.
public struct JournalDecision: Hashable, Sendable {
    /// The device's serial as it was asked for or listed.
    public var serial: ListedSerial?
    /// SHA-256 of the device key's SubjectPublicKeyInfo, where it was part of the question.
    public var key: Digest32?
    /// SHA-256 of the device's certificate, where it was part of the question.
    public var certificate: Digest32?
    public var status: LookupAnswer.Status
    /// Why the status is not `listed`.
    public var reason: String?
    /// Whether serial and key were matched together.
    public var keyChecked: Bool
    /// The index of the device's `add`.
    public var entryIndex: UInt64?
    /// The list's size and root that the answer rests on.
    public var size: UInt64
    public var root: Digest32
    /// Whether the service took the device in.
    public var isAccepted: Bool
    /// The service's own words, such as a ticket's number; at most 1024 octets of UTF-8, without secrets.
    public var reference: String?

    /// The decision on `answer`. `serial`, `key` and `certificate` are what was asked for; where the serial was not,
    /// the listed one is recorded.
    public init(
        _ answer: LookupAnswer, isAccepted: Bool, serial: ListedSerial? = nil, key: Digest32? = nil,
        certificate: Digest32? = nil, reference: String? = nil
    ) {
        self.serial = serial ?? answer.device?.serial
        self.key = key
        self.certificate = certificate
        status = answer.status
        reason = answer.reason
        keyChecked = answer.keyChecked
        entryIndex = answer.entryIndex
        size = answer.checkpoint.size
        root = answer.checkpoint.root
        self.isAccepted = isAccepted
        self.reference = reference
    }
}
