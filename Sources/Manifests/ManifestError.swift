/// One fault of a production-run manifest, or its device list.
///
/// Lines and columns start at 1; columns count Unicode scalars. `field` is the manifest's key or the list's column.
public struct ManifestFault: Hashable, Sendable, CustomStringConvertible {
    public var file: String
    public var line: Int
    public var column: Int
    public var field: String
    public var code: String
    public var message: String

    public init(file: String, line: Int, column: Int, field: String, code: String, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.field = field
        self.code = code
        self.message = message
    }

    public var description: String {
        "\(file):\(line):\(column): \(field.isEmpty ? "" : field + ": ")\(message) [\(code)]"
    }
}

/// What this library throws: a stable code, what it is about, what is wrong, and the next action.
public struct ManifestError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Stable words for scripts and tests; never renamed.
    public enum Code: String, Sendable, CaseIterable {
        /// The manifest or its list is at fault: exit class 65.
        case invalid = "manifest.invalid"
        /// A file is missing or cannot be read: exit class 66.
        case unreadable = "manifest.unreadable"
        /// A file is not the one that was checked: exit class 65.
        case changed = "manifest.changed"
        /// Reading failed underway: exit class 74.
        case inputOutput = "manifest.input-output"
        /// A row was asked for that the list does not have.
        case rowOutOfRange = "manifest.row-out-of-range"
    }

    /// How many faults are kept in full; the others are counted.
    public static let keptFaults = 50

    public let code: Code
    public let subject: String
    public let message: String
    /// The next action, or nil when the message says it.
    public let hint: String?
    /// The first faults, at most ``keptFaults``: the manifest's, the list's, then other files', each in the order of
    /// its lines.
    public let faults: [ManifestFault]
    /// How many faults there are in all.
    public let faultCount: Int

    public init(
        _ code: Code, subject: String, message: String, hint: String? = nil,
        faults: [ManifestFault] = [], faultCount: Int? = nil
    ) {
        self.code = code
        self.subject = subject
        self.message = message
        self.hint = hint
        self.faults = faults
        self.faultCount = faultCount ?? faults.count
    }

    public var description: String {
        var lines = ["\(subject): \(message) [\(code.rawValue)]"]
        lines += faults.map(\.description)
        if faultCount > faults.count { lines.append("and \(faultCount - faults.count) more faults") }
        if let hint { lines.append(hint) }
        return lines.joined(separator: "\n")
    }
}
