import ArgumentParser
import Foundation
import KeyCeremony
import Rosters
import SignedStatements
import Sites

struct InitCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a site.",
        discussion: """
            With --demo the site gets an embedded SoftHSM with tokens of its own, and is marked as a rehearsal \
            for good. Without it, the tokens that the template names must exist already.
            """)

    @Argument(help: "The folder to make; it must not exist, or be empty.") var folder: String
    @Option(name: .long, help: "The HSM: softhsm, or a site template's path (see Templates/sites).")
    var hsm: String
    @Flag(name: .long, help: "Make a rehearsal site that needs nothing else.") var demo = false
    @Option(
        name: .long,
        help: "The log's name, a URL without its scheme; one a customer. Required without --demo.")
    var origin: String?
    @Option(
        name: .long,
        help:
            "A roster that another site of the same log has signed already, its version 1; needs --roster-digest."
    )
    var roster: String?
    @Option(name: .long, help: "The roster's digest as it was read aloud: hexadecimal or PGP words.")
    var rosterDigest: String?
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var site: String
        var rehearsal: Bool
        var origin: String
        var module: String
        var tokens: [String: String]
        var station: String?
    }

    func validate() throws {
        if (roster == nil) != (rosterDigest == nil) || (roster != nil && demo) {
            throw ValidationError(
                "--roster and --roster-digest belong together, and to a site that is no demo.")
        }
        if !demo && origin == nil {
            throw ValidationError(
                "A live site needs the name of its log, one a customer: --origin devices.example.com/customer"
            )
        }
    }

    /// Pins a roster that exists; refused unless it is the one whose digest the caller has on paper.
    private func pinRoster(in site: Site) throws {
        guard let roster, let rosterDigest else { return }
        let document = try Roster.read(path: roster)
        let digits = rosterDigest.lowercased().filter { !$0.isWhitespace }
        let wanted =
            digits.count == 64 && digits.allSatisfy(\.isHexDigit)
            ? digits : try PGPWords.digest(of: rosterDigest).hex
        guard document.digest == wanted else {
            throw RosterError(
                .descent, roster, "its digest is \(document.digest), not the one given",
                hint: "Compare with the paper of the ceremony that made it.")
        }
        try document.verifyFirst(subject: roster)
        guard document.origin == site.origin, document.isRehearsal == site.isRehearsal else {
            throw RosterError(.descent, roster, "is the roster of \(document.origin)")
        }
        try site.publish(document)
    }

    func run() throws {
        let isPath = hsm.contains("/") || hsm.hasSuffix(".yaml")
        let sites = try ProductFiles.path("Templates/sites")
        let template = try SiteTemplate.load(path: isPath ? hsm : "\(sites)/\(hsm).yaml")
        let created = try Site.create(
            in: folder, template: template, templates: ProductFiles.path("Templates/certificates"),
            demo: demo,
            origin: origin)
        let site = created.site
        do {
            try pinRoster(in: site)
        } catch {
            // A site without the roster that was asked for would look like one that has none yet.
            try? FileManager.default.removeItem(atPath: site.folder)
            throw error
        }
        if output.format == .json {
            return try printJSON(
                Document(
                    site: site.folder, rehearsal: site.isRehearsal, origin: site.origin,
                    module: created.module, tokens: site.description.tokens.mapValues(\.serial),
                    station: created.stationKey))
        }
        print("Site \(site.folder)")
        print("  origin  \(site.origin)\(site.isRehearsal ? "  (rehearsal)" : "")")
        print("  module  \(created.module)")
        for (name, token) in site.description.tokens.sorted(by: { $0.key < $1.key }) {
            print("  token   \(name): \(token.label), serial \(token.serial)")
        }
        if let station = created.stationKey { print("  station \(station)") }
        print(
            demo
                ? "Next: rootline ceremony rehearse Ceremonies/root-ca/script.yaml --site \(folder)"
                : roster != nil
                    ? "The roster is pinned. Next: rootline doctor --site \(folder)"
                    : """
                    No roster is pinned yet: nothing but the enrolment of custodians can be done here.
                    Next: rootline doctor --site \(folder)
                    Then: copy Templates/sites/roster.yaml to \(folder)/roster.yaml, name your people, and perform
                          Ceremonies/custodian-enrolment/script.yaml, which ends by pinning the roster.
                    """)
    }
}

/// The files that come with the product: Templates and Ceremonies.
enum ProductFiles {
    /// Where `relative` stands: under ROOTLINE_HOME, beside or above the program, or in its prefix's share folder.
    static func path(_ relative: String) throws -> String {
        var candidates: [String] = []
        if let home = ProcessInfo.processInfo.environment["ROOTLINE_HOME"] { candidates.append(home) }
        var folder = URL(fileURLWithPath: executable).deletingLastPathComponent()
        while folder.path != "/" {
            candidates.append(folder.path)
            candidates.append(folder.path + "/share/rootline")
            folder.deleteLastPathComponent()
        }
        for candidate in candidates where FileManager.default.fileExists(atPath: candidate + "/" + relative) {
            return candidate + "/" + relative
        }
        throw SiteError(
            .notASite, relative, "is not to be found beside the program",
            hint: "Set ROOTLINE_HOME to the folder that holds Templates and Ceremonies.")
    }

    /// This program's own path.
    static var executable: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            ?? CommandLine.arguments[0]
    }
}
