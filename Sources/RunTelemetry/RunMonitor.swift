import Foundation
import Glibc
import Logging
import Synchronization

/// Watches a run at work and tells of it: a snapshot for whoever draws a bar, `live.json`, `timeline.jsonl`, metrics on
/// request, and the log.
///
/// Nothing here ever stops a run: what cannot be written is said once in the log. Its calls may come from any thread.
/// A device costs it nothing: it is told of chunks.
public final class RunMonitor: Sendable {
    private struct State: ~Copyable {
        var snapshot = RunSnapshot()
        var folder: String?
        var timeline: TimelineWriter?
        var rate = RateMeter()
        /// When the making began, and how much was made then.
        var makingBegan: Double?
        /// What came since the last line of the time line.
        var intervalBegan = 0.0
        var intervalMade = 0
        var intervalLatency = LatencyHistogram()
        /// The histograms of the last seconds, a second each.
        var recent: [(began: Double, latency: LatencyHistogram)] = []
        var liveWritten = -Double.infinity
        var metricsWritten = -Double.infinity
        var complaints: Set<String> = []
    }

    /// Seconds between two of a kind.
    static let liveInterval = 1.0
    static let metricsInterval = 5.0
    private static let recentSeconds = 10.0

    private let state = Mutex(State())
    private let program: String
    private let metrics: String?
    private let clock: @Sendable () -> TelemetryMoment
    private let onChange: @Sendable (RunSnapshot) -> Void
    private let log = Logger(label: "rootline.run")

    /// `metrics` is the file for a collector of Prometheus metrics; where its folder takes no file, `cannot-create` is
    /// thrown. `onChange` is called with each change, from the thread that made it.
    public convenience init(
        program: String, metrics: String? = nil,
        onChange: @escaping @Sendable (RunSnapshot) -> Void = { _ in }
    ) throws(TelemetryError) {
        if let metrics { try RunMetrics.check(metrics) }
        self.init(program: program, metrics: metrics, clock: TelemetryMoment.system, onChange: onChange)
    }

    init(
        program: String, metrics: String?, clock: @escaping @Sendable () -> TelemetryMoment,
        onChange: @escaping @Sendable (RunSnapshot) -> Void = { _ in }
    ) {
        self.program = program
        self.metrics = metrics
        self.clock = clock
        self.onChange = onChange
    }

    public var snapshot: RunSnapshot { state.withLock { $0.snapshot } }

    /// A session begins; the run's folder is there.
    ///
    /// One that began before and did not end, because its token went away, is interrupted by that.
    public func begin(_ facts: RunFacts) {
        change { state, now in
            if state.folder != nil {
                endInterval(&state, now)
                var line = TimelineLine(.interrupted, at: now.date)
                line.reason = state.snapshot.lastNotice
                append(line, &state)
                state.makingBegan = nil
                state.rate = RateMeter()
            }
            state.snapshot = RunSnapshot(facts, at: now.date)
            state.folder = facts.folder
            state.intervalBegan = now.steady
            do throws(TelemetryError) {
                state.timeline = try TimelineWriter("\(facts.folder)/timeline.jsonl")
            } catch {
                complain(error, &state)
            }
            var line = TimelineLine(.begun, at: now.date)
            line.session = SessionFacts(
                program: program, isResumed: facts.isResumed, quantity: facts.quantity,
                spoilage: facts.spoilage, workers: facts.workers, sessions: facts.sessions, cores: facts.cores
            )
            append(line, &state)
        }
        log.notice(
            "run \(facts.isResumed ? "resumed" : "started")",
            metadata: [
                "run": "\(facts.run)", "product": "\(facts.product)", "quantity": "\(facts.quantity)",
                "released": "\(facts.released)", "burned": "\(facts.burned)", "workers": "\(facts.workers)",
                "sessions": "\(facts.sessions)", "program": "\(program)",
            ])
    }

