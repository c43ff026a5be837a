import Foundation
import Glibc
import Testing

/// When a run is stopped: by what it has left so far, so that it is the same on a slow machine and a fast one.
enum Instant: Sendable, CustomTestStringConvertible {
    /// A file or folder below the run's own is there.
    case made(String)
    /// So many devices' packages are visible.
    case packages(Int)
    /// The last device's package was visible so many milliseconds ago.
    case afterLast(UInt32)

    var testDescription: String {
        switch self {
        case .made(let name): "\(name) is made"
        case .packages(let count): "\(count) packages are made"
        case .afterLast(let milliseconds): "\(milliseconds) ms after the last package"
        }
    }

    /// The devices whose packages are visible: files hold several where chunks were finished together.
    private static func visible(in folder: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/packages")) ?? []
        return names.filter { !$0.hasPrefix(".") }.reduce(0) { count, name in
            let lines = FileManager.default.contents(atPath: folder + "/packages/" + name) ?? Data()
            return count + lines.count { $0 == 0x0A }
        }
    }

    /// Waits for it; answers whether the run is still there.
    func wait(for program: RunningProgram, in folder: String) -> Bool {
        let manager = FileManager.default
        func isReached() -> Bool {
            switch self {
            case .made(let name): return manager.fileExists(atPath: folder + "/" + name)
            case .packages(let count):
                return Instant.visible(in: folder) >= count
            case .afterLast: return Instant.visible(in: folder) >= InterruptionTests.devices
            }
        }
        while !isReached() {
            if program.hasEnded { return false }
            usleep(100)
        }
        if case .afterLast(let milliseconds) = self { usleep(milliseconds * 1000) }
        return !program.hasEnded
    }
}

@Suite("Whatever stops a run, every device is made once and the books balance")
struct InterruptionTests {
    /// 240 devices in chunks of one row, so that each instant hits another state.
    static let devices = 240

    private func begun(_ place: Workplace, options: String = "--workers 2") throws -> RunningProgram {
        try place.approve("batch", devices: Self.devices, options: "--spoilage 12")
        return try place.start("exec rootline run start batch/manifest.yaml \(options)")
    }

    private func finish(_ place: Workplace) throws -> StatusDocument.Run {
        try place.succeed("rootline run resume batch")
        let status = try place.audit([("batch", Workplace.serials(Self.devices))])
        return try #require(status.first)
    }

    @Test(
        "A run killed at any instant is resumed, and its workers end by themselves",
        arguments: [
            .made("packages"), .made("manifest.path"), .made("delivery.json"), .packages(1), .packages(40),
            .packages(120), .packages(200), .packages(228), .afterLast(0), .afterLast(4),
        ] as [Instant])
    func killed(at instant: Instant) throws {
        let place = try Workplace()
        let program = try begun(place)
        try #require(
            instant.wait(for: program, in: place.site + "/runs/batch"), "the run had ended before the instant"
        )
        let workers = program.children
        kill(program.process, SIGKILL)
        #expect(try program.wait().code == 128 + SIGKILL)
        #expect(wait(seconds: 10) { !workers.contains(where: isAlive) }, "the workers end by themselves")

        let records = try place.status()
        guard let record = records.first else {
            // The ledger had not heard of it: it is begun again.
            try place.succeed("rootline run start batch/manifest.yaml")
            try place.audit([("batch", Workplace.serials(Self.devices))])
            return
        }
        #expect(record.reserved == record.released + record.scrapped + record.burned + record.outstanding)
        let visible = try place.packages(of: "batch")
        #expect(visible.count <= record.released, "what a station can see is recorded")
        let finished = try finish(place)
        #expect(finished.burned == record.outstanding, "what was in hand is burned, and nothing else")
        if case .packages = instant { #expect(finished.burned > 0, "the kill came while rows were in hand") }
        try place.expectLedgerKnows(Self.devices)
        // What is sealed is not resumed.
        #expect(try place.run("rootline run resume batch").code == 65)
    }

    @Test("A run killed again and again loses no device until its allowance is spent, and then it says so")
    func killedAgainAndAgain() throws {
        let place = try Workplace()
        try place.approve("batch", devices: 60, options: "--spoilage 6")
        var command = "exec rootline run start batch/manifest.yaml --workers 1"
        var outcome: Outcome?
        for _ in 0..<12 {
            let visible = (try? place.packages(of: "batch").count) ?? 0
            let program = try place.start(command)
            if Instant.packages(visible + 2).wait(for: program, in: place.site + "/runs/batch") {
                kill(program.process, SIGKILL)
            }
            let end = try program.wait()
            if end.code != 128 + SIGKILL {
                outcome = end
                break
            }
            command = "exec rootline run resume batch --workers 1"
        }
        let end = try #require(outcome, "it was resumed without end")
        #expect(end.code == 77)
        #expect(end.errors.contains("more certificates are authorised"), "\(end.errors)")
        #expect(end.errors.contains("another run"))
        // What was made is sealed, so that it is listed and the next run can be made.
        let record = try #require(try place.status().first)
        #expect(record.state == "sealed" && record.burned > 6 - 2 && record.released < 60)
        try place.audit([("batch", Workplace.serials(record.released))])
        try place.make("rest", devices: 60 - record.released, first: 1 + record.released)
        try place.audit([
            ("batch", Workplace.serials(record.released)),
            ("rest", Workplace.serials(60 - record.released, from: 1 + record.released)),
        ])
    }

