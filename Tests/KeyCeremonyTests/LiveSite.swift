import CanonicalJSON
import Foundation
import KeyCeremony
import PKCS11
import Rosters
import SignedStatements
import Sites
import TestTokens
import Testing

/// Somebody of a live site, with a token of their own.
struct LivePerson {
    let name: String
    let roles: [CeremonyRole]
    let token: TestTokens.Token
}

/// A live site in a temporary folder on fresh SoftHSM tokens, with a roster's draft and no roster yet.
///
/// The folder is removed with this value. Scripts are performed after a rehearsal of the same octets.
final class LiveSite {
    static let threePeople: [(String, [CeremonyRole])] = [
        ("alice", [.ceremonyAdministrator, .shareHolder]), ("bob", [.cryptoOfficer, .shareHolder]),
        ("carol", [.externalWitness, .shareHolder]),
    ]
    static let conflicts: [[CeremonyRole]] = [
        [.ceremonyAdministrator, .cryptoOfficer], [.ceremonyAdministrator, .externalWitness],
        [.cryptoOfficer, .externalWitness],
    ]

    let folder: String
    /// The site's own tokens, by their names there.
    let tokens: [String: TestTokens.Token]
    private(set) var people: [LivePerson] = []
    private let conflicts: [[CeremonyRole]]
    /// Stands in front of each PIN, so that PINs can be told from all else.
    private let mark: String

    /// `site.yaml` as it is now: the enrolment writes into it.
    var site: Site { get throws { try Site(opening: folder) } }

    init(
        people: [(String, [CeremonyRole])] = threePeople, conflicts: [[CeremonyRole]] = conflicts,
        mark: String = "live"
    ) throws {
        let manager = FileManager.default
        folder = manager.temporaryDirectory.appendingPathComponent("rootline-live-\(UUID().uuidString)").path
        self.conflicts = conflicts
        self.mark = mark
        for name in ["certificates", "ceremonies", "secrets"] {
            try manager.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        try manager.copyItem(atPath: Repository.path("Templates/certificates"), toPath: "\(folder)/templates")
        var tokens: [String: TestTokens.Token] = [:]
        var yaml = "version: 1\nrehearsal: false\norigin: log.example.com/live\ntokens:\n"
        for name in ["authority", "backup", "firmware", "line", "root"] {
            let token = try TestTokens.make(pin: "\(mark)-pin-of-\(name)", officer: "\(mark)-so-of-\(name)")
            tokens[name] = token
            let isLine = name == "line"
            yaml += "  \(name):\n    module: \(TestTokens.modulePath)\n    serial: \"\(token.serial)\"\n"
            yaml += "    label: \(token.label)\n    activation: \(isLine ? "pin-source" : "quorum")\n"
            if isLine { yaml += "    pinSource: secrets/line.pin\n" }
        }
        self.tokens = tokens
        try write(tokens["line"]?.pinText ?? "", to: "secrets/line.pin")
        try manager.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(folder)/secrets/line.pin")
        try write(yaml, to: "site.yaml")
        for (name, roles) in people { try add(name, roles) }
        try writeDraft()
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Puts one more person into the draft.
    func add(_ name: String, _ roles: [CeremonyRole]) throws {
        let token = try TestTokens.make(
            label: "\(name)-\(UUID().uuidString.prefix(8))", pin: "\(mark)-pin-of-\(name)",
            officer: "\(mark)-so-of-\(name)")
        people.append(LivePerson(name: name, roles: roles, token: token))
    }

    /// Gives a person another token, in the draft too.
    func replaceToken(of name: String) throws {
        let index = try #require(people.firstIndex { $0.name == name })
        let old = people.remove(at: index)
        try add(name, old.roles)
        people.insert(people.removeLast(), at: index)
        try writeDraft()
    }

    func person(_ name: String) throws -> LivePerson {
        try #require(people.first { $0.name == name })
    }

    func writeDraft() throws {
        var yaml = "version: 1\nmembers:\n"
        for person in people {
            yaml += "  - name: \(person.name)\n"
            yaml += "    roles: [\(person.roles.map(\.rawValue).joined(separator: ", "))]\n"
            yaml += "    token: { label: \"\(person.token.label)\", serial: \"\(person.token.serial)\" }\n"
        }
        yaml += conflicts.isEmpty ? "conflicts: []\n" : "conflicts:\n"
        for pair in conflicts { yaml += "  - [\(pair[0]), \(pair[1])]\n" }
        try write(yaml + "quorums: { roster: 2, approval: 2, recovery: 2 }\n", to: "roster.yaml")
    }

    /// A site whose three people are enrolled, and which has held these ceremonies since.
    static func enrolled(_ ceremonies: String...) throws -> LiveSite {
        let live = try LiveSite()
        for name in ["custodian-enrolment"] + ceremonies { try live.perform(name) }
        return live
    }

    // MARK: Files

    func path(_ relative: String) -> String { folder + "/" + relative }

    func write(_ text: String, to relative: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path(relative)))
    }

    func text(_ relative: String) throws -> String {
        try String(contentsOfFile: path(relative), encoding: .utf8)
    }

