import Foundation
import GRDB

// Revocation lists that were issued.
extension SQLiteLedger {
    static func addRevocationLists(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("revocation-lists") { database in
            try database.execute(
                sql: """
                    CREATE TABLE revocation_list(
                        issuer BLOB NOT NULL,
                        number INTEGER NOT NULL,
                        digest BLOB NOT NULL,
                        authorisation BLOB NOT NULL,
                        tree_size INTEGER NOT NULL,
                        issued_at INTEGER NOT NULL,
                        PRIMARY KEY (issuer, number)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
    }

    public func latestRevocationList(issuer: [UInt8]) throws(LedgerError) -> IssuedRevocationList? {
        try read { database in
            try Row.fetchOne(
                database,
                sql: "SELECT * FROM revocation_list WHERE issuer = ? ORDER BY number DESC LIMIT 1",
                arguments: [Data(issuer)]
            ).map { row in
                IssuedRevocationList(
                    issuer: Array(row["issuer"] as Data), number: UInt64(bitPattern: row["number"] as Int64),
                    digest: Array(row["digest"] as Data), authorisation: Array(row["authorisation"] as Data),
                    treeSize: UInt64(bitPattern: row["tree_size"] as Int64), issuedAt: row["issued_at"])
            }
        }
    }

    public func record(_ list: IssuedRevocationList) throws(LedgerError) {
        try write { database in
            // One statement, so that two processes cannot both find their number free.
            try database.execute(
                sql: """
                    INSERT INTO revocation_list(issuer, number, digest, authorisation, tree_size, issued_at)
                    SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS
                        (SELECT 1 FROM revocation_list WHERE issuer = ?1 AND number >= ?2)
                    """,
                arguments: [
                    Data(list.issuer), Int64(bitPattern: list.number), Data(list.digest),
                    Data(list.authorisation), Int64(bitPattern: list.treeSize), list.issuedAt,
                ])
            guard database.changesCount == 1 else {
                throw LedgerError(
                    .duplicate, "revocation list \(list.number)",
                    "a list with this number or a higher one was recorded before")
            }
        }
    }
}
