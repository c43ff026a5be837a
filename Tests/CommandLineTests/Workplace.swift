import Foundation
import Glibc
import Testing

/// What a test's site holds when the test begins.
enum Stage: String {
    /// Tokens and nothing on them.
    case founded
    /// Tokens and the keys of the four ceremonies; no run.
    case rehearsed
    /// That, and the sealed run `first` of 300 devices, EX-00000001 and on.
    case sealed
    /// The same in a site of hashed serials.
    case hashed

    static let sealedDevices = 300
}

/// A folder of a test's own with a site in it, removed at the end.
final class Workplace: Sendable {
    let folder: String
    var site: String { folder + "/site" }

    init(_ stage: Stage = .rehearsed) throws {
        folder = try Workplace.makeFolder()
        switch stage {
        case .founded: try succeed("rootline init site --hsm softhsm --demo")
        case .rehearsed: try Workplace.copy(from: Workplace.rehearsed.get().folder, to: folder)
        case .sealed: try Workplace.copy(from: Workplace.sealed.get().folder, to: folder)
        case .hashed: try Workplace.copy(from: Workplace.hashed.get().folder, to: folder)
        }
    }

    private init(preparing stage: Stage) throws {
        folder = try Workplace.makeFolder()
        switch stage {
        case .founded, .rehearsed, .hashed:
            let serials = stage == .hashed ? "hashed" : "plain"
            try succeed("rootline init site --hsm softhsm --demo --serials \(serials)")
            for ceremony in ["root-ca", "issuing-ca", "run-authority", "allowlist-signer"] {
                try succeed("rootline ceremony rehearse \"$REPOSITORY/Ceremonies/\(ceremony)/script.yaml\"")
            }
            if stage == .hashed { try make("first", devices: Stage.sealedDevices) }
        case .sealed:
            try Workplace.copy(from: Workplace.rehearsed.get().folder, to: folder)
            try make("first", devices: Stage.sealedDevices)
        }
        let prepared = folder
        Workplace.prepared.withLock { $0.append(prepared) }
    }

    // Making a site costs a second and copying one some milliseconds: each process makes one of a kind.
    private static let rehearsed = Result { try Workplace(preparing: .rehearsed) }
    private static let sealed = Result { try Workplace(preparing: .sealed) }
    private static let hashed = Result { try Workplace(preparing: .hashed) }
    private static let prepared = Prepared()

    /// The folders to be removed when the process ends.
    private final class Prepared: @unchecked Sendable {
        // Unchecked: the lock guards the array.
        private let lock = NSLock()
        private var folders: [String] = []

        init() {
            atexit {
                Workplace.prepared.withLock { folders in
                    for folder in folders { try? FileManager.default.removeItem(atPath: folder) }
                }
            }
        }

        func withLock(_ body: (inout [String]) -> Void) {
            lock.lock()
            defer { lock.unlock() }
            body(&folders)
        }
    }

    private static func makeFolder() throws -> String {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("rootline-cli-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: folder + "/bin", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/bin/rootline", withDestinationPath: Repository.rootline)
        return folder
    }

    private static func copy(from source: String, to target: String) throws {
        try FileManager.default.copyItem(atPath: source + "/site", toPath: target + "/site")
        if FileManager.default.fileExists(atPath: source + "/first") {
            try FileManager.default.copyItem(atPath: source + "/first", toPath: target + "/first")
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Nothing of the user's reaches a command: only this.
    var environment: [String: String] {
        [
            "PATH": "\(folder)/bin:\(Repository.tests)/Tools:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": folder, "TMPDIR": folder, "LC_ALL": "C.UTF-8", "TZ": "UTC", "ROOTLINE_SITE": site,
            "TOOLS": Repository.tests + "/Tools", "REPOSITORY": Repository.root,
        ]
    }

    func start(_ command: String, with extra: [String: String] = [:]) throws -> RunningProgram {
        try RunningProgram(
            shell: command, in: folder, environment: environment.merging(extra) { $1 })
    }

    func run(_ command: String, with extra: [String: String] = [:]) throws -> Outcome {
        try start(command, with: extra).wait()
    }

    /// Runs a command that has to end with 0, and answers its standard output.
    @discardableResult
    func succeed(_ command: String, with extra: [String: String] = [:]) throws -> String {
        let outcome = try run(command, with: extra)
        guard outcome.code == 0 else {
            throw ProgramFailure(description: "\(command): exit code \(outcome.code)\n\(outcome.errors)")
        }
        return outcome.output
    }

    /// Writes a manifest and its list (`Tools/make-run`) and has it approved.
    func approve(_ run: String, devices: Int, first: Int = 1, options: String = "") throws {
        try succeed("make-run \(run) \(devices) \(first)")
        try succeed("rootline run approve \(run)/manifest.yaml \(options)")
    }

    /// Makes a whole run.
    func make(_ run: String, devices: Int, first: Int = 1, options: String = "") throws {
        try approve(run, devices: devices, first: first)
        try succeed("rootline run start \(run)/manifest.yaml \(options)")
    }

    /// What must be as before when a command was refused: the ledger's counts, and every octet of list and runs.
    func books() throws -> Books {
        let status = try run("rootline run status --site site --format json")
        var files: [String: Data] = [:]
        for part in ["log", "runs", "certificates"] {
            let enumerator = FileManager.default.enumerator(atPath: site + "/" + part)
            while let name = enumerator?.nextObject() as? String {
                // The writer's private folder: a lock and nothing that is published.
                if part == "log", name.hasPrefix(".publication") { continue }
                let path = "\(part)/\(name)"
                files[path] = FileManager.default.contents(atPath: site + "/" + path) ?? Data()
            }
        }
        return Books(status: status.output, files: files)
    }
}

/// A site's ledger and allowlist at a moment.
struct Books: Equatable {
    let status: String
    let files: [String: Data]

    /// What differs from another moment, in words; nil where nothing does.
    func difference(from other: Books) -> String? {
        if status != other.status { return "the ledger was\n\(other.status)\nand is\n\(status)" }
        let names = Set(files.keys).union(other.files.keys).filter { files[$0] != other.files[$0] }
        return names.isEmpty ? nil : "changed, made or gone: \(names.sorted().joined(separator: ", "))"
    }
}
