import FaultyToken
import Foundation
import Glibc
import Synchronization

/// What goes wrong while a run is at work; `faulty-token.c` and `site-files.c` explain the plans.
struct Fault: Sendable, CustomStringConvertible {
    /// For the run's own process, and for its workers.
    var token = ""
    var workers = ""
    var files = ""
    /// The part of paths that the plan for files counts alone.
    var only = ""
    /// Whether a kill is the whole process group's.
    var killsGroup = false

    static let none = Fault()
    static func files(_ plan: String, only: String = "") -> Fault { Fault(files: plan, only: only) }

    var description: String {
        let parts = [
            token.isEmpty ? "" : "token \(token)", workers.isEmpty ? "" : "workers' token \(workers)",
            files.isEmpty ? "" : "files \(files)\(only.isEmpty ? "" : " of \(only)")",
            killsGroup ? "whole group" : "",
        ]
        let text = parts.filter { !$0.isEmpty }.joined(separator: ", ")
        return text.isEmpty ? "no fault" : text
    }
}

/// A folder of a case's own with a site in it, whose tokens are reached through the faulty module, and an approved
/// run `batch`.
final class Place: Sendable {
    let folder: String
    let rows: Int
    var site: String { folder + "/site" }
    var packages: String { site + "/runs/batch/packages" }
    /// Each call of the module by the runs of this place.
    var callLog: String { folder + "/calls.log" }

    private let coordinators = Mutex<Set<pid_t>>([])

    /// A site with the run `batch` of so many devices approved, EX-00000001 and on; nothing is made yet.
    init(rows: Int) throws {
        self.rows = rows
        folder = try Place.makeFolder()
        let prepared = try Prepared.place(rows: rows)
        for name in ["site", "batch"] {
            try FileManager.default.copyItem(
                atPath: prepared.folder + "/" + name, toPath: folder + "/" + name)
        }
    }

    /// Another place in the state that this one is in.
    init(copying other: Place) throws {
        rows = other.rows
        folder = try Place.makeFolder()
        for name in ["site", "batch", "calls.log"] {
            try FileManager.default.copyItem(atPath: other.folder + "/" + name, toPath: folder + "/" + name)
        }
        // Where the run finds its manifest again.
        try (manifest() + "\n").write(
            toFile: site + "/runs/batch/manifest.path", atomically: true, encoding: .utf8)
        let own = other.coordinators.withLock { $0 }
        coordinators.withLock { $0 = own }
    }

