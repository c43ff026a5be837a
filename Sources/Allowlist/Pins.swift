import TransparencyLog

/// What a consumer decides to trust before it opens a bundle.
public struct Pins: Sendable {
    /// Origins that begin so are rehearsals for good.
    public static let rehearsalPrefix = "rehearsal.invalid/"

    /// The log's identity, the first line of its checkpoints.
    public let origin: String
    public let logKey: NoteKey
    /// Whether a rehearsal log is accepted.
    public let allowRehearsal: Bool
    /// The log's second key, of note signature type 0x01, which must have signed too; nil where it is not asked for.
    public var ed25519Key: Ed25519NoteKey?
    /// The witnesses of whom a quorum must have cosigned each checkpoint; nil where none is asked for.
    public var witnesses: WitnessQuorum?
    /// The digest of any version of the roster whose members have to approve runs and rotations of the log's key; nil
    /// where who approved is not asked.
    public var roster: Digest32?
    /// Seconds that a checkpoint may be old; nil where any age will do.
    public var maxAge: UInt64?
    /// What ages are measured against: UTC seconds since 1970.
    public var clock: @Sendable () -> UInt64 = Pins.systemClock

    public var isRehearsal: Bool { Pins.isRehearsal(origin: origin) }

    /// Pins from the log key's DER SubjectPublicKeyInfo (P-256).
    public init(
        origin: String, logKeySPKI: [UInt8], allowRehearsal: Bool = false
    ) throws(AllowlistError) {
        do {
            logKey = try NoteKey(name: origin, spki: logKeySPKI)
        } catch {
            throw Pins.refusal(error)
        }
        self.origin = origin
        self.allowRehearsal = allowRehearsal
    }

    /// Pins from the log key as a PEM `PUBLIC KEY`.
    public init(origin: String, logKeyPEM: String, allowRehearsal: Bool = false) throws(AllowlistError) {
        do {
            logKey = try NoteKey(name: origin, pem: logKeyPEM)
        } catch {
            throw Pins.refusal(error)
        }
        self.origin = origin
        self.allowRehearsal = allowRehearsal
    }

    public static func isRehearsal(origin: String) -> Bool {
        origin.hasPrefix(rehearsalPrefix)
    }

    private static func refusal(_ error: TransparencyLogError) -> AllowlistError {
        AllowlistError(
            .pins, error.message,
            hint: "give the origin without spaces and the log's P-256 public key as its owner published them")
    }
}
