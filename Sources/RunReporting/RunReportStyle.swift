import PrintedHTML

/// The run report's rules: colours by variables, so that dark screens and paper differ in nothing else.
enum RunReportStyle {
    private static let light = """
          color-scheme: light;
          --ground: #fff; --text: #16191d; --quiet: #59616b; --rule: #d5d9de; --soft: #f4f6f8;
          --rate: #1f6feb; --median: #7a3fd1; --p99: #b83280; --stop: #b4540a;
          --good: #1a7f4b; --warn: #9a5b00; --bad: #c4232b; --wash: #fdecec;
          --released: #2a9d63; --scrapped: #e0a021; --burned: #d1453b; --outstanding: #9aa4b0;
        """

    static let sheet = """
        :root {
        \(light)
        }
        @media (prefers-color-scheme: dark) {
          :root {
            color-scheme: dark;
            --ground: #14171b; --text: #e7eaee; --quiet: #a0a9b4; --rule: #343b44; --soft: #1d2228;
            --rate: #6cabff; --median: #b794f6; --p99: #f389c0; --stop: #f0a35a;
            --good: #56c98c; --warn: #f0b45a; --bad: #ff7b7b; --wash: #3a1b1e;
            --released: #3fb37a; --scrapped: #e0a93d; --burned: #e8665c; --outstanding: #77818d;
          }
        }
        @media print {
          :root {
        \(light)
          }
        }
        * { box-sizing: border-box; }
        html { background: var(--ground); color: var(--text); -webkit-text-size-adjust: 100%; }
        body { margin: 0; font: 15px/1.5 \(PaperStyle.sans); overflow-wrap: break-word; }
        main { max-width: 1040px; margin: 0 auto; padding: 40px 24px 56px; }
        p { margin: 0; }
        h1 { font-size: 34px; line-height: 1.15; margin: 0; letter-spacing: -0.01em; overflow-wrap: anywhere; }
        h2 {
          font-size: 18px; line-height: 1.25; margin: 40px 0 14px; padding-top: 12px;
          border-top: 2px solid var(--text); break-after: avoid;
        }
        small { font-size: 0.86em; color: var(--quiet); }
        .note { font-size: 13px; color: var(--quiet); margin: 8px 0 0; }
        .kicker {
          font-size: 12px; letter-spacing: 0.08em; text-transform: uppercase; color: var(--quiet);
          margin-bottom: 6px;
        }
        .product { font-size: 18px; color: var(--quiet); overflow-wrap: anywhere; }
        .state { margin-top: 14px; padding-left: 12px; border-left: 4px solid var(--quiet); }
        .state strong { text-transform: uppercase; letter-spacing: 0.05em; font-size: 13px; }
        .state.good { border-color: var(--good); } .state.good strong { color: var(--good); }
        .state.busy { border-color: var(--rate); } .state.busy strong { color: var(--rate); }
        .state.warn { border-color: var(--warn); } .state.warn strong { color: var(--warn); }
        .state.bad { border-color: var(--bad); } .state.bad strong { color: var(--bad); }
        .alarm {
          margin-top: 16px; padding: 12px 16px; border: 2px solid var(--bad); background: var(--wash);
          border-radius: 6px;
        }
        .alarm strong { color: var(--bad); }
        .tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin-top: 28px; }
        .tiles p { background: var(--soft); border-radius: 8px; padding: 14px 16px; }
        .tiles b {
          display: block; font-size: 25px; line-height: 1.15; font-weight: 650; letter-spacing: -0.01em;
          font-variant-numeric: tabular-nums; white-space: nowrap;
        }
        .tiles span, .tiles small { display: block; }
        svg.yield { display: block; width: 100%; height: 30px; border-radius: 5px; }
        svg.yield .ground { fill: var(--soft); }
        .released { fill: var(--released); background: var(--released); }
        .scrapped { fill: var(--scrapped); background: var(--scrapped); }
        .burned { fill: var(--burned); background: var(--burned); }
        .outstanding { fill: var(--outstanding); background: var(--outstanding); }
        ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 24px; padding: 0; margin: 12px 0 16px; }
        ul.legend li { font-variant-numeric: tabular-nums; white-space: nowrap; }
        .swatch {
          display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px;
          print-color-adjust: exact; -webkit-print-color-adjust: exact;
        }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-size: 14px; }
        th { text-align: left; font-weight: 600; color: var(--quiet); font-size: 12.5px; white-space: nowrap; }
        th, td { padding: 6px 14px 6px 0; border-bottom: 1px solid var(--rule); vertical-align: baseline; }
        th:last-child, td:last-child { padding-right: 0; }
        tr { break-inside: avoid; }
        .right { text-align: right; }
        td.right, td.numbers, td.time { font-variant-numeric: tabular-nums; white-space: nowrap; }
        td.ended { overflow-wrap: anywhere; min-width: 150px; }
        td.verdict { text-align: right; white-space: nowrap; color: var(--good); }
        tr.wrong td { background: var(--wash); color: var(--bad); font-weight: 700; }
        .plots { display: grid; grid-template-columns: 1fr 1fr; gap: 20px 28px; }
        figure { margin: 0; break-inside: avoid; min-width: 0; }
        figcaption { font-weight: 600; margin-bottom: 6px; }
        svg.plot { display: block; width: 100%; height: auto; }
        svg.plot text { font: 11.5px \(PaperStyle.sans); fill: var(--quiet); font-variant-numeric: tabular-nums; }
        svg.plot .end { text-anchor: end; }
        svg.plot .middle { text-anchor: middle; }
        svg.plot .grid { stroke: var(--rule); stroke-width: 1; }
        svg.plot .axis { stroke: var(--quiet); stroke-width: 1; }
        svg.plot .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
        svg.plot .line.rate { stroke: var(--rate); }
        svg.plot .line.median { stroke: var(--median); }
        svg.plot .line.p99 { stroke: var(--p99); stroke-dasharray: 5 2.5; }
        svg.plot .area { stroke: none; opacity: 0.16; }
        svg.plot .area.rate { fill: var(--rate); }
        svg.plot .area.median { fill: var(--p99); }
        svg.plot .stop { stroke: var(--stop); stroke-width: 1.4; stroke-dasharray: 3 3; }
        svg.plot .stop-label { fill: var(--stop); font-size: 10.5px; }
        dl.facts { display: grid; grid-template-columns: 190px 1fr; gap: 7px 20px; margin: 0; }
        dl.facts dt { color: var(--quiet); }
        dl.facts dd { margin: 0; white-space: pre-line; overflow-wrap: anywhere; }
        .hex, pre { font-family: "DejaVu Sans Mono", "Liberation Mono", Menlo, Consolas, monospace; font-size: 12.5px; }
        ul.artefacts { list-style: none; margin: 0; padding: 0; }
        ul.artefacts li { padding: 8px 0; border-bottom: 1px solid var(--rule); break-inside: avoid; }
        ul.artefacts small { overflow-wrap: anywhere; }
        .check { margin: 12px 0; break-inside: avoid; }
        pre {
          margin: 5px 0 0; padding: 11px 14px; background: var(--soft); border-radius: 6px; overflow-x: auto;
          line-height: 1.5;
        }
        footer { margin-top: 40px; border-top: 1px solid var(--rule); padding-top: 6px; }
        .watermark {
          position: fixed; inset: 0; display: flex; align-items: center; justify-content: center; z-index: 9;
          pointer-events: none; font-size: min(19vw, 74pt); font-weight: 700; letter-spacing: 0.06em;
          opacity: 0.06; transform: rotate(-35deg);
        }
        @media screen and (max-width: 720px) {
          main { padding: 24px 16px 40px; }
          h1 { font-size: 27px; }
          .tiles { grid-template-columns: 1fr 1fr; gap: 10px; margin-top: 20px; }
          .tiles p { padding: 12px; }
          .tiles b { font-size: 20px; }
          .plots { grid-template-columns: 1fr; }
          dl.facts { grid-template-columns: 1fr; gap: 0; }
          dl.facts dd { margin-bottom: 10px; }
          .hex { font-size: 11.5px; }
          table.equations thead { display: none; }
          table.equations tr { display: grid; grid-template-columns: 1fr auto; border-bottom: 1px solid var(--rule); }
          table.equations td { border: 0; padding: 3px 0; }
          table.equations td:first-child { grid-column: 1 / -1; padding-top: 8px; }
          table.equations td.numbers { white-space: normal; padding-bottom: 8px; color: var(--quiet); }
          table.equations tr.wrong td { padding-left: 6px; padding-right: 6px; }
        }
        @media print {
          body { font-size: 9.2pt; line-height: 1.42; }
          main { max-width: none; padding: 0; }
          h1 { font-size: 21pt; }
          h2 { font-size: 12.5pt; margin: 6.5mm 0 2.5mm; padding-top: 2mm; border-top-width: 1.2pt; }
          .tiles { margin-top: 5mm; gap: 2.5mm; }
          .tiles p { padding: 2.5mm 3mm; }
          .tiles b { font-size: 14pt; }
          .tiles p, svg, pre, tr.wrong td, .alarm { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
          .product { font-size: 11.5pt; }
          .plots { gap: 5mm; }
          svg.yield { height: 6mm; }
          table { font-size: 8.3pt; } th { font-size: 7.6pt; }
          th, td { padding: 1mm 2.4mm 1mm 0; }
          .hex, pre { font-size: 7.6pt; }
          pre { white-space: pre-wrap; padding: 2mm 3mm; }
          .note { font-size: 8pt; }
          dl.facts { grid-template-columns: 38mm 1fr; gap: 1mm 4mm; }
          .scroll { overflow: visible; }
        }

        """
}
