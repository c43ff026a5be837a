import Foundation

/// An axis from zero, or of powers of ten, with ticks at round numbers.
struct PlotAxis: Sendable {
    let isLogarithmic: Bool
    let lower: Double
    let upper: Double
    let ticks: [Double]

    /// From 0 to a round number not below `largest`, with some `count` steps.
    init(linearTo largest: Double, steps count: Int = 4) {
        isLogarithmic = false
        lower = 0
        let step = Self.roundStep(max(largest, 1e-9) / Double(count))
        let steps = max(1, (max(largest, 1e-9) / step - 1e-9).rounded(.up))
        upper = steps * step
        ticks = (0...Int(steps)).map { Double($0) * step }
    }

    /// From 0 to exactly `largest`, with ticks at round numbers of seconds, minutes or hours.
    init(secondsTo largest: Double) {
        isLogarithmic = false
        lower = 0
        upper = max(largest, 1e-9)
        let unit = Self.timeUnit(upper).seconds
        let step = Self.roundStep(upper / unit / 5, times: unit == 60 || unit == 3600) * unit
        ticks = stride(from: 0, through: upper * (1 + 1e-9), by: step).map { $0 }
    }

    /// Over powers of ten, and the doubles and fivefold of them where there are few.
    init(logarithmicFrom smallest: Double, to largest: Double) {
        isLogarithmic = true
        var low = floor(log10(max(smallest, 1e-9)))
        var high = ceil(log10(max(largest, smallest, 1e-9)))
        if high <= low { (low, high) = (low, low + 1) }
        var marks: [Double] = []
        for exponent in stride(from: low, through: high, by: 1) {
            for factor in high - low <= 2 ? [1.0, 2, 5] : [1.0] { marks.append(factor * pow(10, exponent)) }
        }
        // Only what bounds the values.
        let first = marks.lastIndex { $0 <= smallest } ?? 0
        let last = marks.firstIndex { $0 >= largest } ?? marks.count - 1
        ticks = Array(marks[first...max(first, last)])
        lower = ticks[0]
        upper = ticks.count > 1 ? ticks[ticks.count - 1] : ticks[0] * 2
    }

    /// Where a value stands, from 0 at the lower end to 1 at the upper.
    func position(_ value: Double) -> Double {
        let clamped = min(max(value, lower), upper)
        if isLogarithmic { return log(clamped / lower) / log(upper / lower) }
        return (clamped - lower) / (upper - lower)
    }

    static func roundStep(_ step: Double, times: Bool = false) -> Double {
        if times, step >= 1 {
            let steps: [Double] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 240, 480, 960]
            return steps.first { $0 >= step * 0.999 } ?? 1440 * (step / 1440).rounded(.up)
        }
        let power = pow(10, floor(log10(step)))
        let factor = step / power
        return
            (factor <= 1.0001 ? 1 : factor <= 2.0001 ? 2 : factor <= 2.5001 ? 2.5 : factor <= 5.0001 ? 5 : 10)
            * power
    }

    /// The unit in which so many seconds are told.
    static func timeUnit(_ seconds: Double) -> (seconds: Double, name: String) {
        if seconds < 180 { return (1, "s") }
        if seconds < 3 * 3600 { return (60, "min") }
        if seconds < 72 * 3600 { return (3600, "h") }
        return (86_400, "d")
    }
}

/// Numbers as a report shows them.
package enum ReportNumber {
    /// Digits in groups of three.
    package static func count(_ number: Int) -> String { number.grouped }

    /// With as many decimals as make three digits, and no more.
    static func short(_ value: Double) -> String {
        guard value.magnitude < 1e15 else { return "—" }
        if value.magnitude >= 100 || value == value.rounded() { return Int(value.rounded()).grouped }
        let decimals = value.magnitude >= 10 ? 1 : value.magnitude >= 1 ? 2 : 3
        return trimmed(String(format: "%.\(decimals)f", value))
    }

    /// A tick: as short as it can be without being another number.
    static func tick(_ value: Double) -> String {
        guard value.magnitude < 1e15 else { return "—" }
        if value == value.rounded() { return Int(value).grouped }
        return trimmed(String(format: "%.4f", value))
    }

    /// Microseconds in µs, ms or s.
    static func time(microseconds: Double) -> String {
        if microseconds < 1000 { return "\(short(microseconds)) µs" }
        if microseconds < 1_000_000 { return "\(short(microseconds / 1000)) ms" }
        return "\(short(microseconds / 1_000_000)) s"
    }

    static func percent(_ part: Int, of whole: Int) -> String {
        guard whole > 0 else { return "—" }
        // What is not all is never shown as all.
        let share = Double(part) / Double(whole) * 100
        let text = String(format: "%.2f", part < whole ? min(share, 99.99) : share)
        return trimmed(text) + " %"
    }

    private static func trimmed(_ text: String) -> String {
        guard text.contains(".") else { return text }
        var text = text
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    /// A duration as people say it.
    static func duration(_ seconds: Double) -> String {
        if seconds < 10 { return "\(short(seconds)) s" }
        let whole = Int(min(seconds.rounded(), 1e12))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(two(whole % 60)) s" }
        if whole < 86_400 { return "\(whole / 3600) h \(two(whole % 3600 / 60)) min" }
        return "\(whole / 86_400) d \(whole % 86_400 / 3600) h"
    }

    /// `2026-11-24 23:40:05`, UTC.
    static func time(_ date: Date) -> String {
        let text = Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down)).formatted(.iso8601)
        return String(text.map { $0 == "T" ? " " : $0 }.dropLast())
    }
}
