import Glibc
import PKCS11
import RunLedger
import TokenKeys

/// Drives a run and, where the token goes away under the run's own process, waits for it and resumes the run with
/// module, login and keys opened anew.
///
/// `WorkerPool` waits for its workers' token itself; here it is the opening and the seal that need one.
public struct TokenPatience {
    private let seconds: Int
    private let notice: (String) -> Void
    private let open: () throws -> RunDriver

    /// - Parameters:
    ///   - seconds: how long to wait for a token that went away; 0 for not at all.
    ///   - open: makes a driver: opens the token and finds its keys.
    public init(
        seconds: Int, notice: @escaping (String) -> Void, open: @escaping () throws -> RunDriver
    ) {
        self.seconds = seconds
        self.notice = notice
        self.open = open
    }

    /// A token that comes and goes is given up after this many returns.
    private static let returns = 3

    /// Begins with `body`, and goes on with `resume` as often as the token comes back.
    ///
    /// A token that is not there at the beginning is not waited for: somebody stands there.
    public func drive(
        _ run: String, manifest: String?, ending: RunEnding = .seal, ledger: any Ledger,
        _ body: @escaping (RunDriver) throws -> RunOutcome
    ) throws -> RunOutcome {
        var driver: RunDriver? = try open()
        var step = body
        for attempt in 0... {
            do {
                if let driver { return try step(driver) }
            } catch {
                let isAway = TokenAbsence.isSign(error) || driver?.isTokenAway == true
                guard isAway, seconds > 0, attempt < Self.returns,
                    let record = try ledger.run(run), record.state != .sealed
                else { throw error }
                notice("Token absent, waiting up to \(seconds) s (--wait): \(error)")
            }
            // The module goes with the last that uses it, and is initialised anew.
            driver = nil
            CMSSigner.forgetSessions()
            driver = try reopened(run)
            step = { try $0.resume(run, manifest: manifest, ending: ending) }
        }
        throw RunError(.tokenAbsent, "token", "it came back and failed again and again")
    }

    private func reopened(_ run: String) throws -> RunDriver {
        let signals = try StopSignals()
        var absence = TokenAbsence("")
        while true {
            var descriptor = pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0)
            let left = ContinuousClock.now.duration(to: absence.nextTry) / .milliseconds(1)
            if poll(&descriptor, 1, Int32(max(0, left.rounded(.up)))) > 0 {
                throw RunError(
                    .interrupted, run, "stopped while the token was absent",
                    hint: "When it is back: rootline run resume \(run)")
            }
            guard absence.nextTry <= .now else { continue }
            do {
                let driver = try open()
                notice("The token is back after \(absence.seconds) s.")
                return driver
            } catch {
                // A PIN that is refused is never tried again: the token would lock itself.
                guard (error as? PKCS11Error)?.code != .pinRefused else { throw error }
                guard absence.seconds < seconds else {
                    throw RunError(
                        .tokenAbsent, "token", "\(error)", hint: "When it is back: rootline run resume \(run)"
                    )
                }
                absence.postpone()
            }
        }
    }
}

extension RunDriver {
    /// Whether a session that was opened at the beginning answers no more: what failed may not say so itself.
    var isTokenAway: Bool {
        do {
            _ = try keys.issuer.isCopyable()
            return false
        } catch {
            return TokenAbsence.isSign(error)
        }
    }
}
