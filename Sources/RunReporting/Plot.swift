import PrintedHTML

/// A plot over the working time of a run as inline SVG; times in which nobody worked are cut out and marked.
struct Plot {
    /// A line through steps, each with its seconds and a value; nil where there is none to show.
    struct Line {
        var name: String
        var kind: String
        var steps: [(seconds: Double, value: Double?)]
    }

    var title: String
    var description: String
    /// The unit above the value axis.
    var unit: String
    var values: PlotAxis
    var lines: [Line]
    /// Working seconds at which the run stopped, each with what stands there.
    var marks: [(seconds: Double, label: String)]
    var seconds: Double
    var identifier: String

    private static let width = 460.0
    private static let height = 272.0
    private static let left = 56.0
    private static let right = 12.0
    private static let top = 42.0
    private static let bottom = 40.0

    private var time: PlotAxis { PlotAxis(secondsTo: seconds) }

    private func x(_ seconds: Double) -> Double {
        Self.left + time.position(seconds) * (Self.width - Self.left - Self.right)
    }

    private func y(_ value: Double) -> Double {
        Self.height - Self.bottom - values.position(value) * (Self.height - Self.top - Self.bottom)
    }

    func write(to html: inout HTML) {
        html.element(
            "svg", class: "plot",
            [
                ("viewBox", "0 0 \(number(Self.width)) \(number(Self.height))"), ("role", "img"),
                ("aria-labelledby", "\(identifier)-title \(identifier)-desc"),
            ]
        ) { html in
            html.element("title", [("id", "\(identifier)-title")]) { $0.text(title) }
            html.element("desc", [("id", "\(identifier)-desc")]) { $0.text(description) }
            grid(&html)
            fill(&html)
            for line in lines { path(&html, points(line), class: "line \(line.kind)") }
            stops(&html)
            legend(&html)
        }
    }

    private func grid(_ html: inout HTML) {
        let baseline = Self.height - Self.bottom
        for tick in values.ticks {
            let height = y(tick)
            line(
                &html, Self.left, height, Self.width - Self.right, height,
                class: tick == values.lower ? "axis" : "grid")
            text(&html, Self.left - 6, height + 4, ReportNumber.tick(tick), class: "tick end")
        }
        let unit = PlotAxis.timeUnit(seconds)
        for tick in time.ticks {
            let place = x(tick)
            line(&html, place, baseline, place, baseline + 4, class: "axis")
            text(&html, place, baseline + 17, ReportNumber.tick(tick / unit.seconds), class: "tick middle")
        }
        text(&html, Self.left, 14, self.unit, class: "unit")
        text(
            &html, Self.width - Self.right, Self.height - 6, "working time, \(unit.name)", class: "unit end")
    }

    /// The points of a line: a step for each interval, and a gap where there is no value.
    private func points(_ line: Line) -> [[(Double, Double)]] {
        var runs: [[(Double, Double)]] = [[]]
        var elapsed = 0.0
        for step in line.steps {
            if let value = step.value {
                let height = y(value)
                runs[runs.count - 1].append((x(elapsed), height))
                runs[runs.count - 1].append((x(elapsed + step.seconds), height))
            } else if !runs[runs.count - 1].isEmpty {
                runs.append([])
            }
            elapsed += step.seconds
        }
        return runs.filter { !$0.isEmpty }
    }

    private func path(_ html: inout HTML, _ runs: [[(Double, Double)]], class kind: String) {
        let text = runs.map(Self.path).joined()
        if !text.isEmpty { html.element("path", class: kind, [("d", text)]) }
    }

    private static func path(_ points: [(Double, Double)]) -> String {
        points.enumerated().map { "\($0 == 0 ? "M" : "L")\(coordinate($1.0)) \(coordinate($1.1))" }.joined()
    }

    private func fill(_ html: inout HTML) {
        guard let first = lines.first else { return }
        let upper = points(lines.count > 1 ? lines[1] : first)
        let lower = lines.count > 1 ? points(first) : nil
        var text = ""
        for (index, run) in upper.enumerated() {
            guard let begin = run.first, let end = run.last else { continue }
            text += Self.path(run)
            if let lower, index < lower.count {
                text += lower[index].reversed().map { "L\(Self.coordinate($0.0)) \(Self.coordinate($0.1))" }
                    .joined()
            } else {
                let baseline = Self.coordinate(Self.height - Self.bottom)
                text += "L\(Self.coordinate(end.0)) \(baseline)L\(Self.coordinate(begin.0)) \(baseline)"
            }
            text += "Z"
        }
        if !text.isEmpty { html.element("path", class: "area \(first.kind)", [("d", text)]) }
    }

    private func stops(_ html: inout HTML) {
        for mark in marks {
            let place = x(mark.seconds)
            line(&html, place, Self.top - 6, place, Self.height - Self.bottom, class: "stop")
            // Many stops have marks and no words: they would lie on each other.
            if marks.count <= 8 {
                text(
                    &html, min(max(place, Self.left + 8), Self.width - 20), Self.top - 9, mark.label,
                    class: "stop-label middle")
            }
        }
    }

    private func legend(_ html: inout HTML) {
        guard lines.count > 1 else { return }
        var place = Self.width - Self.right
        for entry in lines.reversed() {
            text(&html, place, 14, entry.name, class: "unit end")
            // The names are few and short: half their size is wide enough.
            place -= Double(entry.name.count) * 7 + 8
            line(&html, place - 16, 10, place, 10, class: "line \(entry.kind)")
            place -= 30
        }
    }

    private func line(
        _ html: inout HTML, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, class kind: String
    ) {
        html.element(
            "line", class: kind,
            [("x1", number(x1)), ("y1", number(y1)), ("x2", number(x2)), ("y2", number(y2))])
    }

    private func text(_ html: inout HTML, _ x: Double, _ y: Double, _ text: String, class kind: String) {
        html.element("text", class: kind, [("x", number(x)), ("y", number(y))]) { $0.text(text) }
    }

    private func number(_ value: Double) -> String { Self.coordinate(value) }

    /// A tenth of a unit is less than can be seen.
    private static func coordinate(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths.isMultiple(of: 10) ? String(tenths / 10) : "\(tenths / 10).\(abs(tenths % 10))"
    }
}
