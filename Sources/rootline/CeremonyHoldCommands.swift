import ArgumentParser
import Foundation
import Glibc
import KeyCeremony
import Rosters
import SignedStatements
import Sites

/// What a ceremony that came to its end says.
struct CeremonyDocument: Encodable {
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
    /// The digest of the roster that the ceremony made; absent where it made none.
    var rosterDigest: String?

    init(_ outcome: CeremonyOutcome) {
        ceremony = outcome.id
        rehearsal = outcome.isRehearsal
        transcript = outcome.transcript
        head = outcome.head
        minutes = outcome.minutes
        artefacts = outcome.artefacts.map { Artefact(path: $0.path, sha256: $0.digest) }
        rosterDigest = outcome.rosterDigest
    }
}

func printOutcome(_ outcome: CeremonyOutcome, title: String, format: OutputFormat) throws {
    if format == .json { return try printJSON(CeremonyDocument(outcome)) }
    print("\(outcome.isRehearsal ? "rehearsed" : "performed")  \(outcome.id): \(title)")
    for artefact in outcome.artefacts { print("  made        \(artefact.path)") }
    print("  transcript  \(outcome.transcript)")
    print("  head        \(outcome.head)")
    guard !outcome.isRehearsal else { return }
    print("Write the head on paper; everybody initials it. As words:")
    let words = PGPWords.words(of: hexadecimalOctets(outcome.head))
    for row in stride(from: 0, to: words.count, by: 8) {
        print("  " + words[row..<min(row + 8, words.count)].joined(separator: " "))
    }
    if let digest = outcome.rosterDigest {
        print("The roster, pinned in site.yaml: \(digest)")
    }
}

/// An unattended room that shows a line a step.
private func unattended(_ answers: CeremonyAnswers) -> UnattendedRoom {
    UnattendedRoom(answers: answers) { event in
        guard event.phase == .began else { return }
        // Nobody has to act on it, all of it is in the script: one line, cut to the terminal's width.
        let text = event.text.split(whereSeparator: \.isNewline).joined(separator: " ")
        let line = "  \(event.number)/\(event.count)  \(event.actor): \(text)"
        let width = max(60, Terminal.columns - 1)
        Terminal.say(line.count <= width ? line : line.prefix(width - 1) + "…")
    }
}

struct CeremonyRehearseCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "rehearse",
        abstract: "Follow a script in a rehearsal site, unattended or at the terminal.",
        discussion: """
            Keys are really made on the site's tokens, marked as a rehearsal's; stand-ins with keys of their own \
            sign for the people. The transcript is left in the site's ceremonies folder; `perform --after` names it.
            """)

    @Argument(help: "The script, e.g. Ceremonies/root-ca/script.yaml.") var script: String
    @Option(
        name: .long, help: "A YAML map of step ids to answers, for steps that ask (default: as expected).")
    var answers: String?
    @Flag(name: .long, help: "Go through it step by step at the terminal, as people will.") var attended =
        false
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if attended && answers != nil {
            throw ValidationError("An attended rehearsal is answered at the terminal: leave --answers out.")
        }
    }

    func run() throws {
        let site = try siteOptions.open()
        let script = try CeremonyScript.load(path: script)
        let outcome: CeremonyOutcome
        if attended {
            outcome = try script.rehearse(site: site, room: try TerminalRoom(isRehearsal: true))
        } else {
            let answers = try answers.map { try CeremonyAnswers.load(path: $0) } ?? .expected
            try answers.validate(for: script)
            outcome = try script.rehearse(site: site, room: unattended(answers))
        }
        try printOutcome(outcome, title: script.title, format: output.format)
    }
}

