import Foundation
import GRDB

// Runs: their beginning, state and counts.
extension SQLiteLedger {
    public func open(_ run: NewRun) throws(LedgerError) {
        // First, so that a full disk keeps the run from being begun.
        try prepare(forAdditional: run.quantity + run.spoilage)
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
        guard let state = RunState(rawValue: row["state"]) else {
            throw LedgerError(.corrupt, row["id"], "an unknown state: \(row["state"] as String)")
        }
        let run = NewRun(
            id: row["id"], product: row["product_name"], manifestDigest: Array(row["manifest"] as Data),
            authorisationDigest: Array(row["authorisation"] as Data),
            templateDigest: Array(row["template"] as Data), notBefore: row["not_before"],
            quantity: row["quantity"], spoilage: row["spoilage"],
            openIndex: UInt64(row["open_index"] as Int64), openedAt: row["opened_at"])
        return RunRecord(
            number: row["number"], run: run, state: state, reserved: row["reserved"],
            released: row["released"], scrapped: row["scrapped"], burned: row["burned"],
            sealedAt: row["sealed_at"])
    }
}
