import Foundation

/// A measured figure; ids stay the same from version to version.
struct BenchRow: Codable {
    var id: String
    var value: Double
    var unit: String
    /// What the value is compared with, in the same unit; nil where it stands alone.
    var reference: Double?
    /// Value to reference; of what was measured in turns, the median of the turns' ratios.
    var ratio: Double?
    var note: String
    /// When it was measured (UTC, RFC 3339), and on how many cores.
    var measuredAt: String
    var cores: Int
    /// The share of the processors' time, 0 to 1, that other programs used meanwhile: where it is large, measure again.
    var foreignLoad: Double?

    init(_ id: String, _ value: Double, _ unit: String, of reference: Double? = nil, note: String) {
        self.id = id
        self.value = value
        self.unit = unit
        self.reference = reference
        ratio = reference.map { value / $0 }
        self.note = note
        measuredAt = ISO8601DateFormatter().string(from: Date())
        cores = ProcessInfo.processInfo.activeProcessorCount
    }

    init(_ id: String, _ turns: Turns, _ unit: String, note: String) {
        self.init(id, turns.value, unit, of: turns.reference, note: note)
        ratio = turns.ratio
    }

    static let file = ".build/bench.json"

    /// Puts the rows into the file, in the place of earlier ones with the same ids; the others stay.
    static func merge(_ rows: [BenchRow]) throws {
        let url = URL(fileURLWithPath: file)
        // A file of an earlier version, or none: it begins anew.
        let former =
            (try? JSONDecoder().decode([BenchRow].self, from: try Data(contentsOf: url))) ?? []
        let ids = Set(rows.map(\.id))
        let all = (former.filter { !ids.contains($0.id) } + rows).sorted { $0.id < $1.id }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try encoder.encode(all).write(to: url, options: .atomic)
    }

    static func print(_ rows: [BenchRow]) {
        let width = rows.map(\.id.count).max() ?? 0
        for row in rows {
            let id = row.id.padding(toLength: width, withPad: " ", startingAt: 0)
            let value = String(format: "%10.1f %@", row.value, row.unit)
            let ratio = row.ratio.map { String(format: "  ratio %.3f", $0) } ?? ""
            let reference = row.reference.map { String(format: " of %.1f", $0) } ?? ""
            Swift.print("\(id)  \(value)\(ratio)\(reference)  \(row.note)")
        }
    }
}
