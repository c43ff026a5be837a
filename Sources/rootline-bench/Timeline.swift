import Foundation

/// How many devices of a run were released at which time, looked at while it runs.
final class Timeline {
    private let bench: Bench
    private let site: BenchSite
    private let clock = ContinuousClock()
    private let begun: ContinuousClock.Instant
    private var lastLook: ContinuousClock.Instant
    private var samples: [(seconds: Double, released: Double)] = []

    init(bench: Bench, site: BenchSite) {
        self.bench = bench
        self.site = site
        begun = clock.now
        lastLook = begun
    }

    /// Asks `run status` now and then: it costs a few milliseconds of processor time, the same all through the run.
    func look(at run: String) {
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
        samples.append((begun.duration(to: clock.now) / .seconds(1), released))
    }

    /// Devices a second over so many devices: from the first look that saw one, and up to the last look that saw
    /// the run unfinished.
    func rates(devices: Int) throws -> (first: Double, last: Double) {
        let count = Double(devices)
        guard let start = samples.first, let final = samples.last?.released,
            let end = samples.last(where: { $0.released < final }),
            let afterFirst = seconds(released: start.released + count),
            let beforeLast = seconds(released: end.released - count), beforeLast > start.seconds
        else { throw BenchError(description: "the run was too short to be looked at \(samples.count) times") }
        return (count / (afterFirst - start.seconds), count / (end.seconds - beforeLast))
    }

    /// When so many devices were released, between two looks in proportion; nil beyond them.
    private func seconds(released: Double) -> Double? {
        for (before, after) in zip(samples, samples.dropFirst())
        where before.released <= released && released <= after.released && before.released < after.released {
            let part = (released - before.released) / (after.released - before.released)
            return before.seconds + part * (after.seconds - before.seconds)
        }
        return nil
    }
}
