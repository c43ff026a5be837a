import Foundation

// `make bench`: measures side by side in one run, prints a table and writes .build/bench.json.
// What is compared runs in turns, so that a noisy machine is noisy to both; medians are taken.

do {
    let bench = try Bench()
    defer { bench.removeSites() }
    var rows: [BenchRow] = []
    rows += try TokenKeyBench(bench: bench).rows()
    try BenchRow.write(rows)
} catch {
    FileHandle.standardError.write(Data("bench: \(error)\n".utf8))
    exit(1)
}
