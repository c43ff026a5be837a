import Foundation

/// `run.token-key`: the whole line against the best bare loop of the same PKCS#11 calls on the same token.
struct TokenKeyBench {
    let bench: Bench

    func rows() throws -> [BenchRow] {
        let site = try bench.site()
        let bareLoop = BareLoop(bench: bench, site: site)
        bench.say("token-key: warming up")
        let processes = try bareLoop.run(.processes, callers: bench.cores, devices: 10_000)
        let threads = try bareLoop.run(.threads, callers: bench.cores, devices: 10_000)
        _ = try site.makeRun(devices: 2_000)
        // The better arrangement, with session copies as the issuing key's policy allows them, is the yardstick.
        let best = processes.rate >= threads.rate ? processes : threads
        let chosen =
            "bare loop: \(bench.cores) \(best.arrangement) with session copies, the better of processes "
            + "\(Int(processes.rate)) and threads \(Int(threads.rate)) beforehand"
        let short = try compare(devices: 20_000, rounds: 5, best.arrangement, site, bareLoop)
        let long = try compare(devices: 100_000, rounds: 3, best.arrangement, site, bareLoop)
        return [
            BenchRow(
                "run.token-key", short.whole, "devices/s", of: short.bare,
                note: "20 000 devices, the whole command `run start`, from its start to its end; \(chosen)"),
            BenchRow(
                "run.token-key.making", short.making, "devices/s", of: short.bare,
                note: "the making alone, as in the bare loop"),
            BenchRow(
                "run.token-key.100000", long.whole, "devices/s", of: long.bare,
                note: "100 000 devices, the whole command; the bare loop with as many"),
            BenchRow(
                "run.token-key.100000.making", long.making, "devices/s", of: long.bare,
                note: "the making alone"),
            BenchRow(
                "run.token-key.processor", long.processor, "µs/device", of: long.bareProcessor,
                note: "processor time of 100 000 devices, all processes and start-up included"),
            BenchRow(
                "run.memory", long.resident, "MiB",
                note: "peak resident memory of the run and all its workers, shared pages counted in each"),
            BenchRow(
                "run.memory.anonymous", long.anonymous, "MiB",
                note: "peak anonymous memory of the run and all its workers, seen each 200 ms"),
        ]
    }

    /// Medians over the rounds.
    private struct Comparison {
        var whole: Double
        var making: Double
        var bare: Double
        var processor: Double
        var bareProcessor: Double
        var resident: Double
        var anonymous: Double
    }

    private func compare(
        devices: Int, rounds: Int, _ arrangement: BareLoop.Arrangement, _ site: BenchSite,
        _ bareLoop: BareLoop
    ) throws -> Comparison {
        var runs: [BenchSite.MadeRun] = []
        var bare: [BareLoop.Result] = []
        for round in 0..<rounds {
            bench.say("token-key: \(devices) devices, round \(round + 1) of \(rounds)")
            let isBareFirst = round % 2 == 0
            if isBareFirst {
                bare.append(try bareLoop.run(arrangement, callers: bench.cores, devices: devices))
            }
            runs.append(try site.makeRun(devices: devices))
            if !isBareFirst {
                bare.append(try bareLoop.run(arrangement, callers: bench.cores, devices: devices))
            }
        }
        return Comparison(
            whole: median(runs.map(\.rate)),
            making: median(runs.map { Double(devices) / $0.makingSeconds }),
            bare: median(bare.map(\.rate)),
            processor: median(runs.map { $0.program.processorSeconds / Double(devices) * 1_000_000 }),
            bareProcessor: median(bare.map(\.processorMicroseconds)),
            resident: median(runs.map { $0.peakResidentMemory / 1_048_576 }),
            anonymous: median(runs.map { Double($0.program.peakAnonymousMemory) / 1_048_576 }))
    }
}
