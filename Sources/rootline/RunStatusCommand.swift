import ArgumentParser
import Foundation
import ProductionRun
import RunLedger
import RunReporting
import RunTelemetry
import Sites

struct RunStatusCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how far runs are, also while one is at work; touches no token.",
        discussion: """
            Counts come from the ledger; rate, remaining time and latency from the process at work, which tells of \
            them about once a second. A run whose process is gone is said to be stopped, with what it said last. \
            --watch follows the run at work to its end and exits with 75 where it was stopped before that.
            """)

    @Argument(help: "A run's name; all runs where none is given.") var name: String?
    @Flag(name: .long, help: "Follow a run until it ends; with --format json, a document a line each second.")
    var watch = false
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let site = try siteOptions.open()
        if watch { return try RunWatch(site: site, name: name, format: output.format).follow() }
        let runs = try RunStatus.all(site, try site.ledgerToRead(), name: name)
        if output.format == .json { return try printJSON(RunStatus.Document(runs: runs)) }
        if runs.isEmpty { print("No runs yet.") }
        for run in runs { print(run.text) }
    }
}

/// What is known of a run at one moment.
struct RunStatus: Encodable {
    struct Document: Encodable {
        var version = 1
        var runs: [RunStatus]
    }

    /// The process at work, or the last one that was.
    struct Session: Encodable {
        var begun: String
        /// When it last told of itself.
        var updated: String
        var resumed: Bool?
        var process: Int32?
        var workers: Int?
        var sessions: Int?
        var workersLost: Int
        /// The part of the run that it is in, while it is at work.
        var stage: String?
        var made: Int?
        var devicesPerSecond: Double?
        var meanDevicesPerSecond: Double?
        var remainingSeconds: Double?
        var recentLatency: LatencyQuantiles?
        var latency: LatencyQuantiles?
        /// What was said to the operator last, while it is at work.
        var lastNotice: String?
        /// Why it ended, where it did.
        var lastError: String?
        /// The error's code, where it failed.
        var lastErrorCode: String?
    }

    var run: String
    var product: String
    var state: String
    /// `at-work`, `interrupted`, `killed`, `failed` or `sealed`.
    var activity: String
    var quantity: Int
    var spoilage: Int
    var reserved: Int
    var released: Int
    var scrapped: Int
    var burned: Int
    var outstanding: Int
    var openedAt: String
    var sealedAt: String?
    /// nil of sealed runs, and of those that left no time line.
    var session: Session?

    /// Of the run at work, for a bar.
    var figures: RunFigures? { live.map { RunFigures($0) } }
    private var live: LiveStatus?

    private enum CodingKeys: String, CodingKey {
        case run, product, state, activity, quantity, spoilage, reserved, released, scrapped, burned
        case outstanding, openedAt, sealedAt, session
    }

    /// All runs of a site, or the one of this name; throws `ledger-run-unknown` where it has none.
    static func all(_ site: Site, _ ledger: (any Ledger)?, name: String?) throws -> [RunStatus] {
        let records = try ledger?.runs() ?? []
        let wanted = name.map { name in records.filter { $0.run.id == name } } ?? records
        if let name, wanted.isEmpty {
            throw LedgerError(.runUnknown, name, "no such run", hint: "`rootline run status` lists the runs.")
        }
        return wanted.map { RunStatus($0, site: site) }
    }

    init(_ record: RunRecord, site: Site) {
        let folder = site.runFolder(record.run.id)
        let live = record.state == .sealed ? nil : LiveStatus(folder: folder)
        let isAtWork = live?.isProcessAlive == true
        // The time line is as long as the run was; of one at work the process says more.
        let timeline =
            record.state == .sealed || isAtWork ? Timeline() : Timeline(path: folder + "/timeline.jsonl")
        run = record.run.id
        product = record.run.product
        state = record.state.rawValue
        quantity = record.run.quantity
        spoilage = record.run.spoilage
        reserved = record.reserved
        released = record.released
        scrapped = record.scrapped
        burned = record.burned
        outstanding = record.outstanding
        openedAt = timeText(record.run.openedAt)
        sealedAt = record.sealedAt.map(timeText)
        self.live = isAtWork ? live : nil
        switch RunReport.state(of: record, timeline, live: live) {
        case .sealed: activity = "sealed"
        case .atWork: activity = "at-work"
        case .interrupted: activity = "interrupted"
        case .killed: activity = "killed"
        case .failed: activity = "failed"
        }
        if let live, isAtWork { session = Session(live) } else { session = Session(timeline, stale: live) }
    }

