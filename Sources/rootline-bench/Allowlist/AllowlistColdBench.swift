import Crypto
import Foundation
import Glibc
import TransparencyLog

/// `allowlist.lookup.cold`: what the command reads from the disk to answer about one device.
struct AllowlistColdBench {
    let bench: Bench
    var devices = 1_000_000
    var rounds = 5

    func rows() throws -> [BenchRow] {
        let log = try SyntheticLog(devices: devices, say: bench.say)
        let key = log.path + ".pem"
        try log.key.publicKey.pemRepresentation.write(toFile: key, atomically: true, encoding: .utf8)
        let id = devices == 1_000_000 ? "allowlist.lookup.cold" : "allowlist.lookup-\(devices).cold"
        guard dropPageCache() else {
            bench.say("\(id) is left out: only root can empty the page cache")
            return []
        }
        var octets: [Double] = []
        var alone: [Double] = []
        var seconds: [Double] = []
        for round in 0..<rounds {
            bench.say("allowlist-cold: round \(round + 1) of \(rounds)")
            let device = SyntheticLog.device(devices / rounds * round + devices / 10 + 333)
            _ = dropPageCache()
            let version = try bench.run("rootline", ["--version"])
            // The program itself stays in memory; of the list there is nothing.
            _ = dropPageCache()
            _ = try bench.run("rootline", ["--version"])
            let lookup = try bench.run(
                "rootline",
                [
                    "allowlist", "lookup", String(decoding: device.serial, as: UTF8.self), "--key",
                    device.key.hex,
                    "--bundle", log.path, "--log-key", key, "--origin", SyntheticLog.origin, "--format",
                    "json",
                ])
            alone.append(Double(version.octetsRead) / 1024)
            octets.append(Double(lookup.octetsRead) / 1024)
            seconds.append(lookup.seconds)
        }
        return [
            BenchRow(
                id, median(octets), "KiB",
                note:
                    "octets that `rootline allowlist lookup` has read from the disk to find one of \(devices) devices, none of the list in the page cache, the program as `--version` leaves it there; the program itself takes \(Int(median(alone))) KiB; the list has \(log.octets() / 1024) KiB"
            ),
            BenchRow(id + ".time", median(seconds) * 1000, "ms", note: "the whole command"),
        ]
    }

    /// Whether the system let go of all clean pages.
    private func dropPageCache() -> Bool {
        sync()
        guard let file = fopen("/proc/sys/vm/drop_caches", "w") else { return false }
        defer { fclose(file) }
        return fputs("3\n", file) >= 0 && fflush(file) == 0
    }
}
