import PKCS11
import TokenKeys

/// A token that went away while a run was at work: since when, and when it is tried again.
///
/// It begins with the first sign and ends when something was made again, so that a token that comes and goes is told
/// of once, and is given up in the end.
struct TokenAbsence {
    /// What the first sign of it was.
    let reason: String
    private(set) var since = ContinuousClock.now
    /// Whether the token has not answered since; false once it did and nothing was made yet.
    private(set) var isWaiting = true
    private(set) var nextTry: ContinuousClock.Instant
    /// How often the token came back and failed before anything was made.
    private(set) var relapses = 0
    private var pause = Duration.milliseconds(250)

    private static let longestPause = Duration.seconds(10)

    init(_ reason: String) {
        self.reason = reason
        nextTry = .now + pause
    }

    var seconds: Int { Int(since.duration(to: .now).components.seconds) }

    /// Puts the next try off, each time for longer, 10 s at most.
    mutating func postpone() {
        pause = min(pause * 2, Self.longestPause)
        nextTry = .now + pause
    }

    /// The run is at work without it, on the sessions that are left: nobody waits yet.
    mutating func beginAnew() { since = .now }

    mutating func end() { isWaiting = false }

    mutating func relapse() {
        relapses += 1
        isWaiting = true
        postpone()
    }

    /// Whether an error says that the token, its session or the way to it is gone, so that waiting may help.
    ///
    /// Never of a refused PIN: a token locks itself after a few wrong tries.
    static func isSign(_ error: any Error) -> Bool {
        let error = (error as? TokenKeyError)?.cause ?? error
        guard let error = error as? PKCS11Error else { return false }
        switch error.code {
        case .tokenAbsent, .moduleMissing, .notPKCS11: return true
        case .returned: return error.returnValue?.isAbsence == true
        default: return false
        }
    }
}
