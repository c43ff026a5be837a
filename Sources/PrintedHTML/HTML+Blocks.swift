extension HTML {
    /// Names and their values, one pair a row; a value that is empty is a line to write on.
    package mutating func facts(_ rows: [(String, String)]) {
        element("dl", class: "facts") { html in
            for (name, value) in rows {
                html.element("dt") { $0.text(name) }
                html.element("dd", class: value.isEmpty ? "blank" : nil) { $0.text(value) }
            }
        }
    }

    /// A remark in small print.
    package mutating func note(_ text: String) {
        element("p", class: "note") { $0.text(text) }
    }

    /// A line to write on, with what belongs there.
    package mutating func line(_ label: String) {
        element("p", class: "line") { html in
            html.element("span", class: "label") { $0.text(label) }
            html.element("span", class: "rule")
        }
    }

    /// A table whose head row is repeated on each page that it goes on to.
    package mutating func table(
        _ kind: String, columns: [(title: String, width: String)], rows: (inout HTML) -> Void
    ) {
        element("table", class: kind.isEmpty ? nil : kind) { html in
            html.element("thead") { html in
                html.element("tr") { html in
                    for column in columns {
                        html.element("th", class: column.width.isEmpty ? nil : column.width) {
                            $0.text(column.title)
                        }
                    }
                }
            }
            html.element("tbody") { rows(&$0) }
        }
    }

    /// Paragraphs of a text that separates them by an empty line.
    ///
    /// A line break within one is kept behind the end of a sentence and before an item of a list; elsewhere
    /// it stands where the line happened to be full.
    package mutating func paragraphs(_ text: String, class kind: String) {
        element("div", class: kind) { html in
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            for paragraph in lines.split(whereSeparator: { $0.allSatisfy(\.isWhitespace) }) {
                html.element("p") { html in
                    for (index, line) in paragraph.enumerated() {
                        if index > 0 {
                            let before = paragraph[paragraph.startIndex + index - 1]
                            html.text(Self.keepsBreak(after: before, before: line) ? "\n" : " ")
                        }
                        html.text(String(line))
                    }
                }
            }
        }
    }

    private static func keepsBreak(after line: Substring, before next: Substring) -> Bool {
        let isEndOfSentence = line.last { !$0.isWhitespace }.map { ".:?!".contains($0) } ?? false
        let isItem = next.first { !$0.isWhitespace }.map { "-*•".contains($0) || $0.isNumber } ?? false
        return isEndOfSentence || isItem
    }

    /// A part of the document under a heading.
    package mutating func section(_ title: String, _ content: (inout HTML) -> Void) {
        element("section") { html in
            html.element("h2") { $0.text(title) }
            content(&html)
        }
    }

    /// A row of a table.
    package mutating func row(_ cells: [String]) {
        element("tr") { html in
            for cell in cells { html.element("td") { $0.text(cell) } }
        }
    }
}
