/// How many a second, over the last seconds; a run that was slow an hour ago and is fast now is fast.
struct RateMeter: Sendable {
    private struct Sample {
        var seconds: Double
        var total: Int
    }

    /// The window, in seconds: long enough that a chunk more or less does not show.
    static let window = 10.0
    /// Where fewer were made than this in the window, it is as long as is remembered.
    private static let enough = 20
    private static let remembered = 60.0
    private static let spacing = 0.25

    private var samples: [Sample] = []

    /// Notes the total at a time, in seconds of any steady clock.
    mutating func note(_ total: Int, at seconds: Double) {
        // What came between two samples is in the later one.
        if samples.count > 1, let last = samples.last,
            seconds - samples[samples.count - 2].seconds < Self.spacing
        {
            samples[samples.count - 1] = Sample(seconds: max(seconds, last.seconds), total: total)
            return
        }
        samples.append(Sample(seconds: seconds, total: total))
        let old = samples.prefix { $0.seconds < seconds - Self.remembered }.count
        // The newest of the old ones bounds the window.
        if old > 1 { samples.removeFirst(old - 1) }
    }

    /// How many a second over the last seconds; nil before there is anything to tell.
    func rate(at seconds: Double) -> Double? {
        rate(since: seconds - Self.window, at: seconds, atLeast: Self.enough)
            ?? rate(since: seconds - Self.remembered, at: seconds, atLeast: 0)
    }

    /// As `rate`, over a minute: what is left of a run is told by more than the last seconds.
    func steadyRate(at seconds: Double) -> Double? {
        rate(since: seconds - Self.remembered, at: seconds, atLeast: 0)
    }

    private func rate(since begin: Double, at seconds: Double, atLeast enough: Int) -> Double? {
        guard let last = samples.last,
            let first = samples.last(where: { $0.seconds <= begin }) ?? samples.first
        else { return nil }
        let elapsed = max(seconds, last.seconds) - max(first.seconds, begin)
        guard elapsed >= 0.2, last.total - first.total >= enough else { return nil }
        // Of the step that crosses the window's beginning, the part within it.
        var made = Double(last.total - first.total)
        if first.seconds < begin, let next = samples.first(where: { $0.seconds > begin }) {
            made -=
                Double(next.total - first.total) * (begin - first.seconds) / (next.seconds - first.seconds)
        }
        return made / elapsed
    }
}
