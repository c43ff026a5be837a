import Foundation

/// The time, twice: on the wall, which people read and which may be set back, and steady, by which rates are told.
struct TelemetryMoment: Sendable {
    var date: Date
    /// Seconds since some moment before.
    var steady: Double

    static let system: @Sendable () -> TelemetryMoment = {
        let (seconds, attoseconds) = origin.duration(to: .now).components
        return TelemetryMoment(date: Date(), steady: Double(seconds) + Double(attoseconds) / 1e18)
    }

    private static let origin = ContinuousClock.now
}

/// UTC in the form of RFC 3339, with milliseconds.
enum MillisecondTime {
    private static let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    static func text(_ date: Date) -> String { date.formatted(style) }

    static func date(_ text: String) -> Date? { try? Date(text, strategy: style) }
}
