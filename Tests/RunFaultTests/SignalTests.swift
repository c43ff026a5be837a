import Foundation
import Glibc
import Testing

@Suite("A run that is told to stop says how to go on", .serialized)
struct SignalTests {
    static let rows = 60

    @Test(
        "SIGTERM, SIGHUP and Ctrl-C finish the rows in hand: exit code 75, nothing burned",
        arguments: [SIGTERM, SIGHUP, SIGINT])
    func stopped(by signal: Int32) throws {
        let place = try Place(rows: Self.rows)
        let program = try place.making(Fault(workers: "C_WrapKey=slow:5"), resuming: false)
        while !program.isOver, place.visible < 8 { usleep(500) }
        kill(signal == SIGINT ? -program.process : program.process, signal)
        let outcome = try program.wait()
        #expect(outcome.code == 75, "\(outcome.errors)")
        #expect(outcome.errors.contains("rootline run resume batch"), "\(outcome.errors)")
        let status = try #require(try place.status())
        #expect(status.outstanding == 0 && status.burned == 0 && status.released == place.visible)
        #expect(try place.finish() == [])
        #expect(try place.audit() == [])
    }

    @Test(
        "A second signal ends the run at once; what was in hand is burned and made anew",
        arguments: [SIGTERM, SIGINT])
    func twice(_ signal: Int32) throws {
        let place = try Place(rows: Self.rows)
        let program = try place.making(Fault(workers: "C_WrapKey=slow:300"), resuming: false)
        while !program.isOver, place.visible < 2 { usleep(500) }
        kill(-program.process, signal)
        try #require(program.waitFor("Stopping when"))
        kill(-program.process, signal)
        #expect(try program.wait().code == 128 + signal)
        let status = try #require(try place.status())
        #expect(status.outstanding > 0)
        #expect(try place.finish() == [])
        #expect(try #require(try place.status()).burned == status.outstanding)
        #expect(try place.audit() == [])
    }
}
