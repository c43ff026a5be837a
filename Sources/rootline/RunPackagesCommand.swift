import ArgumentParser
import Foundation
import ProductionRun
import RunLedger
import Sites

struct RunVerifyPackagesCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-packages",
        abstract: "Compare a sealed run's packages with their index; touches no token.",
        discussion: """
            The index was written when the run was sealed, and its digest stands in the seal in the log, which is \
            compared, and in the run's report. Exit code 1 where a file is missing, changed or not listed; it is \
            named.
            """)

    @Argument(help: "The run's name.") var name: String
    @Option(name: .long, help: "The index's SHA-256, in hexadecimal, as the run's report has it.")
    var indexDigest: String?
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var run: String
        var packageIndexDigest: String
        /// What the seal in the log says; left out where it says nothing.
        var sealedIndexDigest: String?
        var files: Int
        var devices: Int
        var faults: [PackageFault]
    }

    func run() throws {
        let site = try siteOptions.open()
        guard let record = try site.ledgerToRead()?.run(name) else {
            throw LedgerError(
                .runUnknown, name, "no such run", hint: "`rootline run status` lists the runs.")
        }
        let folder = site.runFolder(name)
        guard let index = try PackageIndex(in: folder) else {
            throw RunError(
                .wrongState, name, "its packages have no index: the run is not sealed",
                hint: "`rootline run status \(name)` shows how far it is.")
        }
        var faults: [PackageFault] = []
        if let indexDigest, indexDigest.lowercased() != index.digest.hex {
            faults.append(
                PackageFault(
                    file: PackageIndex.name, kind: .changed,
                    message: "the index's SHA-256 is \(index.digest.hex), not the one given"))
        }
        let sealed = record.state == .sealed ? try SealedPackages.indexDigest(of: record, in: site) : nil
        if let sealed, sealed != index.digest {
            faults.append(
                PackageFault(
                    file: PackageIndex.name, kind: .changed,
                    message:
                        "the index's SHA-256 is \(index.digest.hex), and the seal in the log says \(sealed.hex)"
                ))
        }
        faults += try index.faults(in: folder)
        if output.format == .json {
            try printJSON(
                Document(
                    run: name, packageIndexDigest: index.digest.hex, sealedIndexDigest: sealed?.hex,
                    files: index.lines.count, devices: index.deviceCount, faults: faults))
        } else {
            for fault in faults { print("\(fault.kind.rawValue)  \(fault.file): \(fault.message)") }
            if faults.isEmpty {
                print(
                    "ok  run \(name): \(index.deviceCount.grouped) devices in \(index.lines.count.grouped) package files"
                )
                print("  their index \(index.digest.hex)")
            }
        }
        if !faults.isEmpty { throw ExitCode(1) }
    }
}

struct RunExtractCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract", abstract: "Give one device's package; touches no token.",
        discussion: """
            Makes a folder with the certificate and those above it, the wrapped key and what opens it, and the \
            OpenSSL commands for that. With --format json it prints the package instead and makes nothing.
            """)

    @Argument(help: "The device's serial.") var serial: String
    @Option(
        name: .customLong("run"), help: "The run that made it, where several did.")
    var runName: String?
    @Option(name: .long, help: "The product, where several use the same serial.") var product: String?
    @Option(name: .long, help: "The folder to make (default: the serial); nothing is overwritten.")
    var out: String?
    @Flag(help: "Give a scrapped device's package, too.") var scrapped = false
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var run: String
        var file: String
        var folder: String?
        var files: [String]?
        var row: Int
        var serial: String
        var certificate: Data
        var wrappedKey: Data?
        var transportKey: String?
        var pkcs12: Data?
        var registrationId: String?
        var wrappedRegistrationSecret: Data?
    }

    func run() throws {
        let site = try siteOptions.open()
        let record = try find(in: site)
        let run = record.run
        let package = try FoundPackage(record, runFolder: site.runFolder(run))
        let device = package.device
        if output.format == .json, out == nil {
            return try printJSON(document(run, package, nil))
        }
        let folder = try DevicePackageFolder(
            package, runFolder: site.runFolder(run), at: try out ?? folderName())
        if output.format == .json { return try printJSON(document(run, package, folder)) }
        print("extracted  \(device.serial) of run \(run), row \(device.row)")
        for file in folder.files { print("  \(folder.path)/\(file)") }
    }

    private func document(
        _ run: String, _ package: FoundPackage, _ folder: DevicePackageFolder?
    ) -> Document {
        let device = package.device
        return Document(
            run: run, file: package.file, folder: folder?.path, files: folder?.files, row: device.row,
            serial: device.serial, certificate: device.certificate, wrappedKey: device.wrappedKey,
            transportKey: device.transportKey, pkcs12: device.pkcs12,
            registrationId: device.registrationId,
            wrappedRegistrationSecret: device.wrappedRegistrationSecret)
    }

    /// The device out of the ledger: the one that was made last.
    private func find(in site: Site) throws -> DeviceRecord {
        let records = try site.ledgerToRead()?.devices(serial: serial, product: product) ?? []
        let found = records.filter { runName == nil || $0.run == runName }
        guard let device = found.last else {
            throw RunError(
                .deviceUnknown, serial, "no run of this site has made such a device",
                hint: "`rootline run status` lists the runs.")
        }
        guard Set(found.map(\.product)).count == 1 else {
            throw RunError(
                .deviceUnknown, serial,
                "several products have it: \(Set(found.map(\.product)).sorted().joined(separator: ", "))",
                hint: "Say which with --product.")
        }
        if case .scrapped(let reason, let at) = device.state, !scrapped {
            throw RunError(
                .deviceScrapped, serial, "was scrapped at \(timeText(at)): \(reason)",
                hint: "Its certificate is revoked. --scrapped gives the package nevertheless.")
        }
        return device
    }

    /// The serial as a folder's name, where it is fit for one.
    private func folderName() throws -> String {
        guard !serial.contains("/"), !serial.hasPrefix(".") else {
            throw ValidationError("The serial is no folder's name: name one with --out.")
        }
        return serial
    }
}
