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
                "run.token-key", short.whole, "devices/s",
                note: "20 000 devices, the whole command `run start`, from its start to its end; \(chosen)"),
            BenchRow(
                "run.token-key.making", short.making, "devices/s",
                note: "the making alone, as in the bare loop"),
            BenchRow(
                "run.token-key.100000", long.whole, "devices/s",
                note: "100 000 devices, the whole command; the bare loop with as many"),
            BenchRow("run.token-key.100000.making", long.making, "devices/s", note: "the making alone"),
            BenchRow(
                "run.token-key.processor", long.processor, "µs/device",
                note: "processor time of 100 000 devices, all processes and start-up included"),
            BenchRow(
                "run.memory", median(long.resident), "MiB",
                note: "peak resident memory of the run and all its workers, shared pages counted in each"),
            BenchRow(
                "run.memory.anonymous", median(long.anonymous), "MiB",
                note: "peak anonymous memory of the run and all its workers, seen each 200 ms"),
        ]
    }

    private struct Comparison {
        var whole = Turns()
        var making = Turns()
        var processor = Turns()
        var resident: [Double] = []
        var anonymous: [Double] = []

        mutating func add(_ run: BenchSite.MadeRun, of bare: BareLoop.Result) {
            whole.add(run.rate, of: bare.rate)
            making.add(Double(run.devices) / run.makingSeconds, of: bare.rate)
            processor.add(run.processorMicroseconds, of: bare.processorMicroseconds)
            resident.append(run.peakResidentMemory / 1_048_576)
            anonymous.append(Double(run.program.peakAnonymousMemory) / 1_048_576)
        }
    }

    private func compare(
        devices: Int, rounds: Int, _ arrangement: BareLoop.Arrangement, _ site: BenchSite,
        _ bareLoop: BareLoop
    ) throws -> Comparison {
        var comparison = Comparison()
        for round in 0..<rounds {
            bench.say("token-key: \(devices) devices, round \(round + 1) of \(rounds)")
            // Neither is always the one that finds the machine as the other left it.
            if round % 2 == 0 {
                let bare = try bareLoop.run(arrangement, callers: bench.cores, devices: devices)
                comparison.add(try site.makeRun(devices: devices), of: bare)
            } else {
                let run = try site.makeRun(devices: devices)
                comparison.add(run, of: try bareLoop.run(arrangement, callers: bench.cores, devices: devices))
            }
        }
        return comparison
    }
}
