import Foundation
import Glibc
import Logging
import Synchronization

/// Where the log goes: to standard error as the environment asks, and to a file as a command asks.
///
/// Loggers are made before the command line is read, so the file comes later than they do.
public final class LogOutput: Sendable {
    public enum Form: String, Sendable {
        case text
        /// One JSON object a line.
        case json
    }

    private struct State {
        var file: Int32 = -1
    }

    private let state = Mutex(State())
    private let fileLevel = Atomic<Int>(Int.max)
    private let standardErrorLevel: Logger.Level
    private let form: Form
    private let askedLevel: Logger.Level?

    /// `level` is what somebody asked for; nothing but critical ones go to standard error where nobody did.
    public init(level: Logger.Level?, form: Form) {
        askedLevel = level
        standardErrorLevel = level ?? .critical
        self.form = form
    }

    /// Appends lines to a file from now on, JSON whatever the form of standard error; made with mode 600.
    ///
    /// Its level is the one that was asked for, or `info`.
    public func open(file path: String) throws(TelemetryError) {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw TelemetryError.ofSystem(path) }
        state.withLock { state in
            if state.file >= 0 { close(state.file) }
            state.file = descriptor
        }
        fileLevel.store((askedLevel ?? .info).rank, ordering: .sequentiallyConsistent)
    }

    /// A handler that writes here, for `LoggingSystem.bootstrap`.
    public func handler(label: String) -> any LogHandler { OutputLogHandler(label: label, output: self) }

    var level: Logger.Level {
        let lowest = min(standardErrorLevel.rank, fileLevel.load(ordering: .relaxed))
        return Logger.Level.allCases.first { $0.rank >= lowest } ?? .critical
    }

    func write(_ line: LogLine) {
        let rank = line.level.rank
        if rank >= fileLevel.load(ordering: .relaxed) {
            let octets = line.json
            // One write a line: lines of several threads do not mix. A full disk stops no run.
            state.withLock { state in _ = TextFile.write(octets, to: state.file) }
        }
        if rank >= standardErrorLevel.rank {
            let octets = form == .json ? line.json : line.text
            state.withLock { _ in _ = TextFile.write(octets, to: 2) }
        }
    }
}

extension Logger.Level {
    /// From 0 for the finest to 6 for `critical`.
    fileprivate var rank: Int { Logger.Level.allCases.firstIndex(of: self) ?? 0 }
}

/// Hands what is logged to a ``LogOutput``, whose levels hold whatever a logger's owner sets.
struct OutputLogHandler: LogHandler {
    let label: String
    let output: LogOutput
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    var logLevel: Logger.Level {
        get { output.level }
        set { _ = newValue }
    }

    init(label: String, output: LogOutput) {
        self.label = label
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = self.metadata.merging(metadataProvider?.get() ?? [:]) { $1 }
            .merging(event.metadata ?? [:]) { $1 }
        output.write(
            LogLine(
                time: Date(), level: event.level, label: label, message: "\(event.message)", metadata: all))
    }
}

/// Something logged, as lines show it.
struct LogLine: Encodable {
    var time: Date
    var level: Logger.Level
    var label: String
    var message: String
    var metadata: Logger.Metadata

    private enum CodingKeys: String, CodingKey {
        case time
        case level
        case label
        case message
        case metadata
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(time, forKey: .time)
        try container.encode(level.rawValue, forKey: .level)
        try container.encode(label, forKey: .label)
        try container.encode(message, forKey: .message)
        if !metadata.isEmpty {
            try container.encode(metadata.mapValues(EncodableMetadata.init), forKey: .metadata)
        }
    }

    /// One JSON object (RFC 8259) and a newline; there is none within it.
    var json: [UInt8] {
        let encoded = try? TelemetryJSON.encoder().encode(self)
        return encoded.map { Array($0) + [0x0A] } ?? []
    }

    var text: [UInt8] {
        let pairs = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let line = "\(MillisecondTime.text(time)) \(level.rawValue) \(label): \(message)\(pairs)"
        // What is logged cannot begin a line of its own.
        let safe = line.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : String($0) }
            .joined()
        return Array((safe + "\n").utf8)
    }
}

private struct EncodableMetadata: Encodable {
    let value: Logger.MetadataValue

    init(_ value: Logger.MetadataValue) {
        self.value = value
    }

    func encode(to encoder: any Encoder) throws {
        switch value {
        case .string(let text): try text.encode(to: encoder)
        case .stringConvertible(let value): try "\(value)".encode(to: encoder)
        case .array(let values): try values.map(EncodableMetadata.init).encode(to: encoder)
        case .dictionary(let values): try values.mapValues(EncodableMetadata.init).encode(to: encoder)
        }
    }
}
