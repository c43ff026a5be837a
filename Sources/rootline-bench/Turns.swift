import Foundation

/// What was measured in turns with its yardstick, a turn each.
struct Turns {
    private(set) var values: [Double] = []
    private(set) var references: [Double] = []

    mutating func add(_ value: Double, of reference: Double) {
        values.append(value)
        references.append(reference)
    }

    var value: Double { median(values) }
    var reference: Double { median(references) }
    /// The median of the turns' own ratios: what slowed a whole turn down slowed both in it.
    var ratio: Double { median(zip(values, references).map { $0 / $1 }) }
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
