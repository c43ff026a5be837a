import ArgumentParser
import Foundation
import KeyCeremony
import Sites

struct CeremonyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ceremony", abstract: "Key ceremonies: check a script, rehearse it.",
        subcommands: [CeremonyCheckCommand.self, CeremonyRehearseCommand.self])
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
                    print("Checked alone. With --site DIR: tokens, labels, templates and files, too.")
                }
            }
        }
        if !faults.isEmpty { throw ExitCode(65) }
    }
}

struct CeremonyRehearseCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "rehearse", abstract: "Follow a script in a rehearsal site, unattended.",
        discussion: """
            Keys are really made on the site's tokens, marked as a rehearsal's; stand-ins with keys of their own \
            sign for the people. The transcript is left in the site's ceremonies folder.
            """)

    @Argument(help: "The script, e.g. Ceremonies/root-ca/script.yaml.") var script: String
    @Option(
        name: .long, help: "A YAML map of step ids to answers, for steps that ask (default: as expected).")
    var answers: String?
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        struct Artefact: Encodable {
            var path: String
            var sha256: String
        }
        var version = 1
        var ceremony: String
        var rehearsal: Bool
        var transcript: String
        var head: String
        var minutes: Int
        var artefacts: [Artefact]
    }

    func run() throws {
        let site = try siteOptions.open()
        let script = try CeremonyScript.load(path: script)
        let answers = try answers.map { try CeremonyAnswers.load(path: $0) } ?? .expected
        let outcome = try script.rehearse(site: site, answers: answers) { event in
            guard event.phase == .began else { return }
            Terminal.say(CeremonyRehearseCommand.line(for: event))
        }
        if output.format == .json {
            return try printJSON(
                Document(
                    ceremony: outcome.id, rehearsal: outcome.isRehearsal, transcript: outcome.transcript,
                    head: outcome.head, minutes: outcome.minutes,
                    artefacts: outcome.artefacts.map { .init(path: $0.path, sha256: $0.digest) }))
        }
        print("rehearsed  \(outcome.id): \(script.title)")
        for artefact in outcome.artefacts { print("  made        \(artefact.path)") }
        print("  transcript  \(outcome.transcript)")
        print("  head        \(outcome.head)")
    }

    /// A step on one line, cut to the terminal's width: nobody has to act on it, all of it is in the script.
    private static func line(for event: CeremonyEvent) -> String {
        let text = event.text.split(whereSeparator: \.isNewline).joined(separator: " ")
        let line = "  \(event.number)/\(event.count)  \(event.actor): \(text)"
        let width = max(60, Terminal.columns - 1)
        return line.count <= width ? line : line.prefix(width - 1) + "…"
    }
}
