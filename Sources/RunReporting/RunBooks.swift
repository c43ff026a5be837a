/// A run's counts and the equations that they have to fulfil.
public struct RunBooks: Sendable {
    /// The counts of one source.
    public struct Counts: Sendable, Hashable {
        public var reserved: Int
        public var released: Int
        public var scrapped: Int
        public var burned: Int

        public init(reserved: Int, released: Int, scrapped: Int, burned: Int) {
            self.reserved = reserved
            self.released = released
            self.scrapped = scrapped
            self.burned = burned
        }
    }

    /// An equation or a bound with its numbers, and whether it holds.
    public struct Equation: Sendable, Hashable {
        public var words: String
        public var numbers: String
        public var holds: Bool

        public init(words: String, numbers: String, holds: Bool) {
            self.words = words
            self.numbers = numbers
            self.holds = holds
        }
    }

    public var quantity: Int
    public var spoilage: Int
    /// What the ledger counts.
    public var ledger: Counts
    /// Rows that the ledger has in hand; 0 in a run that ended as it should.
    public var outstanding: Int
    /// What the log's `seal` entry says; nil before there is one.
    public var seal: Counts?
    /// Devices of this run that the published log lists (`add` entries); nil where they were not counted.
    public var listed: Int?
    public var isSealed: Bool
    /// What else has to hold, such as that a file is the one that the ledger cites.
    public var further: [Equation] = []

    public init(
        quantity: Int, spoilage: Int, ledger: Counts, outstanding: Int, seal: Counts?, listed: Int?,
        isSealed: Bool
    ) {
        self.quantity = quantity
        self.spoilage = spoilage
        self.ledger = ledger
        self.outstanding = outstanding
        self.seal = seal
        self.listed = listed
        self.isSealed = isSealed
    }

    /// Every equation, the balance first.
    public var equations: [Equation] {
        let made = Self.sum([ledger.released, ledger.scrapped])
        let accounted = Self.sum([made, ledger.burned, outstanding])
        var equations = [
            Equation(
                words: "reserved = released + scrapped + burned + in hand",
                numbers:
                    "\(ledger.reserved.grouped) = \(ledger.released.grouped) + \(ledger.scrapped.grouped)"
                    + " + \(ledger.burned.grouped) + \(outstanding.grouped)",
                holds: accounted == ledger.reserved && !hasNegative),
            Equation(
                words: "reserved ≤ quantity + losses allowed",
                numbers: "\(ledger.reserved.grouped) ≤ \(quantity.grouped) + \(spoilage.grouped)",
                holds: ledger.reserved <= Self.sum([quantity, spoilage])),
            Equation(
                words: "released ≤ quantity", numbers: "\(ledger.released.grouped) ≤ \(quantity.grouped)",
                holds: ledger.released <= quantity),
        ]
        if isSealed {
            equations.append(
                Equation(
                    words: "a sealed run has nothing in hand", numbers: "\(outstanding.grouped) = 0",
                    holds: outstanding == 0))
            equations.append(
                Equation(
                    words: "the log has the run's seal", numbers: seal == nil ? "it has none" : "it has",
                    holds: seal != nil))
        }
        if let seal {
            // A device that is scrapped after the seal leaves the released ones; what was made stays what it was.
            let sealed = Self.sum([seal.released, seal.scrapped])
            equations.append(
                Equation(
                    words: "seal: reserved = released + scrapped + burned",
                    numbers: "\(seal.reserved.grouped) = \(seal.released.grouped) + \(seal.scrapped.grouped)"
                        + " + \(seal.burned.grouped)",
                    holds: seal.reserved == Self.sum([sealed, seal.burned])))
            equations.append(
                Equation(
                    words: "seal and ledger: made, burned, reserved",
                    numbers: "\(sealed.grouped), \(seal.burned.grouped), \(seal.reserved.grouped) = "
                        + "\(made.grouped), \(ledger.burned.grouped), \(ledger.reserved.grouped)",
                    holds: sealed == made && seal.burned == ledger.burned && seal.reserved == ledger.reserved)
            )
        }
        if let listed {
            // The log is published at the seal: until then it may have none of the run's devices.
            equations.append(
                Equation(
                    words: isSealed ? "devices in the log = made" : "devices in the log ≤ made",
                    numbers: "\(listed.grouped) \(isSealed ? "=" : "≤") \(made.grouped)",
                    holds: isSealed ? listed == made : listed <= made))
        }
        return equations + further
    }

    public var balance: Bool { equations.allSatisfy(\.holds) }

    private var hasNegative: Bool {
        [ledger.reserved, ledger.released, ledger.scrapped, ledger.burned, outstanding].contains { $0 < 0 }
    }

    /// The sum; a number that no run reaches where it would overflow.
    private static func sum(_ numbers: [Int]) -> Int {
        numbers.reduce(0) { total, number in
            let (sum, overflow) = total.addingReportingOverflow(number)
            return overflow ? .min : sum
        }
    }
}

extension Int {
    /// The number in groups of three digits, separated by spaces that do not break.
    var grouped: String {
        let digits = Array(String(magnitude))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "\u{A0}" }
            text.append(digit)
        }
        return (self < 0 ? "−" : "") + text
    }
}
