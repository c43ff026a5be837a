import Foundation
import Glibc

/// How far a run was at which time, looked at while it runs.
final class Timeline {
    private struct Look {
        /// Wall-clock seconds since the beginning.
        var seconds: Double
        /// Processor time of the run and its workers until then, in seconds.
        var processorSeconds: Double
        var released: Double
    }

    private let bench: Bench
    private let site: BenchSite
    private let clock = ContinuousClock()
    private let begun: ContinuousClock.Instant
    private var lastLook: ContinuousClock.Instant
    private var looks: [Look] = []

    init(bench: Bench, site: BenchSite) {
        self.bench = bench
        self.site = site
        begun = clock.now
        lastLook = begun
    }

    /// Asks `run status` now and then: it costs a few milliseconds of processor time, the same all through the run.
    func look(at run: String, process: pid_t) {
        guard lastLook.duration(to: clock.now) >= .milliseconds(500) else { return }
        lastLook = clock.now
        let status = try? bench.run(
            "rootline", ["run", "status", run, "--site", site.path, "--format", "json"])
        // Before the run is in the ledger there is no status.
        guard let text = status?.output,
            let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            let runs = object["runs"] as? [[String: Any]],
            let released = (runs.first?["released"] as? NSNumber)?.doubleValue, released > 0
        else { return }
        looks.append(
            Look(
                seconds: begun.duration(to: clock.now) / .seconds(1),
                processorSeconds: ProcessTree.processorSeconds(of: process), released: released))
    }

    /// What some consecutive devices took.
    struct Window {
        /// Devices a second.
        var rate: Double
        /// Microseconds of processor time a device.
        var processorMicroseconds: Double
    }

    /// So many devices from the first look that saw one, and so many up to the last look that saw the run
    /// unfinished.
    func windows(devices: Int) throws -> (first: Window, last: Window) {
        let count = Double(devices)
        guard let start = looks.first, let final = looks.last?.released,
            let end = looks.last(where: { $0.released < final }), end.released - count > start.released,
            let first = window(from: start.released, to: start.released + count),
            let last = window(from: end.released - count, to: end.released)
        else { throw BenchError(description: "the run was too short to be looked at \(looks.count) times") }
        return (first, last)
    }

    /// Each tenth of `devices`, but for what was before the first look and after the last.
    func tenths(devices: Int) -> [Window] {
        guard let start = looks.first?.released, let end = looks.last?.released else { return [] }
        let tenth = Double(devices) / 10
        return (0..<10).compactMap { number in
            window(from: max(start, Double(number) * tenth), to: min(end, Double(number + 1) * tenth))
        }
    }

    private func window(from: Double, to: Double) -> Window? {
        guard from < to, let before = look(released: from), let after = look(released: to),
            before.seconds < after.seconds
        else { return nil }
        return Window(
            rate: (to - from) / (after.seconds - before.seconds),
            processorMicroseconds: (after.processorSeconds - before.processorSeconds) / (to - from)
                * 1_000_000)
    }

    /// What a look would have seen when so many were released: between two, in proportion; nil beyond them.
    private func look(released: Double) -> Look? {
        for (before, after) in zip(looks, looks.dropFirst())
        where before.released <= released && released <= after.released && before.released < after.released {
            let part = (released - before.released) / (after.released - before.released)
            return Look(
                seconds: before.seconds + part * (after.seconds - before.seconds),
                processorSeconds: before.processorSeconds + part
                    * (after.processorSeconds - before.processorSeconds), released: released)
        }
        return nil
    }
}