struct CeremonyPerformCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "perform", abstract: "Perform a ceremony in a live site, at the terminal.",
        discussion: """
            It follows a rehearsal of the same script, to the letter. Everybody has their own token at hand and \
            types its PIN when it is their turn. At every question: `exception` records that something differs, \
            `break` closes the tokens for a while, `stop` ends the session; `rootline ceremony resume` goes on.
            """)

    @Argument(help: "The script, e.g. Ceremonies/root-ca/script.yaml.") var script: String
    @Option(name: .long, help: "The transcript of the rehearsal that it follows.") var after: String
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Who takes a seat: ROLE=NAME[,NAME]; may be repeated.",
            discussion: "For roles that are not named, the terminal asks."))
    var staff: [String] = []
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let site = try siteOptions.open()
        let script = try CeremonyScript.load(path: script)
        var staffing = try given()
        let candidates = try script.candidates(site: site)
        for (role, count) in script.roles where staffing.seats[role] == nil {
            let names = candidates[role] ?? []
            // Where the roster leaves no choice, nobody is asked.
            staffing.seats[role] = names.count == count ? names : try choose(role, count, names)
        }
        let outcome = try script.perform(
            site: site, after: after, staffing: staffing, room: try TerminalRoom(isRehearsal: false))
        try printOutcome(outcome, title: script.title, format: output.format)
    }

    private func given() throws -> Staffing {
        var staffing = Staffing()
        for text in staff {
            let parts = text.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let role = CeremonyRole(rawValue: String(parts[0])) else {
                let known = CeremonyRole.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--staff \(text): ROLE=NAME is wanted; roles: \(known)")
            }
            staffing.seats[role, default: []] += parts[1].split(separator: ",").map {
                $0.trimmingCharacters(in: .whitespaces)
            }
        }
        return staffing
    }

    private func choose(_ role: CeremonyRole, _ count: Int, _ names: [String]) throws -> [String] {
        guard names.count >= count, !names.isEmpty else {
            throw CeremonyError(
                .personRefused, role.rawValue, "\(count) are needed; the roster has \(names.count)",
                hint: "Enrol somebody in this role first.")
        }
        guard let terminal = fopen("/dev/tty", "r+") else {
            throw ValidationError("Who is \(role.rawValue)? Name them: --staff \(role.rawValue)=NAME")
        }
        defer { fclose(terminal) }
        var chosen: [String] = []
        while chosen.count < count {
            let rest = names.filter { !chosen.contains($0) }
            fputs(
                "Who is \(role.rawValue)\(count > 1 ? ", \(chosen.count + 1) of \(count)" : "")?\n", terminal)
            for (index, name) in rest.enumerated() { fputs("  \(index + 1)  \(name)\n", terminal) }
            fputs("1 to \(rest.count): ", terminal)
            fflush(terminal)
            var buffer = [CChar](repeating: 0, count: 64)
            guard fgets(&buffer, 64, terminal) != nil else {
                throw CeremonyError(.interrupted, "terminal", "the terminal has hung up")
            }
            let text = String(
                decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if let number = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)),
                (1...rest.count).contains(number)
            {
                chosen.append(rest[number - 1])
            }
        }
        return chosen
    }
}

struct CeremonyResumeCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with a ceremony that was interrupted.",
        discussion: """
            The same people, the same script. What was done is not done again; what may have been done is looked \
            for on the tokens. A rehearsal goes on unattended, unless --attended is given.
            """)

    @Argument(help: "The ceremony's folder under the site's ceremonies, e.g. root-ca.") var ceremony: String
    @Option(name: .long, help: "A rehearsal's answers: a YAML map of step ids to answers.") var answers:
        String?
    @Flag(name: .long, help: "Resume a rehearsal at the terminal.") var attended = false
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let site = try siteOptions.open()
        let room: any CeremonyRoom
        if site.isRehearsal && !attended {
            room = unattended(try answers.map { try CeremonyAnswers.load(path: $0) } ?? .expected)
        } else {
            room = try TerminalRoom(isRehearsal: site.isRehearsal)
        }
        let outcome = try InterruptedCeremony.resume(ceremony, site: site, room: room)
        try printOutcome(outcome, title: "resumed", format: output.format)
    }
}

struct CeremonyAbandonCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abandon", abstract: "Give up a ceremony that was interrupted, for good.",
        discussion: """
            Its transcript ends here and can never be verified as complete; another ceremony may begin. Keys that \
            it made stay on their tokens until a destruction ceremony.
            """)

    @Argument(help: "The ceremony's folder under the site's ceremonies, e.g. root-ca.") var ceremony: String
    @Option(name: .long, help: "Why it is given up.") var reason: String
    @Option(name: .long, help: "Who gives it up.") var by: String
    @OptionGroup var siteOptions: SiteOptions

    func run() throws {
        let site = try siteOptions.open()
        try InterruptedCeremony.abandon(ceremony, site: site, reason: reason, by: by)
        print("abandoned  \(ceremony): \(reason)")
    }
}
