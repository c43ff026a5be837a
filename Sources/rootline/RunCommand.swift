import ArgumentParser
import Foundation
import Manifests
import ProductionRun
import RunLedger
import RunTelemetry
import SignedStatements
import Sites
import TokenKeys

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Production runs: check, approve, make, and look.",
        subcommands: [
            RunCheckCommand.self, RunApproveCommand.self, RunApproveCRLCommand.self, RunStartCommand.self,
            RunResumeCommand.self, RunStatusCommand.self, RunReportCommand.self, RunScrapCommand.self,
            RunReworkCommand.self, RunCloseCommand.self, RunCRLCommand.self, RunExtractCommand.self,
            RunVerifyPackagesCommand.self,
        ])
}

extension Site {
    /// The site's ledger where it has one already, to look and change nothing.
    func ledgerToRead() throws -> SQLiteLedger? {
        guard FileManager.default.fileExists(atPath: ledger), try SQLiteLedger.isFounded(at: ledger) else {
            return nil
        }
        return try SQLiteLedger(path: ledger, creating: false, readOnly: true)
    }
}

extension RunPlan {
    /// Checks a manifest and its rows, with a progress line where proofs of possession take their time.
    init(checking manifest: String, site: Site, ledger: SQLiteLedger?) throws {
        let line = ProgressLine(unit: "rows checked")
        let start = ContinuousClock.now
        defer { line.end() }
        try self.init(site: site, manifest: manifest, ledger: ledger) { done, quantity in
            if start.duration(to: .now) > .seconds(2) { line.show(done, of: quantity) }
        }
    }
}

struct RunCheckCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a manifest, its template and every row; touches no token.")

    @Argument(help: "The run's manifest.") var manifest: String
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var run: String
        var product: String
        var quantity: Int
        var template: String
        var manifestDigest: String
        var templateDigest: String
        /// Missing where devices made their keys.
        var stationDigest: String?
        var keyOrigin: String
        /// Requests with another common name than their row's serial; missing where the token makes keys.
        var otherCommonNames: Int?
    }

    func run() throws {
        let site = try siteOptions.open()
        let plan = try RunPlan(checking: manifest, site: site, ledger: try site.ledgerToRead())
        let facts = plan.facts
        let document = Document(
            run: facts.run, product: facts.product, quantity: facts.quantity,
            template: plan.manifest.template, manifestDigest: facts.manifestDigest.hex,
            templateDigest: facts.templateDigest.hex, stationDigest: facts.stationDigest?.hex,
            keyOrigin: plan.manifest.keyOrigin.rawValue,
            otherCommonNames: plan.manifest.keyOrigin == .device ? plan.rows.otherNames.count : nil)
        if output.format == .json { return try printJSON(document) }
        print("ok  run \(facts.run): \(facts.quantity.grouped) devices of \(facts.product)")
        print("  manifest  \(document.manifestDigest)")
        print("  template  \(document.templateDigest)  \(document.template)")
        if let station = document.stationDigest { print("  station   \(station)") }
        if plan.manifest.keyOrigin == .device {
            print("  requests  \(facts.quantity.grouped), each proven by its own key")
        }
        if let first = plan.rows.otherNames.first {
            print(
                "  note: \(plan.rows.otherNames.count.grouped) requests have another common name than their row's"
            )
            print("  serial, the first \(first). Certificates take their subject from the template alone.")
        }
        print("Next: rootline run approve \(manifest)")
    }
}

/// How the workers are arranged, for `start` and `resume`.
struct WorkerOptions: ParsableArguments {
    @Option(name: .long, help: "Worker processes (default: the cores of this machine).")
    var workers: Int?
    @Option(
        name: .long,
        help:
            "Sessions a worker, each on a thread: 1 for a token in this machine, many for one in the network."
    )
    var sessions = 1
    @Option(
        name: .long,
        help: "Seconds to wait for a token that goes away while the run is at work (0: not at all).")
    var wait = 600

    func validate() throws {
        guard (0...86_400).contains(wait) else { throw ValidationError("--wait is 0 to 86400 seconds.") }
        if let workers, !(1...256).contains(workers) { throw ValidationError("--workers is 1 to 256.") }
        guard (1...256).contains(sessions) else { throw ValidationError("--sessions is 1 to 256.") }
    }

    @Flag(
        name: .long,
        help:
            "Verify every certificate's signature, not the first of each chunk alone (a third more of a fast token's time)."
    )
    var verifyAll = false

    func limits(quantity: Int) -> WorkerLimits {
        var limits = WorkerLimits(
            workers: workers ?? WorkerLimits.standardWorkers, sessions: sessions, quantity: quantity)
        limits.tokenWaitSeconds = wait
        limits.verifiesAll = verifyAll
        return limits
    }
}

/// Whether a run is sealed when its rows are made, for `start` and `resume`.
struct EndingOptions: ParsableArguments {
    @Flag(
        name: .long, help: "Make all rows and leave the run open for rework; `rootline run close` seals it.")
    var keepOpen = false

    var ending: RunEnding { keepOpen ? .keepOpen : .seal }
}

struct RunStartCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Make the devices of an approved run, and seal it.",
        discussion: """
            Ctrl-C stops after the rows in hand; whatever stops a run, `rootline run resume` goes on with it. \
            Exit code 75: stopped, can be resumed.
            """)

    @Argument(help: "The run's manifest.") var manifest: String
    @OptionGroup var workers: WorkerOptions
    @OptionGroup var watching: WatchOptions
    @OptionGroup var ending: EndingOptions
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var station: PassphraseOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let site = try siteOptions.open()
        let passphrase = try station.read()
        let lock = try site.lockForRun()
        let ledger = try SQLiteLedger(path: site.ledger, creating: true)
        let plan = try RunPlan(checking: manifest, site: site, ledger: ledger)
        try RunReport.drive(
            site: site, lock: lock, ledger: ledger,
            limits: workers.limits(quantity: plan.manifest.quantity), pins: pins, passphrase: passphrase,
            watching: watching, format: output.format, run: plan.manifest.run, manifest: plan.manifest.file,
            ending: ending.ending
        ) { try $0.start(plan, ending: ending.ending) }
    }
}

