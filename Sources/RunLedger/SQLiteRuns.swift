import Foundation
import GRDB

// Runs: their beginning, state and counts.
extension SQLiteLedger {
    public func open(_ run: NewRun) throws(LedgerError) {
        // First, so that a full disk keeps the run from being begun.
        try prepare(forAdditional: run.quantity.addingReportingOverflow(run.spoilage).partialValue)
        try write { database in
            if try Int.fetchOne(database, sql: "SELECT 1 FROM run WHERE id = ?", arguments: [run.id]) != nil {
                throw LedgerError(
                    .runExists, run.id, "a run of this name was started before",
                    hint: "`rootline run status \(run.id)` shows it; `run resume` goes on with it.")
            }
            let used = try String.fetchOne(
                database, sql: "SELECT id FROM run WHERE authorisation = ?",
                arguments: [Data(run.authorisationDigest)])
            if let used {
                throw LedgerError(
                    .authorisationUsed, run.id, "the authorisation was used by run \(used)",
                    hint: "Each run needs an authorisation of its own.")
            }
            try database.execute(
                sql: "INSERT OR IGNORE INTO product(name) VALUES (?)", arguments: [run.product])
            try database.execute(
                sql: """
                    INSERT INTO run(id, product, manifest, authorisation, template, not_before, quantity, spoilage,
                        open_index, opened_at, state)
                    VALUES (?, (SELECT number FROM product WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?, 'opening')
                    """,
                arguments: [
                    run.id, run.product, Data(run.manifestDigest), Data(run.authorisationDigest),
                    Data(run.templateDigest), run.notBefore, run.quantity, run.spoilage,
                    Int64(run.openIndex), run.openedAt,
                ])
        }
    }

    public func advance(_ run: String, to state: RunState, at time: Int64) throws(LedgerError) {
        try write { database in
            try database.execute(
                sql: "UPDATE run SET state = ?, sealed_at = iif(? = 'sealed', ?, sealed_at) WHERE id = ?",
                arguments: [state.rawValue, state.rawValue, time, run])
            if database.changesCount != 1 { throw LedgerError(.runUnknown, run, "no such run") }
        }
    }

    public func run(_ id: String) throws(LedgerError) -> RunRecord? {
        try read { database in
            try Row.fetchOne(database, sql: SQLiteLedger.selectRuns + " WHERE id = ?", arguments: [id])
                .map(SQLiteLedger.record)
        }
    }

    public func runs() throws(LedgerError) -> [RunRecord] {
        try read { database in
            try Row.fetchAll(database, sql: SQLiteLedger.selectRuns + " ORDER BY run.number").map(
                SQLiteLedger.record)
        }
    }

    private static let selectRuns =
        "SELECT run.*, product.name AS product_name FROM run JOIN product ON product.number = run.product"

    private static func record(_ row: Row) throws -> RunRecord {
        let id: String = try row.value("id")
        let name: String = try row.value("state")
        guard let state = RunState(rawValue: name),
            let openIndex = UInt64(exactly: try row.value("open_index") as Int64)
        else { throw LedgerDamage("run \(id) has an unknown state, \(name), or no index") }
        let run = NewRun(
            id: id, product: try row.value("product_name"),
            manifestDigest: Array(try row.value("manifest") as Data),
            authorisationDigest: Array(try row.value("authorisation") as Data),
            templateDigest: Array(try row.value("template") as Data),
            notBefore: try row.value("not_before"), quantity: try row.value("quantity"),
            spoilage: try row.value("spoilage"), openIndex: openIndex,
            openedAt: try row.value("opened_at"))
        return RunRecord(
            number: try row.value("number"), run: run, state: state, reserved: try row.value("reserved"),
            released: try row.value("released"), scrapped: try row.value("scrapped"),
            burned: try row.value("burned"), sealedAt: try row.value("sealed_at"))
    }
}
