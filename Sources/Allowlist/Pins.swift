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
    /// The SHA-256 of a version of the log's roster: its members approve runs and rotations of the log's key.
    public var roster: Digest32?

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