    /// The run goes on to a stage.
    public func enter(_ stage: RunStage) {
        let before = snapshot.stage
        change { state, now in
            state.snapshot.stage = stage
            if stage == .making {
                state.makingBegan = now.steady
                state.intervalBegan = now.steady
                state.rate.note(state.snapshot.made, at: now.steady)
                append(TimelineLine(.opened, at: now.date), &state)
            }
            if stage == .sealing {
                endInterval(&state, now)
                append(TimelineLine(.sealing, at: now.date), &state)
            }
            state.liveWritten = -.infinity
        }
        if before != stage {
            log.notice("run \(stage.rawValue)", metadata: ["run": "\(snapshot.run)"])
        }
    }

    /// Devices are recorded, with the time that each took in the token.
    public func recorded(_ devices: Int, latency: LatencyHistogram) {
        change { state, now in
            state.snapshot.made += devices
            state.snapshot.released += devices
            state.snapshot.latency.merge(latency)
            state.intervalMade += devices
            state.intervalLatency.merge(latency)
            state.rate.note(state.snapshot.made, at: now.steady)
            if let last = state.recent.last, now.steady - last.began < 1 {
                state.recent[state.recent.count - 1].latency.merge(latency)
            } else {
                state.recent.append((now.steady, latency))
            }
        }
    }

    /// Certificates were given up: they may exist, and no device has them.
    public func burned(_ certificates: Int) {
        guard certificates > 0 else { return }
        change { state, _ in state.snapshot.burned += certificates }
    }

    /// A worker was lost and replaced.
    public func workerLost(_ reason: String) {
        change { state, now in
            state.snapshot.workersLost += 1
            state.snapshot.lastNotice = "A worker was replaced: \(reason)"
            var line = TimelineLine(.workerLost, at: now.date)
            line.workersLost = state.snapshot.workersLost
            line.reason = reason
            append(line, &state)
        }
    }

    /// Something was said to the operator, such as that the token is away.
    public func notice(_ text: String) {
        log.notice("\(text)", metadata: ["run": "\(snapshot.run)"])
        change { state, _ in
            state.snapshot.lastNotice = text
            state.liveWritten = -.infinity
        }
    }

    /// Time has passed; to be called at least once a second, whatever happens.
    public func tick() {
        change { state, now in
            if state.makingBegan != nil { state.rate.note(state.snapshot.made, at: now.steady) }
        }
    }

    /// The session ends. Nothing is told of one that never began.
    public func end(_ ending: RunConclusion) {
        let hasBegun = state.withLock { $0.folder != nil }
        switch ending {
        case .sealed: log.notice("run sealed", metadata: endMetadata)
        case .interrupted(let reason):
            log.warning("run interrupted", metadata: endMetadata.merging(["reason": "\(reason)"]) { $1 })
        case .failed(let code, let reason):
            log.error(
                "run failed",
                metadata: endMetadata.merging(["code": "\(code)", "reason": "\(reason)"]) { $1 })
        }
        guard hasBegun else { return }
        change { state, now in
            endInterval(&state, now)
            state.snapshot.ending = ending
            var line = TimelineLine(ending.event, at: now.date)
            line.released = state.snapshot.released
            line.burned = state.snapshot.burned
            line.workersLost = state.snapshot.workersLost
            line.reason = ending.reason
            line.code = ending.code
            append(line, &state)
            state.metricsWritten = -.infinity
        }
        state.withLock { state in
            if let folder = state.folder { LiveStatus.remove(from: folder) }
            state.folder = nil
            state.timeline = nil
        }
    }

    private var endMetadata: Logger.Metadata {
        let snapshot = snapshot
        if snapshot.run.isEmpty { return [:] }
        return [
            "run": "\(snapshot.run)", "released": "\(snapshot.released)", "burned": "\(snapshot.burned)",
            "made": "\(snapshot.made)", "workersLost": "\(snapshot.workersLost)",
        ]
    }

