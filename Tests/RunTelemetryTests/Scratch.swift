import Foundation
import Synchronization

@testable import RunTelemetry

/// A folder of a test's own.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("rootline-telemetry-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path + "/" + name) ?? Data(), as: UTF8.self)
    }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }

    func mode(_ name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path + "/" + name)
        return attributes[.posixPermissions] as? Int ?? 0
    }
}

/// A clock that stands still until it is told to go on.
final class HandClock: Sendable {
    private let seconds = Mutex(0.0)
    private let wallOffset = Mutex(0.0)

    func advance(_ by: Double) { seconds.withLock { $0 += by } }
    /// Sets the clock on the wall, and no other.
    func setWall(by: Double) { wallOffset.withLock { $0 += by } }

    var now: @Sendable () -> TelemetryMoment {
        { [self] in
            let steady = seconds.withLock { $0 }
            let wall = 1_795_560_000 + steady + wallOffset.withLock { $0 }
            return TelemetryMoment(date: Date(timeIntervalSince1970: wall), steady: steady)
        }
    }
}

extension RunFacts {
    static func example(
        _ folder: String, quantity: Int = 1000, released: Int = 0, burned: Int = 0, resumed: Bool = false
    ) -> RunFacts {
        RunFacts(
            run: "batch-7", product: "Example Sensor", folder: folder, isResumed: resumed, quantity: quantity,
            spoilage: 100, released: released, scrapped: 0, burned: burned, workers: 2, sessions: 1, cores: 2)
    }
}

/// A histogram of so many devices, each of this time.
func latency(_ devices: Int, microseconds: UInt64) -> LatencyHistogram {
    var histogram = LatencyHistogram()
    for _ in 0..<devices { histogram.record(microseconds * 1000) }
    return histogram
}
