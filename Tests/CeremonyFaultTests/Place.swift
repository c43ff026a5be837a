import FaultyToken
import Foundation
import Glibc
import Synchronization

/// A ceremony that is disturbed: its script, the site that it begins in, and what it leaves.
struct Ceremony: Sendable, CustomStringConvertible {
    /// The folder under `Ceremonies` and, where nothing was begun before, under the site's `ceremonies`.
    let name: String
    /// Ceremonies of the site before it.
    let before: [String]
    /// The site's name of the token on which it makes a key, and the role of that key.
    let token: String
    let role: String
    /// The type that its keys are of instead of the script's own.
    var keyType: String?

    var label: String { "rehearsal/\(role):\(keyName)" }
    private var keyName: String { role.split(separator: "-").first.map { String($0) } ?? role }
    var description: String { keyType.map { "\(name) (\($0))" } ?? name }

    static let root = Ceremony(name: "root-ca", before: [], token: "root", role: "root-ca")
    static let issuing = Ceremony(name: "issuing-ca", before: ["root-ca"], token: "line", role: "issuing-ca")
    static let destruction = Ceremony(
        name: "destruction", before: ["firmware-signer"], token: "firmware", role: "firmware-signer")

    func with(keyType: String) -> Ceremony {
        var other = self
        other.keyType = keyType
        return other
    }

    static func path(of name: String) -> String { Repository.root + "/Ceremonies/\(name)/script.yaml" }
}

/// A folder of a case's own with a site in it, whose tokens are reached through the faulty module.
final class Place: Sendable {
    let folder: String
    let ceremony: Ceremony
    var site: String { folder + "/site" }
    var script: String {
        ceremony.keyType == nil ? Ceremony.path(of: ceremony.name) : folder + "/script.yaml"
    }
    var transcript: String { transcript(of: ceremony.name) }

    func transcript(of name: String) -> String { site + "/ceremonies/\(name)/transcript.jsonl" }

    /// A copy of the site that the ceremony begins in.
    init(_ ceremony: Ceremony) throws {
        self.ceremony = ceremony
        folder = try Place.makeFolder()
        try FileManager.default.copyItem(atPath: Prepared.site(ceremony.before), toPath: site)
        // The product writes its own when it sees that the site was moved; what looks on goes before it.
        try "directories.tokendir = \(site)/hsm/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
            .write(toFile: folder + "/softhsm2.conf", atomically: true, encoding: .utf8)
        guard let type = ceremony.keyType else { return }
        let text = try String(contentsOfFile: Ceremony.path(of: ceremony.name), encoding: .utf8)
        try text.replacing(/type: P-\d+/, with: "type: \(type)")
            .write(toFile: folder + "/script.yaml", atomically: true, encoding: .utf8)
    }

