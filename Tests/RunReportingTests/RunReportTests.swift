import Foundation
import RunReporting
import RunTelemetry
import Testing

@Suite struct RunReportTests {
    /// Numbers as the report groups them: a space that does not break between three digits and three.
    private func spaced(_ text: String) -> String { text.replacingOccurrences(of: " ", with: "\u{A0}") }

    private func count(_ part: String, in text: String) -> Int {
        text.components(separatedBy: part).count - 1
    }

    private func million() -> MadeUpRun {
        var run = MadeUpRun(released: 1_000_000)
        run.quantity = 1_000_000
        run.begin()
        run.work(seconds: 100, rate: 7_900, median: 180, interval: 0.1)
        run.work(seconds: 4_000, rate: 240, median: 180)
        run.end("sealed")
        return run
    }

    @Test("The same report gives the same bytes")
    func reproducible() throws {
        #expect(try MadeUpRun.interrupted().report().html() == MadeUpRun.interrupted().report().html())
    }

    @Test("The counts stand there as an equation that holds, and as a bar with a title and a description")
    func yield() throws {
        let html = try MadeUpRun.interrupted().report().html()
        #expect(html.contains(spaced("120 512") + " = " + spaced("120 000") + " + 0 + 512 + 0"))
        #expect(html.contains(spaced("120 512") + " ≤ " + spaced("120 000") + " + " + spaced("2 048")))
        #expect(!html.contains("✗") && !html.contains("class=\"alarm\""))
        #expect(count("✓ holds", in: html) == 8)
        #expect(html.contains("<b>" + spaced("120 000") + "</b><span>released</span>"))
        #expect(
            html.contains(
                "Of \(spaced("120 512")) reserved: \(spaced("120 000")) released, 0 scrapped, 512 burned, 0 in hand."
            ))
        #expect(html.contains("<b>99.58 %</b><span>yield</span>"))
        #expect(count("rect class=\"burned\"", in: html) == 1 && !html.contains("rect class=\"scrapped\""))
    }

    @Test(
        "Books that do not balance are said to be wrong, in red and in words, at the equation that does not hold",
        arguments: [
            ("outstanding", "reserved = released + scrapped + burned + in hand"),
            ("outstanding", "a sealed run has nothing in hand"), ("over quantity", "released ≤ quantity"),
            ("over allowance", "reserved ≤ quantity + losses allowed"),
            ("seal", "seal: reserved = released + scrapped + burned"),
            ("seal", "seal and ledger: made, burned, reserved"), ("no seal", "the log has the run's seal"),
            ("log", "devices in the log = made"),
            ("negative", "reserved = released + scrapped + burned + in hand"),
            ("overflow", "reserved = released + scrapped + burned + in hand"),
        ])
    func unbalanced(fault: String, equation: String) throws {
        var report = try MadeUpRun.interrupted().report()
        #expect(report.books.balance)
        switch fault {
        case "outstanding": report.books.outstanding = 1
        case "over quantity": report.books.quantity -= 1
        case "over allowance": report.books.spoilage = 511
        case "seal": report.books.seal?.burned -= 1
        case "no seal": report.books.seal = nil
        case "log": report.books.listed = 119_999
        case "negative":
            report.books.ledger.burned = -1
            report.books.ledger.scrapped = 513
        default: report.books.ledger.scrapped = .max
        }
        #expect(!report.books.balance)
        #expect(report.books.equations.contains { $0.words == equation && !$0.holds })
        let html = report.html()
        #expect(html.contains("The books of this run do not balance."))
        #expect(html.contains("✗ WRONG"))
        let escaped = equation.replacingOccurrences(of: "'", with: "&#39;")
        #expect(html.contains("<tr class=\"wrong\"><td>\(escaped)</td>"))
    }

    @Test("A device that is scrapped after the seal leaves the books balanced")
    func scrappedLater() throws {
        var report = try MadeUpRun.interrupted().report()
        report.books.ledger.released -= 2
        report.books.ledger.scrapped += 2
        #expect(report.books.balance)
    }

    @Test("Interruptions are marked in both plots with how long they lasted, and their sessions say why")
    func interruptions() throws {
        let html = try MadeUpRun.interrupted().report().html()
        #expect(count("<line class=\"stop\"", in: html) == 4)
        #expect(count(">+ 1 h 23 min</text>", in: html) == 2)
        #expect(count(">+ 2 min 00 s</text>", in: html) == 2)
        #expect(html.contains("interrupted: stopped with 64 400 of 120 000 devices made"))
        #expect(html.contains("<td class=\"ended\">killed, or the power went</td>"))
        #expect(html.contains("<td class=\"ended\">sealed</td>"))
        #expect(html.contains("<td class=\"time\">2026-11-24 22:40:00</td>"))
        #expect(count("<td class=\"right\">2 × 1</td>", in: html) == 3)
    }

    @Test("A time line of a million devices becomes a plot of at most 500 points, and a table of 20 rows")
    func reduction() throws {
        let report = try million().report()
        #expect(report.timeline.sessions[0].intervals.count == 4100)
        let html = report.html()
        for line in html.components(separatedBy: "<path class=\"").dropFirst() {
            let path = line.components(separatedBy: "\"></path>")[0]
            // Two points a step, and an area has those of two lines.
            let points = count("L", in: path) + count("M", in: path)
            #expect(points > 50 && points <= (path.hasPrefix("area") ? 2000 : 1000), "\(points)")
        }
        let table = try #require(html.components(separatedBy: "<table class=\"figures\">").last)
        #expect((5...20).contains(count("<tr>", in: table) - 1))
        #expect(html.utf8.count < 120_000)
    }

    @Test("Plots have axes with units and round ticks, a title and a description")
    func axes() throws {
        let html = try MadeUpRun.interrupted().report().html()
        for text in ["devices a second", "working time, s", "µs", "median", "99 %"] {
            #expect(html.contains(">\(text)</text>"), "\(text)")
        }
        #expect(html.contains(">\(spaced("7 500"))</text>") || html.contains(">\(spaced("5 000"))</text>"))
        for id in ["throughput", "latency", "yield"] {
            #expect(html.contains("aria-labelledby=\"\(id)-title \(id)-desc\""))
            #expect(html.contains("<title id=\"\(id)-title\">") && html.contains("<desc id=\"\(id)-desc\">"))
        }
    }

    @Test("A failed run says with which code, and the report has everything else, too")
    func failed() throws {
        var run = MadeUpRun(released: 64)
        run.outstanding = 32
        run.state = .failed(code: "run-disk-full", reason: "no space left")
        run.begin()
        run.work(seconds: 2, rate: 32, median: 20_000)
        run.end("failed", reason: "no space left", code: "run-disk-full")
        let html = try run.report().html()
        #expect(html.contains("<strong>failed</strong> no space left (run-disk-full)"))
        #expect(html.contains("failed: no space left (run-disk-full)"))
        #expect(html.contains("96 = 64 + 0 + 0 + 32") && !html.contains("✗"))
        #expect(html.contains(">ms</text>"))
    }

    @Test("A run that has nothing yet has a report, too")
    func nothing() throws {
        var run = MadeUpRun(released: 0)
        run.state = .killed
        let html = try run.report().html()
        #expect(html.contains("ended without a word") && html.contains("rootline run resume demo-0001"))
        #expect(html.contains("no time line"))
        #expect(!html.contains("nan") && !html.contains("inf "))
    }

    @Test("Products, reasons and time lines that want to be more than text are text")
    func hostile() throws {
        let nasty =
            "</style><script>alert(1)</script><img src=x onerror=alert(1)>\" onload=\"x' \u{202E}&amp; @import url(http://a)"
        var run = MadeUpRun()
        run.run = nasty
        run.product = nasty
        run.state = .failed(code: nasty, reason: nasty)
        run.begin()
        run.work(seconds: 3, rate: 50, median: 100)
        run.end("failed", reason: "<script>alert(2)</script>", code: "<b>")
        run.begin(resumed: true)
        run.work(seconds: 3, rate: 50, median: 100)
        run.add(line: #"{"time":"2026-11-24T22:41:00.000Z","event":"interval","seconds":1e308,"made":9e9}"#)
        run.add(line: #"{"time":"2026-11-24T22:41:00.000Z","event":"interval","seconds":-5,"made":-5}"#)
        var report = try run.report()
        report.order.append((nasty, nasty))
        report.artefacts.append(.init(name: nasty, place: nasty, size: 1, sha256: nasty))
        report.checks.append((nasty, nasty))
        report.missing.append(nasty)
        let html = report.html()
        #expect(!html.contains("<script") && !html.contains("<img") && !html.contains("\u{202E}"))
        #expect(count("</style>", in: html) == 1)
        #expect(!html.contains("\" onload"))
        #expect(html.contains("[U+202E]"))
    }

    @Test("Nothing is asked of any other place: no script, no reference, and a policy that would forbid both")
    func selfContained() throws {
        let html = try million().report().html()
        #expect(html.contains("content=\"default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;\""))
        for part in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link", "<iframe"] {
            #expect(!html.contains(part), "\(part)")
        }
    }

    @Test("Dark screens, narrow ones and paper have their rules, and paper is never dark")
    func media() throws {
        let html = try million().report().html()
        for rule in ["@media (prefers-color-scheme: dark)", "@media print", "max-width: 720px", "size: A4"] {
            #expect(html.contains(rule), "\(rule)")
        }
        let print = try #require(html.components(separatedBy: "@media print").dropFirst().first)
        #expect(print.contains("--ground: #fff"))
    }

    @Test("A rehearsal's report says so on every page, and no other does")
    func rehearsal() throws {
        var run = million()
        #expect(
            try run.report().html().contains("<div class=\"watermark\" aria-hidden=\"true\">REHEARSAL</div>"))
        run.isRehearsal = false
        #expect(try !run.report().html().contains("REHEARSAL"))
    }

    @Test("Every heading, term and digest stands there, digests in groups of four")
    func content() throws {
        let report = try million().report()
        let html = report.html()
        for title in [
            "Yield", "Over time", "Sessions", "What was ordered and approved", "Certificates", "Artefacts",
            "How to check it without this program", "Figures of the plots",
        ] {
            #expect(html.contains("<h2>\(title)</h2>"), "\(title)")
        }
        for artefact in report.artefacts {
            let digits = Array(artefact.sha256)
            let groups = stride(from: 0, to: 64, by: 4).map { String(digits[$0..<$0 + 4]) }.joined(
                separator: " ")
            #expect(html.contains("<p class=\"hex\">\(groups)</p>"))
        }
        for check in report.checks { #expect(html.contains(check.command)) }
    }
}
