import Foundation
import Glibc
import Testing

@Suite(
    "A ledger that is locked, damaged or older than what it speaks of stops a run before anything is made",
    .serialized)
struct LedgerDamageTests {
    static let rows = 40

    /// A run that was killed with some of it made, its write-ahead log folded into the ledger by a look.
    private func interrupted(after devices: Int = 10) throws -> Place {
        let place = try Place(rows: Self.rows)
        let program = try place.making(Fault(workers: "C_WrapKey=slow:5"), resuming: false)
        while !program.isOver, place.visible < devices { usleep(500) }
        kill(program.process, SIGTERM)
        #expect(try program.wait().code == 75)
        return place
    }

    @Test("Another process that keeps the ledger locked is told of, with exit code 75, and nothing is begun")
    func locked() throws {
        let place = try interrupted()
        let script = """
            import sqlite3, sys, time
            ledger = sqlite3.connect(sys.argv[1], isolation_level=None)
            ledger.execute("PRAGMA locking_mode = EXCLUSIVE")
            ledger.execute("BEGIN EXCLUSIVE")
            print("locked", flush=True)
            time.sleep(60)
            """
        let holder = try Program(
            "exec python3 -c \"$0\" \"$1\" >&2", [script, place.site + "/ledger.sqlite"], in: place.folder,
            place.environment)
        try #require(holder.waitFor("locked"), "\(holder.said)")
        let outcome = try place.making(resuming: true).wait()
        #expect(outcome.code == 75, "\(outcome.errors)")
        #expect(outcome.errors.contains("another process keeps it locked"), "\(outcome.errors)")
        kill(holder.process, SIGKILL)
        _ = try holder.wait()
        #expect(try place.finish() == [])
        #expect(try place.audit() == [])
    }

    @Test("A ledger cut short or overwritten is noticed, or does not matter, and is mended from a backup")
    func damaged() throws {
        let place = try interrupted()
        let ledger = place.site + "/ledger.sqlite"
        // A backup is the file alone: after a run's end nothing of it is beside it.
        #expect(!FileManager.default.fileExists(atPath: ledger + "-wal"))
        let whole = try Data(contentsOf: URL(fileURLWithPath: ledger))
        let before = place.visible
        var damages: [(String, Data)] = [
            ("empty", Data()), ("cut to a page", whole.prefix(4096)),
            ("cut in the middle", whole.prefix(whole.count / 2)),
            ("cut by a page", whole.prefix(whole.count - 4096)), ("no database", Data("no database".utf8)),
        ]
        for offset in stride(from: 0, to: whole.count, by: 4096) {
            var damage = whole
            for index in offset..<min(whole.count, offset + 512) { damage[index] ^= 0x55 }
            damages.append(("flipped at \(offset)", damage))
        }
        var refused = 0
        for (name, damage) in damages {
            for end in ["-wal", "-shm"] { unlink(ledger + end) }
            try damage.write(to: URL(fileURLWithPath: ledger))
            let outcome = try place.making(resuming: true).wait()
            if outcome.code == 0 {
                // Flipped octets in a page that nothing is read from: what was made must be right all the same.
                let findings = try place.audit()
                #expect(findings == [], "\(name)")
                return
            }
            refused += 1
            #expect([74, 66, 73, 65].contains(outcome.code), "\(name): \(outcome.code) \(outcome.errors)")
            #expect(place.visible >= before, "\(name)")
        }
        #expect(refused > 5)
        for end in ["-wal", "-shm"] { unlink(ledger + end) }
        try whole.write(to: URL(fileURLWithPath: ledger))
        #expect(try place.finish() == [])
        #expect(try place.audit() == [])
    }
}
