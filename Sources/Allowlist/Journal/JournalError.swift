/// The refusal of a journal, or of something that was to be recorded in it.
public struct JournalError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A stable reason; the raw value is part of the command line's JSON.
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// A line is not in the one form that the specification allows.
        case malformed = "journal-malformed"
        /// A line does not name the one before it: lines were altered, taken out, put in or exchanged.
        case chain = "journal-chain"
        /// The head that was kept elsewhere does not occur: the journal's end was cut off, or it is another one.
        case cut = "journal-cut"
        /// The journal is of another log than the one that is pinned.
        case pins = "journal-pins"
        /// A decision rests on a checkpoint that the journal did not accept.
        case checkpoint = "journal-checkpoint"
        /// Another process, or another part of this one, has the journal open.
        case locked = "journal-locked"
        /// The file cannot be read or written; the message carries the system's reason.
        case file = "journal-file"
    }

    public let code: Code
    /// The line at fault, from 1.
    public let line: Int?
    public let message: String
    /// The next action of the person who sees the error.
    public let hint: String?

    init(_ code: Code, line: Int? = nil, _ message: String, hint: String? = nil) {
        self.code = code
        self.line = line
        self.message = message
        self.hint = hint
    }

    public var description: String {
        (line.map { "line \($0): " } ?? "") + "\(message) [\(code.rawValue)]"
    }

    func at(line: Int) -> JournalError {
        self.line == nil ? JournalError(code, line: line, message, hint: hint) : self
    }
}
