import SignedStatements

/// What a ceremony tells while it runs, for whoever shows it.
public struct CeremonyEvent: Sendable, Hashable {
    public enum Phase: Sendable, Hashable {
        /// A step begins; `text` is what its actor says and does.
        case began
        /// Something that the people in the room should see: an inventory, an attribute, a signature.
        case shown
        /// A digest to be read aloud or compared, in hexadecimal.
        case digest
        case ended
    }

    public let phase: Phase
    public let step: String
    public let action: StepAction
    public let actor: CeremonyRole
    /// Who acts, and before whom, by name.
    public let people: [String]
    public let witnesses: [String]
    /// The step's place in the script, from 1, and how many there are.
    public let number: Int
    public let count: Int
    /// How long the step is expected to take.
    public let minutes: Int
    public let isIrreversible: Bool
    /// How long the ceremony has taken so far, and how long the steps before were expected to, in minutes.
    public let minutesElapsed: Int
    public let minutesExpected: Int
    public let text: String
}

/// A file that a ceremony left behind.
public struct CeremonyArtefact: Sendable, Hashable {
    /// Relative to the site.
    public let path: String
    /// The SHA-256 of the file's bytes, in hexadecimal.
    public let digest: String
}

/// What a ceremony came to.
public struct CeremonyOutcome: Sendable, Hashable {
    /// The folder's name under the site's `ceremonies`.
    public let id: String
    /// The transcript's absolute path.
    public let transcript: String
    /// The transcript's head: the SHA-256 of its last line, in hexadecimal.
    public let head: String
    public let artefacts: [CeremonyArtefact]
    /// How long it took, in minutes begun.
    public let minutes: Int
    public let isRehearsal: Bool
    /// The digest of the roster that the ceremony made, in hexadecimal; nil where it made none.
    public let rosterDigest: String?
}
