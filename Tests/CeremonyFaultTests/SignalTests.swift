import Foundation
import Glibc
import Testing

/// A signal, sent when the transcript has so many lines.
struct Stop: Sendable, CustomStringConvertible {
    let signal: Int32
    let lines: Int

    var description: String { "signal \(signal) after line \(lines)" }
}

@Suite("A rehearsal that is told to end can be resumed", .serialized)
struct SignalTests {
    @Test(
        "SIGTERM, SIGINT and SIGHUP leave a ceremony that resume completes",
        arguments: [Ceremony.root, .issuing])
    func stopped(_ ceremony: Ceremony) {
        let stops = [SIGTERM, SIGINT, SIGHUP].flatMap { signal in
            [1, 12, 30, 44, 60, 78].map { Stop(signal: signal, lines: $0) }
        }
        Campaign.run("\(ceremony) stopped", stops) { stop in
            let place = try Place(ceremony)
            let audit = try Audit(place)
            // Slow, so that the signal arrives where it is meant to.
            let program = try place.start(place.rehearsing, .token("*=slow:1"))
            while !program.isOver, place.lineCount < stop.lines { usleep(200) }
            kill(program.process, stop.signal)
            let outcome = try program.wait()
            if outcome.code == 0 { return try audit.findings() }
            let resumed = try place.resume()
            return resumed.code == 0
                ? try audit.findings() : ["exit \(outcome.code), resumed \(resumed.code): \(resumed.errors)"]
        }
    }
}
