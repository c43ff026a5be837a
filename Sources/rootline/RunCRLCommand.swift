import ArgumentParser
import Foundation
import ProductionRun
import RunLedger
import RunTelemetry
import Sites
import TokenKeys

struct RunCRLCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "crl", abstract: "Issue the issuing CA's certificate revocation list.",
        discussion: """
            It holds every certificate that the log revokes, and what runs that are not sealed yet have burned or \
            scrapped. A standing authorisation by the approvers and the run authority must allow it. Nothing is \
            signed where nothing was revoked since the latest list and half of its time is still to come. Run it \
            daily.
            """)

    @Option(name: .long, help: "Days until the next list at the latest.") var days = 7
    @Flag(name: .long, help: "Issue a list even where nothing has changed.") var force = false
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var action: String
        var number: UInt64
        var thisUpdate: String
        var nextUpdate: String
        var revoked: Int
        var added: Int
        var digest: String
        var path: String
        var published: String
    }

    func validate() throws {
        guard (1...3660).contains(days) else { throw ValidationError("--days is 1 to 3660.") }
    }

    func run() throws {
        let site = try siteOptions.open()
        let lock = try site.lockForRun()
        let ledger = try SQLiteLedger(path: site.ledger, creating: true)
        let driver = try RunDriver(lineOf: site, lock: lock, ledger: ledger, pins: pins)
        let outcome = try driver.issueRevocationList(days: days, force: force)
        let document = Document(
            action: outcome.action.rawValue, number: outcome.number, thisUpdate: timeText(outcome.thisUpdate),
            nextUpdate: timeText(outcome.nextUpdate), revoked: outcome.revoked, added: outcome.added,
            digest: outcome.digest.hex, path: outcome.path, published: outcome.published)
        if output.format == .json { return try printJSON(document) }
        switch outcome.action {
        case .issued:
            print(
                "issued  revocation list \(document.number): \(outcome.revoked.grouped) revoked, \(outcome.added.grouped) of them new"
            )
        case .unchanged:
            print(
                "nothing to do  revocation list \(document.number) is the latest: \(outcome.revoked.grouped) revoked, nothing new"
            )
        }
        print("  until      \(document.nextUpdate)")
        print("  SHA-256    \(document.digest)")
        print("  kept       \(document.path)")
        print("  published  \(document.published)")
    }
}

extension RunDriver {
    /// A driver for what needs the line's token and makes no device.
    convenience init(lineOf site: Site, lock: FileLock, ledger: SQLiteLedger, pins: PINOptions) throws {
        let name = try site.publishedKey(.issuingCA).tokenName
        try self.init(
            site: site, lock: lock, ledger: ledger, pin: pins.source(name, in: site),
            executable: ProductFiles.executable,
            limits: WorkerLimits(workers: 1, sessions: 1, quantity: 1),
            monitor: RunMonitor(program: Release.name))
        notice = { Terminal.say($0) }
    }
}
