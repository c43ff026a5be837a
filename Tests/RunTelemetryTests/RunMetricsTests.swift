import Foundation
import Testing

@testable import RunTelemetry

@Suite struct RunMetricsTests {
    private let scratch: Scratch
    private let clock = HandClock()

    init() throws { scratch = try Scratch() }

    /// Metrics of a run with a name that wants to be more than a name.
    private func finished(_ ending: RunConclusion? = .sealed) throws -> String {
        let monitor = RunMonitor(program: "rootline 0", metrics: scratch.path + "/run.prom", clock: clock.now)
        var facts = RunFacts.example(scratch.path, released: 10, burned: 2)
        facts.product = "a \"b\" \\ c\nd{} é"
        monitor.begin(facts)
        monitor.enter(.making)
        for _ in 0..<20 {
            clock.advance(0.5)
            monitor.recorded(25, latency: latency(25, microseconds: 190))
        }
        monitor.workerLost("it ended")
        monitor.burned(5)
        if let ending { monitor.end(ending) }
        return scratch.text("run.prom")
    }

    @Test("Prometheus' own parser reads them: types, labels, a histogram that adds up")
    func parsed() throws {
        _ = try finished()
        let program = """
            import sys, json
            from prometheus_client.parser import text_string_to_metric_families
            out = {}
            for family in text_string_to_metric_families(open(sys.argv[1]).read()):
                assert family.name.startswith("rootline_run_"), family.name
                assert family.documentation and family.type in ("counter", "gauge", "histogram"), family
                for s in family.samples:
                    assert s.labels["run"] == "batch-7", s
                    assert s.timestamp is None
                    rest = [v for k, v in sorted(s.labels.items()) if k != "run"]
                    out["|".join([s.name] + rest)] = s.value
            print(json.dumps(out))
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", program, scratch.path + "/run.prom"]
        let (output, errors) = (Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (output, errors)
        try process.run()
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(
            process.terminationStatus == 0, "python3-prometheus-client (make setup-test): \(complaint)")
        let values = try #require(try JSONSerialization.jsonObject(with: answer) as? [String: Double])
        func value(_ name: String) -> Double? { values["rootline_run_" + name] }
        #expect(value("info|a \"b\" \\ c\nd{} é|false") == 1)
        #expect(value("devices_ordered") == 1000 && value("certificates_authorised") == 1100)
        #expect(value("devices_released_total") == 510 && value("certificates_burned_total") == 7)
        #expect(value("workers_replaced_total") == 1 && value("workers") == 2)
        #expect(value("stage|sealed") == 1 && value("stage|making") == 0 && value("stage|failed") == 0)
        #expect(value("devices_per_second") == 0, "it is at its end")
        #expect(value("remaining_seconds") == nil)
        #expect(value("token_latency_seconds_count") == 500)
        #expect(abs(try #require(value("token_latency_seconds_sum")) - 500 * 190e-6) < 1e-9)
        #expect(value("token_latency_seconds_bucket|+Inf") == 500)
        #expect(value("token_latency_seconds_bucket|0.000131072") == 0)
        #expect(value("token_latency_seconds_bucket|0.000262144") == 500)
        #expect(try #require(value("resident_memory_peak_bytes")) > 1_048_576.0)
        #expect(value("start_time_seconds") == 1_795_560_000)
    }

    @Test("Each metric has its HELP and TYPE once, before its samples, and base units alone")
    func form() throws {
        let lines = try finished().split(separator: "\n").map(String.init)
        var (described, current): (Set<String>, String) = ([], "")
        for line in lines {
            if line.hasPrefix("# HELP ") {
                current = String(line.split(separator: " ")[2])
                #expect(described.insert(current).inserted)
            } else if line.hasPrefix("# TYPE ") {
                #expect(line.split(separator: " ")[2] == current)
                let isCounter = line.hasSuffix(" counter")
                #expect(isCounter == current.hasSuffix("_total"), "\(line)")
            } else {
                #expect(line.hasPrefix(current))
            }
        }
        for word in ["micro", "milli", "nano", "minute", "percent", "kilo", "mebi"] {
            #expect(described.filter { $0.contains(word) }.isEmpty)
        }
        #expect(described.contains("rootline_run_token_latency_seconds"))
    }

    @Test(
        "The file is replaced whole, is readable for the collector, and is brought up to date while the run works"
    )
    func file() throws {
        let text = try finished(nil)
        #expect(text.contains(#"rootline_run_stage{run="batch-7",stage="making"} 1"#))
        #expect(try scratch.mode("run.prom") & 0o444 == 0o444)
        // No file that a collector of *.prom would take, and none that is left.
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: scratch.path).filter { $0.contains("prom") }
                == ["run.prom"])
    }

    @Test(
        "A file that cannot be made is refused before the run begins", arguments: ["nowhere/run.prom", "."])
    func refused(name: String) {
        #expect {
            try RunMonitor(program: "rootline 0", metrics: scratch.path + "/" + name)
        } throws: { error in
            (error as? TelemetryError)?.code == .cannotCreate
        }
    }
}
