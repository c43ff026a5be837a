import Foundation
import RunReporting
import RunTelemetry

/// Runs that never were, with the time lines that they would have left.
struct MadeUpRun {
    var run = "demo-0001"
    var product = "Example Sensor"
    var quantity = 10_000
    var spoilage = 1_000
    var scrapped = 0
    var burned = 0
    var outstanding = 0
    var released: Int
    var state: RunReport.State = .sealed(at: MadeUpRun.date(3600))
    var isRehearsal = true
    var reason: String?
    private(set) var lines: [String] = []
    private var clock = 0.0
    private var random = UInt64(7)

    init(released: Int = 10_000) {
        self.released = released
    }

    static func date(_ seconds: Double) -> Date { Date(timeIntervalSince1970: 1_795_560_000 + seconds) }

    private static func text(_ seconds: Double) -> String {
        date(seconds).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    private mutating func next() -> Double {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(random >> 33) / Double(1 << 31)
    }

    mutating func begin(resumed: Bool = false, workers: Int = 2, sessions: Int = 1) {
        let facts =
            #"{"version":1,"program":"rootline 0.1.0","isResumed":\#(resumed),"quantity":\#(quantity),"spoilage":\#(spoilage),"workers":\#(workers),"sessions":\#(sessions),"cores":2}"#
        lines.append(#"{"time":"\#(Self.text(clock))","event":"begun","session":\#(facts)}"#)
    }

    /// Intervals of a second each, with some `rate` devices a second and a median of so many microseconds.
    mutating func work(seconds: Int, rate: Double, median: Double, interval: Double = 1) {
        for _ in 0..<seconds {
            clock += interval
            let made = Int(rate * interval * (0.93 + 0.14 * next()))
            var latency = LatencyHistogram()
            for _ in 0..<40 {
                let spread = 0.85 + 0.35 * next() + (next() > 0.96 ? 2.5 * next() : 0)
                latency.record(UInt64(median * 1000 * spread))
            }
            let encoded =
                (try? JSONEncoder().encode(latency)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
            lines.append(
                #"{"time":"\#(Self.text(clock))","event":"interval","seconds":\#(interval),"made":\#(made),"latency":\#(encoded),"workersLost":0}"#
            )
        }
    }

    mutating func pause(_ seconds: Double) { clock += seconds }

    mutating func end(_ event: String, reason: String? = nil, code: String? = nil) {
        let reason = reason.map { ",\"reason\":\($0.debugDescription)" } ?? ""
        let code = code.map { ",\"code\":\($0.debugDescription)" } ?? ""
        lines.append(#"{"time":"\#(Self.text(clock))","event":"\#(event)"\#(reason)\#(code)}"#)
    }

    mutating func add(line: String) { lines.append(line) }

    func timeline() throws -> Timeline {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(
            "timeline-\(UUID().uuidString)"
        ).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
        return Timeline(path: path)
    }

    func report() throws -> RunReport {
        let counts = RunBooks.Counts(
            reserved: released + scrapped + burned + outstanding, released: released, scrapped: scrapped,
            burned: burned)
        var isSealed = false
        if case .sealed = state { isSealed = true }
        var report = RunReport(
            run: run, product: product,
            origin: isRehearsal ? "rehearsal.invalid/site" : "devices.example.com/line",
            isRehearsal: isRehearsal,
            state: state,
            books: RunBooks(
                quantity: quantity, spoilage: spoilage, ledger: counts, outstanding: outstanding,
                seal: isSealed ? counts : nil, listed: isSealed ? released + scrapped : nil,
                isSealed: isSealed),
            openedAt: Self.date(0), timeline: try timeline(), program: "rootline 0.1.0",
            writtenAt: Self.date(4000))
        report.order = [
            ("Devices", "\(quantity) of \(product), and \(spoilage) losses allowed"),
            ("Approved by", "the run authority"),
            ("Approved for", "2026-11-24 22:40:00 to 2026-12-01 22:40:00 UTC"),
            ("Manifest, list and station", Self.digest(1)), ("Authorisation", Self.digest(2)),
            ("Log when approved", "4 entries, root 775fa5bd1f478c41"),
        ]
        report.certificates = [
            ("Template", "idevid-ec-p256"), ("Template, SHA-256", Self.digest(3)),
            ("Keys", "ec-p256, made in the token, wrapped for the station"),
            ("Issuer", "CN=Example Issuing CA,O=Example Manufacturing"),
            ("Station, SHA-256 of its key", Self.digest(4)),
        ]
        report.artefacts = [
            .init(
                name: "authorisation", place: "runs/\(run)/authorisation.p7s", size: 1893,
                sha256: Self.digest(2)),
            .init(name: "manifest", place: "runs/\(run)/manifest.yaml", size: 412, sha256: Self.digest(5)),
            .init(name: "checkpoint", place: "runs/\(run)/checkpoint", size: 231, sha256: Self.digest(6)),
            .init(name: "issuers", place: "runs/\(run)/issuers.pem", size: 1502, sha256: Self.digest(7)),
            .init(name: "seal", place: "log, entry 10003", size: nil, sha256: Self.digest(8)),
        ]
        report.checks = [
            (
                "The approval, under the run authority's certificate:",
                "openssl cms -verify -binary -inform DER -in runs/\(run)/authorisation.p7s \\\n  -CAfile certificates/run-authority.pem -purpose any"
            ),
            (
                "The log's signed state:",
                "openssl cms -verify -binary -inform DER -in log/checkpoint.p7s -content log/checkpoint.txt \\\n  -CAfile certificates/allowlist-signer.pem -purpose any -out /dev/null"
            ),
            (
                "That files are those of this report:",
                "sha256sum runs/\(run)/authorisation.p7s runs/\(run)/manifest.yaml runs/\(run)/checkpoint"
            ),
        ]
        return report
    }

    /// A digest that is none of anything, another for each number.
    private static func digest(_ number: Int) -> String {
        let digits = Array("0123456789abcdef")
        return String((0..<64).map { digits[($0 * 7 + number * 5 + $0 / 16) % 16] })
    }

    /// A run that a signal and a crash interrupted, and that was sealed.
    static func interrupted() -> MadeUpRun {
        var run = MadeUpRun(released: 120_000)
        run.quantity = 120_000
        run.spoilage = 2_048
        run.burned = 512
        run.scrapped = 0
        run.begin()
        run.work(seconds: 8, rate: 8_050, median: 182)
        run.end("interrupted", reason: "stopped with 64 400 of 120 000 devices made")
        run.pause(5_000)
        run.begin(resumed: true)
        run.work(seconds: 4, rate: 7_800, median: 190)
        run.pause(120)
        run.begin(resumed: true)
        run.work(seconds: 3, rate: 8_100, median: 179)
        run.end("sealed")
        return run
    }
}
