import Foundation
import PrintedHTML
import RunTelemetry

// What went on over time: plots, sessions, and the plots' figures as a table.
extension RunReport {
    func plots(_ html: inout HTML, _ timeline: Timeline) {
        let intervals = timeline.sessions.flatMap(\.intervals)
        let seconds = intervals.reduce(0) { $0 + $1.seconds }
        guard seconds > 0 else {
            html.section("Over time") {
                $0.note("The run has no time line: nothing was made, or its file is gone.")
            }
            return
        }
        let marks = stops(timeline)
        html.section("Over time") { html in
            html.element("div", class: "plots") { html in
                html.element("figure") { html in
                    html.element("figcaption") { $0.text("Throughput") }
                    throughput(intervals, seconds, marks).write(to: &html)
                }
                html.element("figure") { html in
                    html.element("figcaption") { $0.text("Time in the token, a device") }
                    latencyPlot(intervals, seconds, marks).write(to: &html)
                }
            }
            if !marks.isEmpty {
                html.note(
                    marks.count == 1
                        ? "The dashed line is where the run stopped; the pause is cut out."
                        : "Dashed lines are where the run stopped; the pauses are cut out.")
            }
        }
    }

    /// Where a session ended and another followed, with the pause between them.
    private func stops(_ timeline: Timeline) -> [(seconds: Double, label: String)] {
        var elapsed = 0.0
        var stops: [(seconds: Double, label: String)] = []
        for (session, next) in zip(timeline.sessions, timeline.sessions.dropFirst()) {
            elapsed += session.seconds
            let pause = next.begun.timeIntervalSince(session.last)
            // A clock that was set back makes no negative pause.
            stops.append((elapsed, pause >= 0 ? "+ \(ReportNumber.duration(pause))" : "stopped"))
        }
        return stops
    }

    private func throughput(
        _ intervals: [Timeline.Interval], _ seconds: Double, _ marks: [(seconds: Double, label: String)]
    ) -> Plot {
        let steps = Self.smoothed(intervals)
        let largest = steps.map(\.rate).max() ?? 0
        let made = intervals.reduce(0) { $0 + $1.made }
        return Plot(
            title: "Throughput over the working time",
            description: "\(made.grouped) devices in \(ReportNumber.duration(seconds)) of work,"
                + " \(ReportNumber.short(Double(made) / seconds)) a second on average, at most"
                + " \(ReportNumber.short(largest)); \(marks.count) interruptions.",
            unit: "devices a second", values: PlotAxis(linearTo: largest),
            lines: [Plot.Line(name: "devices", kind: "rate", steps: steps.map { ($0.seconds, $0.rate) })],
            marks: marks, seconds: seconds, identifier: "throughput")
    }

    private func latencyPlot(
        _ intervals: [Timeline.Interval], _ seconds: Double, _ marks: [(seconds: Double, label: String)]
    ) -> Plot {
        let quantiles = Self.smoothed(intervals).map { ($0.seconds, LatencyQuantiles($0.latency)) }
        let all = quantiles.compactMap(\.1)
        let smallest = all.map(\.medianMicroseconds).min() ?? 1
        let largest = all.map(\.p99Microseconds).max() ?? 1
        // Milliseconds are told in milliseconds.
        let unit: (name: String, factor: Double) = smallest >= 1000 ? ("ms", 1000) : ("µs", 1)
        let isWide = largest > smallest * 12
        let axis =
            isWide
            ? PlotAxis(logarithmicFrom: smallest / unit.factor, to: largest / unit.factor)
            : PlotAxis(linearTo: largest / unit.factor)
        let summary = LatencyQuantiles(intervals.reduce(into: LatencyHistogram()) { $0.merge($1.latency) })
        return Plot(
            title: "Time that a device takes in the token, over the working time",
            description: summary.map {
                "Median \(ReportNumber.time(microseconds: $0.medianMicroseconds)), 99 % within"
                    + " \(ReportNumber.time(microseconds: $0.p99Microseconds)), the longest"
                    + " \(ReportNumber.time(microseconds: $0.longestMicroseconds))."
                    + (isWide ? " The scale is logarithmic." : "")
            } ?? "No time is on record.",
            unit: unit.name + (isWide ? ", logarithmic" : ""), values: axis,
            lines: [
                Plot.Line(
                    name: "median", kind: "median",
                    steps: quantiles.map { ($0.0, $0.1.map { $0.medianMicroseconds / unit.factor }) }),
                Plot.Line(
                    name: "99 %", kind: "p99",
                    steps: quantiles.map { ($0.0, $0.1.map { $0.p99Microseconds / unit.factor }) }),
            ], marks: marks, seconds: seconds, identifier: "latency")
    }

