/// One parser and what must hold for every input whatever.
public struct FuzzTarget: Sendable {
    /// What a parser made of an input.
    public enum Outcome: Hashable, Sendable {
        case accepted
        /// Refused, with the reason; a reason that was not seen before makes an input worth keeping.
        case refused(String)
    }

    /// The name of the target's folder in the corpus, and of its run.
    public let name: String
    /// Bytes of the longest input that is worth trying.
    public let maximumLength: Int
    /// Mutated inputs that the test suite tries, where `make fuzz` tries a million.
    public let casesInTests: Int
    /// Inputs to begin from, most of them good ones.
    public let seeds: @Sendable () -> [[UInt8]]
    private let property: @Sendable ([UInt8]) throws(BrokenProperty) -> Outcome

    init(
        _ name: String, maximumLength: Int, casesInTests: Int = 5000,
        seeds: @autoclosure @escaping @Sendable () -> [[UInt8]],
        property: @escaping @Sendable ([UInt8]) throws(BrokenProperty) -> Outcome
    ) {
        self.name = name
        self.maximumLength = maximumLength
        self.casesInTests = casesInTests
        self.seeds = seeds
        self.property = property
    }

    /// Parses `input`; throws where a property does not hold. A trap is a finding, too.
    public func check(_ input: [UInt8]) throws(BrokenProperty) -> Outcome {
        try property(input)
    }
}

/// A property that an input broke.
public struct BrokenProperty: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Throws unless `condition` holds.
func hold(
    _ condition: @autoclosure () -> Bool, _ rule: @autoclosure () -> String
) throws(BrokenProperty) {
    guard condition() else { throw BrokenProperty(rule()) }
}
