import PKCS11
import Rosters
import SecretSharing
import SignedStatements

/// What the runner asks the people for.
public struct CeremonyQuestion: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// Nothing but that the step is done.
        case done
        /// Yes or no.
        case yesNo
        /// The word "Yes", typed in full: what follows cannot be undone.
        case irreversible
        /// A text; a rehearsal takes the example.
        case text(example: String)
        case choice(options: [String], example: String)
        /// A digest from paper, in hexadecimal or as words; a rehearsal takes what is expected.
        case digest(expected: String)
    }

    public let step: String
    public let kind: Kind
    public let text: String
    /// Who has to answer.
    public let person: String
}

/// What the people answer.
public enum CeremonyReply: Sendable, Hashable {
    case answer(String)
    /// Something differs from what was expected, and the people want it recorded and co-signed.
    case exception(happened: String, decision: String)
    /// A break, from now until the room says that it is over.
    case pause(reason: String)
    /// The ceremony stops here, to be resumed.
    case stop(reason: String)
}

/// Whose PIN is wanted, and for what.
public enum PINRequest: Sendable, Hashable {
    /// Of a person's own token.
    case credential(name: String, tokenLabel: String, purpose: String)
    /// Of a token that has no activation data yet: what its maker or the security officer has set.
    case initial(token: String, user: UserType)
    /// Of a token that opens by a pin-source which `site.yaml` does not name.
    case token(String)
}

/// The people, as the runner sees them: whoever shows them things and takes their answers.
///
/// The terminal is one; the stand-ins of a rehearsal are another. None of its calls holds a lock on a token.
public protocol CeremonyRoom: AnyObject {
    func tell(_ event: CeremonyEvent)
    func ask(_ question: CeremonyQuestion) throws(CeremonyError) -> CeremonyReply
    /// Asks for a PIN without showing it; `refusal` says why the last one was not taken.
    func pin(_ request: PINRequest, refusal: String?) throws(CeremonyError) -> PIN
    /// Shows a share to its holder alone, and clears the screen after it.
    func show(share: SecretBytes, to holder: String) throws(CeremonyError)
    /// Has a holder type a share; `refusal` says why the last one was not taken.
    func share(of holder: String, refusal: String?) throws(CeremonyError) -> SecretBytes
    /// Waits until a break is over.
    func waitForEndOfBreak(reason: String) throws(CeremonyError)
}

/// The room of an unattended rehearsal: everything is answered as the script expects it, or as a file says.
public final class UnattendedRoom: CeremonyRoom {
    private let answers: CeremonyAnswers
    private let progress: (CeremonyEvent) -> Void
    private var shares: [String: SecretBytes] = [:]

    public init(answers: CeremonyAnswers = .expected, progress: @escaping (CeremonyEvent) -> Void = { _ in })
    {
        self.answers = answers
        self.progress = progress
    }

    public func tell(_ event: CeremonyEvent) { progress(event) }

    public func ask(_ question: CeremonyQuestion) throws(CeremonyError) -> CeremonyReply {
        let given = answers[question.step]
        switch question.kind {
        case .done: return .answer("")
        case .irreversible: return .answer("Yes")
        case .yesNo:
            switch (given ?? "yes").lowercased() {
            case "yes", "true": return .answer("yes")
            case "no", "false": return .answer("no")
            default:
                throw CeremonyError(
                    .answersInvalid, "step \(question.step)", "a check is answered with yes or no")
            }
        case .text(let example): return .answer(given ?? example)
        case .choice(_, let example): return .answer(given ?? example)
        case .digest(let expected): return .answer(given ?? expected)
        }
    }

    public func pin(_ request: PINRequest, refusal: String?) throws(CeremonyError) -> PIN {
        throw CeremonyError(
            .personRefused, "\(request)", "an unattended rehearsal has nobody to ask for a PIN",
            hint: "Name a pin-source in site.yaml, or rehearse attended.")
    }

    /// Stand-ins remember what they were shown.
    public func show(share: SecretBytes, to holder: String) throws(CeremonyError) { shares[holder] = share }

    public func share(of holder: String, refusal: String?) throws(CeremonyError) -> SecretBytes {
        guard refusal == nil, let share = shares[holder] else {
            throw CeremonyError(
                .shareRefused, holder, refusal ?? "the stand-in was shown its share before an interruption",
                hint: "Rehearse with `delivery: credential`, or attended.")
        }
        return share
    }

    public func waitForEndOfBreak(reason: String) throws(CeremonyError) {}
}