    /// Neighbours that are shorter than a hundredth of the work merged: devices are recorded in chunks, and how many
    /// chunks fall into a tenth of a second is chance.
    private static func smoothed(_ intervals: [Timeline.Interval]) -> [Timeline.Interval] {
        let width = max(0.25, intervals.reduce(0) { $0 + $1.seconds } / 120)
        return intervals.reduce(into: []) { merged, interval in
            if let last = merged.last, last.seconds < width * 0.9 {
                merged[merged.count - 1].take(interval)
            } else {
                merged.append(interval)
            }
        }
    }

    func sessions(_ html: inout HTML) {
        guard !timeline.sessions.isEmpty else { return }
        // A run that was interrupted a thousand times still has a report that can be printed.
        let shown = timeline.sessions.prefix(40)
        html.section("Sessions") { html in
            html.element("div", class: "scroll", [("tabindex", "0")]) { html in
                html.table(
                    "sessions",
                    columns: [
                        ("", ""), ("Begun, UTC", ""), ("Work", "right"), ("Made", "right"),
                        ("A second", "right"),
                        ("Workers × sessions", "right"), ("Cores", "right"), ("Replaced", "right"),
                        ("Ended", ""),
                    ]
                ) { html in
                    for (index, session) in shown.enumerated() { row(&html, index, session) }
                }
            }
            if timeline.sessions.count > shown.count {
                html.note("and \((timeline.sessions.count - shown.count).grouped) more sessions")
            }
        }
    }

    private func row(_ html: inout HTML, _ index: Int, _ session: Timeline.Session) {
        let seconds = session.seconds
        let facts = session.facts
        html.element("tr") { html in
            html.element("td") { $0.text((index + 1).grouped) }
            html.element("td", class: "time") { $0.text(ReportNumber.time(session.begun)) }
            for number in [
                ReportNumber.duration(seconds), session.made.grouped,
                seconds > 0 ? ReportNumber.short(Double(session.made) / seconds) : "—",
                facts.map { "\($0.workers.grouped) × \($0.sessions.grouped)" } ?? "—",
                facts?.cores.grouped ?? "—", session.workersLost.grouped,
            ] {
                html.element("td", class: "right") { $0.text(number) }
            }
            html.element("td", class: "ended") {
                $0.text(ending(session, isLast: index == timeline.sessions.count - 1))
            }
        }
    }

    private func ending(_ session: Timeline.Session, isLast: Bool) -> String {
        switch session.end {
        case .sealed: return "sealed"
        case .interrupted: return session.reason.map { "interrupted: \($0)" } ?? "interrupted"
        case .failed:
            return "failed: "
                + [session.reason, session.code.map { "(\($0))" }].compactMap { $0 }.joined(separator: " ")
        default: return isLast && state == .atWork ? "at work" : "killed, or the power went"
        }
    }

    /// The plots' figures for those who do not see them, in some twenty rows.
    func figures(_ html: inout HTML, _ timeline: Timeline) {
        let rows = timeline.reduced(to: 20).sessions
        guard rows.contains(where: { !$0.intervals.isEmpty }) else { return }
        html.section("Figures of the plots") { html in
            html.element("div", class: "scroll", [("tabindex", "0")]) { html in
                html.table(
                    "figures",
                    columns: [
                        ("Until, UTC", ""), ("Work", "right"), ("Made", "right"), ("A second", "right"),
                        ("Median", "right"), ("90 %", "right"), ("99 %", "right"), ("Longest", "right"),
                    ]
                ) { html in
                    for interval in rows.flatMap(\.intervals) {
                        let quantiles = LatencyQuantiles(interval.latency)
                        let times = [
                            quantiles?.medianMicroseconds, quantiles?.p90Microseconds,
                            quantiles?.p99Microseconds,
                            quantiles?.longestMicroseconds,
                        ]
                        html.element("tr") { html in
                            html.element("td", class: "time") { $0.text(ReportNumber.time(interval.end)) }
                            for number in [
                                ReportNumber.duration(interval.seconds), interval.made.grouped,
                                ReportNumber.short(interval.rate),
                            ] + times.map({ $0.map { ReportNumber.time(microseconds: $0) } ?? "—" }) {
                                html.element("td", class: "right") { $0.text(number) }
                            }
                        }
                    }
                }
            }
        }
    }
}
