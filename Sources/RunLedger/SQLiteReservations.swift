import Foundation
import GRDB

// Rows that are reserved, and those that are given up.
extension SQLiteLedger {
    public func reserve(_ reservation: Reservation, run: String) throws(LedgerError) {
        try write { database in
            let index = try indexToWrite(database)
            let facts = try RunFacts(run, database)
            try reserve(reservation, run: facts, nextRow: facts.nextRow, index, database)
        }
    }

    /// What a step on a run's rows needs of it.
    struct RunFacts {
        let id: String
        let number: Int64
        let product: Int64
        let nextRow: Int

        init(_ id: String, _ database: Database) throws {
            let statement = try database.cachedStatement(
                sql: "SELECT number, product, next_row FROM run WHERE id = ?")
            guard let row = try Row.fetchOne(statement, arguments: [id]) else {
                throw LedgerError(.runUnknown, id, "no such run")
            }
            self.id = id
            number = try row.value(0)
            product = try row.value(1)
            nextRow = try row.value(2)
        }
    }

    /// `nextRow` is the first row that no device was recorded for.
    func reserve(
        _ reservation: Reservation, run: RunFacts, nextRow: Int, _ index: FingerprintIndex,
        _ database: Database
    ) throws {
        let first = reservation.firstRow
        let count = reservation.certificateSerialNumbers.count
        guard count > 0, first >= 0, reservation.certificateSerialNumbers.allSatisfy({ $0.count == 20 })
        else {
            throw LedgerError(
                .wrongState, run.id, "a reservation is of one row or more, with 20 octets for each")
        }
        try database.cachedStatement(
            sql: """
                UPDATE run SET reserved = reserved + ?1
                WHERE number = ?2 AND state = 'open' AND reserved + ?1 <= quantity + spoilage
                    AND ?3 + ?1 <= quantity
                """
        ).execute(arguments: [count, run.number, first])
        guard database.changesCount == 1 else { throw try refusal(first, count, run, database) }
        let overlapping = try Int.fetchOne(
            database.cachedStatement(
                sql: """
                    SELECT 1 FROM reservation
                    WHERE run = ?1 AND first_row < ?2 + ?3 AND first_row + count > ?2 LIMIT 1
                    """), arguments: [run.number, first, count])
        if overlapping != nil {
            throw LedgerError(.wrongState, run.id, "some of \(rows(first, count)) are reserved already")
        }
        if first < nextRow { try requireScrapped(first, count, run, nextRow: nextRow, database) }
        var serials = Data(capacity: 20 * count)
        for serial in reservation.certificateSerialNumbers { serials.append(contentsOf: serial) }
        try requireNew(serials, index, database)
        try database.cachedStatement(
            sql: "INSERT INTO reservation(run, first_row, count, certificate_serials) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [run.number, first, count, serials])
    }

    func rows(_ first: Int, _ count: Int) -> String { "rows \(first) to \(first + count - 1)" }

    /// Why the run takes no such reservation.
    private func refusal(
        _ first: Int, _ count: Int, _ run: RunFacts, _ database: Database
    ) throws -> LedgerError {
        let row = try Row.fetchOne(
            database, sql: "SELECT state, quantity FROM run WHERE number = ?", arguments: [run.number])
        let state: String = row?[0] ?? "unknown"
        if state != "open" { return LedgerError(.wrongState, run.id, "the run is \(state), not open") }
        let quantity: Int = row?[1] ?? 0
        if first + count > quantity {
            return LedgerError(
                .wrongState, run.id, "\(rows(first, count)) are not among the run's \(quantity)")
        }
        return LedgerError(
            .allowanceSpent, run.id,
            "\(count) more certificates would exceed the authorised quantity and spoilage",
            hint: "Losses used the allowance up: the approvers must authorise another run for the rest.")
    }

    /// Throws unless every one of these rows was recorded, and every device of it scrapped.
    func requireScrapped(
        _ first: Int, _ count: Int, _ run: RunFacts, nextRow: Int, _ database: Database
    ) throws {
        guard first + count <= nextRow else {
            throw LedgerError(
                .wrongState, run.id, "\(rows(first, count)) are partly new and partly recorded already")
        }
        for row in first..<(first + count) {
            let made = try Int.fetchOne(
                database.cachedStatement(
                    sql: """
                        SELECT count(*) FROM chunk
                        WHERE run = ?1 AND first_row <= ?2 AND first_row > ?2 - ?3 AND first_row + count > ?2
                        """), arguments: [run.number, row, DeviceChunk.maximumCount])
            let scrapped = try Int.fetchOne(
                database.cachedStatement(sql: "SELECT count(*) FROM scrapped WHERE run = ? AND row = ?"),
                arguments: [run.number, row])
            if made != scrapped {
                throw LedgerError(
                    .wrongState, run.id, "row \(row) is recorded already, and its device is not scrapped")
            }
        }
    }

    /// Throws `duplicate` where a certificate has one of these serial numbers, 20 octets each, or was burned with it.
    private func requireNew(_ serials: Data, _ index: FingerprintIndex, _ database: Database) throws {
        let numbers = stride(from: 0, to: serials.count, by: 20).map { serials.dropFirst($0).prefix(20) }
        let fingerprints = numbers.map(index.fingerprint)
        for (place, chunk) in index.candidates(fingerprints) {
            try requireAbsent(numbers[place], chunk, database)
        }
        for (place, fingerprint) in fingerprints.enumerated() where index.mayBeBurned(fingerprint) {
            if try isBurned(numbers[place], database) { throw SQLiteLedger.repeated(numbers[place]) }
        }
    }

    private func requireAbsent(_ number: Data, _ chunk: Int64, _ database: Database) throws {
        let isThere = try StoredChunk(chunk, database).devices.withDevices { devices in
            devices.contains { $0.certificateSerialNumber.elementsEqual(number) }
        }
        if isThere { throw SQLiteLedger.repeated(number) }
    }

    private static func repeated(_ number: Data) -> LedgerError {
        LedgerError(
            .duplicate, number.map { String(format: "%02x", $0) }.joined(),
            "this certificate serial number was used before",
            hint: "Random numbers repeat on this machine: was it restored from a snapshot? Make nothing "
                + "on it.")
    }

    func isBurned(_ certificateSerialNumber: Data, _ database: Database) throws -> Bool {
        try Int.fetchOne(
            database.cachedStatement(sql: "SELECT 1 FROM burned WHERE certificate_serial = ?"),
            arguments: [certificateSerialNumber]) != nil
    }

    /// Throws `duplicate` where a device has one of these: to burn it would revoke that device.
    private func requireUnrecorded(_ serials: Data, _ database: Database) throws {
        let numbers = stride(from: 0, to: serials.count, by: 20).map { serials.dropFirst($0).prefix(20) }
        let fingerprints = numbers.map { number in
            number.withUnsafeBytes {
                fingerprinting.fingerprint(.certificateSerialNumber, product: 0, $0)
            }
        }
        for (number, chunks) in zip(numbers, try candidates(fingerprints, database)) {
            for chunk in chunks { try requireAbsent(number, chunk, database) }
        }
    }

    @discardableResult
    public func burn(firstRow: Int?, run: String) throws(LedgerError) -> Int {
        let lost = try write { database in
            let number = try RunFacts(run, database).number
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT first_row, count, certificate_serials FROM reservation
                    WHERE run = ?1 AND (?2 IS NULL OR first_row = ?2) ORDER BY first_row
                    """, arguments: [number, firstRow])
            var lost: [Data] = []
            for row in rows {
                let serials: Data = try row.value("certificate_serials")
                let first: Int = try row.value("first_row")
                try requireUnrecorded(serials, database)
                for offset in 0..<(serials.count / 20) {
                    let serial = serials.dropFirst(20 * offset).prefix(20)
                    try database.cachedStatement(
                        sql: "INSERT INTO burned(run, row, certificate_serial) VALUES (?, ?, ?)"
                    ).execute(arguments: [number, first + offset, serial])
                    lost.append(serial)
                }
                try database.execute(
                    sql: "DELETE FROM reservation WHERE run = ? AND first_row = ?",
                    arguments: [number, first])
            }
            try database.execute(
                sql: "UPDATE run SET burned = burned + ? WHERE number = ?", arguments: [lost.count, number])
            return lost
        } committed: { lost in
            for serial in lost { opened.index?.addBurned(serial) }
        }
        return lost.count
    }

    public func nextRow(run: String) throws(LedgerError) -> Int {
        try read { database in
            let facts = try RunFacts(run, database)
            let reserved = try Int.fetchOne(
                database, sql: "SELECT max(first_row + count) FROM reservation WHERE run = ?",
                arguments: [facts.number])
            return max(facts.nextRow, reserved ?? 0)
        }
    }

    public func burned(run: String) throws(LedgerError) -> [[UInt8]] {
        try read { database in
            try Data.fetchAll(
                database,
                sql: "SELECT certificate_serial FROM burned WHERE run = ? ORDER BY number",
                arguments: [try RunFacts(run, database).number]
            ).map { Array($0) }
        }
    }
}
