import Certificates
import Foundation
import PKCS11
import Rosters
import SecretSharing
import SignedStatements
import Sites
import TokenKeys

/// The one error of this library.
public struct CeremonyError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// No script can be read at the path.
        case scriptUnreadable = "script-unreadable"
        /// The script breaks the form; `faults` has every place.
        case scriptInvalid = "script-invalid"
        /// The script reads well and cannot be followed, or not on this site; `faults` has every place.
        case checkFailed = "ceremony-check-failed"
        /// A rehearsal was asked for in a live site.
        case liveSite = "ceremony-live-site"
        /// A live ceremony was asked for in a rehearsal site.
        case rehearsalSite = "ceremony-rehearsal-site"
        /// The rehearsal that a live ceremony shall follow is incomplete, or of another script.
        case rehearsalRefused = "ceremony-rehearsal-refused"
        /// A person may not take the seat, or it is not this person's turn.
        case personRefused = "ceremony-person-refused"
        /// Too few holders of shares are there.
        case quorumShort = "ceremony-quorum-short"
        /// A share is wrong, or another token's, set's or holder's.
        case shareRefused = "ceremony-share-refused"
        /// The roster is missing, or does not descend from the pinned one.
        case rosterRefused = "ceremony-roster-refused"
        /// Another ceremony of the site has not come to its end.
        case unfinished = "ceremony-unfinished"
        /// There is no such ceremony, or it is complete, or given up.
        case notResumable = "ceremony-not-resumable"
        /// The people stopped the ceremony.
        case interrupted = "ceremony-interrupted"
        /// The machine's clock was set back.
        case clock = "ceremony-clock"
        /// An answers file does not read, or answers a step that takes no answer.
        case answersInvalid = "answers-invalid"
        /// A check was answered with no, or a comparison with another value.
        case answerRefused = "answer-refused"
        /// A file or folder cannot be made, or stands there already.
        case cannotCreate = "ceremony-cannot-create"
        /// Reading or writing failed.
        case io = "ceremony-io"
        /// Another process is at work on the site.
        case locked = "ceremony-locked"
        /// The site refused; the cause says why.
        case site = "ceremony-site"
        /// The token refused; the cause says what.
        case token = "ceremony-token"
        /// A key of the label stands on the token already.
        case labelTaken = "ceremony-label-taken"
        /// A key is not what its declared policy says: it must not be used.
        case keyRefused = "ceremony-key-refused"
        /// A certificate could not be built, breaks a rule, or does not verify.
        case certificate = "ceremony-certificate"
        /// A transcript does not read, or its chain is broken.
        case transcriptInvalid = "transcript-invalid"
        /// A sign-off does not verify, or is nobody's who took part.
        case signOffInvalid = "sign-off-invalid"
    }

    public let code: Code
    /// The file, step, key or token that this is about.
    public let subject: String
    public let message: String
    /// The next action; nil where the message says it.
    public let hint: String?
    /// The script's faults, in the order of their lines; empty for other codes.
    public let faults: [ScriptFault]
    public let cause: (any Error)?

    public init(
        _ code: Code, _ subject: String, _ message: String, hint: String? = nil, faults: [ScriptFault] = [],
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.subject = subject
        self.message = message
        self.hint = hint
        self.faults = faults
        self.cause = cause
    }

    public var description: String {
        (["\(subject): \(message)"] + faults.map(\.description)).joined(separator: "\n")
    }

    /// The same error, with one thing more to do.
    func adding(hint more: String) -> CeremonyError {
        CeremonyError(
            code, subject, message, hint: [hint, more].compactMap { $0 }.joined(separator: " "),
            faults: faults, cause: cause)
    }

    /// What a library below says, without the subject in front of it: ours stands there already.
    private static func text(_ description: String, _ subject: String) -> String {
        var rest = description[...]
        while rest.hasPrefix(subject + ": ") { rest = rest.dropFirst(subject.count + 2) }
        return String(rest)
    }

    /// What a library below has thrown, in this library's words.
    init(_ cause: any Error, _ subject: String) {
        switch cause {
        case let error as CeremonyError:
            self = error
        case let error as SiteError:
            let code: Code
            switch error.code {
            case .locked: code = .locked
            case .cannotCreate, .exists: code = .cannotCreate
            case .io: code = .io
            default: code = .site
            }
            self.init(code, subject, Self.text(error.description, subject), hint: error.hint, cause: error)
        case let error as PKCS11Error:
            self.init(.token, subject, Self.text(error.description, subject), hint: error.hint, cause: error)
        case let error as TokenKeyError:
            let code: Code
            switch error.code {
            case .labelTaken: code = .labelTaken
            case .token, .keyAbsent, .libraryFailed: code = .token
            default: code = .keyRefused
            }
            self.init(code, subject, Self.text(error.description, subject), hint: error.hint, cause: error)
        case let error as RosterError:
            let code: Code
            switch error.code {
            case .unreadable, .malformed, .signatures, .descent: code = .rosterRefused
            case .credentialAbsent, .credentialRefused: code = .personRefused
            case .shareRefused: code = .shareRefused
            case .token: code = .token
            }
            self.init(code, subject, error.description, hint: error.hint, cause: error.cause ?? error)
        case let error as SecretSharingError:
            self.init(.shareRefused, subject, error.description, hint: error.hint, cause: error)
        case let error as CertificatesError:
            self.init(.certificate, subject, error.description, hint: error.hint, cause: error)
        default:
            self.init(.io, subject, cause.localizedDescription, cause: cause)
        }
    }
}

/// Runs `body` and names `subject` in what the libraries below refuse.
func concerning<R>(_ subject: String, _ body: () throws -> R) throws(CeremonyError) -> R {
    do {
        return try body()
    } catch {
        throw CeremonyError(error, subject)
    }
}
