import PrintedHTML

/// What became of the reserved certificates, as one bar.
struct YieldBar {
    let books: RunBooks

    private var parts: [(name: String, kind: String, count: Int)] {
        [
            ("released", "released", books.ledger.released), ("scrapped", "scrapped", books.ledger.scrapped),
            ("burned", "burned", books.ledger.burned), ("in hand", "outstanding", books.outstanding),
        ]
    }

    func write(to html: inout HTML) {
        let total = max(books.ledger.reserved, parts.reduce(0) { $0 &+ max(0, $1.count) }, 1)
        let description = parts.map { "\($0.count.grouped) \($0.name)" }.joined(separator: ", ")
        html.element(
            "svg", class: "yield",
            [
                ("viewBox", "0 0 1000 36"), ("role", "img"), ("preserveAspectRatio", "none"),
                ("aria-labelledby", "yield-title yield-desc"),
            ]
        ) { html in
            html.element("title", [("id", "yield-title")]) {
                $0.text("What became of the reserved certificates")
            }
            html.element("desc", [("id", "yield-desc")]) {
                $0.text("Of \(books.ledger.reserved.grouped) reserved: \(description).")
            }
            html.element(
                "rect", class: "ground",
                [("x", "0"), ("y", "0"), ("width", "1000"), ("height", "36"), ("rx", "4")])
            var place = 0.0
            for part in parts where part.count > 0 {
                // One burned certificate of a million is seen.
                let width = max(3, Double(part.count) / Double(total) * 1000)
                let left = min(place, 1000 - width)
                html.element(
                    "rect", class: part.kind,
                    [
                        ("x", String(Int(left.rounded()))), ("y", "0"),
                        ("width", String(max(1, Int(width.rounded())))), ("height", "36"),
                    ])
                place = left + width
            }
        }
        html.element("ul", class: "legend") { html in
            for part in parts {
                html.element("li") { html in
                    html.element("span", class: "swatch \(part.kind)")
                    html.element("b") { $0.text(part.count.grouped) }
                    html.text(" \(part.name)")
                    html.element("small") {
                        $0.text(" \(ReportNumber.percent(part.count, of: books.ledger.reserved))")
                    }
                }
            }
        }
    }
}
