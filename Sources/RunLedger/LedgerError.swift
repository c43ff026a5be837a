/// The one error of this library.
public struct LedgerError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The database does not open, or another process keeps it locked.
        case cannotOpen = "ledger-cannot-open"
        /// The file is damaged: SQLite's own check fails, or counts do not add up.
        case corrupt = "ledger-corrupt"
        /// Reading or writing failed.
        case io = "ledger-io"
        /// No space is left for the database.
        case diskFull = "ledger-disk-full"
        /// A run of this name was started before.
        case runExists = "ledger-run-exists"
        /// No run has this name.
        case runUnknown = "ledger-run-unknown"
        /// The authorisation was used before.
        case authorisationUsed = "ledger-authorisation-used"
        /// The run may reserve no more: quantity and spoilage allowance are used up.
        case allowanceSpent = "ledger-allowance-spent"
        /// A device serial, certificate serial number, public key or certificate is there already.
        case duplicate = "ledger-duplicate"
        /// The run, the rows or the device are not in the state that the step needs.
        case wrongState = "ledger-wrong-state"
        /// The ledger is older than the fingerprints beside it: commits are gone from it.
        case rolledBack = "ledger-rolled-back"
        /// Octets that are no chunk of devices.
        case malformedChunk = "ledger-malformed-chunk"
        /// No released device has this serial.
        case deviceUnknown = "ledger-device-unknown"
        /// The file to be made is there already.
        case exists = "ledger-exists"
    }

    public let code: Code
    public let subject: String
    public let message: String
    public let hint: String?

    public init(_ code: Code, _ subject: String, _ message: String, hint: String? = nil) {
        self.code = code
        self.subject = subject
        self.message = message
        self.hint = hint
    }

    public var description: String { "\(subject): \(message)" }
}
