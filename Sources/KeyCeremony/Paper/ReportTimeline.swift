import CanonicalJSON
import PrintedHTML

/// When each step was done and how long it was expected to take, drawn as SVG within the document.
///
/// All positions are whole units of a drawing 1000 units wide: the same lines give the same drawing.
struct ReportTimeline: Sendable {
    private static let left = 265
    private static let right = 990
    private static let top = 38
    private static let rowHeight = 27

    private let record: RecordedCeremony
    /// The ids of the steps, one a row.
    private let rows: [String]
    private let axis: TimeAxis?

    init(_ record: RecordedCeremony) {
        self.record = record
        var rows = record.plannedSteps.map { $0.word("id") }
        for attempt in record.attempts where !rows.contains(attempt.step) { rows.append(attempt.step) }
        self.rows = rows
        let times = record.lines.compactMap(\.seconds)
        let pauses = record.pauses.compactMap { pause in
            pause.from.seconds.flatMap { from in pause.until?.seconds.map { (from: from, until: $0) } }
        }
        if let first = times.first, let last = times.last, last > first, !rows.isEmpty {
            axis = TimeAxis(from: first, until: last, pauses: pauses, left: Self.left, right: Self.right)
        } else {
            axis = nil
        }
    }

    private var bottom: Int { Self.top + rows.count * Self.rowHeight }

    func write(to html: inout HTML) {
        guard let axis else {
            html.note("The lines span no time that could be drawn.")
            return
        }
        html.element(
            "svg", class: "timeline",
            [
                ("viewBox", "0 0 1000 \(bottom + 8)"), ("role", "img"),
                ("aria-label", "Time line of the steps; the table below has the same times"),
            ]
        ) { html in
            html.element("defs") { html in
                html.element(
                    "pattern",
                    [
                        ("id", "hatch"), ("width", "6"), ("height", "6"), ("patternUnits", "userSpaceOnUse"),
                        ("patternTransform", "rotate(45)"),
                    ]
                ) { html in
                    html.element("path", [("d", "M0 0V6"), ("stroke", "#000"), ("stroke-width", "1.6")])
                }
            }
            ticks(&html, axis)
            pauses(&html, axis)
            for (index, row) in rows.enumerated() { self.row(&html, axis, row, index) }
            exceptions(&html, axis)
        }
        legend(&html)
    }

    private func ticks(_ html: inout HTML, _ axis: TimeAxis) {
        for time in axis.ticks {
            let x = axis.x(time)
            html.element("path", [("d", "M\(x) \(Self.top - 6)V\(bottom)"), ("stroke", "#ccc")])
            html.svgText(TimeAxis.clock(time), x: x, y: Self.top - 13, size: 15, anchor: "middle")
        }
        html.element(
            "path",
            [
                ("d", "M\(Self.left) \(Self.top - 6)H\(Self.right)V\(bottom)H\(Self.left)Z"),
                ("fill", "none"), ("stroke", "#000"),
            ])
    }

    private func pauses(_ html: inout HTML, _ axis: TimeAxis) {
        for pause in record.pauses {
            guard let from = pause.from.seconds, let until = pause.until?.seconds else { continue }
            let x = axis.x(from)
            let width = max(axis.x(until) - x, 2)
            html.rectangle(
                x: x, y: Self.top - 6, width: width, height: bottom - Self.top + 6,
                fill: pause.isBreak ? "#ddd" : "url(#hatch)", opacity: pause.isBreak ? "1" : "0.35")
            let what = pause.isBreak ? "break" : "interruption"
            html.element(
                "text",
                [
                    ("transform", "translate(\(x + width / 2 + 4) \(bottom - 8)) rotate(-90)"),
                    ("font-size", "15"),
                    ("stroke", "#fff"), ("stroke-width", "4"), ("paint-order", "stroke"),
                ]
            ) { $0.text("\(what), \(UTCTime.spoken(until - from))") }
        }
    }

    private func row(_ html: inout HTML, _ axis: TimeAxis, _ step: String, _ index: Int) {
        let y = Self.top + index * Self.rowHeight
        let label = step.count > 25 ? String(step.prefix(24)) + "…" : step
        html.svgText("\(index + 1)", x: 26, y: y + 18, size: 15, anchor: "end")
        html.svgText(label, x: 38, y: y + 18, size: 16, anchor: "start")
        html.element(
            "path",
            [("d", "M0 \(y + Self.rowHeight)H\(Self.right)"), ("stroke", "#ddd"), ("stroke-width", "0.5")])
        let minutes = record.plannedSteps.first { $0.word("id") == step }?["minutes"]?.number
        for attempt in record.attempts(of: step) {
            guard let start = attempt.opening.seconds, let end = attempt.last.seconds else { continue }
            let x = axis.x(start)
            let isOver = attempt.done != nil || attempt.last.type == "sign-off"
            html.rectangle(
                x: x, y: y + 4, width: max(axis.x(end) - x, 2), height: 11,
                fill: isOver ? "#222" : "url(#hatch)", opacity: "1")
            if let minutes {
                html.element(
                    "rect",
                    [
                        ("x", "\(x)"), ("y", "\(y + 17)"), ("height", "6"), ("fill", "#fff"),
                        ("stroke", "#444"),
                        ("width", "\(max(axis.x(start + minutes * 60) - x, 1))"),
                    ])
            }
        }
    }

