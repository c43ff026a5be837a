import Foundation
import GRDB

extension SQLiteLedger {
    /// Whether the file holds a ledger; false of one whose making was cut off before its first commit, which the next
    /// run makes whole. Until then there is nothing in it to read.
    public static func isFounded(at path: String) throws(LedgerError) -> Bool {
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            // As for looking: SQLite's own read-only mode leaves the write-ahead log's files behind.
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA query_only = 1") }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            return try queue.read {
                try Bool.fetchOne(
                    $0,
                    sql: """
                        SELECT EXISTS(SELECT 1 FROM sqlite_master
                            WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'grdb_migrations')
                        """) ?? false
            }
        } catch {
            throw SQLiteLedger.translated(error, path)
        }
    }
}
