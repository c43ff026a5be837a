import Allowlist
import Foundation
import TransparencyLog

/// `allowlist.lookup`: whether a serial is listed with a key, against SQLite with an index over both.
struct AllowlistLookupBench {
    let bench: Bench
    var devices = 1_000_000
    var rounds = 5

    private static let questions = 200_000

    /// A question and its answer.
    private struct Question {
        var serial: String
        var key: Digest32
        var isListed: Bool
    }

    func rows() throws -> [BenchRow] {
        let log = try SyntheticLog(devices: devices, say: bench.say)
        let sqlite = try SQLiteList(of: log, isImmutable: false, say: bench.say)
        let immutable = try SQLiteList(of: log, isImmutable: true, say: bench.say)
        let reader = try BundleReader(directory: log.path, pins: try log.pins(), checkingIndex: true)
        // Others than those that are measured, and all pages of the files: the page cache is warm for both.
        _ = try Self.ours(reader, questions(seed: 1))
        _ = try theirs(sqlite, questions(seed: 1))
        _ = try theirs(immutable, questions(seed: 1))
        var turns = Turns()
        var ofImmutable = Turns()
        var together: [Double] = []
        for round in 0..<rounds {
            bench.say("allowlist-lookup: round \(round + 1) of \(rounds)")
            let asked = questions(seed: UInt64(round) + 2)
            let first = round % 2 == 0 ? try theirs(sqlite, asked) : nil
            let rate = try Self.ours(reader, asked)
            turns.add(rate, of: try first ?? theirs(sqlite, asked))
            ofImmutable.add(rate, of: try theirs(immutable, asked))
            together.append(try onAllCores(reader, round))
        }
        let id = devices == 1_000_000 ? "allowlist.lookup" : "allowlist.lookup-\(devices)"
        return [
            BenchRow(
                id, turns, "lookups/s",
                note:
                    "serial and key together on one thread, \(devices) devices, a tenth of the questions about others, \(reader.state.segments.count) live segments; of SQLite's C API with a prepared statement over a covering index, memory-mapped; both warm"
            ),
            BenchRow(
                id + ".immutable", ofImmutable, "lookups/s",
                note: "of SQLite with `immutable=1`, which takes no locks and never sees a change"),
            BenchRow(
                id + ".threads", median(together), "lookups/s", of: turns.value,
                note: "\(bench.cores) threads with one reader, of one thread"),
        ]
    }

    private static func ours(_ reader: BundleReader, _ questions: [Question]) throws -> Double {
        let clock = ContinuousClock()
        let begun = clock.now
        for question in questions {
            let answer = try reader.decide(serial: question.serial, key: question.key)
            guard answer.isListed == question.isListed else { throw Self.wrong(question) }
        }
        return Double(questions.count) / (begun.duration(to: clock.now) / .seconds(1))
    }

    private func theirs(_ sqlite: SQLiteList, _ questions: [Question]) throws -> Double {
        let clock = ContinuousClock()
        let begun = clock.now
        for question in questions {
            var serial = question.serial
            let isListed = try serial.withUTF8 { serial in
                try question.key.withUnsafeBytes { key in
                    try sqlite.isListed(serial: UnsafeRawBufferPointer(serial), key: key)
                }
            }
            guard isListed == question.isListed else { throw Self.wrong(question) }
        }
        return Double(questions.count) / (begun.duration(to: clock.now) / .seconds(1))
    }

    /// Lookups a second of all threads together.
    private func onAllCores(_ reader: BundleReader, _ round: Int) throws -> Double {
        let asked = (0..<bench.cores).map { questions(seed: UInt64(1000 + round * 100 + $0)) }
        let outcomes = Outcomes()
        let clock = ContinuousClock()
        let begun = clock.now
        DispatchQueue.concurrentPerform(iterations: asked.count) { thread in
            outcomes.add(Result { try Self.ours(reader, asked[thread]) })
        }
        let seconds = begun.duration(to: clock.now) / .seconds(1)
        try outcomes.check()
        return Double(asked.count * Self.questions) / seconds
    }

    private func questions(seed: UInt64) -> [Question] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        func next() -> Int {
            // A linear congruential generator is random enough to leave the processor's caches.
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33)
        }
        return (0..<Self.questions).map { position in
            let number = next() % devices
            // Numbers beyond the list are those of no device. Events are few: the first devices of each run.
            let isListed = position % 10 != 0
            let place = number % SyntheticLog.devicesPerRun
            let chosen = isListed ? (place < 100 ? number + 100 - place : number) : devices + number
            let device = SyntheticLog.device(min(chosen, isListed ? devices - 1 : chosen))
            return Question(
                serial: String(decoding: device.serial, as: UTF8.self), key: device.key, isListed: isListed)
        }
    }

    private static func wrong(_ question: Question) -> BenchError {
        BenchError(description: "\(question.serial) is answered wrongly")
    }
}

/// What threads came to.
private final class Outcomes: @unchecked Sendable {
    private let lock = NSLock()
    private var results: [Result<Double, any Error>] = []

    func add(_ result: Result<Double, any Error>) { lock.withLock { results.append(result) } }

    func check() throws { for result in lock.withLock({ results }) { _ = try result.get() } }
}