    private func exceptions(_ html: inout HTML, _ axis: TimeAxis) {
        for exception in record.exceptions {
            guard let time = exception.line.seconds,
                let index = rows.firstIndex(of: exception.line.step)
            else { continue }
            let (x, y) = (axis.x(time), Self.top + index * Self.rowHeight + 10)
            html.element(
                "path",
                [
                    ("d", "M\(x) \(y - 12)L\(x + 12) \(y)L\(x) \(y + 12)L\(x - 12) \(y)Z"), ("fill", "#fff"),
                    ("stroke", "#000"), ("stroke-width", "2"),
                ])
            let number = exception.line.value["number"]?.number ?? 0
            html.svgText(String(number), x: x, y: y + 5, size: 13, anchor: "middle")
        }
    }

    private func legend(_ html: inout HTML) {
        html.note(
            "Black: the time that a step took; hatched: an attempt that did not come to its end. "
                + "Outlined below: the time expected. Grey band: a break; hatched band: an interruption; "
                + "long ones are drawn short. Diamond: an exception, with its number. Times are UTC.")
    }
}

/// Where times stand in the drawing; pauses that would squeeze the work are drawn shorter than they were.
struct TimeAxis: Sendable {
    let from: Int
    let until: Int
    private let pauses: [(from: Int, until: Int)]
    private let left: Int
    private let right: Int
    /// How many seconds of drawing a pause gets at most.
    private let longest: Int

    init(from: Int, until: Int, pauses: [(from: Int, until: Int)], left: Int, right: Int) {
        (self.from, self.until, self.left, self.right) = (from, until, left, right)
        self.pauses = Self.apart(pauses.filter { $0.until > $0.from })
        let idle = self.pauses.reduce(0) { $0 + $1.until - $1.from }
        longest = max((until - from - idle) / 12, 30)
    }

    /// The pauses in their order, those that overlap as one.
    private static func apart(_ pauses: [(from: Int, until: Int)]) -> [(from: Int, until: Int)] {
        var apart: [(from: Int, until: Int)] = []
        for pause in pauses.sorted(by: { ($0.from, $0.until) < ($1.from, $1.until) }) {
            if let last = apart.last, pause.from <= last.until {
                apart[apart.count - 1].until = max(last.until, pause.until)
            } else {
                apart.append(pause)
            }
        }
        return apart
    }

    /// Seconds of drawing up to a time.
    private func drawn(_ time: Int) -> Double {
        var drawn = Double(time - from)
        for pause in pauses where time > pause.from {
            let length = pause.until - pause.from
            guard length > longest else { continue }
            let passed = Double(min(time, pause.until) - pause.from)
            drawn -= passed * Double(length - longest) / Double(length)
        }
        return drawn
    }

    private var scale: Double { Double(right - left) / max(drawn(until), 1) }

    /// Where a time stands; one before or behind the drawing stands at its edge.
    func x(_ time: Int) -> Int {
        left + Int(min(max(drawn(time) * scale, 0), Double(right - left)).rounded())
    }

    /// Full minutes, at most ten or so, none within a pause or at the very end.
    var ticks: [Int] {
        let choices = [1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440].map { $0 * 60 }
        let step = choices.first { drawn(until) / Double($0) <= 10 } ?? Int(drawn(until) / 10)
        var ticks: [Int] = []
        var time = (from + step - 1) / step * step
        while time < until, ticks.count < 200 {
            let pause = pauses.first { $0.from <= time && time < $0.until && $0.until - $0.from > longest }
            if let pause {
                time = (pause.until + step - 1) / step * step
                continue
            }
            if x(time) <= right - 20, ticks.last.map({ x(time) - x($0) >= 56 }) ?? true { ticks.append(time) }
            time += step
        }
        return ticks
    }

    /// `hh:mm`.
    static func clock(_ time: Int) -> String {
        let minute = ((time / 60) % 1440 + 1440) % 1440
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
        return "\(two(minute / 60)):\(two(minute % 60))"
    }
}

extension HTML {
    fileprivate mutating func svgText(_ text: String, x: Int, y: Int, size: Int, anchor: String) {
        element(
            "text", [("x", "\(x)"), ("y", "\(y)"), ("font-size", "\(size)"), ("text-anchor", anchor)]
        ) { $0.text(text) }
        self.text("\n")
    }

    fileprivate mutating func rectangle(
        x: Int, y: Int, width: Int, height: Int, fill: String, opacity: String
    ) {
        element(
            "rect",
            [
                ("x", "\(x)"), ("y", "\(y)"), ("width", "\(width)"), ("height", "\(height)"), ("fill", fill),
                ("fill-opacity", opacity),
            ])
    }
}
