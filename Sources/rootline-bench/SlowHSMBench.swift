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
        var whole = Turns()
        var making = Turns()
        for round in 0..<Self.rounds {
            bench.say("slow-hsm: round \(round + 1) of \(Self.rounds)")
            let bare = try bareLoop.run(
                .processes, callers: Self.sessions, devices: Self.devices, module: module,
                environment: slow)
            let run = try site.makeRun(devices: Self.devices, options: options, environment: slow)
            whole.add(run.rate, of: bare.rate)
            making.add(Double(run.devices) / run.makingSeconds, of: bare.rate)
        }
        return [
            BenchRow(
                "run.slow-hsm", whole, "devices/s",
                note:
                    "2 ms added to every call; \(Self.devices) devices, the whole command with \(options.joined(separator: " ")), start-up and logins included; bare loop: \(Self.sessions) processes, theirs not included"
            ),
            BenchRow(
                "run.slow-hsm.making", making, "devices/s",
                note: "the making alone, workers' start-up and logins included"),
        ]
    }
}
