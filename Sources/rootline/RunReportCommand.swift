import ArgumentParser
import Foundation
import Glibc
import ProductionRun
import RunLedger
import RunReporting
import Sites

struct RunReportCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "A run's report as HTML: yield, throughput, latency, counts that add up, digests.",
        discussion: """
            For a run that is sealed, at work, interrupted or failed; touches no token. Exit code 1: the report is \
            written, and the books of the run do not balance.
            """)

    @Argument(help: "The run's name.") var name: String
    @Option(name: [.short, .long], help: "The file to write; standard output where none is named.")
    var out: String?
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    struct Equation: Encodable {
        var equation: String
        var numbers: String
        var holds: Bool
    }

    struct Document: Encodable {
        var version = 1
        var run: String
        var balanced: Bool
        var equations: [Equation]
        var file: String
        var missing: [String]
    }

    func validate() throws {
        if output.format == .json, out == nil {
            throw ValidationError("With --format json the report needs a file: --out FILE.html.")
        }
    }

    func run() throws {
        let site = try siteOptions.open()
        guard let ledger = try site.ledgerToRead() else {
            throw LedgerError(.runUnknown, name, "no such run", hint: "No run was started here yet.")
        }
        let report = try RunReport(name, site: site, ledger: ledger, program: Release.name, at: Date())
        let html = Array(report.html().utf8)
        guard let out else {
            guard Terminal.put(html, to: 1) else {
                throw RunError(.io, "standard output", String(cString: strerror(errno)))
            }
            try requireBalance(report)
            return
        }
        try NewFile.write(html, to: out)
        if output.format == .json {
            try printJSON(
                Document(
                    run: name, balanced: report.books.balance,
                    equations: report.books.equations.map {
                        Equation(equation: $0.words, numbers: Self.plain($0.numbers), holds: $0.holds)
                    }, file: out, missing: report.missing))
            if !report.books.balance { throw ExitCode(1) }
            return
        }
        print("written  \(out)")
        for text in report.missing { Terminal.say("Not in it: \(text)") }
        try requireBalance(report)
    }

    /// The report says it in red; whoever runs this in a script has to see it, too.
    private func requireBalance(_ report: RunReport) throws {
        if report.books.balance { return }
        for equation in report.books.equations where !equation.holds {
            Terminal.say("\(Terminal.bold("wrong:")) \(equation.words): \(Self.plain(equation.numbers))")
        }
        Terminal.say("  Do not start runs here until somebody has found out why.")
        throw ExitCode(1)
    }

    private static func plain(_ text: String) -> String { String(text.map { $0 == "\u{A0}" ? " " : $0 }) }
}
