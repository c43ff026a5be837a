import ArgumentParser
import Foundation
import ProductionRun
import RunLedger
import Sites

struct RunScrapCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrap", abstract: "Withdraw released devices: their certificates are revoked.",
        discussion: """
            For a device that was destroyed, spoiled, or whose key may be known to somebody. Its serial is free \
            again: `rootline run rework` makes it anew where its run is not sealed yet, and a new run whose list has \
            it where it is. All devices named are scrapped, or none. What is said here cannot be changed later: it \
            stands in the log and in the revocation list.
            """)

    @Argument(help: "The devices' serials.") var serials: [String] = []
    @Option(name: .long, help: "A file with a serial a line, instead of or beside those named.")
    var file: String?
    @Option(name: .long, help: "Why, in your words; everybody who has the log can read it.")
    var reason: String
    @Option(name: .long, help: "The product, where several have such a serial.") var product: String?
    @Option(name: .customLong("run"), help: "The run that must have made them.") var runName: String?
    @Flag(name: .long, help: "Revoke with the reason keyCompromise instead of cessationOfOperation.")
    var keyCompromised = false
    @Flag(name: .long, help: "Revoke with the reason superseded: the device is made anew.")
    var superseded = false
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        struct Device: Encodable {
            var serial: String
            var product: String
            var run: String
            var certificateSerial: String
            var scrappedAt: String
            /// Scrapped by an earlier command, for the same reason.
            var earlier: Bool
            /// In the published log; a device of a run that is not sealed enters it with the seal.
            var published: Bool
        }
        var version = 1
        var reason: String
        var revocationReason: String
        var devices: [Device]
        var treeSize: UInt64
    }

    func validate() throws {
        guard !serials.isEmpty || file != nil else {
            throw ValidationError("Name a serial, or a file of them with --file.")
        }
        guard !(keyCompromised && superseded) else {
            throw ValidationError("--key-compromised and --superseded exclude each other.")
        }
        // What an entry of the log can hold (Format, kind 4).
        guard (1...256).contains(reason.utf8.count), reason.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else {
            throw ValidationError("--reason is 1 to 256 octets of UTF-8 without control characters.")
        }
    }

    private var revocation: ScrapRevocation {
        if keyCompromised { return .keyCompromise }
        return superseded ? .superseded : .cessationOfOperation
    }

    private func requests() throws -> [DeviceRequest] {
        var names = serials
        if let file { names += try SerialList.read(file) }
        guard !names.isEmpty else { throw ValidationError("\(file ?? "--file") names no serial.") }
        return names.map { DeviceRequest(serial: $0, product: product, run: runName) }
    }

    func run() throws {
        let requests = try requests()
        let site = try siteOptions.open()
        let lock = try site.lockForRun()
        guard FileManager.default.fileExists(atPath: site.ledger) else {
            throw LedgerError(
                .deviceUnknown, requests[0].serial, "no device has this serial",
                hint: "No run was started here yet.")
        }
        let ledger = try SQLiteLedger(path: site.ledger, creating: false)
        let driver = try RunDriver(lineOf: site, lock: lock, ledger: ledger, pins: pins)
        let outcome = try driver.scrap(requests, reason: reason, revocation: revocation)
        let document = Document(
            reason: reason, revocationReason: String(describing: revocation),
            devices: outcome.devices.map {
                Document.Device(
                    serial: $0.serial, product: $0.product, run: $0.run,
                    certificateSerial: $0.certificateSerialNumber.hex, scrappedAt: timeText($0.scrappedAt),
                    earlier: $0.isEarlier, published: $0.isPublished)
            }, treeSize: outcome.treeSize)
        if output.format == .json { return try printJSON(document) }
        for device in document.devices {
            print(
                "\(device.earlier ? "scrapped before" : "scrapped")  \(device.serial)  run \(device.run), certificate \(device.certificateSerial)"
            )
        }
        let waiting = document.devices.count { !$0.published }
        if waiting > 0 {
            print("  \(waiting.grouped) of a run that is not sealed: they enter the log with its seal.")
        }
        if waiting < document.devices.count {
            print("  The log has \(Int(document.treeSize).grouped) entries.")
        }
        print("Next: rootline run crl")
    }
}
