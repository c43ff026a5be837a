import Foundation

/// `run.token-key`: the whole line against the best bare loop of the same PKCS#11 calls on the same token.
struct TokenKeyBench {
    let bench: Bench
    private let devices = 20_000
    private let rounds = 3

    func rows() throws -> [BenchRow] {
        let site = try bench.makeSite()
        var whole: [Double] = []
        var making: [Double] = []
        var memory: [Double] = []
        var bare: [String: [Double]] = [:]
        for round in 0..<rounds {
            for arrangement in ["threads", "processes"] {
                let rate = try bareLoop(site, arrangement)
                bare[arrangement, default: []].append(rate)
            }
            let manifest = try bench.makeRun("bench-\(round)", devices: devices, site: site)
            let clock = ContinuousClock()
            let begun = clock.now
            let json = try bench.run(
                "rootline", ["run", "start", manifest, "--site", site, "--format", "json"])
            whole.append(Double(devices) / (begun.duration(to: clock.now) / .seconds(1)))
            making.append(Double(devices) / (try bench.field("makingSeconds", of: json)))
            memory.append(try bench.field("peakMemoryBytes", of: json) / 1_048_576)
        }
        let medians = bare.mapValues(median)
        guard let best = medians.max(by: { $0.value < $1.value }) else {
            throw BenchError(description: "no bare loop ran")
        }
        let arrangements = medians.sorted { $0.key < $1.key }
            .map { "\($0.key) \(Int($0.value))" }.joined(separator: ", ")
        return [
            BenchRow(
                id: "run.token-key", value: median(whole), unit: "devices/s", reference: best.value,
                ratio: median(whole) / best.value,
                note:
                    "\(devices) devices, the whole command `run start`, check and seal included; \(bench.cores) cores; bare loop: \(arrangements)"
            ),
            BenchRow(
                id: "run.token-key.making", value: median(making), unit: "devices/s", reference: best.value,
                ratio: median(making) / best.value, note: "the making alone, as in the bare loop"),
            BenchRow(
                id: "run.memory", value: median(memory), unit: "MiB", reference: nil, ratio: nil,
                note: "peak resident memory of the run and all its workers together"),
        ]
    }

    private func bareLoop(_ site: String, _ arrangement: String) throws -> Double {
        let module = try lineModule(site)
        let text = try bench.run(
            "bare-loop",
            [
                module, "rootline-line", site + "/secrets/line.pin", try issuerLabel(site), "copies",
                arrangement, "\(bench.cores)", "\(devices)",
            ], environment: ["SOFTHSM2_CONF": site + "/hsm/softhsm2.conf"])
        guard let rate = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw BenchError(description: "bare-loop answered \(text)")
        }
        return rate
    }

    private func issuerLabel(_ site: String) throws -> String {
        let data = try Data(contentsOf: URL(fileURLWithPath: site + "/certificates/issuing-ca.json"))
        guard let object = try JSONSerialization.jsonObject(with: data) as? [String: Any],
            let label = object["label"] as? String
        else { throw BenchError(description: "the issuing CA has no published label") }
        return label
    }

    private func lineModule(_ site: String) throws -> String {
        let yaml = try String(contentsOfFile: site + "/site.yaml", encoding: .utf8)
        guard let match = yaml.firstMatch(of: /module: (\S+)/) else {
            throw BenchError(description: "site.yaml names no module")
        }
        return String(match.1)
    }
}
