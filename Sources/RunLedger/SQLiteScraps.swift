import Foundation
import GRDB

// Scrapped devices, and how far the log knows of them.
extension SQLiteLedger {
    static func addScraps(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("scraps-1") { database in
            try database.execute(
                sql: """
                    -- The CRLReason of RFC 5280.
                    ALTER TABLE scrapped ADD COLUMN revocation INTEGER NOT NULL DEFAULT 5;
                    -- The size of a published log that has its entries.
                    ALTER TABLE scrapped ADD COLUMN published INTEGER NOT NULL DEFAULT 0;
                    CREATE INDEX scrapped_unpublished ON scrapped(chunk, position) WHERE published = 0;
                    """)
        }
    }

    @discardableResult
    public func scrap(_ orders: [ScrapOrder]) throws(LedgerError) -> [ScrappedDevice] {
        try write { database in
            try orders.map { order in
                let record = try scrap(
                    serial: order.serial, product: order.product, reason: order.reason, at: order.at,
                    database)
                try database.execute(
                    sql: "UPDATE scrapped SET revocation = ? WHERE chunk = ? AND position = ?",
                    arguments: [order.revocation.rawValue, record.chunk, record.position])
                return ScrappedDevice(
                    record: record, reason: order.reason, at: order.at, revocation: order.revocation,
                    publishedSize: 0)
            }
        }
    }

    public func scraps(run: String) throws(LedgerError) -> [ScrappedDevice] {
        try read { database in
            try SQLiteLedger.scraps(
                "WHERE scrapped.run = ?", [try RunFacts(run, database).number], database)
        }
    }

    public func unpublishedScraps() throws(LedgerError) -> [ScrappedDevice] {
        try read { database in
            try SQLiteLedger.scraps("WHERE published = 0 AND run.state = 'sealed'", [], database)
        }
    }

    public func markPublished(_ scraps: [ScrappedDevice], logSize: UInt64) throws(LedgerError) {
        try write { database in
            for scrap in scraps {
                try database.execute(
                    sql: "UPDATE scrapped SET published = ? WHERE chunk = ? AND position = ?",
                    arguments: [Int64(bitPattern: logSize), scrap.record.chunk, scrap.record.position])
            }
        }
    }

    public func publishedScrapSize() throws(LedgerError) -> UInt64 {
        try read { database in
            UInt64(bitPattern: try Int64.fetchOne(database, sql: "SELECT max(published) FROM scrapped") ?? 0)
        }
    }

    public func scrappedSerials(product: String) throws(LedgerError) -> [String] {
        try read { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT DISTINCT serial FROM scrapped JOIN run ON run.number = scrapped.run
                    WHERE run.product = (SELECT number FROM product WHERE name = ?) ORDER BY serial
                    """, arguments: [product])
        }
    }

    public func place(of device: DeviceRecord) throws(LedgerError) -> Int {
        try read { database in
            let before = try Int.fetchOne(
                database, sql: "SELECT ifnull(sum(count), 0) FROM chunk WHERE run = ? AND number < ?",
                arguments: [try RunFacts(device.run, database).number, device.chunk])
            return (before ?? 0) + device.position
        }
    }

    private static func scraps(
        _ condition: String, _ arguments: StatementArguments, _ database: Database
    ) throws -> [ScrappedDevice] {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT scrapped.chunk, position, reason, scrapped_at, revocation, published, run.id AS run_name,
                    product.name AS product_name
                FROM scrapped JOIN run ON run.number = scrapped.run JOIN product ON product.number = run.product
                \(condition) ORDER BY scrapped.chunk, position
                """, arguments: arguments)
        var stored: StoredChunk?
        return try rows.map { row in
            if stored?.number != row["chunk"] { stored = try StoredChunk(row["chunk"], database) }
            let position: Int = row["position"]
            guard let stored, (0..<stored.devices.count).contains(position),
                let revocation = ScrapRevocation(rawValue: row["revocation"])
            else { throw LedgerDamage("a scrapped device is not where its row says") }
            let (reason, at): (String, Int64) = (row["reason"], row["scrapped_at"])
            return ScrappedDevice(
                record: DeviceRecord(
                    run: row["run_name"], product: row["product_name"], chunk: stored.number,
                    position: position, state: .scrapped(reason: reason, at: at),
                    device: stored.devices.device(at: position, firstRow: stored.firstRow)),
                reason: reason, at: at, revocation: revocation,
                publishedSize: UInt64(bitPattern: row["published"] as Int64))
        }
    }
}
