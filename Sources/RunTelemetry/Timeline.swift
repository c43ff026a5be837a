import Foundation

/// A run's `timeline.jsonl`, read: the sessions of the run, each with its intervals.
public struct Timeline: Sendable {
    /// What came of some seconds of a session.
    public struct Interval: Sendable, Hashable {
        public var end: Date
        public var seconds: Double
        public var made: Int
        public var latency: LatencyHistogram

        /// Devices a second.
        public var rate: Double { seconds > 0 ? Double(made) / seconds : 0 }

        package mutating func take(_ next: Interval) {
            end = next.end
            seconds += next.seconds
            made += next.made
            latency.merge(next.latency)
        }
    }

    /// One call of `run start` or `run resume`.
    public struct Session: Sendable {
        public var begun: Date
        public var facts: SessionFacts?
        public var intervals: [Interval] = []
        /// The time of the last line.
        public var last: Date
        public var workersLost = 0
        /// How it ended; nil where it is at work, or was killed.
        public var end: TimelineLine.Event?
        public var reason: String?
        public var code: String?

        /// Seconds that its intervals cover.
        public var seconds: Double { intervals.reduce(0) { $0 + $1.seconds } }
        public var made: Int { intervals.reduce(0) { $0 + $1.made } }
    }

    public var sessions: [Session] = []
    /// Lines that no version of this program writes, such as one that a crash cut short.
    public var unreadableLines = 0

    /// The time in the token of all devices that the file tells of.
    public var latency: LatencyHistogram {
        var all = LatencyHistogram()
        for session in sessions {
            for interval in session.intervals { all.merge(interval.latency) }
        }
        return all
    }

    /// One without sessions.
    public init() {}

    /// Reads a file; an empty time line where there is none.
    ///
    /// A file has 20 000 lines at most; one of more than 64 MiB is another's, and is not read.
    public init(path: String) {
        let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int
        let isOurs = size.map { $0 <= 64 << 20 } ?? false
        self.init(lines: isOurs ? FileManager.default.contents(atPath: path).map(Array.init) ?? [] : [])
    }

    init(lines bytes: [UInt8]) {
        let decoder = TelemetryJSON.decoder()
        for raw in bytes.split(separator: 0x0A) {
            guard let line = try? decoder.decode(TimelineLine.self, from: Data(raw)) else {
                unreadableLines += 1
                continue
            }
            take(line)
        }
    }

    /// Bounds that no line of ours reaches: sums of what somebody else wrote must not overflow either.
    private static let mostSeconds = 1e6
    private static let mostMade = 1 << 32

    private mutating func take(_ line: TimelineLine) {
        if line.kind == .begun || sessions.isEmpty {
            sessions.append(Session(begun: line.time, facts: line.session, last: line.time))
        }
        let index = sessions.count - 1
        sessions[index].last = line.time
        if let lost = line.workersLost {
            sessions[index].workersLost = max(sessions[index].workersLost, lost)
        }
        guard let kind = line.kind else { return }
        if kind == .interval {
            sessions[index].intervals.append(
                Interval(
                    end: line.time, seconds: min(max(0, line.seconds ?? 0), Self.mostSeconds),
                    made: min(max(0, line.made ?? 0), Self.mostMade),
                    latency: line.latency ?? LatencyHistogram()))
        }
        if kind.isEnd {
            sessions[index].end = kind
            sessions[index].reason = line.reason
            sessions[index].code = line.code
        }
    }

    /// The same with at most `limit` intervals in all: neighbours are merged, within a session as long as that is
    /// enough, and no device is lost.
    public func reduced(to limit: Int) -> Timeline {
        var reduced = self
        let total = sessions.reduce(0) { $0 + $1.intervals.count }
        guard total > limit, limit > 0 else { return self }
        let seconds = sessions.reduce(0) { $0 + $1.seconds }
        // One that is begun by a session is none that is full: room is left for these.
        let room = max(1, limit - sessions.count)
        let width = seconds / Double(room)
        for index in reduced.sessions.indices {
            var merged: [Interval] = []
            for interval in sessions[index].intervals {
                if let last = merged.last, last.seconds + interval.seconds <= max(width, last.seconds) {
                    merged[merged.count - 1].take(interval)
                } else {
                    merged.append(interval)
                }
            }
            reduced.sessions[index].intervals = merged
        }
        // Intervals of uneven lengths may leave more: neighbours, two and two.
        while reduced.sessions.reduce(0, { $0 + $1.intervals.count }) > limit {
            let before = reduced.sessions.reduce(0) { $0 + $1.intervals.count }
            for index in reduced.sessions.indices {
                reduced.sessions[index].intervals = Self.paired(reduced.sessions[index].intervals)
            }
            // Sessions of one interval each, and more of them than the limit.
            if reduced.sessions.reduce(0, { $0 + $1.intervals.count }) == before {
                reduced.sessions = Self.joined(reduced.sessions)
            }
        }
        return reduced
    }

    private static func paired(_ intervals: [Interval]) -> [Interval] {
        stride(from: 0, to: intervals.count, by: 2).map { index in
            var first = intervals[index]
            if index + 1 < intervals.count { first.take(intervals[index + 1]) }
            return first
        }
    }

    /// Two sessions and two as one.
    private static func joined(_ sessions: [Session]) -> [Session] {
        stride(from: 0, to: sessions.count, by: 2).map { index in
            var first = sessions[index]
            guard index + 1 < sessions.count else { return first }
            let second = sessions[index + 1]
            first.intervals = paired(first.intervals + second.intervals)
            (first.last, first.end, first.reason, first.code) = (
                second.last, second.end, second.reason, second.code
            )
            first.workersLost += second.workersLost
            return first
        }
    }
}
