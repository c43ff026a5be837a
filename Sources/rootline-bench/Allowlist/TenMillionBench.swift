import Foundation

/// `allowlist.ten-million`: the largest list that is promised, made once and measured in everything.
struct TenMillionBench {
    let bench: Bench

    private static let devices = 10_000_000

    /// Set to anything, it keeps the list below `.build` for the next time.
    private static let keep = "KEEP_LIST"

    func rows() throws -> [BenchRow] {
        let log = try SyntheticLog(devices: Self.devices, say: bench.say)
        var rows = [
            BenchRow(
                "allowlist.ten-million.size", Double(log.octets()) / Double(Self.devices), "bytes/entry",
                note: "all files of the list: tiles, entries, index")
        ]
        if let built = log.built {
            rows += [
                BenchRow(
                    "allowlist.ten-million.build", built.seconds, "s",
                    note:
                        "appending \(Self.devices) devices in \(Self.devices / SyntheticLog.devicesPerRun) runs, each published and flushed; index records merged meanwhile: \(built.recordsMerged)"
                ),
                BenchRow(
                    "allowlist.ten-million.longest-publication", built.longestPublication, "s",
                    note: "the publication that merged most"),
            ]
        }
        rows += try AllowlistVerifyBench(bench: bench, devices: Self.devices, rounds: 3).rows()
        rows += try AllowlistLookupBench(bench: bench, devices: Self.devices, rounds: 5).rows()
        rows += try AllowlistColdBench(bench: bench, devices: Self.devices).rows()
        rows += try AllowlistAppendBench(bench: bench, large: Self.devices).rows()
        if ProcessInfo.processInfo.environment[Self.keep] == nil { log.remove() }
        return rows
    }
}