    /// A site as `init --demo` makes it, with these ceremonies rehearsed.
    fileprivate init(preparing ceremonies: [String]) throws {
        ceremony = .root
        folder = try Place.makeFolder()
        let template = try String(
            contentsOfFile: Repository.root + "/Templates/sites/softhsm.yaml", encoding: .utf8)
        let module = try FaultyToken.module()
        try template.replacing("modules:\n", with: "modules:\n  - \(module)\n")
            .write(toFile: folder + "/faulty.yaml", atomically: true, encoding: .utf8)
        try succeed(["init", site, "--demo", "--hsm", folder + "/faulty.yaml"])
        for name in ceremonies {
            try succeed(["ceremony", "rehearse", Ceremony.path(of: name), "--site", site])
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private static func makeFolder() throws -> String {
        // Processes are killed here, not machines: memory keeps their files as well as a disk, and is faster.
        let memory = "/dev/shm"
        let base =
            FileManager.default.isWritableFile(atPath: memory)
            ? memory : FileManager.default.temporaryDirectory.path
        let folder = base + "/rootline-faults-\(getpid())-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    // MARK: Programs

    func start(_ arguments: [String], _ fault: Fault = .none, with extra: [String: String] = [:]) throws
        -> Program
    {
        let command = "\(fault.assignments(shim: try FaultyToken.filesShim())) exec \"$0\" \"$@\""
        return try Program(
            command, [Repository.rootline] + arguments, in: folder, environment.merging(extra) { $1 })
    }

    func run(_ arguments: [String], _ fault: Fault = .none, with extra: [String: String] = [:]) throws
        -> Outcome
    {
        try start(arguments, fault, with: extra).wait()
    }

    @discardableResult
    func succeed(_ arguments: [String]) throws -> String {
        let outcome = try run(arguments)
        guard outcome.code == 0 else {
            throw ProgramFailure(
                "\(arguments.joined(separator: " ")): exit \(outcome.code)\n\(outcome.errors)")
        }
        return outcome.output
    }

    /// Runs another program, which must end with 0.
    func tool(_ words: [String]) throws -> String {
        let outcome = try Program("exec \"$0\" \"$@\"", words, in: folder, environment).wait()
        guard outcome.code == 0 else {
            throw ProgramFailure(
                "\(words.joined(separator: " ")): exit \(outcome.code)\n\(outcome.errors)\(outcome.output)")
        }
        return outcome.output
    }

    var environment: [String: String] {
        [
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": folder, "TMPDIR": folder,
            "LC_ALL": "C.UTF-8", "TZ": "UTC", "ROOTLINE_HOME": Repository.root,
            "FAULTY_TOKEN_MODULE": Repository.softHSM, "SOFTHSM2_CONF": folder + "/softhsm2.conf",
        ]
    }

    func ceremonyFolders() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: site + "/ceremonies")
    }

    /// Whole lines of the transcript.
    var lineCount: Int { FileManager.default.contents(atPath: transcript)?.count { $0 == 0x0A } ?? 0 }

    var rehearsing: [String] { ["ceremony", "rehearse", script, "--site", site] }

    func rehearse(_ fault: Fault = .none) throws -> Outcome { try run(rehearsing, fault) }

    func resume(_ fault: Fault = .none) throws -> Outcome {
        try run(["ceremony", "resume", ceremony.name, "--site", site], fault)
    }

    /// The token objects as `list-objects` shows them, sorted.
    func objects(on token: String) throws -> [String] {
        let program = try Place.listObjects.get()
        return try tool([program, Repository.softHSM, try serial(of: token), site + "/secrets/\(token).pin"])
            .split(separator: "\n").map { String($0) }.sorted()
    }

    private static let listObjects = Result {
        try FaultyToken.compile(
            SourceFolder.beside(#filePath).paths("Programs/list-objects.c"), as: .program("list-objects"))
    }

    private func serial(of token: String) throws -> String {
        let text = try String(contentsOfFile: site + "/site.yaml", encoding: .utf8)
        let lines = text.split(separator: "\n")
        guard let begin = lines.firstIndex(of: "  \(token):"),
            let line = lines[begin...].first(where: { $0.hasPrefix("    serial:") })
        else { throw ProgramFailure("site.yaml names no serial of \(token)") }
        return line.dropFirst("    serial:".count).trimmingCharacters(in: CharacterSet(charactersIn: " '\""))
    }

    /// What an undisturbed run does.
    func measured() throws -> Measure {
        let journal = folder + "/journal.log"
        let documents = folder + "/documents.log"
        let calls = folder + "/calls.log"
        var fault = Fault.journal("kill-before:999999")
        let outcome = try run(
            rehearsing, fault, with: ["FAULTY_FILES_LOG": journal, "FAULTY_TOKEN_LOG": calls])
        guard outcome.code == 0 else {
            throw ProgramFailure("an undisturbed rehearsal fails\n\(outcome.errors)")
        }
        fault.counted = .documents
        let again = try Place(ceremony)
        let second = try again.run(again.rehearsing, fault, with: ["FAULTY_FILES_LOG": documents])
        guard second.code == 0 else {
            throw ProgramFailure("an undisturbed rehearsal fails\n\(second.errors)")
        }
        return Measure(
            journalWrites: try FaultyToken.fileCalls(log: journal).count { $0.kind == .write },
            documentWrites: try FaultyToken.fileCalls(log: documents).count { $0.kind == .write },
            calls: try FaultyToken.calls(log: calls).map { ($0.function, $0.changesState) })
    }
}

/// Sites that cases are copied from; each process makes one of a kind and removes it at its end.
private enum Prepared {
    private static let places = Mutex<[String: Place]>([:])

    static func site(_ ceremonies: [String]) throws -> String {
        let key = ceremonies.joined(separator: " ")
        return try places.withLock { places in
            if let place = places[key] { return place.site }
            if places.isEmpty { atexit { Prepared.remove() } }
            let place = try Place(preparing: ceremonies)
            places[key] = place
            return place.site
        }
    }

    private static func remove() {
        places.withLock { places in
            for place in places.values { try? FileManager.default.removeItem(atPath: place.folder) }
        }
    }
}
