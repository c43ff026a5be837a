/// The one error of this library; what a lower library threw is its `cause`.
public struct RunError: Error, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The manifest, its device list or its template is wrong.
        case manifestRefused = "run-manifest-refused"
        /// There is no authorisation for the run, or it does not fit.
        case authorisationRefused = "run-authorisation-refused"
        /// The site lacks a key that a ceremony must make first.
        case siteNotReady = "run-site-not-ready"
        /// A file or folder of the run is there already or cannot be made.
        case cannotCreate = "run-cannot-create"
        /// Not enough space for what the run will write.
        case diskFull = "run-disk-full"
        /// Reading or writing failed.
        case io = "run-io"
        /// The run was stopped on request, at the end of a chunk.
        case interrupted = "run-interrupted"
        /// Another run of the site has not been sealed yet.
        case unfinished = "run-unfinished"
        /// Worker processes kept failing.
        case workersFailed = "run-workers-failed"
        /// The token went away and did not come back for as long as the run waits.
        case tokenAbsent = "run-token-absent"
        /// Ledger, log and packages do not tell the same story: one of them was lost or put back.
        case inconsistent = "run-inconsistent"
        /// The run is not in the state that the command needs.
        case wrongState = "run-wrong-state"
        /// No run of the site has made the device.
        case deviceUnknown = "run-device-unknown"
        /// The device was scrapped, and its package is not given out.
        case deviceScrapped = "run-device-scrapped"
        /// A worker answered what no worker of this version answers.
        case protocolBroken = "run-protocol-broken"
    }

    public let code: Code
    public let subject: String
    public let message: String
    public let hint: String?
    public let cause: (any Error)?

    public init(
        _ code: Code, _ subject: String, _ message: String, hint: String? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.subject = subject
        self.message = message
        self.hint = hint
        self.cause = cause
    }

    public var description: String { subject.isEmpty ? message : "\(subject): \(message)" }
}
