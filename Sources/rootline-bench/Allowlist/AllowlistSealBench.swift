import Foundation

/// `allowlist.seal`: what publishing the seal takes of a whole run.
struct AllowlistSealBench {
    let bench: Bench

    private static let devices = 100_000
    private static let rounds = 3

    func rows() throws -> [BenchRow] {
        let site = try bench.site()
        _ = try site.makeRun(devices: 2_000)
        var turns = Turns()
        for round in 0..<Self.rounds {
            bench.say("allowlist-seal: round \(round + 1) of \(Self.rounds)")
            let run = try site.makeRun(devices: Self.devices)
            turns.add(try sealing(of: run.name, on: site), of: run.program.seconds)
        }
        return [
            BenchRow(
                "allowlist.seal", turns, "s",
                note:
                    "from the last device to the published and flushed seal, of the whole run of \(Self.devices) devices: package index, tiles, index segments, two signatures, ledger"
            )
        ]
    }

    /// Seconds between the events `sealing` and `sealed` of the run's timeline.
    private func sealing(of run: String, on site: BenchSite) throws -> Double {
        let text = try String(contentsOfFile: "\(site.path)/runs/\(run)/timeline.jsonl", encoding: .utf8)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        var times: [String: Date] = [:]
        for line in text.split(separator: "\n") {
            guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
                let event = object["event"] as? String, let time = object["time"] as? String
            else { continue }
            times[event] = try style.parse(time)
        }
        guard let sealing = times["sealing"], let sealed = times["sealed"] else {
            throw BenchError(description: "the timeline of \(run) does not tell of its seal")
        }
        return sealed.timeIntervalSince(sealing)
    }
}
