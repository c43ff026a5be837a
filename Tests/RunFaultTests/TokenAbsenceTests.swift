import FaultyToken
import Foundation
import Glibc
import Testing

/// How a token goes away for a while.
enum Absence: String, Sendable, CaseIterable, CustomStringConvertible {
    case removed = "CKR_DEVICE_REMOVED"
    case notPresent = "CKR_TOKEN_NOT_PRESENT"
    case deviceError = "CKR_DEVICE_ERROR"
    case sessionInvalid = "CKR_SESSION_HANDLE_INVALID"
    case loggedOut = "CKR_USER_NOT_LOGGED_IN"
    case general = "CKR_GENERAL_ERROR"

    var description: String { rawValue }
}

@Suite("A token that goes away is waited for, and the run goes on", .serialized)
struct TokenAbsenceTests {
    static let rows = 60

    /// A run of slow workers, so that there is time to take the token away.
    private func begun(
        _ place: Place, _ fault: Fault, wait: Int = 60, with extra: [String: String] = [:]
    ) throws -> Program {
        let program = try place.making(
            fault, resuming: false, options: ["--workers", "2", "--wait", String(wait)], with: extra)
        while !program.isOver, place.visible < 5 { usleep(1000) }
        return program
    }

    private func slow(_ plan: String = "") -> String {
        "C_WrapKey=slow:20" + (plan.isEmpty ? "" : "; ") + plan
    }

