import Foundation
import ProductionRun
import RunLedger
import RunTelemetry
import Sites

/// Follows a run of another process to its end.
struct RunWatch {
    let site: Site
    let format: OutputFormat
    private let name: String
    /// Opened once: that checks the counts of runs that are not sealed.
    private let ledger: SQLiteLedger?

    /// Without a name the site's run that is not sealed is followed, of which there is one at most.
    init(site: Site, name: String?, format: OutputFormat) throws {
        self.site = site
        self.format = format
        ledger = try site.ledgerToRead()
        if let name {
            self.name = name
            return
        }
        guard let open = try RunStatus.all(site, ledger, name: nil).first(where: { $0.activity != "sealed" })
        else {
            throw LedgerError(
                .runUnknown, site.folder, "no run is at work here",
                hint: "`rootline run status` lists the runs.")
        }
        self.name = open.run
    }

    /// Returns when the run is sealed; throws `run-interrupted` when its process ended before that.
    func follow() throws {
        let bar = RunBar()
        var absences = 0
        while true {
            let status = try RunStatus.all(site, ledger, name: name)[0]
            if format == .json { try printJSONLine(RunStatus.Document(runs: [status])) }
            switch status.activity {
            case "sealed":
                bar.end()
                if format == .text { print(status.text) }
                return
            case "at-work":
                absences = 0
                if format == .text, let figures = status.figures { bar.show(figures) }
            default:
                // Between the ledger's last word and the seal, and between two looks, a run may seem to be gone.
                absences += 1
                if absences > 1 {
                    bar.end()
                    if format == .text { Terminal.say(status.text) }
                    throw RunError(
                        .interrupted, name, "the run is not at work",
                        hint: "It goes on with: rootline run resume \(name)")
                }
            }
            Thread.sleep(forTimeInterval: 1)
        }
    }
}
