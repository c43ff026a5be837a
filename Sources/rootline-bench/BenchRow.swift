import Foundation

/// A measured figure; ids stay the same from version to version.
struct BenchRow: Encodable {
    var id: String
    var value: Double
    var unit: String
    /// What the value is compared with, in the same unit; nil where it stands alone.
    var reference: Double?
    /// Value to reference.
    var ratio: Double?
    var note: String

    static func write(_ rows: [BenchRow]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        try encoder.encode(rows).write(to: URL(fileURLWithPath: ".build/bench.json"), options: .atomic)
        let width = rows.map(\.id.count).max() ?? 0
        for row in rows {
            let id = row.id.padding(toLength: width, withPad: " ", startingAt: 0)
            let value = String(format: "%10.1f %@", row.value, row.unit)
            let ratio = row.ratio.map { String(format: "  ratio %.3f", $0) } ?? ""
            let reference = row.reference.map { String(format: " of %.1f", $0) } ?? ""
            print("\(id)  \(value)\(ratio)\(reference)  \(row.note)")
        }
        print("written to .build/bench.json")
    }
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
