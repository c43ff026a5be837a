import Foundation

/// Progress of long work: a bar on a terminal, a plain line every few seconds elsewhere.
final class ProgressLine {
    private let unit: String
    private let start = ContinuousClock.now
    private var startValue: Int?
    private var lastShown = ContinuousClock.now
    private var isBarShown = false
    private var isFirst = true

    init(unit: String) {
        self.unit = unit
    }

    func show(_ done: Int, of total: Int) {
        let now = ContinuousClock.now
        if startValue == nil { startValue = done }
        let interval: Duration = Terminal.isInteractive ? .milliseconds(100) : .seconds(5)
        if !isFirst, done < total, lastShown.duration(to: now) < interval { return }
        isFirst = false
        lastShown = now
        let seconds = Double(start.duration(to: now) / .milliseconds(1)) / 1000
        let rate = seconds > 0.2 ? Double(done - (startValue ?? 0)) / seconds : 0
        var text = "\(done.grouped) of \(total.grouped) \(unit)"
        if rate > 0 {
            text += ", \(Int(rate).grouped)/s"
            if done < total { text += ", \(RunFigures.duration(Double(total - done) / rate)) left" }
        }
        guard Terminal.isInteractive else {
            Terminal.say(text)
            return
        }
        let width = max(10, min(40, Terminal.columns - text.count - 4))
        let filled = total == 0 ? width : width * done / total
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        Terminal.show("\r\u{1B}[2K\(bar) \(text)")
        isBarShown = true
    }

    func end() {
        if isBarShown { Terminal.show("\n") }
        isBarShown = false
    }
}
