import Foundation
import GRDB

// Devices: recorded a chunk at a time, and read back.
extension SQLiteLedger {
    public func record(
        _ chunk: DeviceChunk, firstRow: Int, run: String, reservingNext next: [Reservation]
    ) throws(LedgerError) {
        guard chunk.count > 0 else { return }
        _ = try write { database in
            let index = try currentIndex(database)
            let facts = try RunFacts(run, database)
            try settle(chunk, firstRow: firstRow, facts, database)
            let fingerprints = try chunk.withDevices { devices throws in
                let fingerprints = try ChunkFingerprints(devices, product: facts.product, fingerprinting)
                try requireNew(devices, fingerprints, product: facts.product, index, database)
                return fingerprints
            }
            let number = index.applied + 1
            guard number <= FingerprintTable.maximumChunk else {
                throw LedgerError(.io, path, "it holds as many chunks as there are numbers")
            }
            if !index.hasRoom(for: fingerprints.distinct.count) {
                try index.makeRoom(for: max(chunk.count, index.sum.count / 4), fingerprintPath, identity)
            }
            let sum = index.sum + fingerprints.sum(chunk: number)
            try chunk.bytes.withUnsafeBytes { octets in
                try database.cachedStatement(
                    sql: """
                        INSERT INTO chunk(number, run, first_row, count, fingerprints, fingerprint_sum, checksum, devices)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                        """
                ).execute(arguments: [
                    number, facts.number, firstRow, chunk.count, sum.count, Int64(bitPattern: sum.sum),
                    StoredChunk.checksum(chunk.bytes), SQLiteLedger.lent(octets),
                ])
            }
            let nextRow = max(facts.nextRow, firstRow + chunk.count)
            try database.cachedStatement(
                sql: "UPDATE run SET released = released + ?, next_row = ? WHERE number = ?"
            ).execute(arguments: [chunk.count, nextRow, facts.number])
            for next in next { try reserve(next, run: facts, nextRow: nextRow, index, database) }
            return (index, fingerprints, number, sum)
        } committed: { index, fingerprints, number, sum in
            index.add(fingerprints, chunk: number, sum: sum, identity.hash)
        }
    }

    /// The octets as what GRDB binds, not copied; `octets` outlive the statement.
    private static func lent(_ octets: UnsafeRawBufferPointer) -> Data {
        guard let base = octets.baseAddress else { return Data() }
        return Data(
            bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: octets.count, deallocator: .none)
    }

    /// The fingerprints of all that is recorded.
    private func currentIndex(_ database: Database) throws -> FingerprintIndex {
        let index = try indexToWrite(database)
        let last = try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT max(number) FROM chunk"))
        guard index.applied == last ?? 0 else {
            throw LedgerError(
                .cannotOpen, path, "something else recorded devices in this ledger meanwhile",
                hint: "Two runs at once? Try again when the other has ended.")
        }
        return index
    }

    /// Settles the reservations of exactly these rows and certificate serial numbers.
    private func settle(
        _ chunk: DeviceChunk, firstRow: Int, _ run: RunFacts, _ database: Database
    ) throws {
        let statement = try database.cachedStatement(
            sql: """
                SELECT first_row, certificate_serials FROM reservation
                WHERE run = ?1 AND first_row >= ?2 AND first_row < ?2 + ?3 ORDER BY first_row
                """)
        var reserved = Data()
        var end = firstRow
        let cursor = try Row.fetchCursor(statement, arguments: [run.number, firstRow, chunk.count])
        while let row = try cursor.next(), try row.value("first_row") == end {
            reserved.append(try row.value("certificate_serials") as Data)
            end = firstRow + reserved.count / 20
        }
        guard end == firstRow + chunk.count else {
            throw LedgerError(.wrongState, run.id, "\(rows(firstRow, chunk.count)) are not reserved")
        }
        let isReserved = reserved.withUnsafeBytes { reserved in
            chunk.withDevices { devices in
                devices.indices.allSatisfy {
                    same(
                        devices[$0].certificateSerialNumber,
                        UnsafeRawBufferPointer(rebasing: reserved[(20 * $0)..<(20 * $0 + 20)]))
                }
            }
        }
        guard isReserved else {
            throw LedgerError(
                .wrongState, run.id,
                "\(rows(firstRow, chunk.count)) have certificate serial numbers other than those reserved")
        }
        if firstRow < run.nextRow {
            try requireScrapped(firstRow, chunk.count, run, nextRow: run.nextRow, database)
        } else if firstRow > run.nextRow {
            throw LedgerError(
                .wrongState, run.id, "row \(run.nextRow) is to be recorded before row \(firstRow)")
        }
        try database.cachedStatement(
            sql: "DELETE FROM reservation WHERE run = ?1 AND first_row >= ?2 AND first_row < ?3"
        ).execute(arguments: [run.number, firstRow, end])
    }

    /// Throws `duplicate` where one of the devices has what another had before it.
    func requireNew(
        _ devices: RawDevices, _ fingerprints: ChunkFingerprints, product: Int64, _ index: FingerprintIndex,
        _ database: Database
    ) throws {
        // Chunk by chunk, so that each is read once.
        let candidates = index.candidates(fingerprints.all).sorted { $0.chunk < $1.chunk }
        var stored: StoredChunk?
        for (place, number) in candidates {
            if stored?.number != number { stored = try StoredChunk(number, database) }
            guard let stored else { continue }
            let kind = Unique.allCases[place % 4]
            let device = devices[place / 4]
            let position = stored.devices.withDevices { others in
                others.indices.first { position in
                    same(kind.value(of: others[position]), kind.value(of: device))
                }
            }
            guard let position else { continue }
            if kind == .serial {
                // One chunk holds a serial once.
                if stored.product != product { continue }
                if try StoredChunk.scrapped(number, database).contains(position) { continue }
            }
            let run = try String.fetchOne(
                database, sql: "SELECT id FROM run WHERE number = ?", arguments: [stored.run])
            throw .duplicate(
                device.serialText, kind,
                "that of row \(stored.firstRow + position) of run \(run ?? "unknown") already") as LedgerError
        }
        for place in devices.indices where index.mayBeBurned(fingerprints.all[4 * place]) {
            guard try isBurned(Data(devices[place].certificateSerialNumber), database) else { continue }
            let serial = devices[place].serialText
            throw .duplicate(serial, .certificateSerialNumber, "a burned one") as LedgerError
        }
    }

    public func forEachChunk(
        run: String, _ body: (_ firstRow: Int, _ chunk: DeviceChunk, _ scrapped: [Int]) throws -> Void
    ) throws {
        let numbers = try read { database in
            try Int64.fetchAll(
                database, sql: "SELECT number FROM chunk WHERE run = ? ORDER BY number",
                arguments: [try RunFacts(run, database).number])
        }
        for number in numbers {
            let (stored, scrapped) = try read { database in
                (try StoredChunk(number, database), try StoredChunk.scrapped(number, database))
            }
            try body(stored.firstRow, stored.devices, scrapped)
        }
    }
}
