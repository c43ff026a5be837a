import Foundation
import Glibc

/// What a run that is at work tells of itself: `runs/<id>/live.json`, replaced about once a second and removed at the
/// run's end. A file that is there while its process is not tells that the process was killed.
public struct LiveStatus: Sendable, Hashable, Codable {
    public var version = 1
    public var run: String
    public var stage: RunStage
    /// The process at work, and the boot and the clock tick in which it began: a number alone is used again.
    public var process: Int32
    public var processStart: UInt64
    public var boot: String
    public var begun: Date
    public var updated: Date
    public var isResumed: Bool
    public var quantity: Int
    public var released: Int
    public var burned: Int
    /// Devices made since `begun`.
    public var made: Int
    public var devicesPerSecond: Double?
    public var meanDevicesPerSecond: Double?
    public var remainingSeconds: Double?
    public var workers: Int
    public var sessions: Int
    public var workersLost: Int
    /// The time in the token: of the last seconds, and since `begun`.
    public var recentLatency: LatencyQuantiles?
    public var latency: LatencyQuantiles?
    /// What was said to the operator last, such as that a worker was replaced.
    public var lastNotice: String?

    public static let name = "live.json"

    /// Reads a run's; nil where there is none, or none that this version reads.
    public init?(folder: String) {
        guard let data = FileManager.default.contents(atPath: "\(folder)/\(Self.name)"), data.count < 1 << 20,
            let status = try? TelemetryJSON.decoder().decode(LiveStatus.self, from: data), status.version == 1
        else { return nil }
        self = status
    }

    init(_ snapshot: RunSnapshot) {
        run = snapshot.run
        stage = snapshot.stage
        process = getpid()
        processStart = Self.startTick(of: process) ?? 0
        boot = Self.bootIdentifier
        begun = snapshot.begun
        updated = snapshot.date
        isResumed = snapshot.isResumed
        quantity = snapshot.quantity
        released = snapshot.released
        burned = snapshot.burned
        made = snapshot.made
        devicesPerSecond = snapshot.rate
        meanDevicesPerSecond = snapshot.meanRate
        remainingSeconds = snapshot.remainingSeconds
        workers = snapshot.workers
        sessions = snapshot.sessions
        workersLost = snapshot.workersLost
        recentLatency = LatencyQuantiles(snapshot.recentLatency)
        latency = LatencyQuantiles(snapshot.latency)
        lastNotice = snapshot.lastNotice
    }

    /// Puts it where `init(folder:)` reads it.
    func write(to folder: String) throws(TelemetryError) {
        guard let encoded = try? TelemetryJSON.encoder().encode(self) else { return }
        try TextFile.replace("\(folder)/\(Self.name)", with: Array(encoded) + [0x0A], mode: 0o640)
    }

    static func remove(from folder: String) {
        unlink("\(folder)/\(name)")
    }

    /// Whether the process that wrote it is still there, on this machine and since the same boot.
    public var isProcessAlive: Bool {
        boot == Self.bootIdentifier && Self.startTick(of: process) == processStart
    }

    /// The clock tick since the boot in which a process began (proc(5), field 22); nil where it has ended.
    static func startTick(of process: pid_t) -> UInt64? {
        guard let data = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        // The program's name, in parentheses, may hold anything.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }

    private static let bootIdentifier: String = {
        let data = FileManager.default.contents(atPath: "/proc/sys/kernel/random/boot_id") ?? Data()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }()
}
