import Foundation

/// What a run is doing.
public enum RunStage: String, Sendable, Codable, CaseIterable {
    /// Its `open-run` entry is being published.
    case opening
    case making
    /// Its seal is being published.
    case sealing
}

/// Everything that can be told of a run at work at one moment.
public struct RunSnapshot: Sendable {
    public internal(set) var run = ""
    public internal(set) var product = ""
    public internal(set) var stage = RunStage.opening
    public internal(set) var isResumed = false
    public internal(set) var begun = Date(timeIntervalSince1970: 0)
    public internal(set) var date = Date(timeIntervalSince1970: 0)
    public internal(set) var quantity = 0
    public internal(set) var spoilage = 0
    public internal(set) var workers = 0
    /// Sessions a worker.
    public internal(set) var sessions = 0
    public internal(set) var cores = 0
    /// All of the run's, what earlier sessions made included.
    public internal(set) var released = 0
    public internal(set) var scrapped = 0
    public internal(set) var burned = 0
    /// Devices made by this session.
    public internal(set) var made = 0
    public internal(set) var workersLost = 0
    /// Devices a second over the last seconds, and since the making began; nil before there is anything to tell.
    public internal(set) var rate: Double?
    public internal(set) var meanRate: Double?
    /// Seconds until the last device is made, as the last minute went.
    public internal(set) var remainingSeconds: Double?
    /// The time in the token of the devices of the last seconds, and of all that this session made.
    public internal(set) var recentLatency = LatencyHistogram()
    public internal(set) var latency = LatencyHistogram()
    /// What was said to the operator last.
    public internal(set) var lastNotice: String?
    /// How the session ended; nil while it is at work.
    public internal(set) var ending: RunConclusion?

    /// Devices that were made and are not scrapped or burned, as a share of the quantity.
    public var share: Double { quantity > 0 ? Double(released) / Double(quantity) : 0 }
}

/// How a session of a run ended.
public enum RunConclusion: Sendable, Hashable {
    case sealed
    /// Stopped on request; `run resume` goes on.
    case interrupted(reason: String)
    case failed(code: String, reason: String)

    var event: TimelineLine.Event {
        switch self {
        case .sealed: .sealed
        case .interrupted: .interrupted
        case .failed: .failed
        }
    }

    var reason: String? {
        switch self {
        case .sealed: nil
        case .interrupted(let reason), .failed(_, let reason): reason
        }
    }

    var code: String? { if case .failed(let code, _) = self { code } else { nil } }
}
