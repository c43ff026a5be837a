import Foundation
import GRDB

/// The embedded ledger: one SQLite file, WAL, `synchronous = FULL`.
public final class SQLiteLedger: Ledger {
    let queue: DatabaseQueue
    private let path: String

    /// Opens the ledger at `path`; makes it where `creating` and none is there.
    ///
    /// A file that is no database, or whose counts do not add up, is refused.
    ///
    /// One opened with `readOnly` leaves the file as it is, byte for byte.
    public init(path: String, creating: Bool, readOnly: Bool = false) throws(LedgerError) {
        self.path = path
        guard creating || FileManager.default.fileExists(atPath: path) else {
            throw LedgerError(.cannotOpen, path, "there is no ledger", hint: "No run was started here yet.")
        }
        do {
            var configuration = Configuration()
            // Setting it writes, even where it is set already.
            if !readOnly { configuration.journalMode = .wal }
            configuration.busyMode = .timeout(5)
            configuration.prepareDatabase { database in
                // 8 MiB of pages: the unique indexes are written all over.
                try database.execute(sql: "PRAGMA cache_size = -8192")
                try database.execute(sql: "PRAGMA wal_autocheckpoint = 4096")
                // Not SQLite's own read-only mode, which leaves the write-ahead log's files behind.
                if readOnly { try database.execute(sql: "PRAGMA query_only = 1") }
            }
            queue = try DatabaseQueue(path: path, configuration: configuration)
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
        } catch {
            throw SQLiteLedger.translated(error, path)
        }
        try check()
    }

    private static let migrations: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE product(
                        number INTEGER PRIMARY KEY,
                        name TEXT NOT NULL UNIQUE
                    ) STRICT;

                    CREATE TABLE run(
                        number INTEGER PRIMARY KEY,
                        id TEXT NOT NULL UNIQUE,
                        product INTEGER NOT NULL REFERENCES product(number),
                        manifest BLOB NOT NULL,
                        authorisation BLOB NOT NULL UNIQUE,
                        template BLOB NOT NULL,
                        not_before INTEGER NOT NULL,
                        quantity INTEGER NOT NULL,
                        spoilage INTEGER NOT NULL,
                        open_index INTEGER NOT NULL,
                        opened_at INTEGER NOT NULL,
                        sealed_at INTEGER,
                        state TEXT NOT NULL,
                        reserved INTEGER NOT NULL DEFAULT 0,
                        released INTEGER NOT NULL DEFAULT 0,
                        scrapped INTEGER NOT NULL DEFAULT 0,
                        burned INTEGER NOT NULL DEFAULT 0,
                        first_device INTEGER,
                        CHECK (reserved <= quantity + spoilage),
                        CHECK (released + scrapped + burned <= reserved)
                    ) STRICT;

                    -- Rows handed out and not settled: serial numbers of 20 octets each, one after another.
                    CREATE TABLE reservation(
                        run INTEGER NOT NULL REFERENCES run(number),
                        first_row INTEGER NOT NULL,
                        count INTEGER NOT NULL,
                        certificate_serials BLOB NOT NULL,
                        PRIMARY KEY (run, first_row),
                        CHECK (length(certificate_serials) = 20 * count)
                    ) STRICT, WITHOUT ROWID;

                    -- The order of `number` is the order of recording, which is the log's.
                    -- Uniqueness is held by 64 bits of each random or hashed value: indexes over whole ones would
                    -- be three times as large, and a run writes to all over them. That two different values share
                    -- 64 bits happens once in 370 000 histories of ten million devices; the chunk is then
                    -- refused, burned and made anew.
                    CREATE TABLE device(
                        number INTEGER PRIMARY KEY,
                        run INTEGER NOT NULL REFERENCES run(number),
                        row INTEGER NOT NULL,
                        product INTEGER NOT NULL REFERENCES product(number),
                        serial TEXT NOT NULL,
                        certificate_serial_64 INTEGER NOT NULL UNIQUE,
                        public_key_64 INTEGER NOT NULL UNIQUE,
                        certificate_64 INTEGER NOT NULL UNIQUE,
                        certificate_serial BLOB NOT NULL,
                        public_key BLOB NOT NULL,
                        digest BLOB NOT NULL,
                        certificate BLOB NOT NULL,
                        scrapped INTEGER NOT NULL DEFAULT 0
                    ) STRICT;
                    CREATE UNIQUE INDEX device_serial ON device(product, serial) WHERE scrapped = 0;

                    -- Certificates that may exist though no device was released with them.
                    CREATE TABLE burned(
                        number INTEGER PRIMARY KEY,
                        run INTEGER NOT NULL REFERENCES run(number),
                        row INTEGER NOT NULL,
                        certificate_serial BLOB NOT NULL UNIQUE
                    ) STRICT;
                    CREATE INDEX burned_run ON burned(run, number);
                    """)
        }
        addRevocationLists(&migrator)
        return migrator
    }()

    /// Every error of SQLite or GRDB as this library's own.
    static func translated(_ error: any Error, _ subject: String) -> LedgerError {
        if let error = error as? LedgerError { return error }
        guard let error = error as? DatabaseError else { return LedgerError(.io, subject, "\(error)") }
        let message = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_FULL:
            return LedgerError(
                .diskFull, subject, "no space left", hint: "Free some space, then `rootline run resume`.")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return LedgerError(
                .corrupt, subject, message,
                hint: "Do not start runs. Restore the ledger from a backup and compare it with the log.")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return LedgerError(
                .cannotOpen, subject, "another process keeps it locked", hint: "Try again when it has ended.")
        case .SQLITE_CANTOPEN, .SQLITE_READONLY:
            return LedgerError(
                .io, subject, message, hint: "Is the site's folder writable, and the ledger a file?")
        case .SQLITE_CONSTRAINT:
            return LedgerError(.duplicate, subject, message)
        default:
            return LedgerError(.io, subject, message)
        }
    }

    /// A PRAGMA's value, for those who want to see how durable a commit is.
    func pragma(_ name: String) throws(LedgerError) -> String? {
        try read { try String.fetchOne($0, sql: "PRAGMA \(name)") }
    }

    func write<R>(_ body: (Database) throws -> R) throws(LedgerError) -> R {
        do {
            return try queue.write(body)
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

    /// The counts of every run that is not sealed, compared with its rows.
    ///
    /// Sealed runs are not counted again: that would cost the whole history at every start.
    private func check() throws(LedgerError) {
        let path = path
        try read { database in
            let wrong = try String.fetchOne(
                database,
                sql: """
                    SELECT id FROM run WHERE state <> 'sealed' AND (
                        released + scrapped <> (SELECT count(*) FROM device
                                WHERE device.number >= run.first_device AND device.run = run.number)
                        OR burned <> (SELECT count(*) FROM burned WHERE burned.run = run.number)
                        OR reserved - released - scrapped - burned
                            <> (SELECT ifnull(sum(count), 0) FROM reservation WHERE reservation.run = run.number))
                    LIMIT 1
                    """)
            if let wrong {
                throw LedgerError(.corrupt, path, "the counts of run \(wrong) do not add up")
            }
        }
    }
}
