import Foundation
import GRDB
import Glibc

// Counting again, copying, and how large it is.
extension SQLiteLedger {
    /// The counts of every run that is not sealed, or of all, compared with what is there.
    ///
    /// Sealed runs are not counted again at each opening: that would cost the whole history.
    func checkCounts(sealed: Bool) throws(LedgerError) {
        try read { database in
            let wrong = try String.fetchOne(
                database,
                sql: """
                    SELECT id FROM run WHERE (?1 OR state <> 'sealed') AND (
                        released + scrapped
                            <> (SELECT ifnull(sum(count), 0) FROM chunk WHERE chunk.run = run.number)
                        OR scrapped <> (SELECT count(*) FROM scrapped WHERE scrapped.run = run.number)
                        OR burned <> (SELECT count(*) FROM burned WHERE burned.run = run.number)
                        OR next_row
                            <> (SELECT ifnull(max(first_row + count), 0) FROM chunk WHERE chunk.run = run.number)
                        OR reserved - released - scrapped - burned
                            <> (SELECT ifnull(sum(count), 0) FROM reservation WHERE reservation.run = run.number))
                    LIMIT 1
                    """, arguments: [sealed])
            if let wrong { throw LedgerDamage("the counts of run \(wrong) do not add up") }
        }
    }

    /// Reads everything: SQLite's own check, every count, every chunk with its checksum and what must be unique.
    ///
    /// The fingerprints' file is verified, and made anew where it is not right, unless the ledger was opened to read or
    /// another process records in it. Costs some seconds for a million devices. Throws `corrupt` at the first thing
    /// wrong, and `rolledBack` where commits are gone.
    public func check() throws(LedgerError) {
        try read { database in
            let faults = try String.fetchAll(database, sql: "PRAGMA integrity_check(1)")
            if faults != ["ok"] { throw LedgerDamage(faults.joined(separator: "; ")) }
            let references = try Row.fetchAll(database, sql: "PRAGMA foreign_key_check")
            if !references.isEmpty { throw LedgerDamage("\(references.count) rows refer to nothing") }
        }
        try checkCounts(sealed: true)
        try read { database in
            opened.index = nil
            do {
                if !isReadOnly { _ = try indexToWrite(database) }
            } catch let error as LedgerError where error.code == .cannotOpen {
                // Theirs was verified when they began.
            }
            try checkUniqueness(database)
            try checkScrapped(database)
        }
    }

    /// Every chunk once more against all before it.
    private func checkUniqueness(_ database: Database) throws {
        let total = try Int.fetchOne(database, sql: "SELECT max(fingerprints) FROM chunk") ?? 0
        let memory = try FingerprintMemory.anonymous(capacity: FingerprintTable.capacity(for: total))
        let seen = FingerprintIndex(inMemory: memory, fingerprinting)
        try seen.loadBurned(database)
        try StoredChunk.forEach(after: 0, database) { stored in
            try stored.devices.withDevices { devices throws in
                let fingerprints = try ChunkFingerprints(devices, product: stored.product, fingerprinting)
                try requireNew(devices, fingerprints, product: stored.product, seen, database)
                let sum = seen.sum + fingerprints.sum(chunk: stored.number)
                guard sum == stored.sum, stored.number == seen.applied + 1 else {
                    throw LedgerDamage(
                        "the devices of chunk \(stored.number) are not those that were recorded")
                }
                seen.add(fingerprints, chunk: stored.number, sum: sum, identity.hash)
            }
        }
    }

    private func checkScrapped(_ database: Database) throws {
        let rows = try Row.fetchCursor(
            database, sql: "SELECT chunk, position, run, row, serial FROM scrapped ORDER BY chunk")
        var stored: StoredChunk?
        while let row = try rows.next() {
            let number: Int64 = try row.value(0)
            let position: Int = try row.value(1)
            let serial: String = try row.value(4)
            if stored?.number != number { stored = try StoredChunk(number, database) }
            guard let stored, stored.run == (try row.value(2)), (0..<stored.devices.count).contains(position),
                stored.firstRow + position == (try row.value(3)),
                stored.devices.withDevices({ $0[position].serialText }) == serial
            else { throw LedgerDamage("a scrapped device is not where its row says: \(serial)") }
        }
    }

    /// Copies the ledger, as of one moment and while it is used, into a new file of one piece.
    ///
    /// Throws `exists` where something is at `target`. The fingerprints are not copied: they are derived.
    public func backup(to target: String) throws(LedgerError) {
        let descriptor = Glibc.open(target, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let code = errno
            throw LedgerError(
                code == EEXIST ? .exists : .io, target, String(cString: strerror(code)),
                hint: code == EEXIST ? "Nothing is overwritten: name a file that is not there." : nil)
        }
        Glibc.close(descriptor)
        do {
            let copy = try DatabaseQueue(path: target)
            try queue.backup(to: copy)
            // In one file, without a write-ahead log beside it.
            try copy.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
            try copy.close()
            try SQLiteLedger.flush(target)
            try SQLiteLedger.flush((target as NSString).deletingLastPathComponent)
        } catch {
            unlink(target)
            throw SQLiteLedger.translated(error, target)
        }
    }

    private static func flush(_ path: String) throws {
        let descriptor = Glibc.open(path.isEmpty ? "." : path, O_RDONLY | O_CLOEXEC)
        defer { if descriptor >= 0 { Glibc.close(descriptor) } }
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            throw LedgerError(.io, path, String(cString: strerror(errno)))
        }
    }

    public func size() throws(LedgerError) -> LedgerSize {
        let counts = try read { database in
            try Row.fetchOne(
                database, sql: "SELECT count(*), ifnull(sum(released + scrapped), 0) FROM run")?[1] as Int?
        }
        let chunks = try read { try Int.fetchOne($0, sql: "SELECT max(number) FROM chunk") }
        func octets(_ path: String) -> Int {
            var information = stat()
            return stat(path, &information) == 0 ? Int(information.st_size) : 0
        }
        return LedgerSize(
            devices: counts ?? 0, chunks: chunks ?? 0, ledgerOctets: octets(path) + octets(path + "-wal"),
            fingerprintOctets: octets(fingerprintPath))
    }
}
