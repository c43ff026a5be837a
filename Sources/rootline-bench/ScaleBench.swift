import Foundation

/// `run.scale`: whether a long run ends as fast and as small as it began, and what it leaves.
struct ScaleBench {
    /// How large a run is measured.
    struct Size {
        /// What its rows' ids begin with.
        var id: String
        var devices: Int
        /// The first and the last so many devices are compared.
        var window: Int
        /// The devices of the run with whose memory that of the large one is compared.
        var smallRun: Int
        var note: String

        /// What the product promises.
        static let million = Size(
            id: "run.scale", devices: 1_000_000, window: 100_000, smallRun: 100_000, note: "")
        /// A hint of it in a minute; proves nothing of a million.
        static let tenth = Size(
            id: "run.scale-100000", devices: 100_000, window: 10_000, smallRun: 10_000,
            note: "; A TENTH of the promised size, see `make bench-scale`")
    }

    let bench: Bench
    let size: Size

    private static let startDevices = 10_000
    private static let startRounds = 3

    func rows() throws -> [BenchRow] {
        let large = try BenchSite(bench, name: "scale-large")
        let small = try BenchSite(bench, name: "scale-small")
        _ = try small.makeRun(devices: 1_000)
        bench.say("scale: \(size.smallRun) devices")
        let smallRun = try small.makeRun(devices: size.smallRun)
        bench.say("scale: \(size.devices) devices")
        let before = left(on: large)
        let timeline = Timeline(bench: bench, site: large)
        let run = try large.makeRun(devices: size.devices) { timeline.look(at: $0, process: $1) }
        let after = left(on: large)
        let windows = try timeline.windows(devices: size.window)
        let tenths = timeline.tenths(devices: size.devices).map { "\(Int($0.rate))" }.joined(separator: ", ")
        let start = try startCost(large, small)
        func perDevice(_ kind: KeyPath<Left, Int>) -> Double {
            Double(after[keyPath: kind] - before[keyPath: kind]) / Double(size.devices)
        }
        return [
            BenchRow(
                size.id, windows.last.rate, "devices/s", of: windows.first.rate,
                note:
                    "the last \(size.window) of \(size.devices) devices in one run, of the first \(size.window); tenth by tenth: \(tenths)\(size.note)"
            ),
            BenchRow(
                size.id + ".processor", windows.last.processorMicroseconds, "µs/device",
                of: windows.first.processorMicroseconds,
                note: "processor time in the last \(size.window), of that in the first\(size.note)"),
            BenchRow(
                size.id + ".rate", run.rate, "devices/s",
                note: "\(size.devices) devices, the whole command, from its start to its end\(size.note)"),
            BenchRow(
                size.id + ".memory", mebibytes(run), "MiB", of: mebibytes(smallRun),
                note:
                    "peak anonymous memory of the run and all its workers, of that of a run of \(size.smallRun)\(size.note)"
            ),
            BenchRow(size.id + ".ledger", perDevice(\.ledger), "bytes/device", note: "ledger\(size.note)"),
            BenchRow(
                size.id + ".packages", perDevice(\.packages), "bytes/device", note: "packages\(size.note)"),
            BenchRow(
                size.id + ".log", perDevice(\.log), "bytes/device",
                note: "published log: tiles, entries and index\(size.note)"),
            BenchRow(
                size.id + ".start", start, "s",
                note:
                    "what a run of \(Self.startDevices) takes longer on a site with \(size.devices) devices than on one with few\(size.note)"
            ),
        ]
    }

    private func mebibytes(_ run: BenchSite.MadeRun) -> Double {
        Double(run.program.peakAnonymousMemory) / 1_048_576
    }

    /// Seconds that a run takes longer, whole command, where the large one is: medians, in turns.
    private func startCost(_ large: BenchSite, _ small: BenchSite) throws -> Double {
        var onLarge: [Double] = []
        var onSmall: [Double] = []
        for round in 0..<Self.startRounds {
            bench.say("scale: start, round \(round + 1) of \(Self.startRounds)")
            onSmall.append(try small.makeRun(devices: Self.startDevices).program.seconds)
            onLarge.append(try large.makeRun(devices: Self.startDevices).program.seconds)
        }
        return median(onLarge) - median(onSmall)
    }

    /// Octets that runs left on a site.
    private struct Left {
        var ledger: Int
        var packages: Int
        var log: Int
    }

    private func left(on site: BenchSite) -> Left {
        Left(
            ledger: site.octets { $0.hasPrefix("ledger") }, packages: site.octets { $0.hasPrefix("runs/") },
            log: site.octets { $0.hasPrefix("log/") })
    }
}
