import ArgumentParser
import Foundation
import ProductionRun
import RunLedger
import Sites

struct RunReworkCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "rework", abstract: "Make the scrapped devices of a run that is not sealed anew.",
        discussion: """
            Each gets a new key and a new certificate; the old one is revoked. They count against the losses that \
            the run's approval allows. What the station gets stands in files of its own, \
            packages/rework-<number>-<row>.jsonl. `rootline run close` seals the run.
            """)

    @Argument(help: "The run's name.") var name: String
    @Option(name: .long, help: "Only the device with this serial; may be repeated.") var serial: [String] = []
    @Option(name: .long, help: "The manifest, where it moved since the start.") var manifest: String?
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        struct Device: Encodable {
            var row: Int
            var serial: String
            var package: String
        }
        var version = 1
        var run: String
        var devices: [Device]
        var released: Int
        var quantity: Int
        var remainingAllowance: Int
    }

    func run() throws {
        let site = try siteOptions.open()
        let lock = try site.lockForRun()
        let ledger = try site.ledgerOfRun(name)
        let driver = try RunDriver(lineOf: site, lock: lock, ledger: ledger, pins: pins)
        let outcome = try driver.rework(name, serials: serial.isEmpty ? nil : serial, manifest: manifest)
        let document = Document(
            run: outcome.run,
            devices: outcome.devices.map {
                Document.Device(row: $0.row, serial: $0.serial, package: $0.package)
            },
            released: outcome.released, quantity: outcome.quantity,
            remainingAllowance: outcome.remainingAllowance)
        if output.format == .json { return try printJSON(document) }
        if outcome.devices.isEmpty {
            print("nothing to do  run \(name) has no scrapped device that is not made anew")
        } else {
            print("reworked  run \(name): \(outcome.devices.count.grouped) devices made anew")
        }
        for device in outcome.devices { print("  \(device.serial)  \(device.package)") }
        print(
            "  \(outcome.released.grouped) of \(outcome.quantity.grouped) released, \(outcome.remainingAllowance.grouped) more certificates are authorised"
        )
        print("Next: rootline run close \(name)")
    }
}

extension Site {
    /// The ledger, to go on with a run that it must know.
    func ledgerOfRun(_ name: String) throws -> SQLiteLedger {
        guard FileManager.default.fileExists(atPath: ledger),
            case let ledger = try SQLiteLedger(path: ledger, creating: false), try ledger.run(name) != nil
        else {
            throw LedgerError(
                .runUnknown, name, "no such run", hint: "`rootline run status` lists the runs.")
        }
        return ledger
    }
}
