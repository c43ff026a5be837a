import Foundation
import GRDB

extension SQLiteLedger {
    static let migrations: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("chunks-1") { database in
            try database.execute(sql: schema)
            var generator = SystemRandomNumberGenerator()
            let secret = Data((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) })
            try database.execute(sql: "INSERT INTO ledger(secret) VALUES (?)", arguments: [secret])
        }
        addScraps(&migrator)
        addRevocationLists(&migrator)
        addLogSize(&migrator)
        return migrator
    }()

    private static let schema = """
        -- The ledger's identifier (16 octets) and the key of its fingerprints (16): random, once.
        CREATE TABLE ledger(
            number INTEGER PRIMARY KEY CHECK (number = 1),
            secret BLOB NOT NULL CHECK (length(secret) = 32)
        ) STRICT;

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
            -- Rows before this one were recorded, once or more often.
            next_row INTEGER NOT NULL DEFAULT 0,
            CHECK (reserved <= quantity + spoilage),
            CHECK (released >= 0 AND released + scrapped + burned <= reserved)
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

        -- The order of `number` is the order of recording, which is the log's; numbers have no gap.
        -- `fingerprints` and `fingerprint_sum` count and sum up the fingerprints of this chunk and of all before it.
        -- `checksum` is the first 8 octets of the SHA-256 of `devices`.
        CREATE TABLE chunk(
            number INTEGER PRIMARY KEY,
            run INTEGER NOT NULL REFERENCES run(number),
            first_row INTEGER NOT NULL,
            count INTEGER NOT NULL CHECK (count > 0),
            fingerprints INTEGER NOT NULL,
            fingerprint_sum INTEGER NOT NULL,
            checksum INTEGER NOT NULL,
            devices BLOB NOT NULL
        ) STRICT;
        -- Has all that counting and finding rows needs, so that neither reads the chunks.
        CREATE INDEX chunk_run ON chunk(run, first_row, count);

        -- Devices that were made and then withdrawn.
        CREATE TABLE scrapped(
            chunk INTEGER NOT NULL REFERENCES chunk(number),
            position INTEGER NOT NULL,
            run INTEGER NOT NULL REFERENCES run(number),
            row INTEGER NOT NULL,
            serial TEXT NOT NULL,
            reason TEXT NOT NULL,
            scrapped_at INTEGER NOT NULL,
            PRIMARY KEY (chunk, position)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX scrapped_run ON scrapped(run, row);

        -- Certificates that may exist though no device was released with them.
        CREATE TABLE burned(
            number INTEGER PRIMARY KEY,
            run INTEGER NOT NULL REFERENCES run(number),
            row INTEGER NOT NULL,
            certificate_serial BLOB NOT NULL UNIQUE
        ) STRICT;
        CREATE INDEX burned_run ON burned(run, number);
        """

    /// Throws where the file's tables are those of another build.
    static func requireFormat(_ database: Database, _ path: String) throws {
        if try database.tableExists("device") {
            throw LedgerError(
                .cannotOpen, path, "this ledger was made by an earlier build, which kept it in another form",
                hint: "It is not converted: make the site anew, or go on with the build that made it.")
        }
        if try migrations.hasBeenSuperseded(database) {
            throw LedgerError(
                .cannotOpen, path, "this ledger was made by a later build",
                hint: "Go on with the build that made it.")
        }
    }
}
