import Foundation
import Testing

@testable import RunTelemetry

@Suite struct TimelineTests {
    private func interval(_ number: Int, made: Int = 10) -> TimelineLine {
        var line = TimelineLine(.interval, at: Date(timeIntervalSince1970: 1_795_560_000 + Double(number)))
        line.seconds = 1
        line.made = made
        line.latency = latency(made, microseconds: 150)
        return line
    }

    @Test("What was written is read: sessions, intervals, how each ended")
    func roundTrip() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/timeline.jsonl"
        for session in 0..<2 {
            var writer = try TimelineWriter(path)
            var begun = TimelineLine(.begun, at: Date(timeIntervalSince1970: 1_795_560_000.125))
            begun.session = SessionFacts(
                program: "rootline", isResumed: session > 0, quantity: 50, spoilage: 5, workers: 2,
                sessions: 1,
                cores: 2)
            writer.append(begun)
            for number in 0..<3 { writer.append(interval(number)) }
            if session == 0 {
                var end = TimelineLine(.failed, at: Date(timeIntervalSince1970: 1_795_560_009))
                end.code = "run-disk-full"
                end.reason = "no space left"
                writer.append(end)
            }
        }
        let timeline = Timeline(path: path)
        #expect(timeline.sessions.count == 2 && timeline.unreadableLines == 0)
        #expect(timeline.sessions[0].begun == Date(timeIntervalSince1970: 1_795_560_000.125))
        #expect(timeline.sessions[0].end == .failed && timeline.sessions[0].code == "run-disk-full")
        #expect(timeline.sessions[1].end == nil && timeline.sessions[1].facts?.isResumed == true)
        #expect(timeline.sessions.map(\.made) == [30, 30])
        #expect(timeline.latency == latency(60, microseconds: 150))
    }

    @Test("A line that a crash cut short costs itself alone, and the next one stands on a line of its own")
    func torn() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/timeline.jsonl"
        do {
            var writer = try TimelineWriter(path)
            writer.append(interval(0))
        }
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(#"{"event":"interval","made":9"#.utf8))
        try handle.close()
        var writer = try TimelineWriter(path)
        writer.append(interval(1))
        let timeline = Timeline(path: path)
        #expect(timeline.unreadableLines == 1)
        #expect(timeline.sessions.flatMap(\.intervals).count == 2)
    }

    @Test("Lines get coarser and never more than 20 000, and room is left for how the run ends")
    func bounded() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/timeline.jsonl"
        var writer = try TimelineWriter(path)
        var (lengths, number) = ([Double](), 0)
        while let seconds = writer.intervalSeconds, number < 30_000 {
            lengths.append(seconds)
            writer.append(interval(number))
            number += 1
        }
        #expect(number == 18_000)
        #expect(lengths[0] == 0.1 && lengths[100] == 1 && lengths[9_999] == 1 && lengths[10_000] == 2)
        #expect(lengths[17_999] == 256)
        // That is two weeks of work.
        #expect(lengths.reduce(0, +) > 5 * 86_400)
        writer.append(interval(0))
        writer.append(TimelineLine(.sealed, at: Date(timeIntervalSince1970: 1_795_600_000)))
        for _ in 0..<3000 { writer.append(TimelineLine(.workerLost, at: Date())) }
        let lines = scratch.text("timeline.jsonl").split(separator: "\n")
        #expect(lines.count == 20_000)
        // A resumed run counts the lines that are there.
        let again = try TimelineWriter(path)
        #expect(again.intervalSeconds == nil)
        #expect(Timeline(path: path).sessions.last?.end == .sealed)
    }

    @Test("Reduced to some points, no device, second or session is lost", arguments: [500, 20, 7])
    func reduced(limit: Int) throws {
        var lines: [String] = []
        let encoder = TelemetryJSON.encoder()
        func add(_ line: TimelineLine) throws {
            lines.append(String(decoding: try encoder.encode(line), as: UTF8.self))
        }
        for session in 0..<5 {
            try add(TimelineLine(.begun, at: Date(timeIntervalSince1970: Double(session) * 10_000)))
            for number in 0..<(session * 400 + 1) { try add(interval(number, made: session + 1)) }
        }
        let whole = Timeline(lines: Array(lines.joined(separator: "\n").utf8))
        let reduced = whole.reduced(to: limit)
        #expect(reduced.sessions.reduce(0) { $0 + $1.intervals.count } <= limit)
        #expect(reduced.sessions.count == 5)
        #expect(reduced.sessions.map(\.made) == whole.sessions.map(\.made))
        #expect(reduced.sessions.map(\.seconds) == whole.sessions.map(\.seconds))
        #expect(reduced.latency == whole.latency)
    }

    @Test("More sessions than points are joined")
    func manySessions() throws {
        let encoder = TelemetryJSON.encoder()
        let lines = try (0..<700).flatMap { session in
            [TimelineLine(.begun, at: Date(timeIntervalSince1970: Double(session))), interval(session)]
        }.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
        let whole = Timeline(lines: Array(lines.joined(separator: "\n").utf8))
        let reduced = whole.reduced(to: 500)
        #expect(reduced.sessions.reduce(0) { $0 + $1.intervals.count } <= 500)
        #expect(reduced.sessions.reduce(0) { $0 + $1.made } == 7000)
    }

    @Test(
        "A file of something else has no sessions, and stops nobody",
        arguments: ["", "\n\n", "no json\n", "[1,2]\n{}\n"])
    func foreign(text: String) {
        #expect(Timeline(lines: Array(text.utf8)).sessions.isEmpty)
    }
}
