import Glibc

/// The one error of this library.
public struct TelemetryError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// A file that was asked for cannot be made.
        case cannotCreate = "telemetry-cannot-create"
        /// No space is left for it.
        case diskFull = "telemetry-disk-full"
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

    /// What `errno` says of a file.
    static func ofSystem(_ path: String) -> TelemetryError {
        let number = errno
        let isFull = number == ENOSPC || number == EDQUOT
        return TelemetryError(
            isFull ? .diskFull : .cannotCreate, path, String(cString: strerror(number)),
            hint: isFull ? "Free some space." : "Name a file in a folder that exists and is writable.")
    }

    public var description: String { "\(subject): \(message)" }
}
