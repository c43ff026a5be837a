import Foundation
import GRDB

// Rows: reserved, recorded or given up.
extension SQLiteLedger {
    public func reserve(_ reservation: Reservation, run: String) throws(LedgerError) {
        try write { database in
            try reserve(reservation, run: run, number: try number(of: run, database), database)
        }
    }

    private func reserve(
        _ reservation: Reservation, run: String, number: Int64, _ database: Database
    ) throws {
        let count = reservation.certificateSerialNumbers.count
        try database.cachedStatement(
            sql: """
                UPDATE run SET reserved = reserved + ?1
                WHERE number = ?2 AND state = 'open' AND reserved + ?1 <= quantity + spoilage
                """
        ).execute(arguments: [count, number])
        guard database.changesCount == 1 else {
            let state = try String.fetchOne(
                database, sql: "SELECT state FROM run WHERE number = ?", arguments: [number])
            if state != "open" {
                throw LedgerError(.wrongState, run, "the run is \(state ?? "unknown"), not open")
            }
            throw LedgerError(
                .allowanceSpent, run,
                "\(count) more certificates would exceed the authorised quantity and spoilage",
                hint: "Losses used the allowance up: the approvers must authorise another run for the rest.")
        }
        var serials = Data(capacity: 20 * count)
        for serial in reservation.certificateSerialNumbers { serials.append(contentsOf: serial) }
        try database.cachedStatement(
            sql: "INSERT INTO reservation(run, first_row, count, certificate_serials) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [number, reservation.firstRow, count, serials])
    }

    public func record(
        _ devices: [LedgerDevice], run: String, reservingNext next: Reservation?
    ) throws(LedgerError) {
        guard let first = devices.first else { return }
        try write { database in
            let number = try number(of: run, database)
            try database.cachedStatement(
                sql: "DELETE FROM reservation WHERE run = ? AND first_row = ? AND count = ?"
            ).execute(arguments: [number, first.row, devices.count])
            guard database.changesCount == 1 else {
                throw LedgerError(
                    .wrongState, run, "rows \(first.row) to \(first.row + devices.count - 1) are not reserved"
                )
            }
            let product = try Int64.fetchOne(
                database.cachedStatement(sql: "SELECT product FROM run WHERE number = ?"),
                arguments: [number])
            let insert = try database.cachedStatement(
                sql: """
                    INSERT INTO device(run, row, product, serial, certificate_serial_64, public_key_64,
                        certificate_64, certificate_serial, public_key, digest, certificate)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """)
            for device in devices {
                do {
                    try insert.execute(arguments: [
                        number, device.row, product, device.serial,
                        // The first octet of a serial number is not random.
                        SQLiteLedger.bits(device.certificateSerialNumber.dropFirst()),
                        SQLiteLedger.bits(device.publicKeyDigest[...]),
                        SQLiteLedger.bits(device.certificateDigest[...]),
                        Data(device.certificateSerialNumber), Data(device.publicKeyDigest),
                        Data(device.certificateDigest), Data(device.certificate),
                    ])
                } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                    throw LedgerError(
                        .duplicate, device.serial,
                        "its serial, key or certificate is in the ledger already (\(error.message ?? ""))",
                        hint: "Nothing of this chunk was recorded. If it was the key: stop using the token.")
                }
            }
            try database.cachedStatement(
                sql: """
                    UPDATE run SET released = released + ?1, first_device = ifnull(first_device, ?2)
                    WHERE number = ?3
                    """
            ).execute(arguments: [
                devices.count, database.lastInsertedRowID - Int64(devices.count) + 1, number,
            ])
            if let next { try reserve(next, run: run, number: number, database) }
        }
    }

