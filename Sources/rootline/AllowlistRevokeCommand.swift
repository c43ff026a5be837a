import Allowlist
import ArgumentParser
import Foundation
import ProductionRun
import RunLedger
import Sites

struct AllowlistRevokeCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Revoke listed devices: their certificates are not to be believed.",
        discussion: """
            For devices of sealed runs that are out in the world: stolen, compromised, withdrawn. All are revoked in \
            one publication, or none. A revocation is for good: consumers refuse the device from the next list on, \
            whatever the effective time says, and the next `run crl` has it. A device that has not left the line is \
            scrapped: `rootline run scrap`.
            """)

    @Argument(help: "The devices' serials.") var serials: [String] = []
    @Option(name: .long, help: "A device's certificate in PEM, instead of its serial; may be repeated.")
    var certificate: [String] = []
    @Option(name: .long, help: "A file with a serial a line, instead of or beside those named.")
    var list: String?
    @Option(
        name: .long,
        help:
            "Why: keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn or unspecified (RFC 5280)."
    )
    var reason: RevocationReason
    @Option(
        name: .long,
        help: "Since when, such as 2026-03-01T12:00:00Z (default: now); never a time to come.")
    var effective: UTCTime?
    @Option(name: .long, help: "The product, where several have such a serial.") var product: String?
    @Flag(name: .long, help: "Do not ask for a confirmation.") var yes = false
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        struct Device: Encodable {
            /// Left out where a certificate named the device and the log has hashed serials.
            var serial: String?
            var product: String
            var run: String
            var certificateSerial: String
            var entryIndex: UInt64
            var effectiveAt: String
            /// Revoked by an earlier command, for the same reason.
            var earlier: Bool
        }
        var version = 1
        var reason: String
        var devices: [Device]
        var treeSize: UInt64
    }

    func validate() throws {
        guard !serials.isEmpty || !certificate.isEmpty || list != nil else {
            throw ValidationError("Name a serial, --certificate FILE, or a file of serials with --list.")
        }
        // RFC 5280 §5.3.1: these two are for the certificates of authorities.
        guard reason != .cACompromise, reason != .aACompromise else {
            throw ValidationError(
                "--reason \(reason.name) is for an authority's certificate, not for a device's.")
        }
    }

    private func subjects() throws -> [RevocationSubject] {
        var names = serials
        if let list {
            let listed = try SerialList.read(list)
            guard !listed.isEmpty else { throw ValidationError("\(list) names no serial.") }
            names += listed
        }
        return names.map { .device(DeviceRequest(serial: $0, product: product)) }
            + (try certificate.map { .certificate(der: try PEMFile.certificate($0), file: $0) })
    }

    func run() throws {
        let subjects = try subjects()
        let driver = try siteOptions.driverOfList(pins)
        let outcome = try driver.revoke(
            subjects, reason: reason, effectiveAt: effective?.seconds,
            confirm: { devices in
                let names = devices.prefix(5).map {
                    $0.serial ?? "certificate \($0.certificateSerialNumber.hex)"
                }
                let rest = devices.count > 5 ? " and \((devices.count - 5).grouped) more" : ""
                return try Confirmation.given(
                    yes, "Revoke \(names.joined(separator: ", "))\(rest) for good, as \(reason.name)?")
            })
        guard let outcome else { throw Confirmation.declined }
        let document = Document(
            reason: reason.name,
            devices: outcome.devices.map {
                Document.Device(
                    serial: $0.serial, product: $0.product, run: $0.run,
                    certificateSerial: $0.certificateSerialNumber.hex, entryIndex: $0.entryIndex,
                    effectiveAt: timeText(Int64(clamping: $0.effectiveAt)), earlier: $0.isEarlier)
            }, treeSize: outcome.treeSize)
        if output.format == .json { return try printJSON(document) }
        for device in document.devices {
            print(
                "\(device.earlier ? "revoked before" : "revoked")  \(device.serial ?? "")  run \(device.run), certificate \(device.certificateSerial), since \(device.effectiveAt)"
            )
        }
        print("  The log has \(Int(document.treeSize).grouped) entries.")
        print("Next: rootline run crl")
    }
}

extension RevocationReason: ExpressibleByArgument {
    public init?(argument: String) {
        guard let reason = RevocationReason.allCases.first(where: { $0.name == argument }) else { return nil }
        self = reason
    }

    public static var allValueStrings: [String] {
        allCases.filter { $0 != .cACompromise && $0 != .aACompromise }.map(\.name)
    }

    public var defaultValueDescription: String { name }
}

/// A time in UTC, as RFC 3339 writes it with `Z` and whole seconds.
struct UTCTime: ExpressibleByArgument, Sendable {
    /// Since 1970.
    let seconds: Int64

    init?(argument: String) {
        guard argument.utf8.count == 20, argument.hasSuffix("Z"),
            let date = try? Date(argument, strategy: .iso8601),
            date.ISO8601Format() == argument
        else { return nil }
        seconds = Int64(date.timeIntervalSince1970)
        guard seconds >= 0 else { return nil }
    }
}

/// What is for good is asked for twice.
enum Confirmation {
    static let declined = SiteError(.refused, "confirmation", "was not given; nothing was changed")

    /// Whether it may be done: said on the command line, or answered on the terminal.
    static func given(_ isSaid: Bool, _ question: String) throws -> Bool {
        if isSaid { return true }
        guard let answer = try Terminal.confirms(question) else {
            throw SiteError(
                .refused, "confirmation", "there is no terminal to ask on; nothing was changed",
                hint: "Say it on the command line: --yes")
        }
        return answer
    }
}

extension SiteOptions {
    /// A driver for what changes the published list, under the site's lock.
    func driverOfList(_ pins: PINOptions) throws -> RunDriver {
        let site = try open()
        let lock = try site.lockForRun()
        guard FileManager.default.fileExists(atPath: site.ledger) else {
            throw LedgerError(
                .deviceUnknown, site.folder, "no run was started here yet: no device is listed")
        }
        return try RunDriver(
            lineOf: site, lock: lock, ledger: SQLiteLedger(path: site.ledger, creating: false), pins: pins)
    }
}
