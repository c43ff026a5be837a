import PrintedHTML

extension PaperStyle {
    /// The report's own rules.
    static let report = """
        section { margin: 0 0 6mm; }
        .front .facts { margin: 5mm 0; }
        .numbers { display: grid; grid-template-columns: repeat(6, 1fr); gap: 3mm; margin: 5mm 0; }
        .numbers p { border-top: 1.5pt solid #000; padding-top: 1.5mm; font-size: 8pt; color: #333; }
        .numbers b { display: block; font-size: 12pt; line-height: 1.2; color: #000; }
        .boxed { border: 1pt solid #000; padding: 3mm 4mm 2mm; margin: 5mm 0; }
        .boxed h3 { margin-top: 0; }
        .boxed .note { margin: 2.5mm 0 0; }
        .label { font-size: 8pt; color: #333; break-after: avoid; }
        .card { border: 0.5pt solid #777; padding: 2.5mm 4mm 1.5mm; margin: 0 0 4mm; break-inside: avoid; }
        .card.strong { border: 1.8pt solid #000; }
        .card h3 { margin: 0 0 2mm; }
        .card .facts, section > .facts {
          font-size: 9pt; line-height: 1.4; grid-template-columns: 34mm 1fr;
        }
        .card table { margin-bottom: 2mm; }
        .tag {
          display: inline-block; border: 0.6pt solid #000; padding: 0 1.2mm; font-size: 7pt;
          line-height: 1.5;
          white-space: nowrap;
        }
        .time { white-space: nowrap; font-variant-numeric: tabular-nums; }
        td .hex { font-size: 7.5pt; }
        td .words { font-size: 8pt; margin: 0.8mm 0 0; line-height: 1.35; }
        td .note { margin: 0.8mm 0 0; }
        td.mono { font-size: 7.5pt; overflow-wrap: anywhere; }
        td.time { padding-right: 3mm; }
        tr.changed td { font-weight: 700; }
        ul.chips {
          list-style: none; padding: 0; display: grid; grid-template-columns: repeat(3, 1fr);
          gap: 0.6mm 3mm;
        }
        ul.chips { font-size: 8pt; margin: 0 0 2mm; }
        svg.timeline { display: block; width: 100%; height: auto; break-inside: avoid; margin: 0 0 2mm; }
        svg.timeline text { font-family: inherit; }
        .w6 {
          width: 6%; } .w10 { width: 10%; } .w14 { width: 14%; } .w16 { width: 16%; } .w20 { width: 20%;
        }
        .w24 { width: 24%; } .w28 { width: 28%; } .w36 { width: 36%; } .w50 { width: 50%; }
        .watermark {
          position: fixed; inset: 0; display: flex; align-items: center; justify-content: center;
          z-index: 9;
          pointer-events: none; font-size: 74pt; font-weight: 700; letter-spacing: 0.06em; color: #000;
          opacity: 0.1; transform: rotate(-52deg);
        }
        @media screen {
          body { max-width: 200mm; margin: 10mm auto; padding: 0 5mm; }
        }

        """
}
