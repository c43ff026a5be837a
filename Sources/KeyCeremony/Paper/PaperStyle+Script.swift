import PrintedHTML

extension PaperStyle {
    /// The printed script's.
    static func script(paper: Paper, id: String, title: String, digest: PaperDigest) -> String {
        page(
            size: paper.cssSize, left: id, right: title,
            foot: digest.groups.joined(separator: " "), words: digest.words.joined(separator: " "))
            + common + form
    }

    private static let form = """
        section.people, section.steps, section.exceptions, section.closing { break-before: page; }
        section > h2:first-child { margin-top: 0; }
        section.materials > h2:first-child { margin-top: 9mm; }
        .front { padding-top: 6mm; }
        .front .facts { margin: 6mm 0; font-size: 10.5pt; gap: 1.5mm 3mm; }
        .boxed { border: 1pt solid #000; padding: 3mm 4mm 2mm; margin: 5mm 0; }
        .boxed h3 { margin-top: 0; }
        .boxed .note { margin: 2.5mm 0 0; }
        .lines { margin: 3mm 0; }
        .lines.two { display: grid; grid-template-columns: 1fr 1fr; gap: 0 8mm; }
        .lines.three { display: grid; grid-template-columns: 1fr 1fr 1fr; gap: 0 6mm; }
        .line {
          display: flex; align-items: flex-end; gap: 2mm; margin: 0; min-height: 10mm;
          break-inside: avoid;
        }
        .label { font-size: 8pt; line-height: 1.25; color: #333; }
        .line .label { max-width: 60%; }
        .line .rule { flex: 1; border-bottom: 0.6pt solid #000; height: 1px; }
        .lines.tall .line {
          display: block; min-height: 17mm;
          background: no-repeat 0 8.5mm / 100% 0.4pt linear-gradient(#777, #777),
            no-repeat 0 100% / 100% 0.4pt linear-gradient(#777, #777);
          print-color-adjust: exact; -webkit-print-color-adjust: exact;
        }
        table.blanks td { height: 10.5mm; border: 0.5pt solid #555; vertical-align: middle; }
        table.blanks th { border: 0.5pt solid #555; border-bottom: 1pt solid #000; font-size: 8pt; }
        table.signatures td { height: 12mm; }
        .closing .word-blanks span { height: 7mm; }
        .closing .lines { margin: 2mm 0; }
        table.blanks td small {
          display: block; align-self: end; font-size: 6.5pt; padding-top: 6mm; line-height: 1;
        }
        .w14 {
          width: 14%; } .w16 { width: 16%; } .w20 { width: 20%; } .w26 { width: 26%; } .w28 { width: 28%;
        }
        .w30 { width: 30%; } .w32 { width: 32%; } .w36 { width: 36%; }
        .tick {
          display: inline-block; width: 4mm; height: 4mm; border: 0.8pt solid #000; margin-right: 2mm;
          vertical-align: -0.8mm;
        }
        ul.ticks { list-style: none; padding: 0; }
        ul.ticks li { margin: 2mm 0; }
        .step, .exception {
          break-inside: avoid; border: 0.8pt solid #000; padding: 0 4mm 0; margin: 0 0 5mm;
        }
        .step header, .exception header {
          display: flex; align-items: baseline; gap: 3mm; margin: 0 -4mm 2.5mm; padding: 1.8mm 4mm;
          border-bottom: 0.5pt solid #000;
        }
        .step header h3 { margin: 0; font-size: 11.5pt; flex: 1; }
        .step header small { font-size: 8.5pt; padding-left: 2mm; }
        .number { font-size: 13pt; font-weight: 700; min-width: 8mm; }
        .minutes { font-size: 9pt; white-space: nowrap; }
        .irreversible { border-width: 2pt; }
        .mark {
          background: #000; color: #fff; font-size: 8pt; font-weight: 700; letter-spacing: 0.08em;
          text-transform: uppercase;
          padding: 0.8mm 2.5mm; print-color-adjust: exact; -webkit-print-color-adjust: exact;
        }
        .cast { font-size: 9pt; margin-bottom: 2mm; }
        .said p { font-size: 11pt; line-height: 1.45; white-space: pre-line; margin: 0 0 2.5mm; }
        .step .facts {
          font-size: 8.5pt; line-height: 1.35; grid-template-columns: 24mm 1fr; margin: 3mm 0;
        }
        .choice { margin: 4mm 0; }
        .choice .label { display: block; margin-bottom: 1.5mm; }
        .choice .option { display: inline-block; padding: 0 12mm 1mm 0; }
        .take-down { margin: 4mm 0; }
        .boxes {
          display: grid; grid-template-columns: repeat(8, 1fr); gap: 2.5mm 2.5mm; margin: 1.5mm 0 3mm;
        }
        .boxes .group { display: flex; }
        .boxes i { flex: 1; height: 8mm; border: 0.5pt solid #555; border-right-width: 0; }
        .boxes i:last-child { border-right-width: 0.5pt; }
        .word-blanks { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0 4mm; }
        .word-blanks span {
          height: 8mm; border-bottom: 0.5pt solid #555; font-size: 6.5pt; color: #444; display: flex;
          align-items: flex-end;
        }
        .initials { display: flex; flex-wrap: wrap; margin: 3mm -4mm 0; border-top: 0.5pt solid #000; }
        .initials .cell {
          flex: 1 1 22mm; min-height: 14mm; padding: 1mm 1.5mm; font-size: 7pt; line-height: 1.15;
          color: #333;
          border-right: 0.5pt solid #777; margin-bottom: 0;
        }
        .initials .cell:last-child { border-right: 0; }
        .exception { margin-bottom: 4mm; }
        .exception header { border-bottom: 0; padding-top: 0; padding-bottom: 0; margin-bottom: 0; }
        .exception header .lines { flex: 1; margin: 0; }
        .exception .lines.tall { margin: 2mm 0 0; }
        .exception .lines.tall .line { min-height: 13mm; background-position: 0 6.5mm, 0 100%; }
        .exception .line { min-height: 7.5mm; }
        .exception .initials { margin-top: 2mm; }
        .exception .initials .cell { min-height: 12mm; }
        @media screen { body { max-width: 180mm; margin: 10mm auto; } section { margin-bottom: 15mm; } }

        """
}
