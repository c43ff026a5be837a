import Foundation
import Glibc

/// Appends to a run's `timeline.jsonl`, across interruptions, and keeps it small however long the run is.
///
/// A run is never stopped by what cannot be written here: the file is for people and plots, ledger and log are the
/// evidence. Lines are not flushed; a power cut may cost the last ones.
struct TimelineWriter: ~Copyable {
    /// Lines of one run at most. The last tenth is kept for events: beginnings and ends are never crowded out by
    /// intervals.
    static let mostLines = 20_000
    static let mostIntervals = 18_000
    /// So long intervals are of a second; then their length doubles with each thousand.
    private static let linesOfASecond = 10_000
    /// The first lines of a session are of a tenth of a second: short runs have a curve, too.
    private static let briefLines = 100

    private let descriptor: Int32
    private var lines: Int
    private var sessionIntervals = 0
    private let encoder = TelemetryJSON.encoder()

    /// Opens the file for appending, makes it where there is none, and ends a line that a crash left open.
    init(_ path: String) throws(TelemetryError) {
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { throw TelemetryError.ofSystem(path) }
        var endsWithNewline = true
        lines = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let got = read(descriptor, &buffer, buffer.count)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { break }
            lines += buffer[..<got].count { $0 == 0x0A }
            endsWithNewline = buffer[got - 1] == 0x0A
        }
        if !endsWithNewline { _ = TextFile.write([0x0A], to: descriptor) }
    }

    deinit { close(descriptor) }

    /// The seconds that the next interval should last; nil where there is no room for one.
    var intervalSeconds: Double? {
        guard lines < Self.mostIntervals else { return nil }
        if lines >= Self.linesOfASecond {
            return Double(2 << ((lines - Self.linesOfASecond) / 1000))
        }
        return sessionIntervals < Self.briefLines ? 0.1 : 1
    }

    /// Appends a line, in one write.
    mutating func append(_ line: TimelineLine) {
        let isInterval = line.kind == .interval
        guard lines < (isInterval ? Self.mostIntervals : Self.mostLines),
            let encoded = try? encoder.encode(line)
        else { return }
        if TextFile.write(Array(encoded) + [0x0A], to: descriptor) {
            lines += 1
            if isInterval { sessionIntervals += 1 }
        }
    }
}
