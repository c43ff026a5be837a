import Foundation

/// `allowlist.ten-million`: the largest list that is promised, made once; other groups measure on it.
struct TenMillionBench {
    let bench: Bench

    static let devices = 10_000_000

    func rows() throws -> [BenchRow] {
        let log = try SyntheticLog(devices: Self.devices, say: bench.say)
        let size = BenchRow(
            "allowlist.ten-million.size", Double(log.octets()) / Double(Self.devices), "bytes/device",
            note: "all files of the list: tiles, entries, index")
        // A list that was kept is not made again, and what it took stays in the file as it was.
        guard let built = log.built else { return [size] }
        return [
            size,
            BenchRow(
                "allowlist.ten-million.build", built.seconds, "s",
                note:
                    "appending \(Self.devices) devices in \(Self.devices / SyntheticLog.devicesPerRun) runs, each published and flushed; index records merged meanwhile: \(built.recordsMerged)"
            ),
            BenchRow(
                "allowlist.ten-million.longest-publication", built.longestPublication, "s",
                note: "the publication that merged most index records"),
        ]
    }
}
