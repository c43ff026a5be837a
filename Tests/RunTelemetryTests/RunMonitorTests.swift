import Foundation
import Testing

@testable import RunTelemetry

@Suite struct RunMonitorTests {
    private let scratch: Scratch
    private let clock = HandClock()

    init() throws { scratch = try Scratch() }

    private func monitor(metrics: Bool = false) -> RunMonitor {
        RunMonitor(
            program: "rootline 0", metrics: metrics ? scratch.path + "/run.prom" : nil, clock: clock.now)
    }

    /// Chunks of 50 devices, one each tenth of a second.
    private func work(_ monitor: RunMonitor, chunks: Int, microseconds: UInt64 = 180) {
        for _ in 0..<chunks {
            clock.advance(0.1)
            monitor.recorded(50, latency: latency(50, microseconds: microseconds))
        }
    }

    @Test("The rate is of the last seconds, the mean of all, and the remaining time follows the last minute")
    func rates() throws {
        let monitor = monitor()
        monitor.begin(.example(scratch.path, quantity: 100_000))
        monitor.enter(.making)
        work(monitor, chunks: 1000)
        let fast = monitor.snapshot
        #expect(abs(try #require(fast.rate) - 500) < 10)
        #expect(abs(try #require(fast.remainingSeconds) - 100) < 3)
        for _ in 0..<30 {
            clock.advance(1)
            monitor.recorded(50, latency: latency(50, microseconds: 9000))
        }
        let slow = monitor.snapshot
        #expect(abs(try #require(slow.rate) - 50) < 3)
        #expect(abs(try #require(slow.meanRate) - 51_500 / 130) < 5)
        #expect(slow.made == 51_500 && slow.released == 51_500)
        let (recent, all) = (
            try #require(slow.recentLatency.quantile(0.5)), try #require(slow.latency.quantile(0.5))
        )
        #expect(recent > 8_000_000 && all < 220_000)
    }

    @Test("A token that stands still has a rate of nothing, and no time is promised")
    func standstill() throws {
        let monitor = monitor()
        monitor.begin(.example(scratch.path))
        monitor.enter(.making)
        work(monitor, chunks: 5)
        for _ in 0..<90 {
            clock.advance(1)
            monitor.tick()
        }
        #expect(monitor.snapshot.rate == 0)
        #expect(monitor.snapshot.remainingSeconds == nil)
    }

    @Test("live.json tells of the run while it is at work, and is gone at its end")
    func live() throws {
        let monitor = monitor()
        monitor.begin(.example(scratch.path, released: 100, burned: 4, resumed: true))
        monitor.enter(.making)
        work(monitor, chunks: 12)
        monitor.burned(3)
        monitor.workerLost("signal 9")
        clock.advance(1.1)
        monitor.tick()
        let live = try #require(LiveStatus(folder: scratch.path))
        #expect(live.isProcessAlive && live.process == getpid())
        #expect(live.released == 700 && live.made == 600 && live.burned == 7 && live.workersLost == 1)
        #expect(live.stage == .making && live.isResumed && live.run == "batch-7")
        #expect(live.lastNotice == "A worker was replaced: signal 9")
        let median = try #require(live.recentLatency?.medianMicroseconds)
        #expect((160...200).contains(median))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == [
                "live.json", "timeline.jsonl",
            ])
        monitor.end(.sealed)
        #expect(!scratch.exists("live.json"))
    }

    @Test("A status whose process is gone, or has another's number, says so")
    func stale() throws {
        let monitor = monitor()
        monitor.begin(.example(scratch.path))
        var live = try #require(LiveStatus(folder: scratch.path))
        #expect(live.isProcessAlive)
        live.processStart += 1
        #expect(!live.isProcessAlive)
        live.processStart -= 1
        live.boot = "another"
        #expect(!live.isProcessAlive)
        live.boot = try #require(LiveStatus(folder: scratch.path)).boot
        live.process = 0x3FFF_FFFF
        #expect(!live.isProcessAlive)
    }

    @Test(
        "The time line has a line for each interval, across sessions, and none for a clock that was set back")
    func timeline() throws {
        for session in 0..<2 {
            let monitor = monitor()
            monitor.begin(
                .example(scratch.path, quantity: 2000, released: session * 600, resumed: session > 0))
            monitor.enter(.making)
            if session == 1 { clock.setWall(by: -7200) }
            work(monitor, chunks: 12)
            if session == 0 {
                monitor.end(.interrupted(reason: "stopped"))
            } else {
                monitor.end(.failed(code: "run-io", reason: "gone"))
            }
            clock.advance(60)
        }
        let timeline = Timeline(path: scratch.path + "/timeline.jsonl")
        #expect(timeline.sessions.count == 2)
        for session in timeline.sessions {
            #expect(session.made == 600 && abs(session.seconds - 1.2) < 0.001)
            #expect((11...12).contains(session.intervals.count), "a tenth of a second each, at the beginning")
        }
        #expect(timeline.sessions.map(\.end) == [.interrupted, .failed])
        #expect(timeline.sessions[1].code == "run-io" && timeline.sessions[1].reason == "gone")
        #expect(timeline.latency == latency(1200, microseconds: 180))
    }

    @Test("A folder that takes no files stops no run")
    func unwritable() throws {
        let monitor = monitor()
        monitor.begin(.example(scratch.path + "/nowhere"))
        monitor.enter(.making)
        work(monitor, chunks: 30)
        monitor.end(.sealed)
        #expect(monitor.snapshot.made == 1500)
    }

    @Test("Memory stays flat: a million devices leave what a thousand leave")
    func flat() throws {
        let monitor = monitor()
        monitor.begin(.example(scratch.path, quantity: 1_000_000))
        monitor.enter(.making)
        let chunk = latency(256, microseconds: 120)
        for _ in 0..<3907 {
            clock.advance(0.03)
            monitor.recorded(256, latency: chunk)
        }
        monitor.end(.sealed)
        #expect(monitor.snapshot.made == 1_000_192)
        let size =
            try FileManager.default.attributesOfItem(atPath: scratch.path + "/timeline.jsonl")[.size] as? Int
        #expect(try #require(size) < 100_000)
    }

    @Test("The end of a session that never began is told to nobody")
    func neverBegun() throws {
        let monitor = monitor(metrics: true)
        monitor.end(.failed(code: "site-locked", reason: "busy"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
    }
}
