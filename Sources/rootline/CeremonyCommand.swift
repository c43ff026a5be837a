import ArgumentParser
import Foundation
import KeyCeremony
import Sites

struct CeremonyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ceremony",
        abstract: "Key ceremonies: check, print, rehearse, perform and prove them.",
        discussion: """
            A script is checked and printed, rehearsed in a rehearsal site, performed in a live one after that \
            rehearsal, and verified by anybody, offline. `resume` goes on with a ceremony that was interrupted.
            """,
        subcommands: [
            CeremonyCheckCommand.self, CeremonyPrintCommand.self, CeremonyRehearseCommand.self,
            CeremonyPerformCommand.self, CeremonyResumeCommand.self, CeremonyAbandonCommand.self,
            CeremonyVerifyCommand.self, CeremonyReportCommand.self,
        ])
}

struct CeremonyCheckCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a script: its form, its order, and with a site whether it can be held there.",
        discussion: "Changes nothing and makes no key. Exit code 65 where there is a fault.")

    @Argument(help: "The script, e.g. Ceremonies/root-ca/script.yaml.") var script: String
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        struct Fault: Encodable {
            var file: String
            var line: Int
            var column: Int
            var field: String
            var code: String
            var message: String
        }
        var version = 1
        var script: String
        var title: String
        var digest: String
        var steps: Int
        var expectedMinutes: Int
        /// The site it was checked for; absent where the script was checked alone.
        var site: String?
        var faults: [Fault]
    }

    func run() throws {
        let script = try CeremonyScript.load(path: script)
        let site = try siteOptions.path().map { try Site(opening: $0) }
        let faults = script.check(site: site)
        let document = Document(
            script: script.id, title: script.title, digest: script.digest, steps: script.steps.count,
            expectedMinutes: script.expectedMinutes, site: site?.folder,
            faults: faults.map {
                .init(
                    file: $0.file, line: $0.line, column: $0.column, field: $0.field, code: $0.code,
                    message: $0.message)
            })
        if output.format == .json {
            try printJSON(document)
        } else {
            for fault in faults { print(fault.description) }
            if faults.isEmpty {
                print("ok  \(script.title): \(script.steps.count) steps, about \(script.expectedMinutes) min")
                print("  script  \(script.digest)")
                if site == nil {
                    print("Checked alone. With --site DIR: tokens, labels, templates, people and files, too.")
                }
            }
        }
        if !faults.isEmpty { throw ExitCode(65) }
    }
}