    func names(in relative: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path(relative))) ?? []).sorted()
    }

    /// The files of the shares that open a token, in the order of their holders.
    func shareFiles(of token: String) throws -> [String] {
        let store = try site.activation(of: token)
        let set = try #require(try store.current())
        return try store.describe(set).holders.indices.map { store.path(set: set, holder: $0) }
    }

    /// A ceremony's lines as they stand in its transcript.
    func lines(_ ceremony: String) throws -> [String] {
        try text("ceremonies/\(ceremony)/transcript.jsonl").split(separator: "\n").map(String.init)
    }

    func count(of text: String, in ceremony: String) throws -> Int {
        try lines(ceremony).count { $0.contains(text) }
    }

    // MARK: Ceremonies

    /// Performs a script after its rehearsal, with the people whom the roster offers, or those given.
    @discardableResult
    func perform(
        _ script: CeremonyScript, after rehearsal: String, staffing: Staffing? = nil,
        room: ScriptedRoom? = nil
    ) throws -> CeremonyOutcome {
        let room = room ?? ScriptedRoom(self)
        return try script.perform(
            site: site, after: rehearsal, staffing: try staffing ?? self.staffing(of: script), room: room)
    }

    @discardableResult
    func perform(
        _ name: String, staffing: Staffing? = nil, room: ScriptedRoom? = nil
    ) throws -> CeremonyOutcome {
        try perform(
            try Rehearsed.script(name), after: try Rehearsed.transcript(name), staffing: staffing, room: room)
    }

    @discardableResult
    func resume(_ name: String, room: ScriptedRoom? = nil) throws -> CeremonyOutcome {
        try InterruptedCeremony.resume(name, site: site, room: room ?? ScriptedRoom(self))
    }

    /// Each role's first people.
    func staffing(of script: CeremonyScript) throws -> Staffing {
        let candidates = try script.candidates(site: site)
        var staffing = Staffing()
        for (role, count) in script.roles {
            staffing.seats[role] = Array((candidates[role] ?? []).prefix(count))
        }
        return staffing
    }

    var rosterPin: String { get throws { try #require(try site.description.roster).sha256 } }

    /// What a ceremony threw that was refused.
    func refusal(
        of name: String, staffing: Staffing? = nil, room: ScriptedRoom? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> CeremonyError {
        try #require(throws: CeremonyError.self, sourceLocation: sourceLocation) {
            try self.perform(name, staffing: staffing, room: room)
        }
    }

    /// Verifies a live transcript as an auditor does, with the pinned roster and the head on paper.
    @discardableResult
    func verify(_ outcome: CeremonyOutcome) throws -> VerifiedTranscript {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: outcome.transcript)))
        return try VerifiedTranscript.verify(
            bytes, TranscriptExpectations(rosterDigest: try rosterPin, head: outcome.head))
    }

    // MARK: Tokens

    /// The labels of a site's token's objects that anybody sees.
    func publicLabels(_ token: String) throws -> [String] {
        guard let slot = tokens[token]?.slot else { return [] }
        return try slot.withSession { session in
            try session.find([]).compactMap { try session.attribute(.label, of: $0)?.text }.sorted()
        }
    }

    /// Whether a token takes a PIN; nobody may be logged in meanwhile.
    func opens(_ token: String, _ user: UserType, _ text: String) throws -> Bool {
        let slot = try #require(tokens[token]).slot
        do {
            let login = try slot.login(user, pin: TestTokens.pin(text))
            withExtendedLifetime(login) {}
            return true
        } catch {
            guard error.code == .pinRefused else { throw error }
            return false
        }
    }
}

/// Rehearsals of the repository's scripts, made once a process in a rehearsal site.
enum Rehearsed {
    /// In the order in which a site holds them.
    static let order = [
        "custodian-enrolment", "root-ca", "issuing-ca", "run-authority", "firmware-signer",
        "allowlist-signer",
        "crl", "backup", "recover", "activation-data-rekey", "destruction",
    ]

    static func path(_ name: String) -> String {
        switch name {
        case "backup": Repository.path("Ceremonies/backup-and-recovery/script.yaml")
        case "recover": Repository.path("Ceremonies/backup-and-recovery/recover.yaml")
        default: Repository.script(name)
        }
    }

    static func script(_ name: String) throws -> CeremonyScript { try CeremonyScript.load(path: path(name)) }

    /// The script with one text replaced by another wherever it stands.
    static func script(_ name: String, replacing from: String, by to: String) throws -> CeremonyScript {
        let text = try String(contentsOfFile: path(name), encoding: .utf8)
        try #require(text.contains(from))
        return try CeremonyScript.parse(
            Array(text.replacingOccurrences(of: from, with: to).utf8), file: "script.yaml")
    }

    static func transcript(_ name: String) throws -> String {
        try #require(try chain.get()[name])
    }

    /// Copies of the transcripts by script; the site that made them is gone.
    private static let chain = Result {
        let place = try TestSite()
        try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(atPath: Rehearsed.kept) }
        var transcripts: [String: String] = [:]
        for name in order {
            let copy = "\(kept)/\(name).jsonl"
            let made = try script(name).rehearse(site: place.site).transcript
            try FileManager.default.copyItem(atPath: made, toPath: copy)
            transcripts[name] = copy
        }
        return transcripts
    }

    private static let kept = FileManager.default.temporaryDirectory
        .appendingPathComponent("rootline-rehearsals-\(ProcessInfo.processInfo.processIdentifier)").path
}
