import Foundation
import GRDB

extension SQLiteLedger {
    static func addLogSize(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("log-size-1") { database in
            try database.execute(sql: "ALTER TABLE ledger ADD COLUMN log_size INTEGER NOT NULL DEFAULT 0")
        }
    }

    public func notedLogSize() throws(LedgerError) -> UInt64 {
        try read { database in
            UInt64(bitPattern: try Int64.fetchOne(database, sql: "SELECT max(log_size) FROM ledger") ?? 0)
        }
    }

    public func noteLogSize(_ size: UInt64) throws(LedgerError) {
        guard let size = Int64(exactly: size) else { return }
        try write { database in
            try database.execute(
                sql: "UPDATE ledger SET log_size = ? WHERE log_size < ?", arguments: [size, size])
        }
    }
}