    @Test(
        "Calls that fail for a while because the token is gone stop nothing",
        arguments: Campaign.some(3, of: Absence.allCases))
    func failingCalls(_ absence: Absence) throws {
        let place = try Place(rows: Self.rows)
        let away = place.folder + "/away"
        let program = try begun(
            place, Fault(workers: slow("*=return:\(absence.rawValue)")), with: ["FAULTY_TOKEN_WHILE": away])
        try Data().write(to: URL(fileURLWithPath: away))
        let isNoticed = program.waitFor("Token absent, waiting up to 60 s (--wait): ", seconds: 20)
        usleep(600_000)
        let visible = place.visible
        unlink(away)
        let outcome = try program.wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(isNoticed && visible < Self.rows)
        #expect(outcome.errors.contains("The token is back after "), "\(outcome.errors)")
        #expect(
            outcome.errors.components(separatedBy: "Token absent").count == 2, "told once: \(outcome.errors)")
        #expect(try place.audit(checks: 40) == [])
    }

    @Test("The token's store is moved away for a while, and every worker is lost: the run waits and goes on")
    func movedAway() throws {
        let place = try Place(rows: Self.rows)
        let program = try begun(place, Fault(workers: slow()))
        let tokens = place.site + "/hsm/tokens"
        try move(tokens, place.folder + "/tokens-away")
        try FileManager.default.createDirectory(atPath: tokens, withIntermediateDirectories: false)
        for worker in program.children { kill(worker, SIGKILL) }
        #expect(program.waitFor("Token absent, waiting up to 60 s (--wait): "), "\(program.said)")
        #expect(program.said.contains("no such token"))
        usleep(700_000)
        #expect(!program.isOver)
        rmdir(tokens)
        try move(place.folder + "/tokens-away", tokens)
        let outcome = try program.wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("The token is back after "))
        #expect(try place.audit() == [])
    }

    @Test(
        "A token that stays away ends the run after --wait seconds with exit code 69, and it can be resumed")
    func staysAway() throws {
        let place = try Place(rows: Self.rows)
        let program = try begun(place, Fault(workers: slow()), wait: 1)
        let tokens = place.site + "/hsm/tokens"
        try move(tokens, place.folder + "/tokens-away")
        try FileManager.default.createDirectory(atPath: tokens, withIntermediateDirectories: false)
        for worker in program.children { kill(worker, SIGKILL) }
        let outcome = try program.wait()
        #expect(outcome.code == 69, "\(outcome.errors)")
        #expect(outcome.errors.contains("When it is back: `rootline run resume`"), "\(outcome.errors)")
        rmdir(tokens)
        try move(place.folder + "/tokens-away", tokens)
        #expect(try place.finish() == [])
        #expect(try place.audit() == [])
    }

    @Test("SIGTERM and Ctrl-C end the waiting, with exit code 75", arguments: [SIGTERM, SIGINT])
    func stopped(by signal: Int32) throws {
        let place = try Place(rows: Self.rows)
        let away = place.folder + "/away"
        let program = try begun(
            place, Fault(workers: slow("*=return:CKR_DEVICE_REMOVED")), with: ["FAULTY_TOKEN_WHILE": away])
        try Data().write(to: URL(fileURLWithPath: away))
        try #require(program.waitFor("Token absent"))
        usleep(300_000)
        kill(signal == SIGINT ? -program.process : program.process, signal)
        let outcome = try program.wait()
        #expect(outcome.code == 75, "\(outcome.errors)")
        #expect(outcome.errors.contains("rootline run resume"), "\(outcome.errors)")
        unlink(away)
        #expect(try place.finish() == [])
        #expect(try place.audit(checks: 40) == [])
    }

    @Test("A PIN that is refused when the token is back is not tried again: it would lock itself")
    func refusedPIN() throws {
        let place = try Place(rows: Self.rows)
        let away = place.folder + "/away"
        let program = try begun(
            place,
            Fault(workers: slow("C_Sign=return:CKR_DEVICE_REMOVED; C_Login=return:CKR_PIN_INCORRECT")),
            with: ["FAULTY_TOKEN_WHILE": away])
        let before = try logins(place, except: program)
        try Data().write(to: URL(fileURLWithPath: away))
        let outcome = try program.wait()
        #expect(outcome.code == 77, "\(outcome.errors)")
        #expect(outcome.errors.contains("CKR_PIN_INCORRECT"))
        #expect(try logins(place, except: program) == before + 1, "one try")
        unlink(away)
        #expect(try place.finish() == [])
        #expect(try place.audit(checks: 40) == [])
    }

    private func logins(_ place: Place, except program: Program) throws -> Int {
        try FaultyToken.calls(log: place.callLog).count {
            $0.function == "C_Login" && $0.process != program.process
        }
    }

    @Test("Workers whose sessions were all closed are replaced, and the rows in hand are made anew")
    func closedSessions() throws {
        let place = try Place(rows: Self.rows)
        // Each worker loses them once, at its tenth signature.
        let program = try place.making(Fault(workers: "C_Sign:10=close-all"), resuming: false)
        let outcome = try program.wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("The token is back after "), "\(outcome.errors)")
        #expect(try place.audit(checks: 40) == [])
    }

    @Test(
        "The run's own sessions were closed before its seal, or before its opening: it opens them anew",
        arguments: [
            "C_Sign:3=close-all", "C_Sign:4=close-all", "C_Sign:1=close-all", "C_CreateObject:3=close-all",
        ])
    func ownSessions(_ plan: String) throws {
        let place = try Place(rows: 6)
        let outcome = try place.making(Fault(token: plan), resuming: false).wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("Token absent"), "\(outcome.errors)")
        #expect(try place.audit() == [])
    }

    @Test("A token that is absent when a run is started is not waited for")
    func absentAtStart() throws {
        let place = try Place(rows: 3)
        let tokens = place.site + "/hsm/tokens"
        try move(tokens, place.folder + "/tokens-away")
        try FileManager.default.createDirectory(atPath: tokens, withIntermediateDirectories: false)
        let began = ContinuousClock.now
        let outcome = try place.making(resuming: false).wait()
        #expect(outcome.code == 69 && began.duration(to: .now) < .seconds(20), "\(outcome.errors)")
        #expect(try place.status() == nil)
    }

    private func move(_ from: String, _ to: String) throws {
        guard rename(from, to) == 0 else {
            throw ProgramFailure("\(from): \(String(cString: strerror(errno)))")
        }
    }
}
