import Foundation
import Glibc

/// A run's metrics in Prometheus' text format 0.0.4, for node_exporter's textfile collector.
///
/// Units are seconds and bytes; counters end in `_total` and count what ledger and log count, over all sessions of the
/// run, but for those of workers and the histogram, which are of this process.
enum RunMetrics {
    /// Throws where no file of this name can be made.
    static func check(_ path: String) throws(TelemetryError) {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw TelemetryError(.cannotCreate, path, "there is something else than a file")
        }
        guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, access(folder, W_OK | X_OK) == 0
        else {
            throw TelemetryError(
                .cannotCreate, path, "its folder does not exist or is not writable",
                hint: "Name a file in node_exporter's textfile folder, such as FOLDER/rootline.prom.")
        }
    }

    static func text(_ run: RunSnapshot) -> [UInt8] {
        var text = MetricsText(run: run.run)
        text.add(
            "info", .gauge, "The run; its value is always 1.",
            [(["product": run.product, "resumed": run.isResumed ? "true" : "false"], 1)])
        text.add("devices_ordered", .gauge, "Devices that the manifest asks for.", run.quantity)
        text.add(
            "certificates_authorised", .gauge,
            "Certificates that may be signed: the quantity and the losses allowed.",
            run.quantity + run.spoilage)
        text.add("devices_released_total", .counter, "Devices recorded, and not scrapped.", run.released)
        text.add("devices_scrapped_total", .counter, "Devices recorded and scrapped.", run.scrapped)
        text.add(
            "certificates_burned_total", .counter, "Certificates that may exist and that no device has.",
            run.burned)
        text.add(
            "workers_replaced_total", .counter, "Workers of this process that were lost and replaced.",
            run.workersLost)
        text.add("workers", .gauge, "Worker processes.", run.workers)
        text.add("sessions", .gauge, "Sessions of a worker, each on a thread.", run.sessions)
        let stages = RunStage.allCases.map { stage in
            (["stage": stage.rawValue], run.ending == nil && stage == run.stage ? 1.0 : 0.0)
        }
        let endings: [(String, Bool)] = [
            ("sealed", run.ending == .sealed), ("interrupted", run.ending?.event == .interrupted),
            ("failed", run.ending?.event == .failed),
        ]
        text.add(
            "stage", .gauge, "1 for what the run is doing, or how it ended; 0 for everything else.",
            stages + endings.map { (["stage": $0.0], $0.1 ? 1 : 0) })
        text.add(
            "start_time_seconds", .gauge, "When this process began with the run, since 1970 UTC.",
            run.begun.timeIntervalSince1970)
        text.add(
            "last_update_time_seconds", .gauge, "When this file was written, since 1970 UTC.",
            run.date.timeIntervalSince1970)
        let isAtWork = run.ending == nil
        text.add(
            "devices_per_second", .gauge, "Devices a second over the last ten seconds.",
            isAtWork ? run.rate ?? 0 : 0)
        if isAtWork, let remaining = run.remainingSeconds {
            text.add(
                "remaining_seconds", .gauge, "Until the last device is made, as the last minute went.",
                remaining)
        }
        text.add(
            "resident_memory_peak_bytes", .gauge, "Peak resident memory of the run's own process.", peakMemory
        )
        text.add(
            "token_latency_seconds", "The time that a device takes in the token, of this process's devices.",
            run.latency)
        return Array(text.text.utf8)
    }

    private static var peakMemory: Int {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return usage.ru_maxrss * 1024
    }
}

/// Text in Prometheus' exposition format 0.0.4: each metric with its HELP and TYPE, no time stamps.
struct MetricsText {
    enum Kind: String {
        case counter
        case gauge
    }

    private(set) var text = ""
    private let run: String

    init(run: String) {
        self.run = run
    }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        add(name, kind, help, Double(value))
    }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        add(name, kind, help, [([:], value)])
    }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [([String: String], Double)]) {
        head(name, kind.rawValue, help)
        for (labels, value) in samples { sample(name, labels, value) }
    }

    /// A histogram of seconds out of one of nanoseconds.
    mutating func add(_ name: String, _ help: String, _ histogram: LatencyHistogram) {
        head(name, "histogram", help)
        for step in histogram.cumulative {
            sample(name + "_bucket", ["le": Self.number(Double(step.bound) / 1e9)], Double(step.count))
        }
        sample(name + "_bucket", ["le": "+Inf"], Double(histogram.count))
        sample(name + "_sum", [:], Double(histogram.sum) / 1e9)
        sample(name + "_count", [:], Double(histogram.count))
    }

    private mutating func head(_ name: String, _ kind: String, _ help: String) {
        text += "# HELP rootline_run_\(name) \(help)\n# TYPE rootline_run_\(name) \(kind)\n"
    }

    private mutating func sample(_ name: String, _ labels: [String: String], _ value: Double) {
        var pairs = ["run=\"\(Self.escaped(run))\""]
        for (label, text) in labels.sorted(by: { $0.key < $1.key }) {
            pairs.append("\(label)=\"\(Self.escaped(text))\"")
        }
        text += "rootline_run_\(name){\(pairs.joined(separator: ","))} \(Self.number(value))\n"
    }

    /// Whole numbers without a fraction, others so that reading gives back the same.
    static func number(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return "\(value)"
    }

    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
