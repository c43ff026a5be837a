import Foundation

/// One line of `timeline.jsonl`: a JSON object with `time` (RFC 3339, UTC, milliseconds) and `event`.
///
/// - `begun`: the run was started or resumed; what it began with
/// - `interval`: what came of the seconds since the line before
/// - `opened`, `worker-lost`, `sealing`: what happened, with a `reason` where there is one
/// - `sealed`, `interrupted`, `failed`: how the process ended; a session without one was killed
///
/// Programs that read it pass over events and members that they do not know.
public struct TimelineLine: Sendable, Hashable, Codable {
    public enum Event: String, Sendable {
        case begun
        case interval
        case opened
        case workerLost = "worker-lost"
        case sealing
        case sealed
        case interrupted
        case failed

        /// Whether the process has nothing more to tell after it.
        public var isEnd: Bool { self == .sealed || self == .interrupted || self == .failed }
    }

    public var time: Date
    public var event: String
    /// Of `begun`: what the run was begun with.
    public var session: SessionFacts?
    /// The seconds that an interval covers.
    public var seconds: Double?
    /// The devices made in the interval.
    public var made: Int?
    /// All of the run's so far.
    public var released: Int?
    public var burned: Int?
    /// Of this session so far.
    public var workersLost: Int?
    /// The time in the token of the interval's devices.
    public var latency: LatencyHistogram?
    public var reason: String?
    /// The error's code, where the run failed.
    public var code: String?

    public init(_ event: Event, at time: Date) {
        self.time = time
        self.event = event.rawValue
    }

    var kind: Event? { Event(rawValue: event) }
}

/// What one call of `run start` or `run resume` began with.
public struct SessionFacts: Sendable, Hashable, Codable {
    /// Of this form of lines.
    public var version = 1
    public var program: String
    public var isResumed: Bool
    public var quantity: Int
    public var spoilage: Int
    public var workers: Int
    /// Sessions a worker.
    public var sessions: Int
    /// Processors of the machine that the run may use.
    public var cores: Int

    public init(
        program: String, isResumed: Bool, quantity: Int, spoilage: Int, workers: Int, sessions: Int,
        cores: Int
    ) {
        self.program = program
        self.isResumed = isResumed
        self.quantity = quantity
        self.spoilage = spoilage
        self.workers = workers
        self.sessions = sessions
        self.cores = cores
    }
}

enum TelemetryJSON {
    static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(MillisecondTime.text(date))
        }
        return encoder
    }

    static func decoder() -> JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            let container = try decoder.singleValueContainer()
            let text = try container.decode(String.self)
            guard let date = MillisecondTime.date(text) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(text) is no time")
            }
            return date
        }
        return decoder
    }
}
