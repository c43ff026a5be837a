import ArgumentParser
import Foundation
import ProductionRun
import RunTelemetry
import Sites

/// What tells of a run while it is at work, for `start` and `resume`.
struct WatchOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Write Prometheus metrics to this file every five seconds and at the end.",
            discussion: "For node_exporter's textfile collector, which reads files that end in .prom."))
    var metrics: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Append the log to this file, one JSON object a line.",
            discussion: "Of level info and above, or what ROOTLINE_LOG asks for."))
    var log: String?

    /// Opens the log's file, and makes what watches the run.
    func monitor(_ bar: RunBar) throws -> RunMonitor {
        if let log { try Logs.output.open(file: log) }
        return try RunMonitor(program: Release.name, metrics: metrics) { snapshot in
            bar.show(RunFigures(snapshot))
        }
    }
}

extension RunConclusion {
    /// How an error ended a run.
    init(_ error: any Error) {
        if let error = error as? RunError, error.code == .interrupted {
            self = .interrupted(reason: error.message)
        } else {
            let report = ErrorReport(error)
            self = .failed(code: report.code, reason: report.message)
        }
    }
}
