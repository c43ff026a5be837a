import FaultyToken
import Foundation

/// `run.slow-hsm`: a token that takes 2 ms longer for every call, as one in the network does.
struct SlowHSMBench {
    let bench: Bench

    private static let sessions = 64
    private static let devices = 60_000
    private static let rounds = 3
    /// Worker processes among which the sessions are divided.
    private static let workers = 2

    func rows() throws -> [BenchRow] {
        let site = try BenchSite(bench, name: "slow")
        let bareLoop = BareLoop(bench: bench, site: site)
        let module = try FaultyToken.module()
        try site.use(module: module)
        site.environment["FAULTY_TOKEN_MODULE"] = site.tokenModule
        let slow = ["FAULTY_TOKEN_PLAN": "*=slow:2"]
        let options = [
            "--workers", "\(Self.workers)", "--sessions", "\(Self.sessions / Self.workers)",
        ]
        _ = try site.makeRun(devices: 2_000, options: options)
        var runs: [BenchSite.MadeRun] = []
        var bare: [BareLoop.Result] = []
        for round in 0..<Self.rounds {
            bench.say("slow-hsm: round \(round + 1) of \(Self.rounds)")
            bare.append(
                try bareLoop.run(
                    .processes, callers: Self.sessions, devices: Self.devices, module: module,
                    environment: slow))
            runs.append(try site.makeRun(devices: Self.devices, options: options, environment: slow))
        }
        let reference = median(bare.map(\.rate))
        return [
            BenchRow(
                "run.slow-hsm", median(runs.map(\.rate)), "devices/s", of: reference,
                note:
                    "2 ms added to every call; \(Self.devices) devices, the whole command with \(options.joined(separator: " ")), start-up and logins included; bare loop: \(Self.sessions) processes, theirs not included"
            ),
            BenchRow(
                "run.slow-hsm.making", median(runs.map { Double($0.devices) / $0.makingSeconds }),
                "devices/s",
                of: reference, note: "the making alone, workers' start-up and logins included"),
        ]
    }
}