    /// The first 64 bits, as the integer that SQLite indexes.
    private static func bits(_ bytes: ArraySlice<UInt8>) -> Int64 {
        Int64(bitPattern: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    @discardableResult
    public func burn(firstRow: Int?, run: String) throws(LedgerError) -> Int {
        try write { database in
            let number = try number(of: run, database)
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT first_row, count, certificate_serials FROM reservation
                    WHERE run = ?1 AND (?2 IS NULL OR first_row = ?2) ORDER BY first_row
                    """, arguments: [number, firstRow])
            var burned = 0
            for row in rows {
                let serials: Data = row["certificate_serials"]
                let first: Int = row["first_row"]
                for offset in 0..<(row["count"] as Int) {
                    let serial = serials.dropFirst(20 * offset).prefix(20)
                    try database.cachedStatement(
                        sql: "INSERT INTO burned(run, row, certificate_serial) VALUES (?, ?, ?)"
                    ).execute(arguments: [number, first + offset, serial])
                    burned += 1
                }
                try database.execute(
                    sql: "DELETE FROM reservation WHERE run = ? AND first_row = ?",
                    arguments: [number, first])
            }
            try database.execute(
                sql: "UPDATE run SET burned = burned + ? WHERE number = ?", arguments: [burned, number])
            return burned
        }
    }

    public func nextRow(run: String) throws(LedgerError) -> Int {
        try read { database in
            let number = try number(of: run, database)
            let recorded = try Int.fetchOne(
                database, sql: "SELECT released + scrapped FROM run WHERE number = ?", arguments: [number])
            let reserved = try Int.fetchOne(
                database, sql: "SELECT max(first_row + count) FROM reservation WHERE run = ?",
                arguments: [number])
            // Rows are recorded in their order, so what is recorded is a prefix of the list.
            return max(recorded ?? 0, reserved ?? 0)
        }
    }

    public func forEachReleased(run: String, _ body: ([LedgerDevice]) throws -> Void) throws {
        // A run's devices stand together from its first on, since runs take turns.
        let start = try read { database in
            try Row.fetchOne(
                database, sql: "SELECT number, first_device FROM run WHERE id = ?", arguments: [run])
        }
        guard let start else { throw LedgerError(.runUnknown, run, "no such run") }
        guard let first = start["first_device"] as Int64? else { return }
        let number: Int64 = start["number"]
        var last = first - 1
        while true {
            let batch = try read { database in
                try Row.fetchAll(
                    database,
                    sql: """
                        SELECT number, row, serial, certificate_serial, public_key, digest, certificate FROM device
                        WHERE number > ? AND run = ? AND scrapped = 0 ORDER BY number LIMIT 1000
                        """, arguments: [last, number])
            }
            guard let end = batch.last else { return }
            last = end["number"]
            try body(batch.map(SQLiteLedger.device))
        }
    }

    private static func device(_ row: Row) -> LedgerDevice {
        let serialNumber: Data = row["certificate_serial"]
        let publicKey: Data = row["public_key"]
        let digest: Data = row["digest"]
        let certificate: Data = row["certificate"]
        return LedgerDevice(
            row: row["row"], serial: row["serial"], certificateSerialNumber: Array(serialNumber),
            publicKeyDigest: Array(publicKey), certificateDigest: Array(digest),
            certificate: Array(certificate))
    }

    public func burned(run: String) throws(LedgerError) -> [[UInt8]] {
        try read { database in
            try Data.fetchAll(
                database,
                sql: "SELECT certificate_serial FROM burned WHERE run = ? ORDER BY number",
                arguments: [try number(of: run, database)]
            ).map { Array($0) }
        }
    }

    public func known(_ serials: [String], product: String) throws(LedgerError) -> [String: String] {
        try read { database in
            var found: [String: String] = [:]
            let statement = try database.cachedStatement(
                sql: """
                    SELECT run.id FROM device JOIN run ON run.number = device.run
                    WHERE device.product = (SELECT number FROM product WHERE name = ?) AND device.serial = ? AND device.scrapped = 0
                    """)
            for serial in serials {
                if let run = try String.fetchOne(statement, arguments: [product, serial]) {
                    found[serial] = run
                }
            }
            return found
        }
    }
}
