import Foundation
import GRDB

/// The embedded ledger: one SQLite file, WAL, `synchronous = FULL`, and beside it the fingerprints derived from it.
public final class SQLiteLedger: Ledger {
    let queue: DatabaseQueue
    let path: String
    let isReadOnly: Bool
    let identity: LedgerIdentity
    let fingerprinting: Fingerprinting
    let opened = OpenedIndex()

    /// The fingerprints, once something needed them.
    final class OpenedIndex: @unchecked Sendable {
        // Unchecked: used on the database's queue only, which lets one caller in at a time.
        var index: FingerprintIndex?
    }

    /// Opens the ledger at `path`; makes it where `creating` and none is there.
    ///
    /// A file that is no database, or whose counts do not add up, is refused.
    ///
    /// One opened with `readOnly` leaves the files as they are, byte for byte.
    public convenience init(path: String, creating: Bool, readOnly: Bool = false) throws(LedgerError) {
        try self.init(
            path: path, creating: creating, readOnly: readOnly,
            fingerprintMask: FingerprintTable.fingerprintMask, lockSeconds: 5)
    }

    /// `fingerprintMask` has the bits of a fingerprint that count, and `lockSeconds` is how long another process's
    /// lock is waited for.
    init(
        path: String, creating: Bool, readOnly: Bool = false,
        fingerprintMask: UInt64 = FingerprintTable.fingerprintMask, lockSeconds: TimeInterval = 5
    ) throws(LedgerError) {
        self.path = path
        isReadOnly = readOnly
        guard creating || FileManager.default.fileExists(atPath: path) else {
            throw LedgerError(.cannotOpen, path, "there is no ledger", hint: "No run was started here yet.")
        }
        do {
            var configuration = Configuration()
            // Setting it writes, even where it is set already.
            if !readOnly { configuration.journalMode = .wal }
            configuration.busyMode = .timeout(lockSeconds)
            configuration.prepareDatabase { database in
                // A chunk is some 170 KB: larger pages mean fewer of them. Counts in a file that is there already do
                // not change.
                try database.execute(sql: "PRAGMA page_size = 16384")
                try database.execute(sql: "PRAGMA cache_size = -8192")
                try database.execute(sql: "PRAGMA wal_autocheckpoint = 1024")
                // Not SQLite's own read-only mode, which leaves the write-ahead log's files behind.
                if readOnly { try database.execute(sql: "PRAGMA query_only = 1") }
            }
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.read { try SQLiteLedger.requireFormat($0, path) }
            if !readOnly {
                try queue.writeWithoutTransaction { database in
                    // GRDB's set-up of WAL lowers this to NORMAL, under which a power cut could take back a commit.
                    try database.execute(sql: "PRAGMA synchronous = FULL")
                    guard try Int.fetchOne(database, sql: "PRAGMA synchronous") == 2 else {
                        throw LedgerError(.cannotOpen, path, "SQLite does not take synchronous = FULL")
                    }
                }
                try SQLiteLedger.migrations.migrate(queue)
            }
            let secret = try queue.read { try Data.fetchOne($0, sql: "SELECT secret FROM ledger") }
            guard let identity = LedgerIdentity(Array(secret ?? Data())) else {
                throw LedgerDamage("its identifier is gone")
            }
            self.identity = identity
            fingerprinting = Fingerprinting(identity.hash, mask: fingerprintMask)
        } catch {
            throw SQLiteLedger.translated(error, path)
        }
        try checkCounts(sealed: false)
    }

    /// Ends the use of the files; whoever asks this ledger afterwards gets an error.
    ///
    /// Without it they are closed when the last reference goes.
    public func close() throws(LedgerError) {
        do {
            queue.inDatabase { _ in opened.index = nil }
            try queue.close()
        } catch {
            throw SQLiteLedger.translated(error, path)
        }
    }

    /// A PRAGMA's value, for those who want to see how durable a commit is.
    func pragma(_ name: String) throws(LedgerError) -> String? {
        try read { try String.fetchOne($0, sql: "PRAGMA \(name)") }
    }

    /// Runs `body` in a transaction, and `committed` with what it answered when that is durable.
    func write<R>(
        _ body: (Database) throws -> R, committed: (R) -> Void = { _ in }
    ) throws(LedgerError) -> R {
        // Not left to SQLite's query_only, which GRDB lifts after each read.
        if isReadOnly { throw LedgerError(.wrongState, path, "this ledger was opened to read") }
        do {
            return try queue.writeWithoutTransaction { database in
                var result: R?
                try database.inTransaction(.immediate) {
                    result = try body(database)
                    return .commit
                }
                guard let result else { throw LedgerError(.io, path, "no transaction was made") }
                committed(result)
                return result
            }
        } catch {
            throw SQLiteLedger.translated(error, path)
        }
    }

    func read<R>(_ body: (Database) throws -> R) throws(LedgerError) -> R {
        do {
            return try queue.read(body)
        } catch {
            throw SQLiteLedger.translated(error, path)
        }
    }
}
