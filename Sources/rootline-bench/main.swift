import Foundation

// `make bench`: measures side by side in one run, prints a table and writes .build/bench.json.
// What is compared runs in turns, so that a noisy machine is noisy to both; medians are taken.
//
//     rootline-bench [GROUP…]
//
// Without a group: all but `scale-million` and those of ten million devices. A row replaces what an earlier run wrote
// under its id.

/// Groups that take long and are asked for by name.
let largeGroups = [
    "scale-million", "ten-million-list", "ten-million-verify", "ten-million-lookup", "ten-million-cold",
    "ten-million-append",
]

let groups: [(name: String, rows: (Bench) throws -> [BenchRow])] = [
    ("token-key", { try TokenKeyBench(bench: $0).rows() }),
    ("device-key", { try DeviceKeyBench(bench: $0).rows() }),
    ("slow-hsm", { try SlowHSMBench(bench: $0).rows() }),
    ("verify-all", { try VerificationBench(bench: $0).rows() }),
    ("peers", { try PeerBench(bench: $0).rows() }),
    ("allowlist-verify", { try AllowlistVerifyBench(bench: $0).rows() }),
    ("allowlist-lookup", { try AllowlistLookupBench(bench: $0).rows() }),
    ("allowlist-cold", { try AllowlistColdBench(bench: $0).rows() }),
    ("allowlist-append", { try AllowlistAppendBench(bench: $0).rows() }),
    ("allowlist-seal", { try AllowlistSealBench(bench: $0).rows() }),
    ("ten-million-list", { try TenMillionBench(bench: $0).rows() }),
    (
        "ten-million-verify",
        { try AllowlistVerifyBench(bench: $0, devices: TenMillionBench.devices, rounds: 3).rows() }
    ),
    ("ten-million-lookup", { try AllowlistLookupBench(bench: $0, devices: TenMillionBench.devices).rows() }),
    ("ten-million-cold", { try AllowlistColdBench(bench: $0, devices: TenMillionBench.devices).rows() }),
    ("ten-million-append", { try AllowlistAppendBench(bench: $0, large: TenMillionBench.devices).rows() }),
    ("scale", { try ScaleBench(bench: $0, size: .tenth).rows() }),
    ("scale-million", { try ScaleBench(bench: $0, size: .million).rows() }),
]

do {
    if CommandLine.arguments.dropFirst().first == "verify-list" {
        try AllowlistVerifyBench.verifyHere(Array(CommandLine.arguments.dropFirst(2)))
        exit(0)
    }
    let wanted = CommandLine.arguments.dropFirst()
    if let unknown = wanted.first(where: { name in !groups.contains { $0.name == name } }) {
        let names = groups.map(\.name).joined(separator: ", ")
        throw BenchError(description: "there is no group \(unknown); the groups: \(names)")
    }
    let bench = try Bench()
    defer { bench.removeFolder() }
    var rows: [BenchRow] = []
    for group in groups
    where wanted.isEmpty ? !largeGroups.contains(group.name) : wanted.contains(group.name) {
        let load = ForeignLoad()
        var measured = try group.rows(bench)
        let share = load.share()
        for index in measured.indices { measured[index].foreignLoad = share }
        if share > 0.05 {
            bench.say(
                "\(group.name): other programs used \(Int(share * 100)) % of the processors: measure again")
        }
        // At once: what was measured stays where a later group fails.
        try BenchRow.merge(measured)
        rows += measured
    }
    BenchRow.print(rows)
    print("written to \(BenchRow.file)")
} catch {
    FileHandle.standardError.write(Data("bench: \(error)\n".utf8))
    exit(1)
}