struct RunResumeCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with a run that was interrupted.",
        discussion: """
            Rows that were reserved when it stopped are burned: their certificates may exist, so they are revoked, \
            and the rows are made anew. No device is made twice.
            """)

    @Argument(help: "The run's name.") var name: String
    @Option(name: .long, help: "The manifest, where it moved since the start.") var manifest: String?
    @OptionGroup var workers: WorkerOptions
    @OptionGroup var watching: WatchOptions
    @OptionGroup var ending: EndingOptions
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var station: PassphraseOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let site = try siteOptions.open()
        let passphrase = try station.read()
        let lock = try site.lockForRun()
        guard FileManager.default.fileExists(atPath: site.ledger),
            case let ledger = try SQLiteLedger(path: site.ledger, creating: false),
            let record = try ledger.run(name)
        else {
            throw LedgerError(
                .runUnknown, name, "no such run", hint: "`rootline run status` lists the runs.")
        }
        try RunReport.drive(
            site: site, lock: lock, ledger: ledger,
            limits: workers.limits(quantity: record.run.quantity), pins: pins, passphrase: passphrase,
            watching: watching, format: output.format, run: name, manifest: manifest, ending: ending.ending
        ) { try $0.resume(name, manifest: manifest, ending: ending.ending) }
    }
}

/// Drives a run with a progress line, and prints what came of it.
private struct RunReport: Encodable {
    var version = 1
    var run: String
    var quantity: Int
    var released: Int
    var burned: Int
    var made: Int
    var seconds: Double
    /// The part of it in which devices were made and recorded.
    var makingSeconds: Double
    var devicesPerSecond: Double
    var peakMemoryBytes: Int
    var folder: String
    var treeSize: UInt64
    /// None for a run that was kept open.
    var checkpoint: String?
    /// How the devices' private keys left the token.
    var delivery: String
    /// The SHA-256 of `package-index.jsonl`; none for a run that was kept open.
    var packageIndexDigest: String?
    /// What whoever answers for the run should know.
    var warnings: [String]

    static func drive(
        site: Site, lock: FileLock, ledger: SQLiteLedger, limits: WorkerLimits, pins: PINOptions,
        passphrase: StationPassphrase?, watching: WatchOptions, format: OutputFormat, run: String,
        manifest: String?, ending: RunEnding,
        _ body: @escaping (RunDriver) throws -> RunOutcome
    ) throws {
        let name = try site.publishedKey(.issuingCA).tokenName
        let bar = RunBar()
        let monitor = try watching.monitor(bar)
        let notice = { (text: String) in
            bar.end()
            Terminal.say(text)
            monitor.notice(text)
        }
        let outcome: RunOutcome
        do {
            // Asked for once: a token that comes back is opened with the same.
            let pin = try site.pin(name, from: pins.source(name, in: site))
            let patience = TokenPatience(seconds: limits.tokenWaitSeconds, notice: notice) {
                let driver = try RunDriver(
                    site: site, lock: lock, ledger: ledger, pin: .known(pin),
                    executable: ProductFiles.executable, limits: limits, monitor: monitor)
                driver.passphrase = passphrase
                driver.notice = notice
                return driver
            }
            outcome = try patience.drive(run, manifest: manifest, ending: ending, ledger: ledger, body)
        } catch {
            monitor.end(RunConclusion(error))
            bar.end()
            throw error
        }
        monitor.end(outcome.checkpoint == nil ? .interrupted(reason: "made, open for rework") : .sealed)
        bar.end()
        let report = RunReport(
            run: outcome.run, quantity: outcome.quantity, released: outcome.released,
            burned: outcome.burned, made: outcome.made,
            seconds: (outcome.seconds * 1000).rounded() / 1000,
            makingSeconds: (outcome.makingSeconds * 1000).rounded() / 1000,
            devicesPerSecond: outcome.seconds > 0
                ? (Double(outcome.made) / outcome.seconds * 10).rounded() / 10 : 0,
            peakMemoryBytes: outcome.peakMemory,
            folder: outcome.folder, treeSize: outcome.treeSize, checkpoint: outcome.checkpoint,
            delivery: outcome.delivery.rawValue, packageIndexDigest: outcome.packageIndexDigest?.hex,
            warnings: outcome.delivery == .pkcs12 ? [KeyExposure.warning] : [])
        if format == .json { return try printJSON(report) }
        print(
            "\(report.checkpoint == nil ? "made, open for rework" : "sealed")  run \(report.run): \(report.released.grouped) devices released, \(report.burned.grouped) burned"
        )
        print(
            "  \(report.made.grouped) made in \(String(format: "%.1f", report.seconds)) s, \(Int(report.devicesPerSecond).grouped) devices a second"
        )
        print("  packages    \(report.folder)/packages")
        guard let checkpoint = report.checkpoint else {
            return print("Next: rootline run close \(report.run), when no device of it will be made anew")
        }
        if let index = report.packageIndexDigest { print("  their index \(index)") }
        print("  checkpoint  \(checkpoint)  (\(Int(report.treeSize).grouped) entries)")
        print(
            "Hand the checkpoint to somebody outside this site: only a copy elsewhere shows a rollback of all of it."
        )
    }
}
