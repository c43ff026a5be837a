import AllowlistFuzzing
import Testing

@Suite("Every parser that bytes from outside reach")
struct SeededFuzzTests {
    @Test("A parser keeps its promises for mutated inputs", arguments: FuzzTarget.all.map(\.name))
    func mutated(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        var run = MutationRun(
            target, corpus: try Corpus.inputs(of: name), seed: 2026, timeLimit: .seconds(20))
        try run.run(cases: target.casesInTests)
        #expect(run.accepted > 0, "no input was accepted: the seeds are out of date")
        #expect(!run.reasons.isEmpty, "no input was refused: the mutations do nothing")
    }

    @Test("Every input in the corpus belongs to a parser")
    func corpusNames() throws {
        #expect(Set(try Corpus.targets()).isSubset(of: FuzzTarget.all.map(\.name)))
    }

    @Test("The same seed tries the same inputs")
    func repeatable() {
        var first = SeededNumbers(seed: 7)
        var second = SeededNumbers(seed: 7)
        let inputs: [[UInt8]] = [[1, 2, 3], Array(repeating: 9, count: 50)]
        for input in inputs {
            #expect(
                ByteMutation.mutate(input, others: inputs, maximumLength: 60, using: &first)
                    == ByteMutation.mutate(input, others: inputs, maximumLength: 60, using: &second))
        }
    }

    @Test("A broken property is found, and the finding carries its input")
    func findsWhatIsBroken() {
        var run = MutationRun(.brokenOnPurpose, seed: 1, timeLimit: .seconds(20))
        let finding = #expect(throws: MutationRun.Finding.self) { try run.run(cases: 200_000) }
        #expect(finding?.input.starts(with: [0x42]) == true)
    }
}
