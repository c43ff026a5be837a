import SignedStatements

/// The kinds of step that this version knows.
public enum StepAction: String, Sendable, CaseIterable, CustomStringConvertible {
    /// Somebody reads the text aloud.
    case say
    /// A question that has to be answered with yes.
    case check
    /// A value is taken down.
    case record
    /// One of several options is taken.
    case choose
    /// A tamper-evident bag's number is read before the bag is opened (PCI PIN 9-2).
    case inspectBag = "inspect-bag"
    /// Something goes into a tamper-evident bag, whose number is taken down.
    case sealBag = "seal-bag"
    /// Every object on a token is listed.
    case inventory
    /// A token's user is logged in.
    case login
    /// A token gets new random PINs, which are split among the holders of a role.
    case split
    /// Holders of shares open a token together.
    case collectShares = "collect-shares"
    case generateKey = "generate-key"
    /// A key is found again, read back and tried, by other means than those that made it.
    case verifyKey = "verify-key"
    case signCertificate = "sign-certificate"
    case signCRL = "sign-crl"
    /// A key leaves its token for another, wrapped.
    case wrap
    /// A wrapped key is restored on a token.
    case unwrap
    case destroy
    /// Custodians get keys on tokens of their own.
    case enrol
    case signRoster = "sign-roster"
    /// A document is put into the ceremony's folder.
    case print
    /// Nothing is open while people rest.
    case pause = "break"
    /// A digest is read aloud and taken down on paper.
    case readOut = "read-out"
    /// What was taken down on paper is compared with what the machine shows.
    case compare
    /// Actor and witnesses sign the transcript's head, each with a key of their own.
    case signOff = "sign-off"

    public var description: String { rawValue }

    /// Whether it leaves something behind that no later step can undo.
    var isIrreversible: Bool {
        switch self {
        case .split, .generateKey, .signCertificate, .signCRL, .wrap, .unwrap, .destroy, .enrol,
            .signRoster:
            true
        default: false
        }
    }

    /// Whether people answer it.
    var takesAnswer: Bool {
        switch self {
        case .check, .record, .choose, .inspectBag, .sealBag, .compare: true
        default: false
        }
    }
}

/// One step of a script.
public struct CeremonyStep: Sendable, Hashable {
    let placedID: Placed<String>
    let placedActor: Placed<CeremonyRole>
    let placedWitnesses: [Placed<CeremonyRole>]
    let content: StepContent
    /// What is said and done, for the people in the room.
    public let text: String
    /// How long the step is expected to take.
    public let minutes: Int
    public let isIrreversible: Bool
    public let onFailure: FailureRule
    let place: ScriptPlace

    public var id: String { placedID.value }
    public var actor: CeremonyRole { placedActor.value }
    public var witnesses: [CeremonyRole] { placedWitnesses.map(\.value) }
    public var action: StepAction { content.action }
}

/// What happens when a step fails.
public enum FailureRule: Sendable, Hashable {
    /// The ceremony stops, and can be resumed when the cause is gone.
    case stop
    /// The people may co-sign an exception and go on.
    case exception
    /// As `stop`; the sentence says what puts it right.
    case remedy(String)
}
