#if !LIBFUZZER
    import AllowlistFuzzing
    import Foundation

    /// Runs mutated inputs against the parsers: `allowlist-fuzz [CASES [SEED [TARGET…]]]`.
    ///
    /// With `-Xswiftc -DLIBFUZZER --sanitize fuzzer` the same program is a libFuzzer instead.
    @main
    struct SeededRun {
        static func main() throws {
            let arguments = CommandLine.arguments.dropFirst()
            if arguments.first == "--list" {
                for target in FuzzTarget.all { print(target.name) }
                return
            }
            let cases = arguments.first.flatMap { Int($0) } ?? 1_000_000
            let seed = arguments.dropFirst().first.flatMap { UInt64($0) } ?? 1
            let names = arguments.dropFirst(2)
            AddressSpace.limit()
            for target in FuzzTarget.all where names.isEmpty || names.contains(target.name) {
                let corpus = try Corpus.inputs(of: target.name)
                var run = MutationRun(target, corpus: corpus, seed: seed, timeLimit: .seconds(5))
                let start = ContinuousClock.now
                do throws(MutationRun.Finding) {
                    try run.run(cases: cases)
                } catch {
                    print("FOUND \(error)")
                    exit(1)
                }
                print(
                    "\(target.name): \(run.cases) cases, \(run.accepted) accepted, \(run.reasons.count) reasons, "
                        + "slowest \(run.slowest), \(ContinuousClock.now - start)")
            }
        }
    }
#endif
