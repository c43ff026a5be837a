import Foundation

/// `run.device-key`: certification requests in and certificates out, against the best bare loop that checks proof of
/// possession with OpenSSL's X509_REQ and signs with the token.
struct DeviceKeyBench {
    let bench: Bench
    private let devices = 20_000
    private let rounds = 3

    func rows() throws -> [BenchRow] {
        let site = try bench.site()
        let bareLoop = BareLoop(bench: bench, site: site)
        var bare: [BareLoop.Arrangement: [Double]] = [:]
        var bareProcessor: [BareLoop.Arrangement: [Double]] = [:]
        var runs: [BenchSite.MadeRun] = []
        for round in 0..<rounds {
            bench.say("device-key: \(devices) devices, round \(round + 1) of \(rounds)")
            let input = try makeInput("device-key-\(round)")
            func runBare() throws {
                for arrangement in BareLoop.Arrangement.allCases {
                    let result = try bareLoop.run(
                        arrangement, callers: bench.cores, devices: devices, requests: input.list)
                    bare[arrangement, default: []].append(result.rate)
                    bareProcessor[arrangement, default: []].append(result.processorMicroseconds)
                }
            }
            let isBareFirst = round % 2 == 0
            if isBareFirst { try runBare() }
            runs.append(
                try site.approveAndStart(input.run, manifest: input.manifest, devices: devices))
            if !isBareFirst { try runBare() }
        }
        let medians = bare.mapValues(median)
        guard let best = medians.max(by: { $0.value < $1.value }) else {
            throw BenchError(description: "no bare loop ran")
        }
        let arrangements = BareLoop.Arrangement.allCases
            .map { "\($0.rawValue) \(Int(medians[$0] ?? .nan))" }.joined(separator: ", ")
        return [
            BenchRow(
                "run.device-key", median(runs.map(\.rate)), "devices/s", of: best.value,
                note:
                    "\(devices) requests on P-256, the whole command `run start`, their check and the seal included; "
                    + "bare loop with X509_REQ: \(bench.cores) callers, \(arrangements)"),
            BenchRow(
                "run.device-key.processor",
                median(runs.map { $0.program.processorSeconds / Double(devices) * 1_000_000 }), "µs/device",
                of: median(bareProcessor[best.key] ?? []),
                note: "processor time, all processes and start-up included"),
        ]
    }

    /// A run's manifest with a list of new keys' requests.
    private func makeInput(_ run: String) throws -> (run: String, manifest: String, list: String) {
        let folder = try bench.makeFolder(run)
        let template = bench.product.appendingPathComponent("Templates/runs/idevid-ec-p256-device.yaml")
        var manifest = try String(contentsOf: template, encoding: .utf8)
        for (key, value) in [("run", run), ("quantity", "\(devices)"), ("  csv", "devices.csv")] {
            let lines = manifest.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                line.hasPrefix(key + ": ") ? "\(key): \(value)" : String(line)
            }
            manifest = lines.joined(separator: "\n")
        }
        try manifest.write(toFile: folder + "/manifest.yaml", atomically: true, encoding: .utf8)
        let list = folder + "/devices.csv"
        try bench.run("bare-loop", ["make-requests", list, run, "\(devices)"])
        return (run, folder + "/manifest.yaml", list)
    }
}
