import Allowlist
import Foundation

/// `allowlist.verify`: a full verification, against one SHA-256 over the same octets.
struct AllowlistVerifyBench {
    let bench: Bench
    var devices = 1_000_000
    var rounds = 5

    func rows() throws -> [BenchRow] {
        let log = try SyntheticLog(devices: devices, say: bench.say)
        let octets = log.octets()
        let file = try log.concatenated()
        // Everything is in the page cache before anything is measured.
        _ = try verify(log)
        _ = try digest(file)
        var turns = Turns()
        var memory: [Double] = []
        var busy: [Double] = []
        for round in 0..<rounds {
            bench.say("allowlist-verify: round \(round + 1) of \(rounds)")
            let first = round % 2 == 0 ? try digest(file) : nil
            let child = try verify(log)
            turns.add(child.seconds, of: try first ?? digest(file))
            memory.append(child.memory)
            busy.append(child.processorSeconds / child.seconds)
        }
        let id = devices == 1_000_000 ? "allowlist.verify" : "allowlist.verify-\(devices)"
        return [
            BenchRow(
                id, turns, "s",
                note:
                    "BundleVerifier.verify of \(devices) devices, the whole process; of `openssl dgst -sha256` over one file with the same \(octets) octets; both in the page cache"
            ),
            BenchRow(
                id + ".memory", median(memory), "MiB",
                note: "peak anonymous memory of the process, looked at each 5 ms"),
            BenchRow(id + ".cores", median(busy), "cores", note: "processor time to time"),
        ]
    }

    private func verify(_ log: SyntheticLog) throws -> (
        seconds: Double, processorSeconds: Double, memory: Double
    ) {
        let child = try bench.run("rootline-bench", ["verify-list", log.path, "\(log.devices)"])
        guard let memory = Double(child.output.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw BenchError(description: "verify-list answered \(child.output)")
        }
        return (child.seconds, child.processorSeconds, memory)
    }

    /// Seconds of OpenSSL's digest over the file.
    private func digest(_ file: String) throws -> Double {
        try ChildProgram(path: "openssl", arguments: ["dgst", "-sha256", file]).run().seconds
    }

    /// What the child does: it verifies and prints its peak anonymous memory in MiB.
    static func verifyHere(_ arguments: [String]) throws {
        guard arguments.count == 2, let devices = Int(arguments[1]) else {
            throw BenchError(description: "verify-list PATH DEVICES")
        }
        let log = try SyntheticLog(devices: devices)
        let watch = MemoryWatch()
        let list = try BundleVerifier.verify(directory: log.path, pins: try log.pins())
        guard list.counts[.add] == UInt64(devices) else {
            throw BenchError(description: "the list has other devices than it should")
        }
        print(watch.peak())
    }
}

/// Looks at this process's anonymous memory (`RssAnon`, proc(5)) each 5 ms.
private final class MemoryWatch: @unchecked Sendable {
    private let lock = NSLock()
    private var highest = 0.0

    init() {
        Thread.detachNewThread { [weak self] in
            while let self {
                self.look()
                usleep(5_000)
            }
        }
    }

    /// MiB.
    func peak() -> Double {
        look()
        return lock.withLock { highest }
    }

    private func look() {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let field = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        let kibibytes =
            field?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) } ?? 0
        lock.withLock { highest = max(highest, kibibytes / 1024) }
    }
}
