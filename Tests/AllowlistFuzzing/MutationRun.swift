import TransparencyLog

/// A seeded run of mutated inputs against one parser, the same on every machine.
///
/// An input that was refused for a new reason, or accepted, joins the ones that are mutated further: that is
/// all the feedback there is. Where the compiler can build it in, `make fuzz` has libFuzzer look at coverage.
public struct MutationRun: Sendable {
    /// An input that broke a property or took too long.
    public struct Finding: Error, Sendable, CustomStringConvertible {
        public let target: String
        public let input: [UInt8]
        public let reason: String

        public var description: String {
            "\(target): \(reason); the input in base64 is \(Base64.encode(input))"
        }
    }

    public private(set) var cases = 0
    public private(set) var accepted = 0
    /// The reasons of refusals.
    public private(set) var reasons: Set<String> = []
    public private(set) var slowest: Duration = .zero

    private let target: FuzzTarget
    private let timeLimit: Duration
    private var numbers: SeededNumbers
    private var pool: [[UInt8]]

    /// Inputs kept for further mutation; the oldest that is no seed goes first.
    private static let poolLimit = 512

    public init(_ target: FuzzTarget, corpus: [[UInt8]] = [], seed: UInt64, timeLimit: Duration) {
        self.target = target
        self.timeLimit = timeLimit
        numbers = SeededNumbers(seed: seed)
        pool = target.seeds() + corpus
    }

    /// Tries the seeds and the corpus as they are, and then `count` mutated inputs.
    public mutating func run(cases count: Int) throws(Finding) {
        let seeds = pool
        for input in seeds { _ = try check(input) }
        for _ in 0..<count {
            let input = ByteMutation.mutate(
                pool.randomElement(using: &numbers) ?? [], others: pool,
                maximumLength: target.maximumLength, using: &numbers)
            guard try check(input) else { continue }
            if pool.count >= seeds.count + Self.poolLimit { pool.remove(at: seeds.count) }
            pool.append(input)
        }
    }

    /// Whether the input is worth keeping.
    private mutating func check(_ input: [UInt8]) throws(Finding) -> Bool {
        let clock = ContinuousClock()
        let start = clock.now
        let outcome: FuzzTarget.Outcome
        do throws(BrokenProperty) {
            outcome = try target.check(input)
        } catch {
            throw Finding(target: target.name, input: input, reason: error.description)
        }
        let taken = clock.now - start
        cases += 1
        slowest = max(slowest, taken)
        guard taken <= timeLimit else {
            throw Finding(target: target.name, input: input, reason: "took \(taken)")
        }
        switch outcome {
        case .accepted:
            accepted += 1
            return true
        case .refused(let reason):
            return reasons.insert(reason).inserted
        }
    }
}
