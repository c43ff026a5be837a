import ArgumentParser
import Foundation
import KeyCeremony
import Sites

extension Paper: ExpressibleByArgument {}

/// Where a document goes: a file that is not there yet, or standard output.
struct DocumentOptions: ParsableArguments {
    @Option(name: .long, help: "The file to make (default: standard output); nothing is overwritten.")
    var out: String?
    @Option(name: .long, help: "The paper: a4 or letter.") var paper: Paper = .a4

    func write(_ text: String) throws {
        guard let out else {
            guard Terminal.put(Array(text.utf8), to: 1) else {
                throw CeremonyError(.io, "standard output", "cannot be written")
            }
            return
        }
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: out), options: .withoutOverwriting)
        } catch {
            throw CeremonyError(
                .cannotCreate, out, error.systemReason, hint: "Name a file that is not there yet.",
                cause: error)
        }
        Terminal.say("\(out): open it in a browser and print it.")
    }
}

struct CeremonyPrintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "print",
        abstract: "Print a script: HTML to be printed on paper, with blanks for everybody.",
        discussion: """
            The same script gives the same bytes. Each page has the script's digest in digits and words, by which \
            people see that they follow the script that was approved.
            """)

    @Argument(help: "The script, e.g. Ceremonies/root-ca/script.yaml.") var script: String
    @Option(name: .long, help: "A site, whose tokens' serial numbers are then printed instead of blanks.")
    var site: String?
    @OptionGroup var document: DocumentOptions

    func run() throws {
        let script = try CeremonyScript.load(path: script)
        let faults = script.check()
        guard faults.isEmpty else {
            throw CeremonyError(
                .checkFailed, script.file, "a script with faults is not printed",
                hint: "Correct it first: `rootline ceremony check`.", faults: faults)
        }
        let names = try site.map { folder in
            SiteNames(tokenSerials: try Site(opening: folder).description.tokens.mapValues(\.serial))
        }
        try document.write(script.printed(paper: document.paper, site: names))
    }
}

struct VerificationOptions: ParsableArguments {
    @Option(
        name: .long, help: "The digest of the pinned roster, as it was read aloud (SHA-256, hexadecimal).")
    var rosterDigest: String?
    @Option(name: .long, help: "The head on paper, in hexadecimal or as PGP words.") var head: String?
    @Flag(name: .long, help: "Accept a rehearsal's transcript.") var allowRehearsal = false

    func expectations() throws -> TranscriptExpectations {
        TranscriptExpectations(
            allowsRehearsal: allowRehearsal,
            rosterDigest: try rosterDigest.map { try digest($0, "--roster-digest") },
            head: try head.map { try digest($0, "--head") })
    }

    private func digest(_ text: String, _ option: String) throws -> String {
        let digits = text.lowercased().filter { !$0.isWhitespace }
        if digits.count == 64, digits.allSatisfy(\.isHexDigit) { return digits }
        do {
            return try PGPWords.digest(of: text).hex
        } catch {
            throw ValidationError("\(option): 64 hexadecimal digits or 32 words of the PGP list are wanted")
        }
    }

    func verify(_ path: String) throws -> (VerifiedTranscript, [UInt8]) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CeremonyError(.scriptUnreadable, path, "no such transcript")
        }
        let expectations = try expectations()
        do throws(TranscriptRefusal) {
            return (try VerifiedTranscript.verify(Array(data), expectations), Array(data))
        } catch {
            throw CeremonyError(error, path: path)
        }
    }
}

struct CeremonyVerifyCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verify a ceremony's transcript, offline; needs no site and no token.",
        discussion: """
            Exit code 1 where it is refused, with the line. Without --roster-digest the people vouch for themselves; \
            without --head a file that was cut and signed anew would pass. Ceremonies/auditor has a second verifier.
            """)

    @Argument(help: "The transcript.") var transcript: String
    @OptionGroup var verification: VerificationOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        struct Person: Encodable {
            var name: String
            var roles: [String]
        }
        var version = 1
        var ceremony: String
        var title: String
        var rehearsal: Bool
        var origin: String
        var scriptDigest: String
        var head: String
        var people: [Person]
        var signOffs: Int
        var exceptions: Int
        var interruptions: Int
        var artefacts: [CeremonyDocument.Artefact]
        var rosterDigest: String?
        var rosterPinned: Bool
        var headCompared: Bool
    }

    func run() throws {
        let (verified, _) = try verification.verify(transcript)
        if output.format == .json {
            return try printJSON(
                Document(
                    ceremony: verified.ceremony, title: verified.title, rehearsal: verified.isRehearsal,
                    origin: verified.origin, scriptDigest: verified.scriptDigest, head: verified.head,
                    people: verified.people.map { .init(name: $0.name, roles: $0.roles) },
                    signOffs: verified.signOffs, exceptions: verified.exceptions,
                    interruptions: verified.interruptions,
                    artefacts: verified.artefacts.map { .init(path: $0.path, sha256: $0.digest) },
                    rosterDigest: verified.rosterDigest, rosterPinned: verification.rosterDigest != nil,
                    headCompared: verification.head != nil))
        }
        print(
            "verified  \(verified.ceremony): \(verified.title)\(verified.isRehearsal ? "  (REHEARSAL)" : "")")
        print("  origin      \(verified.origin)")
        print("  script      \(verified.scriptDigest)")
        for person in verified.people {
            print("  took part   \(person.name): \(person.roles.joined(separator: ", "))")
        }
        print("  sign-offs   \(verified.signOffs), every one verified")
        print("  deviations  \(verified.exceptions) exceptions, \(verified.interruptions) interruptions")
        for artefact in verified.artefacts { print("  made        \(artefact.path)  \(artefact.digest)") }
        if let roster = verified.rosterDigest {
            let pinned =
                verification.rosterDigest == nil ? "  (not compared: --roster-digest)" : "  (as pinned)"
            print("  roster      \(roster)\(pinned)")
        }
        let compared = verification.head == nil ? "  (not compared with paper: --head)" : "  (as on paper)"
        print("  head        \(verified.head)\(compared)")
    }
}

struct CeremonyReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "A ceremony's report: people, steps, times, evidence, deviations, as HTML.",
        discussion: "The transcript is verified first, and a transcript that does not hold gets no report.")

    @Argument(help: "The transcript.") var transcript: String
    @OptionGroup var verification: VerificationOptions
    @OptionGroup var document: DocumentOptions

    func run() throws {
        let (_, bytes) = try verification.verify(transcript)
        let words =
            "Every line, sign-off, certificate and attribute was verified"
            + (verification.rosterDigest == nil ? "; the roster was not compared with a pinned digest" : "")
            + (verification.head == nil ? "; the head was not compared with paper." : ".")
        let report = try CeremonyReport(transcript: bytes, file: transcript, verification: words)
        try document.write(report.html(paper: document.paper))
    }
}
