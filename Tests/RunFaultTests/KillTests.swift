import FaultyToken
import Foundation
import Glibc
import Testing

/// A kill of a run and a second one while it is resumed.
struct Kill: Sendable, CustomStringConvertible {
    var first: Fault
    var second = Fault.none

    var description: String { second.description == "no fault" ? "\(first)" : "\(first); then \(second)" }
}

/// Who is killed at an instant that no plan knows of.
enum Victim: String, Sendable, CaseIterable {
    case coordinator, worker, group
}

struct Instant: Sendable, CustomStringConvertible {
    let victim: Victim
    /// Milliseconds after the start, and after the start of the resumption.
    let first: Double
    let second: Double

    var description: String { "\(victim) after \(first) ms, the resumption's after \(second) ms" }
}

@Suite("Whatever is killed, every device is made exactly once", .serialized)
struct KillTests {
    static let options = ["--workers", "2"]

    @Test("A run killed before or in the middle of any of its operations on files is resumed")
    func atEveryOperation() throws {
        let operations = try measured(rows: 4)
        #expect(operations.count > 100)
        // Where one kind of thing is over and the next begins, the stages meet: those first.
        let (boundaries, others) = Stages(operations).divided()
        func kills(_ indices: [Int]) -> [Kill] {
            indices.flatMap { index in
                let isGroup = index.isMultiple(of: 2)
                let torn = Kill(first: .files("kill-torn:\(index + 1)"))
                return [Kill(first: Fault(files: "kill-before:\(index + 1)", killsGroup: isGroup))]
                    + (operations[index].name == "write" ? [torn] : [])
            }
        }
        var cases = Campaign.some(24, of: kills(boundaries)) + Campaign.some(6, of: kills(others))
        // What is durable after the last operation is a sealed run.
        cases.append(Kill(first: .files("kill-after:\(operations.count)")))
        Campaign.run("kill at operations", cases) { try recovered($0, rows: 4) }
    }

    @Test("A run killed while it is resumed is resumed again")
    func whileResuming() throws {
        let count = try measured(rows: 4).count
        var generator = SeededGenerator(seed: 4)
        // The beginnings of the resumptions lie in one another's middle.
        let kills = (0..<Campaign.count(8, torture: 200)).map { _ in
            Kill(
                first: .files("kill-before:\(Int.random(in: 80...count, using: &generator))"),
                second: .files("kill-before:\(Int.random(in: 1...140, using: &generator))"))
        }
        Campaign.run("killed twice", kills) { try recovered($0, rows: 4) }
    }

    @Test("A run killed at any call of the token that its own process makes is resumed")
    func atTokenCalls() throws {
        let place = try Place(rows: 4)
        let program = try place.making(resuming: false)
        #expect(try program.wait().code == 0)
        let calls = try FaultyToken.calls(log: place.callLog).filter { $0.process == program.process }
        let count = calls.count { $0.changesState }
        #expect(calls.contains { $0.function == "C_CreateObject" }, "the marker of the run")
        #expect(calls.count { $0.function == "C_Sign" } >= 4, "two signatures a checkpoint")
        let kills = (1...count).flatMap { number in
            ["kill-before", "kill-after"].map { Kill(first: Fault(token: "state:\(number)=\($0)")) }
        }
        Campaign.run("kill at token calls", Campaign.some(7, of: kills)) { try recovered($0, rows: 4) }
    }

    @Test("A worker killed at any call of the token is replaced, and its rows are made anew")
    func workers() throws {
        let place = try Place(rows: 12)
        let program = try place.making(resuming: false)
        #expect(try program.wait().code == 0)
        let calls = try FaultyToken.calls(log: place.callLog).filter { $0.process != program.process }
        let first = calls.first?.process
        let count = calls.filter { $0.process == first }.count { $0.changesState }
        let kills = (1...max(count, 2)).flatMap { number in
            ["kill-before", "kill-after"].map { Kill(first: Fault(workers: "state:\(number)=\($0)")) }
        }
        Campaign.run("kill of a worker", Campaign.some(7, of: kills)) { try recovered($0, rows: 12) }
    }

    @Test("A run whose coordinator, worker or whole group is killed at a random instant is resumed")
    func atRandomInstants() throws {
        let rows = 40
        let place = try Place(rows: rows)
        let began = ContinuousClock.now
        #expect(try place.making(resuming: false).wait().code == 0)
        let whole = began.duration(to: .now) / .milliseconds(1)
        var generator = SeededGenerator(seed: 300)
        let instants = Victim.allCases.flatMap { victim in
            (0..<Campaign.count(4, torture: 300)).map { _ in
                Instant(
                    victim: victim, first: .random(in: 0...whole * 1.2, using: &generator),
                    second: .random(in: 0...whole, using: &generator))
            }
        }
        Campaign.run("random instants", instants) { instant in
            let place = try Place(rows: rows)
            var findings: [String] = []
            for delay in [instant.first, instant.second] {
                let isKnown = try place.status() != nil
                if try place.status()?.state == "sealed" { break }
                let program = try place.making(resuming: isKnown)
                usleep(UInt32(delay * 1000))
                switch instant.victim {
                case .coordinator: kill(program.process, SIGKILL)
                case .group: kill(-program.process, SIGKILL)
                case .worker: if let worker = program.children.last { kill(worker, SIGKILL) }
                }
                let outcome = try program.wait()
                if instant.victim == .worker, outcome.code != 0, outcome.code != 75 {
                    findings.append("without a worker: exit \(outcome.code): \(outcome.errors)")
                }
                findings += try place.lookBetween()
            }
            findings += try place.finish()
            return try findings + place.audit()
        }
    }

    @Test("Nobody logs in beside a worker whose run was killed while it logged in")
    func orphan() throws {
        let place = try Place(rows: 4)
        let program = try place.making(
            Fault(workers: "C_Login=stop-before"), resuming: false, options: ["--workers", "1"])
        func isStopped(_ process: pid_t) -> Bool {
            let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
            return text?.contains(") T ") == true
        }
        while !program.isOver, !program.children.contains(where: isStopped) { usleep(1000) }
        let worker = try #require(program.children.first)
        kill(program.process, SIGKILL)
        _ = try program.wait()
        let resumed = try place.making(resuming: true)
        usleep(600_000)
        let logins = try FaultyToken.calls(log: place.callLog).filter { $0.function == "C_Login" }
        #expect(!resumed.isOver && !logins.contains { $0.process == resumed.process })
        kill(worker, SIGCONT)
        let outcome = try resumed.wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try place.audit() == [])
    }

    private func recovered(_ kill: Kill, rows: Int) throws -> [String] {
        let place = try Place(rows: rows)
        let findings = try place.finish([kill.first, kill.second])
        return try findings + place.audit()
    }

    /// What an undisturbed run does to files, in its order.
    private func measured(rows: Int) throws -> [FaultyToken.SiteOperation] {
        let place = try Place(rows: rows)
        let log = place.folder + "/operations.log"
        let outcome = try place.making(resuming: false, with: ["SITE_FILES_LOG": log]).wait()
        guard outcome.code == 0 else { throw ProgramFailure("an undisturbed run fails\n\(outcome.errors)") }
        let findings = try place.audit()
        guard findings.isEmpty else { throw ProgramFailure(findings.joined(separator: "\n")) }
        return try FaultyToken.siteOperations(log: log)
    }
}
