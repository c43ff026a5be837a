import ArgumentParser
import Foundation
import ProductionRun

struct AllowlistReplaceCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "replace",
        abstract: "Put a listed device in the place of another, as after a repair (RMA).",
        discussion: """
            Both devices are listed, of sealed runs and of one product, and the new one was listed after the old one. \
            The old one is revoked as superseded, unless it is revoked already. A device that is made anew under the \
            same serial needs none of this: `run scrap` and `run rework`, or a new run, say it to the log.
            """)

    @Argument(help: "The serial of the device that goes.") var old: String
    @Argument(help: "The serial of the device that takes its place.") var new: String
    @Option(name: .long, help: "Why, in your words; everybody who has the log can read it.")
    var reason: String
    @Option(name: .long, help: "The product, where several have such serials.") var product: String?
    @Flag(name: .long, help: "Do not ask for a confirmation.") var yes = false
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        struct Device: Encodable {
            var serial: String
            var run: String
            var certificateSerial: String
            var entryIndex: UInt64

            init(_ device: ReplacementOutcome.Device) {
                serial = device.serial
                run = device.run
                certificateSerial = device.certificateSerialNumber.hex
                entryIndex = device.entryIndex
            }
        }
        var version = 1
        var reason: String
        var product: String
        var old: Device
        var new: Device
        /// Whether this command revoked the old device, as superseded.
        var revoked: Bool
        /// Replaced by an earlier command, for the same reason.
        var earlier: Bool
        var treeSize: UInt64
    }

    func validate() throws {
        // What an entry of the log can hold (Format, kind 5).
        guard (1...256).contains(reason.utf8.count), reason.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else {
            throw ValidationError("--reason is 1 to 256 octets of UTF-8 without control characters.")
        }
    }

    func run() throws {
        let driver = try siteOptions.driverOfList(pins)
        let outcome = try driver.replace(
            DeviceRequest(serial: old, product: product), by: DeviceRequest(serial: new, product: product),
            reason: reason,
            confirm: { outcome in
                try Confirmation.given(
                    yes,
                    "Replace \(old) by \(new) for good\(outcome.revokes ? ", and revoke \(old) as superseded" : "")?"
                )
            })
        guard let outcome else { throw Confirmation.declined }
        let document = Document(
            reason: reason, product: outcome.product, old: .init(outcome.old), new: .init(outcome.new),
            revoked: outcome.revokes, earlier: outcome.isEarlier, treeSize: outcome.treeSize)
        if output.format == .json { return try printJSON(document) }
        print(
            "\(document.earlier ? "replaced before" : "replaced")  \(old) by \(new)\(document.revoked ? ", revoked as superseded" : "")"
        )
        print("  The log has \(Int(document.treeSize).grouped) entries.")
        print("Next: rootline run crl")
    }
}
