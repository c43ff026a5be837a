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

    /// Octets of the ledger that are not what they were.
    struct Damage: Sendable, CustomStringConvertible {
        let description: String
        let ledger: Data
    }

    @Test("A ledger cut short or overwritten stops the run, or does not matter, and is mended from a backup")
    func damaged() throws {
        let place = try interrupted()
        let ledger = place.site + "/ledger.sqlite"
        // A backup is the file alone: after a run's end nothing of it is beside it.
        #expect(!FileManager.default.fileExists(atPath: ledger + "-wal"))
        let whole = try Data(contentsOf: URL(fileURLWithPath: ledger))
        let cuts = [0, 11, 100, 4096, whole.count / 2, whole.count - 4096, whole.count - 1].map {
            Damage(description: "cut to \($0) of \(whole.count)", ledger: whole.prefix($0))
        }
        let flips = stride(from: 0, to: whole.count, by: 512).flatMap { offset in
            [1, 64, 512].map { length in
                var damage = whole
                for index in offset..<min(whole.count, offset + length) { damage[index] ^= 0x55 }
                return Damage(description: "\(length) flipped from \(offset)", ledger: damage)
            }
        }
        // What an operator puts back.
        let backup = place.folder + "/backup.sqlite"
        try place.succeed(["ledger", "backup", backup, "--site", place.site])
        try place.succeed(["ledger", "check", "--site", place.site])
        let refused = Gathered()
        let noticed = Gathered()
        Campaign.run("damaged ledgers", cuts + Campaign.some(14, of: flips)) { damage in
            let copy = try Place(copying: place)
            let shown = copy.visible
            try damage.ledger.write(to: URL(fileURLWithPath: copy.site + "/ledger.sqlite"))
            let check = try copy.run(["ledger", "check", "--site", copy.site])
            if check.code != 0 { noticed.add(damage.description) }
            let outcome = try copy.making(resuming: true).wait()
            // Octets that are part of no record may be anything.
            if outcome.code == 0 { return try copy.audit() + (check.code == 0 ? [] : copy.checked(check)) }
            refused.add(damage.description)
            var findings: [String] = []
            if ![74, 66].contains(outcome.code) || outcome.errors.contains("please report it") {
                findings.append("exit \(outcome.code): \(outcome.errors)")
            }
            if copy.visible < shown { findings.append("packages are gone") }
            // The repair: the newest backup, without what SQLite left beside the damaged file.
            for end in ["-wal", "-shm"] { unlink(copy.site + "/ledger.sqlite" + end) }
            unlink(copy.site + "/ledger.sqlite")
            try FileManager.default.copyItem(atPath: backup, toPath: copy.site + "/ledger.sqlite")
            try copy.succeed(["ledger", "check", "--site", copy.site])
            findings += try copy.finish()
            // What was signed before the damage was met is not in the backup.
            return try findings + copy.audit(checks: 20)
        }
        #expect(refused.texts.count >= 5 && noticed.texts.count >= 7)
    }

    @Test("A backup that is older than the packages is refused, and the run goes on with the newer ledger")
    func older() throws {
        let place = try interrupted(after: 6)
        let ledger = place.site + "/ledger.sqlite"
        let old = try Data(contentsOf: URL(fileURLWithPath: ledger))
        let program = try place.making(Fault(workers: "C_WrapKey=slow:5"), resuming: true)
        let before = place.visible
        while !program.isOver, place.visible < before + 8 { usleep(500) }
        kill(program.process, SIGTERM)
        #expect(try program.wait().code == 75)
        let new = try Data(contentsOf: URL(fileURLWithPath: ledger))
        let shown = place.visible
        try old.write(to: URL(fileURLWithPath: ledger))
        let outcome = try place.making(resuming: true).wait()
        #expect(outcome.code == 74, "\(outcome.errors)")
        #expect(outcome.errors.contains("the ledger does not know its devices"), "\(outcome.errors)")
        #expect(outcome.errors.contains("Restore the newest"), "\(outcome.errors)")
        #expect(place.visible == shown)
        try new.write(to: URL(fileURLWithPath: ledger))
        #expect(try place.finish() == [])
        #expect(try place.audit() == [])
    }
}

extension Place {
    /// What is wrong with how `ledger check` says that a ledger is damaged.
    fileprivate func checked(_ outcome: Outcome) -> [String] {
        outcome.code == 74 && !outcome.errors.contains("please report it")
            ? [] : ["ledger check: exit \(outcome.code): \(outcome.errors)"]
    }
}
