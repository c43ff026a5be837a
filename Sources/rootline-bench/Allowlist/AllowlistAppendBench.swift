import Allowlist
import AllowlistPublication
import Foundation
import Glibc

/// `allowlist.append`: what it costs to append and publish 10 000 devices where few are listed, and where many are.
struct AllowlistAppendBench {
    let bench: Bench
    var large = 1_000_000
    var rounds = 10

    private static let small = 10_000
    private static let appended = 10_000

    /// A list that grows, and what its publications took.
    private final class Growing {
        let log: SyntheticLog
        let writer: BundleWriter
        /// Seconds of opening the writer.
        let opening: Double
        private var next: Int
        var plain: [Double] = []
        /// Milliseconds of processor time of each of them.
        var processor: [Double] = []
        var merging: [(seconds: Double, records: UInt64)] = []

        init(_ log: SyntheticLog, in folder: String) throws {
            // The same files under other names: the log code never writes into a file that is published.
            _ = try ChildProgram(path: "cp", arguments: ["-al", log.path, folder]).run()
            let copy = log.at(folder)
            let clock = ContinuousClock()
            let begun = clock.now
            writer = try copy.writer()
            opening = begun.duration(to: clock.now) / .seconds(1)
            self.log = copy
            next = log.devices
        }

        func grow() throws {
            let clock = ContinuousClock()
            let begun = clock.now
            let used = rusage.own.processorSeconds
            try SyntheticLog.appendRun(next..<next + AllowlistAppendBench.appended, to: writer)
            let report = try log.publish(writer)
            let seconds = begun.duration(to: clock.now) / .seconds(1)
            let busy = (rusage.own.processorSeconds - used) * 1000
            next += AllowlistAppendBench.appended
            if report.indexRecordsMerged == 0 {
                plain.append(seconds)
                processor.append(busy)
            } else {
                merging.append((seconds, report.indexRecordsMerged))
            }
        }

        /// What publications that merge take longer, to a million merged records.
        var secondsPerMillion: Double {
            let records = merging.reduce(0) { $0 + Double($1.records) }
            let seconds = merging.reduce(0) { $0 + max(0, $1.seconds - median(plain)) }
            return seconds / records * 1_000_000
        }
    }

    func rows() throws -> [BenchRow] {
        let few = try Growing(
            try SyntheticLog(devices: Self.small, say: bench.say),
            in: bench.folder.appendingPathComponent("append-small").path)
        let many = try Growing(
            try SyntheticLog(devices: large, say: bench.say),
            in: bench.folder.appendingPathComponent("append-large").path)
        for round in 0..<rounds {
            bench.say("allowlist-append: round \(round + 1) of \(rounds)")
            // Neither is always the one that finds the disk as the other left it.
            for list in round % 2 == 0 ? [few, many] : [many, few] { try list.grow() }
        }
        let id = large == 1_000_000 ? "allowlist.append" : "allowlist.append-\(large)"
        let merged = many.merging.map { "\($0.records)" }.joined(separator: ", ")
        return [
            BenchRow(
                id, median(many.plain), "s", of: median(few.plain),
                note:
                    "appending and publishing \(Self.appended) devices to \(large), of the same to \(Self.small); publications that merged no index segments: \(many.plain.count) and \(few.plain.count) of \(rounds)"
            ),
            BenchRow(
                id + ".processor", median(many.processor), "ms", of: median(few.processor),
                note: "processor time of the same, which knows nothing of the disk"),
            BenchRow(
                id + ".merging", many.secondsPerMillion, "s/million", of: few.secondsPerMillion,
                note:
                    "what merging index segments adds, to a million merged records of both kinds; merged in one publication each: \(merged)"
            ),
            BenchRow(
                id + ".open", many.opening, "s", of: few.opening,
                note: "opening the list for appending, of the same with \(Self.small)"),
        ]
    }
}