    /// A site as `init --demo` makes it, with its keys, and the run.
    fileprivate init(preparing rows: Int) throws {
        self.rows = rows
        folder = try Place.makeFolder()
        let template = try String(
            contentsOfFile: Repository.root + "/Templates/sites/softhsm.yaml", encoding: .utf8)
        let module = try FaultyToken.module()
        try template.replacing("modules:\n", with: "modules:\n  - \(module)\n")
            .write(toFile: folder + "/faulty.yaml", atomically: true, encoding: .utf8)
        try succeed(["init", site, "--demo", "--hsm", folder + "/faulty.yaml"])
        for name in ["root-ca", "issuing-ca", "run-authority", "allowlist-signer"] {
            let script = Repository.root + "/Ceremonies/\(name)/script.yaml"
            try succeed(["ceremony", "rehearse", script, "--site", site])
        }
        try approve("batch", devices: rows)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private static func makeFolder() throws -> String {
        // Memory keeps the files of a killed process as well as a disk, and is faster.
        let memory = "/dev/shm"
        let base =
            FileManager.default.isWritableFile(atPath: memory)
            ? memory : FileManager.default.temporaryDirectory.path
        let folder = base + "/rootline-runs-\(getpid())-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Writes a manifest with its list and has it approved, with losses allowed as the faults cause them.
    func approve(
        _ run: String, devices: Int, first: Int = 1, spoilage: Int = 2000, with extra: [String: String] = [:]
    ) throws {
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder + "/" + run, withIntermediateDirectories: true)
        try String(contentsOfFile: Repository.root + "/Templates/runs/idevid-ec-p256.yaml", encoding: .utf8)
            .replacing(/(?m)^quantity: .*$/, with: "quantity: \(devices)")
            .replacing(/(?m)^run: .*$/, with: "run: \(run)")
            .write(toFile: manifest(run), atomically: true, encoding: .utf8)
        try manager.copyItem(atPath: site + "/station/station.pem", toPath: folder + "/\(run)/station.pem")
        let list = (first..<first + devices).map { number in
            let digits = String(number)
            let octets = [number >> 16, number >> 8, number].map { octet in
                (octet & 255 < 16 ? "0" : "") + String(octet & 255, radix: 16)
            }
            return "EX-\(String(repeating: "0", count: 8 - digits.count))\(digits),02:00:00:"
                + octets.joined(separator: ":")
        }
        try (["serial,mac"] + list).map { $0 + "\n" }.joined()
            .write(toFile: folder + "/\(run)/devices.csv", atomically: true, encoding: .utf8)
        try succeed(
            ["run", "approve", manifest(run), "--spoilage", String(spoilage), "--site", site], with: extra)
    }

    func manifest(_ run: String = "batch") -> String { folder + "/\(run)/manifest.yaml" }

    // MARK: Programs

    var environment: [String: String] {
        [
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": folder, "TMPDIR": folder,
            "LC_ALL": "C.UTF-8", "TZ": "UTC", "ROOTLINE_HOME": Repository.root,
            "FAULTY_TOKEN_MODULE": Repository.softHSM,
        ]
    }

    func start(
        _ arguments: [String], _ fault: Fault = .none, with extra: [String: String] = [:]
    ) throws -> Program {
        var environment = environment
        environment["FAULTY_TOKEN_PLAN"] = fault.token
        environment["FAULTY_TOKEN_CHILDREN"] = fault.workers
        environment["FAULTY_TOKEN_ONCE"] = folder + "/once-\(UUID().uuidString.prefix(8))"
        environment["LD_PRELOAD"] = try FaultyToken.siteFilesShim()
        environment["SITE_FILES_ROOT"] = site
        // The token's own store is the HSM's affair.
        environment["SITE_FILES_EXCEPT"] = "/hsm/"
        environment["SITE_FILES_PLAN"] = fault.files
        environment["SITE_FILES_ONLY"] = fault.only
        environment["SITE_FILES_KILLS"] = fault.killsGroup ? "group" : ""
        return try Program(
            "exec \"$0\" \"$@\"", [Repository.rootline] + arguments, in: folder,
            environment.merging(extra) { $1 })
    }

    func run(
        _ arguments: [String], _ fault: Fault = .none, with extra: [String: String] = [:]
    ) throws -> Outcome {
        try start(arguments, fault, with: extra).wait()
    }

    @discardableResult
    func succeed(_ arguments: [String], with extra: [String: String] = [:]) throws -> String {
        let outcome = try run(arguments, with: extra)
        guard outcome.code == 0 else {
            throw ProgramFailure(
                "\(arguments.joined(separator: " ")): exit \(outcome.code)\n\(outcome.errors)")
        }
        return outcome.output
    }

    /// `run start` or `run resume`, with its calls of the module logged.
    func making(
        _ fault: Fault = .none, resuming: Bool, options: [String] = ["--workers", "2"],
        with extra: [String: String] = [:]
    ) throws -> Program {
        let command = resuming ? ["resume", "batch"] : ["start", manifest()]
        let program = try start(
            ["run"] + command + options + ["--site", site], fault,
            with: ["FAULTY_TOKEN_LOG": callLog].merging(extra) { $1 })
        _ = coordinators.withLock { $0.insert(program.process) }
        return program
    }

    /// Signatures that workers asked for, and the workers that there were.
    func signatures() throws -> (count: Int, workers: Int) {
        let own = coordinators.withLock { $0 }
        let calls = try FaultyToken.calls(log: callLog).filter { !own.contains($0.process) }
        return (calls.count { $0.function == "C_Sign" }, Set(calls.map(\.process)).count)
    }

    // MARK: Looking

    /// What `run status` says of the run `batch`; nil where the ledger does not know it.
    func status() throws -> Status? {
        let text = try succeed(["run", "status", "--format", "json", "--site", site])
        return try JSONDecoder().decode(StatusDocument.self, from: Data(text.utf8)).runs
            .first { $0.run == "batch" }
    }

    /// Devices that the station can see.
    var visible: Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: packages)) ?? []
        return names.filter { $0.hasSuffix(".jsonl") && !$0.hasPrefix(".") }.reduce(0) { count, name in
            count + (FileManager.default.contents(atPath: packages + "/" + name)?.count { $0 == 0x0A } ?? 0)
        }
    }
}

struct StatusDocument: Decodable {
    let runs: [Status]
}

/// A run in `run status --format json`.
struct Status: Decodable, Sendable {
    let run: String
    let state: String
    let quantity: Int
    let reserved: Int
    let released: Int
    let scrapped: Int
    let burned: Int
    let outstanding: Int
}

/// Places that cases are copied from; each process makes one of a kind and removes it at its end.
private enum Prepared {
    private static let places = Mutex<[Int: Place]>([:])

    static func place(rows: Int) throws -> Place {
        try places.withLock { places in
            if let place = places[rows] { return place }
            if places.isEmpty { atexit { Prepared.remove() } }
            let place = try Place(preparing: rows)
            places[rows] = place
            return place
        }
    }

    private static func remove() {
        places.withLock { places in
            for place in places.values { try? FileManager.default.removeItem(atPath: place.folder) }
        }
    }
}