    @Test("A worker that is killed is replaced, and the run goes on", arguments: [1, 100])
    func killedWorker(after packages: Int) throws {
        let place = try Workplace()
        let program = try begun(place)
        try #require(Instant.packages(packages).wait(for: program, in: place.site + "/runs/batch"))
        let worker = try #require(program.children.first)
        kill(worker, SIGKILL)
        let outcome = try program.wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("A worker was replaced: "))
        let status = try place.audit([("batch", Workplace.serials(Self.devices))])
        #expect(status.first?.burned != 0, "what it had in hand is burned")
    }

    @Test("Where no worker can log in any more the run stops with the token's error and is resumed later")
    func tokenGone() throws {
        let place = try Workplace()
        let program = try begun(place, options: "--workers 2 --wait 0")
        try #require(Instant.packages(20).wait(for: program, in: place.site + "/runs/batch"))
        try place.succeed("mv site/hsm/tokens site/hsm/away && mkdir site/hsm/tokens")
        for worker in program.children { kill(worker, SIGKILL) }
        let outcome = try program.wait()
        #expect(outcome.code == 69, "\(outcome.errors)")
        #expect(outcome.errors.contains("no such token"))
        try place.succeed("rmdir site/hsm/tokens && mv site/hsm/away site/hsm/tokens")
        _ = try finish(place)
    }

    @Test(
        "A signal stops a run after the rows in hand, nothing is burned, and it says how to go on",
        arguments: [SIGTERM, SIGINT])
    func stopped(by signal: Int32) throws {
        let place = try Workplace()
        let program = try begun(place)
        try #require(Instant.packages(30).wait(for: program, in: place.site + "/runs/batch"))
        // Ctrl-C reaches the whole group, the workers, too.
        kill(signal == SIGINT ? -program.process : program.process, signal)
        let outcome = try program.wait()
        #expect(outcome.code == 75)
        #expect(
            outcome.errors.contains("of 240 devices made\n  rootline run resume batch"), "\(outcome.errors)")
        let record = try #require(try place.status().first)
        #expect(record.state == "open" && record.outstanding == 0 && record.burned == 0)
        #expect(record.released < Self.devices)

        // Before it goes on: no other run begins, and an edited list is refused.
        try place.approve("other", devices: 3, first: 5000)
        let other = try place.run("rootline run start other/manifest.yaml")
        #expect(other.code == 75 && other.errors.contains("rootline run resume batch"), "\(other.errors)")
        try place.succeed("cp batch/devices.csv kept.csv")
        try place.succeed("sed -i 's/^EX-00000240/EX-00000241/' batch/devices.csv")
        let books = try place.books()
        let edited = try place.run("rootline run resume batch")
        #expect(edited.code == 65 && edited.errors.contains("not those the run was started with"))
        #expect(try place.books().difference(from: books) == nil)
        try place.succeed("mkdir moved && mv batch/* moved/ && cp kept.csv moved/devices.csv")
        #expect(try place.run("rootline run resume batch").code == 66)
        try place.succeed("rootline run resume batch --manifest moved/manifest.yaml")
        let status = try place.audit([("batch", Workplace.serials(Self.devices))])
        #expect(status.first?.burned == 0)
    }

    @Test("While a run is at work another is refused, and looking is not")
    func twoAtOnce() throws {
        let place = try Workplace(.sealed)
        try place.succeed("make-run batch 240 1000 && rootline run approve batch/manifest.yaml")
        try place.succeed("make-run other 3 5000 && rootline run approve other/manifest.yaml")
        let program = try place.start("exec rootline run start batch/manifest.yaml")
        try #require(Instant.packages(10).wait(for: program, in: place.site + "/runs/batch"))
        let other = try place.run("rootline run start other/manifest.yaml")
        #expect(other.code == 75 && other.errors.contains("another process is at work on this site"))
        #expect(try place.run("rootline run resume batch").code == 75)
        let status = try place.status()
        #expect(status.last?.state == "open")
        #expect(try place.verification().devices == Stage.sealedDevices, "what is published stays valid")
        try place.succeed("rootline allowlist lookup EX-00000001 --allow-rehearsal")
        #expect(try program.wait().code == 0)
        try place.audit([
            ("first", Workplace.serials(Stage.sealedDevices)), ("batch", Workplace.serials(240, from: 1000)),
        ])
    }

    @Test(
        "Neither workers nor sessions change the order of what is made",
        arguments: ["--workers 1", "--workers 3", "--workers 2 --sessions 2"])
    func order(options: String) throws {
        let place = try Workplace()
        try place.make("batch", devices: 150, options: options)
        // The audit wants packages and log entries in row order.
        let status = try place.audit([("batch", Workplace.serials(150))])
        #expect(status.first?.burned == 0)
    }
}
