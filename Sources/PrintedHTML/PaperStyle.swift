/// The style sheets of what is printed: black on white, no font or picture from elsewhere.
package enum PaperStyle {
    package static let sans =
        #""Helvetica Neue", Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif"#

    /// What all printed documents share.
    package static let common = """
        * { box-sizing: border-box; }
        html { background: #fff; color: #000; }
        body {
          margin: 0; font: 10pt/1.42 \(sans);
          overflow-wrap: break-word;
        }
        h1 { font-size: 21pt; line-height: 1.15; margin: 0 0 5mm; font-weight: 700; }
        h2 {
          font-size: 14pt; line-height: 1.2; margin: 8mm 0 3mm; padding-top: 2mm;
          border-top: 1.5pt solid #000;
        }
        h3 { font-size: 10.5pt; line-height: 1.25; margin: 4mm 0 1.5mm; }
        h1, h2, h3 { break-after: avoid; }
        p { margin: 0 0 1.5mm; orphans: 3; widows: 3; }
        ul { margin: 0; padding-left: 5mm; }
        main { padding: 0 0.4mm; }
        .keep { break-inside: avoid; }
        .kicker { font-size: 9pt; letter-spacing: 0.08em; text-transform: uppercase; margin: 0 0 1mm; }
        .note { font-size: 8.5pt; color: #333; }
        dl.facts { display: grid; grid-template-columns: 28mm 1fr; gap: 0.8mm 3mm; margin: 0 0 3mm; }
        dl.facts dt { color: #444; }
        dl.facts dd { margin: 0; white-space: pre-line; }
        dl.facts dd.blank { border-bottom: 0.5pt solid #777; min-height: 5mm; }
        table { width: 100%; border-collapse: collapse; margin: 0 0 4mm; font-size: 9pt; }
        th { text-align: left; font-weight: 600; border-bottom: 1pt solid #000; padding: 1mm 1.5mm; }
        td { vertical-align: top; border-bottom: 0.4pt solid #999; padding: 1.2mm 1.5mm; }
        tr { break-inside: avoid; }
        small { font-size: 0.85em; font-weight: 400; color: #444; }
        .hex, .mono { font-family: "DejaVu Sans Mono", "Liberation Mono", Menlo, Consolas, monospace; }
        .hex { font-size: 8.5pt; margin: 0; line-height: 1.5; }
        .hex span { white-space: nowrap; }
        .digest .hex { display: grid; grid-template-columns: repeat(8, 1fr); font-size: 10pt; gap: 0 2mm; }
        .digest .words {
          display: grid; grid-template-columns: repeat(4, 1fr); font-size: 9pt; gap: 0 2mm;
          margin: 1.5mm 0 0;
          counter-reset: word;
        }
        .digest .words span { counter-increment: word; }
        .digest .words span::before {
          content: counter(word); display: inline-block; width: 5.5mm; color: #666; font-size: 6.5pt;
        }

        """

    /// Page size and margin boxes (CSS Paged Media §5): what stands on every page.
    package static func page(
        size: String, left: String, right: String, label: String = "SHA-256", foot: String, words: String
    ) -> String {
        let shortened = right.count > 70 ? String(right.prefix(69)) + "…" : right
        return """
            @page {
              size: \(size); margin: 20mm 15mm 27mm 20mm;
              @top-left {
                content: \(HTML.cssString(left)); font: 700 8pt \(sans);
                vertical-align: bottom; padding-bottom: 3mm; width: 38%;
              }
              @top-center {
                content: \(HTML.cssString(shortened)); font: 8pt \(sans);
                vertical-align: bottom; padding-bottom: 3mm; width: 42%; text-align: center;
              }
              @top-right {
                content: "page " counter(page) " of " counter(pages); width: 20%;
                font: 700 8pt \(sans);
                vertical-align: bottom; padding-bottom: 3mm;
              }
              @bottom-left {
                content: \(HTML.cssString(label + "  " + foot)) "\\a " \(HTML.cssString(words));
                white-space: pre-wrap;
                font: 6.3pt/1.35 \(sans); vertical-align: top; padding-top: 2.5mm; width: 100%;
                text-align: left;
              }
            }

            """
    }
}
