import Foundation
import RunTelemetry
import Synchronization

/// What a run's line of progress shows.
struct RunFigures: Sendable {
    var released: Int
    var quantity: Int
    var rate: Double?
    var remainingSeconds: Double?
    var latency: LatencyQuantiles?
    var burned: Int
    var workersLost: Int
    var stage: RunStage
    var isEnded = false

    /// Of a run at work what the last seconds were, and of one that ended what all of it was.
    init(_ snapshot: RunSnapshot) {
        released = snapshot.released
        quantity = snapshot.quantity
        isEnded = snapshot.ending != nil
        rate = isEnded ? snapshot.meanRate : snapshot.rate
        remainingSeconds = snapshot.remainingSeconds
        latency = LatencyQuantiles(isEnded ? snapshot.latency : snapshot.recentLatency)
        burned = snapshot.burned
        workersLost = snapshot.workersLost
        stage = snapshot.stage
    }

    init(_ live: LiveStatus) {
        released = live.released
        quantity = live.quantity
        rate = live.devicesPerSecond
        remainingSeconds = live.remainingSeconds
        latency = live.recentLatency
        burned = live.burned
        workersLost = live.workersLost
        stage = live.stage
    }

    /// The same in words, the longest first: as much is shown as there is room for.
    var texts: [String] {
        let count = "\(released.grouped) of \(quantity.grouped)"
        let speed = rate.map { ", \(Self.rate($0))/s" } ?? ""
        var left = ""
        if stage == .sealing, !isEnded { left = ", sealing" }
        if let remainingSeconds, !isEnded, released < quantity {
            left = ", \(RunFigures.duration(remainingSeconds)) left"
        }
        let median = latency.map { Self.time($0.medianMicroseconds) }
        let slowest = latency.map { Self.time($0.p99Microseconds) }
        let token = median.map { ", token \($0)" } ?? ""
        let tokenWithTail = median.flatMap { median in slowest.map { ", token \(median), 99 % \($0)" } } ?? ""
        var errors = ""
        if burned > 0 { errors += ", \(burned.grouped) burned" }
        if workersLost > 0 { errors += ", \(workersLost.grouped) workers replaced" }
        let fewErrors = burned + workersLost > 0 ? ", \((burned + workersLost).grouped) errors" : ""
        return [
            "\(count) devices\(speed)\(left)\(tokenWithTail)\(errors)",
            "\(count) devices\(speed)\(left)\(token)\(errors)",
            "\(count)\(speed)\(left)\(token)\(errors)", "\(count)\(speed)\(left)\(errors)",
            "\(count)\(speed)\(left)\(fewErrors)", "\(count)\(speed)\(fewErrors)", "\(count)\(fewErrors)",
            count,
            "\(Int(share * 100)) %",
        ]
    }

    var share: Double { quantity > 0 ? min(1, max(0, Double(released) / Double(quantity))) : 0 }

    /// A line of at most so many columns: a bar, and as much text as leaves room for it.
    func line(columns: Int) -> String {
        let least = columns >= 50 ? 12 : 6
        let text = texts.first { $0.count + least + 1 <= columns } ?? texts.last ?? ""
        let width = min(40, columns - text.count - 1)
        guard width >= 4 else { return String(text.prefix(max(0, columns))) }
        let filled = Int(share * Double(width))
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled) + " "
            + text
    }

    static func rate(_ rate: Double) -> String {
        rate >= 10 ? Int(rate).grouped : String(format: "%.1f", rate)
    }

    static func time(_ microseconds: Double) -> String {
        if microseconds < 1000 { return "\(Int(microseconds.rounded())) µs" }
        if microseconds < 100_000 { return String(format: "%.1f ms", microseconds / 1000) }
        if microseconds < 1_000_000 { return "\(Int(microseconds / 1000)) ms" }
        return String(format: "%.1f s", microseconds / 1_000_000)
    }

    static func duration(_ seconds: Double) -> String {
        let whole = Int(min(seconds.rounded(.up), 1e9))
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        if whole < 172_800 { return "\(whole / 3600) h \(whole % 3600 / 60) min" }
        return "\(whole / 86_400) d \(whole % 86_400 / 3600) h"
    }
}

/// Progress of a run: a bar on a terminal, a plain line every few seconds elsewhere.
final class RunBar: Sendable {
    private struct State {
        var lastShown: ContinuousClock.Instant?
        var stage: RunStage?
        /// Columns of the bar that is on the terminal; 0 where none is.
        var shownColumns = 0
    }

    private let state = Mutex(State())

    /// Shows how far it is, unless that was shown just now.
    func show(_ figures: RunFigures) {
        let hasBar = Terminal.hasCursor
        guard figures.stage != .opening, hasBar || figures.released > 0 else { return }
        state.withLock { state in
            let interval: Duration = hasBar ? .milliseconds(100) : .seconds(5)
            let isNews = figures.isEnded || (hasBar && state.stage != figures.stage)
            // Where lines stay, the first comes when there is something to tell.
            if state.lastShown == nil, !hasBar { state.lastShown = .now }
            if let last = state.lastShown, !isNews, last.duration(to: .now) < interval { return }
            state.lastShown = .now
            state.stage = figures.stage
            guard hasBar else {
                Terminal.say(figures.texts[0])
                return
            }
            let columns = Terminal.columns
            // The last column is left free: some terminals wrap at it.
            let line = figures.line(columns: columns - 1)
            Terminal.show(Self.erasing(state.shownColumns, in: columns) + line)
            state.shownColumns = line.count
        }
    }

    /// Leaves the bar where it is; what is said next begins on a line of its own.
    func end() {
        state.withLock { state in
            if state.shownColumns > 0 { Terminal.show("\n") }
            state.shownColumns = 0
        }
    }

    /// A terminal that was made narrower has wrapped the bar: every line of it is erased.
    static func erasing(_ shown: Int, in columns: Int) -> String {
        let wrapped = shown > 0 && columns > 0 ? (shown - 1) / columns : 0
        return "\r" + (wrapped > 0 ? "\u{1B}[\(wrapped)A" : "") + "\u{1B}[J"
    }
}
