import Foundation
import Glibc
import Synchronization
import Testing

/// Many cases, two at a time: each has a site, a token store and processes of its own.
enum Campaign {
    /// Whether every case is asked for, however long it takes: `make torture`.
    static let isTorture = ProcessInfo.processInfo.environment["ROOTLINE_TORTURE"] == "1"

    /// Runs `body` for each case and records what it answers: everything that is not as it should be, in words.
    static func run<Case: Sendable & CustomStringConvertible>(
        _ title: String, _ cases: [Case], _ body: @Sendable @escaping (Case) throws -> [String]
    ) {
        let next = Atomic(0)
        let failures = Mutex<[String]>([])
        let began = ContinuousClock.now
        DispatchQueue.concurrentPerform(iterations: 2) { _ in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < cases.count else { return }
                let found: [String]
                do {
                    found = try body(cases[index])
                } catch {
                    found = ["\(error)"]
                }
                guard !found.isEmpty else { continue }
                failures.withLock {
                    $0.append("\(title), \(cases[index]):\n  \(found.joined(separator: "\n  "))")
                }
            }
        }
        let seconds = (ContinuousClock.now - began).components.seconds
        let failed = failures.withLock { $0 }
        // At once, also where standard output is a file.
        let line = "\(title): \(cases.count) cases, \(failed.count) failed, \(seconds) s\n"
        FileHandle.standardError.write(Data(line.utf8))
        // Not from the threads above: an issue belongs to the test that this one runs.
        for failure in failed.prefix(12) { Issue.record(Comment(rawValue: failure)) }
        if failed.count > 12 { Issue.record("\(title): \(failed.count - 12) more cases failed") }
    }
}

/// Texts that cases leave for the test that runs them.
final class Gathered: Sendable {
    private let all = Mutex<[String]>([])

    func add(_ text: String) { all.withLock { $0.append(text) } }
    var texts: [String] { all.withLock { $0 } }
}

/// A small generator with a seed, so that a case that failed can be had again (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

extension Campaign {
    /// All of them for `make torture`; else so many, evenly spread, the first and the last among them.
    static func some<Case>(_ few: Int, of cases: [Case]) -> [Case] {
        let count = few * scale
        guard !isTorture, cases.count > count, count > 1 else { return cases }
        return (0..<count).map { cases[$0 * (cases.count - 1) / (count - 1)] }
    }
}

extension Campaign {
    /// How many cases of a kind that has no end.
    static func count(_ few: Int, torture many: Int) -> Int { isTorture ? many : min(many, few * scale) }

    /// How many times as many cases as in CI: something between that and all, while one looks for a fault.
    private static let scale =
        ProcessInfo.processInfo.environment["ROOTLINE_FAULT_SCALE"].flatMap { Int($0) } ?? 1
}
