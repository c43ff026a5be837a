import ArgumentParser
import Foundation
import ProductionRun
import RunLedger
import Sites

struct RunCloseCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "close", abstract: "Seal a run as it is: kept open, or never to be finished.",
        discussion: """
            What was in hand when it stopped is burned and revoked. Rows that were not made are not made: give them \
            to another run. Nothing of a sealed run can be changed.
            """)

    @Argument(help: "The run's name.") var name: String
    @Option(name: .long, help: "Why; kept with the run.") var reason: String?
    @Option(name: .long, help: "The manifest, where it moved since the start.") var manifest: String?
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var run: String
        var quantity: Int
        /// Rows that no device was ever made for.
        var missing: Int
        var reserved: Int
        var released: Int
        var scrapped: Int
        var burned: Int
        var treeSize: UInt64
        var checkpoint: String?
    }

    func run() throws {
        let site = try siteOptions.open()
        let lock = try site.lockForRun()
        let ledger = try site.ledgerOfRun(name)
        let driver = try RunDriver(lineOf: site, lock: lock, ledger: ledger, pins: pins)
        let outcome = try driver.resume(name, manifest: manifest, ending: .close(reason: reason))
        guard let record = try ledger.run(name) else { return }
        let made = try ledger.nextRow(run: name)
        let document = Document(
            run: name, quantity: record.run.quantity, missing: record.run.quantity - made,
            reserved: record.reserved,
            released: record.released, scrapped: record.scrapped, burned: record.burned,
            treeSize: outcome.treeSize, checkpoint: outcome.checkpoint)
        if output.format == .json { return try printJSON(document) }
        print(
            "closed  run \(name): \(record.released.grouped) of \(record.run.quantity.grouped) devices released, \(record.scrapped.grouped) scrapped, \(record.burned.grouped) burned"
        )
        if document.missing > 0 {
            print(
                "  \(document.missing.grouped) of \(record.run.quantity.grouped) rows were not made: give them to another run."
            )
        }
        print("  checkpoint  \(document.checkpoint ?? "")  (\(Int(document.treeSize).grouped) entries)")
        print(
            "Hand the checkpoint to somebody outside this site: only a copy elsewhere shows a rollback of all of it."
        )
    }
}