    /// For people: the counts, and below them what the process says or said.
    var text: String {
        var lines = [
            "\(run)  \(state)  \(released.grouped) of \(quantity.grouped) released, \(scrapped) scrapped, \(burned.grouped) burned"
                + (outstanding > 0 ? ", \(outstanding.grouped) in hand" : "")
        ]
        if activity == "sealed" { return lines[0] }
        guard activity == "at-work", let session else {
            lines.append("  stopped   \(whyStopped)")
            lines.append("  Next: rootline run resume \(run)")
            return lines.joined(separator: "\n")
        }
        lines.append(
            "  at work   since \(session.begun), process \(session.process ?? 0),"
                + " \(session.workers ?? 0) workers with \(session.sessions ?? 1) sessions each, \(session.stage ?? "")"
        )
        if let rate = session.devicesPerSecond {
            let left = session.remainingSeconds.map { ", \(RunFigures.duration($0)) left" } ?? ""
            lines.append("  speed     \(RunFigures.rate(rate)) devices a second\(left)")
        }
        if let latency = session.recentLatency ?? session.latency {
            lines.append(
                "  token     \(RunFigures.time(latency.medianMicroseconds)) a device (median),"
                    + " \(RunFigures.time(latency.p99Microseconds)) (99 %)")
        }
        if session.workersLost > 0 {
            lines.append("  errors    \(session.workersLost.grouped) workers replaced")
        }
        if let notice = session.lastNotice { lines.append("  last      \(notice)") }
        return lines.joined(separator: "\n")
    }

    private var whyStopped: String {
        guard let session else { return "it left no word" }
        let error = session.lastError ?? "no reason was given"
        switch activity {
        case "interrupted": return "at \(session.updated): \(error)"
        case "failed":
            return "at \(session.updated): \(error)" + (session.lastErrorCode.map { " (\($0))" } ?? "")
        default:
            let process = session.process.map { "its process \($0) is gone" } ?? "its process is gone"
            return "\(process): killed, or the power went, after \(session.updated)"
        }
    }
}

extension RunStatus.Session {
    init(_ live: LiveStatus) {
        begun = timeText(Int64(live.begun.timeIntervalSince1970))
        updated = timeText(Int64(live.updated.timeIntervalSince1970))
        resumed = live.isResumed
        process = live.process
        workers = live.workers
        sessions = live.sessions
        workersLost = live.workersLost
        stage = live.stage.rawValue
        made = live.made
        devicesPerSecond = live.devicesPerSecond.map { ($0 * 10).rounded() / 10 }
        meanDevicesPerSecond = live.meanDevicesPerSecond.map { ($0 * 10).rounded() / 10 }
        remainingSeconds = live.remainingSeconds.map { ($0 * 10).rounded() / 10 }
        recentLatency = live.recentLatency
        latency = live.latency
        lastNotice = live.lastNotice
    }

    /// The last session of a time line, and what a process that is gone left of its word.
    init?(_ timeline: Timeline, stale: LiveStatus?) {
        guard let last = timeline.sessions.last else { return nil }
        begun = timeText(Int64(last.begun.timeIntervalSince1970))
        updated = timeText(Int64(max(last.last, stale?.updated ?? last.last).timeIntervalSince1970))
        resumed = last.facts?.isResumed
        process = last.end == nil ? stale?.process : nil
        workers = last.facts?.workers
        sessions = last.facts?.sessions
        workersLost = last.workersLost
        made = last.made
        let seconds = last.seconds
        meanDevicesPerSecond = seconds > 0 ? (Double(last.made) / seconds * 10).rounded() / 10 : nil
        latency = LatencyQuantiles(last.intervals.reduce(into: LatencyHistogram()) { $0.merge($1.latency) })
        lastNotice = stale?.lastNotice
        lastError = last.reason
        lastErrorCode = last.code
    }
}
