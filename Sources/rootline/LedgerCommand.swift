import ArgumentParser
import Foundation
import RunLedger
import Sites

struct LedgerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "The history of every device: check and back up.",
        subcommands: [LedgerCheckCommand.self, LedgerBackupCommand.self])
}

extension Site {
    /// The site's ledger, which must be there.
    fileprivate func presentLedger() throws -> SQLiteLedger {
        guard let found = try ledgerToRead() else {
            throw LedgerError(.cannotOpen, ledger, "there is no ledger", hint: "No run was started here yet.")
        }
        return found
    }
}

struct LedgerCheckCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read the whole ledger and hold it against its own checksums and counts.",
        discussion: """
            Changes nothing and touches no token; some seconds for a million devices. Exit code 74: it is damaged. \
            `rootline allowlist verify` checks the log, which is made from it.
            """)

    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var runs: Int
        var devices: Int
        var ledgerBytes: Int
    }

    func run() throws {
        let ledger = try siteOptions.open().presentLedger()
        try ledger.check()
        let size = try ledger.size()
        let document = Document(
            runs: try ledger.runs().count, devices: size.devices, ledgerBytes: size.ledgerOctets)
        if output.format == .json { return try printJSON(document) }
        print("ok  the ledger: \(document.devices.grouped) devices of \(document.runs.grouped) runs")
    }
}

struct LedgerBackupCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy the ledger into a new file, also while a run is at work.",
        discussion: """
            The copy is of one moment, in one file, and flushed. Make one after every seal, and keep it elsewhere: \
            one that is older than the packages and the log cannot be gone on with.
            """)

    @Argument(help: "The new file.") var file: String
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var file: String
        var devices: Int
    }

    func run() throws {
        let ledger = try siteOptions.open().presentLedger()
        try ledger.backup(to: file)
        let document = Document(file: file, devices: try ledger.size().devices)
        if output.format == .json { return try printJSON(document) }
        print("copied  \(document.devices.grouped) devices to \(file)")
    }
}
