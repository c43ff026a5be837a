import TransparencyLog

/// The device in front of a consumer, which a proof is compared with.
///
/// The key is the one that the device has shown to hold, for instance by its TLS handshake: a proof can be
/// copied from any other device, a key cannot.
public struct PresentedDevice: Hashable, Sendable {
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    public var key: Digest32
    /// SHA-256 of the DER certificate, where the device showed one.
    public var certificate: Digest32?
    /// The serial it gave.
    public var serial: String?
    /// The product it must be of.
    public var product: String?

    public init(key: Digest32, certificate: Digest32? = nil, serial: String? = nil, product: String? = nil) {
        self.key = key
        self.certificate = certificate
        self.serial = serial
        self.product = product
    }
}

/// What a proof that travels by itself cannot show, whoever made it.
public enum ProofLimit: String, Hashable, Sendable, CaseIterable {
    /// Entries about the device other than the one that lists it.
    case events
    /// Entries behind the proof's checkpoint.
    case laterEntries = "later-entries"
    /// Whether a newer checkpoint exists.
    case newestCheckpoint = "newest-checkpoint"
    /// Quantities and approvals of the run.
    case quantities
    /// Whether the index that the log signed is complete.
    case index

    /// The limit in a sentence for people.
    public var text: String {
        switch self {
        case .events:
            "whether the device was revoked, scrapped or replaced, before this checkpoint or later"
        case .laterEntries: "whether the device was listed after this checkpoint"
        case .newestCheckpoint: "whether this checkpoint is the newest one"
        case .quantities: "whether the run kept to the quantity that was approved, and who approved it"
        case .index:
            "whether the index that the log signed leaves nothing out; verifying the whole list shows it"
        }
    }
}