    private func change(_ body: (inout State, TelemetryMoment) -> Void) {
        let now = clock()
        let snapshot = state.withLock { state in
            body(&state, now)
            advance(&state, now)
            return state.snapshot
        }
        onChange(snapshot)
    }

    /// Brings what is told up to date, and writes what is due.
    private func advance(_ state: inout State, _ now: TelemetryMoment) {
        state.snapshot.date = now.date
        let old = state.recent.prefix { $0.began < now.steady - Self.recentSeconds }.count
        state.recent.removeFirst(old)
        state.snapshot.recentLatency = state.recent.reduce(into: LatencyHistogram()) { $0.merge($1.latency) }
        if let began = state.makingBegan, state.snapshot.stage == .making {
            state.snapshot.rate = state.rate.rate(at: now.steady)
            let elapsed = now.steady - began
            state.snapshot.meanRate = elapsed >= 0.2 ? Double(state.snapshot.made) / elapsed : nil
            let missing = state.snapshot.quantity - state.snapshot.released - state.snapshot.scrapped
            state.snapshot.remainingSeconds = state.rate.steadyRate(at: now.steady).flatMap { rate in
                rate > 0 ? Double(max(0, missing)) / rate : nil
            }
            if let seconds = state.timeline?.intervalSeconds,
                now.steady - state.intervalBegan >= seconds * 0.999
            {
                endInterval(&state, now)
            }
        } else {
            state.snapshot.remainingSeconds = nil
        }
        guard let folder = state.folder else { return }
        if now.steady - state.liveWritten >= Self.liveInterval {
            state.liveWritten = now.steady
            let status = LiveStatus(state.snapshot)
            attempt(&state) { () throws(TelemetryError) in try status.write(to: folder) }
        }
        if let metrics, now.steady - state.metricsWritten >= Self.metricsInterval {
            state.metricsWritten = now.steady
            let text = RunMetrics.text(state.snapshot)
            attempt(&state) { () throws(TelemetryError) in
                try TextFile.replace(metrics, with: text, mode: 0o644)
            }
        }
    }

    /// Writes the line of the interval that ends now; one in which nothing was asked of the token has none.
    private func endInterval(_ state: inout State, _ now: TelemetryMoment) {
        guard state.makingBegan != nil, now.steady > state.intervalBegan else { return }
        var line = TimelineLine(.interval, at: now.date)
        line.seconds = ((now.steady - state.intervalBegan) * 1000).rounded() / 1000
        line.made = state.intervalMade
        line.released = state.snapshot.released
        line.burned = state.snapshot.burned
        line.workersLost = state.snapshot.workersLost
        line.latency = state.intervalLatency
        append(line, &state)
        state.intervalBegan = now.steady
        state.intervalMade = 0
        state.intervalLatency = LatencyHistogram()
    }

    private func append(_ line: TimelineLine, _ state: inout State) {
        state.timeline?.append(line)
    }

    private func attempt(_ state: inout State, _ body: () throws(TelemetryError) -> Void) {
        do throws(TelemetryError) {
            try body()
        } catch {
            complain(error, &state)
        }
    }

    /// Says what cannot be written, once a file.
    private func complain(_ error: TelemetryError, _ state: inout State) {
        guard state.complaints.insert(error.subject).inserted else { return }
        log.warning("not written", metadata: ["file": "\(error.subject)", "reason": "\(error.message)"])
    }
}

extension RunSnapshot {
    init(_ facts: RunFacts, at date: Date) {
        run = facts.run
        product = facts.product
        isResumed = facts.isResumed
        (begun, self.date) = (date, date)
        quantity = facts.quantity
        spoilage = facts.spoilage
        released = facts.released
        scrapped = facts.scrapped
        burned = facts.burned
        workers = facts.workers
        sessions = facts.sessions
        cores = facts.cores
    }
}
