import Foundation
import GRDB

// Devices by their serial: looked up, and scrapped.
extension SQLiteLedger {
    public func known(_ serials: [String], product: String) throws(LedgerError) -> [String: String] {
        try read { database in
            guard let product = try SQLiteLedger.product(product, database) else { return [:] }
            let fingerprints = serials.map { serialFingerprint($0, product) }
            var wanted: [Int64: Set<String>] = [:]
            for (serial, chunks) in zip(serials, try candidates(fingerprints, database)) {
                for chunk in chunks { wanted[chunk, default: []].insert(serial) }
            }
            var found: [String: String] = [:]
            for (number, serials) in wanted {
                let stored = try StoredChunk(number, database)
                guard stored.product == product else { continue }
                let positions = stored.devices.withDevices { devices in
                    devices.indices.filter { serials.contains(devices[$0].serialText) }
                }
                guard !positions.isEmpty else { continue }
                let scrapped = Set(try StoredChunk.scrapped(number, database))
                let run = try SQLiteLedger.runName(stored.run, database)
                for position in positions where !scrapped.contains(position) {
                    found[stored.devices.withDevices { $0[position].serialText }] = run
                }
            }
            return found
        }
    }

    public func devices(serial: String, product: String?) throws(LedgerError) -> [DeviceRecord] {
        try read { try devices(serial: serial, product: product, $0) }
    }

    private func devices(
        serial: String, product: String?, _ database: Database
    ) throws -> [DeviceRecord] {
        let products: [(number: Int64, name: String)] = try Row.fetchAll(
            database, sql: "SELECT number, name FROM product WHERE name = ?1 OR ?1 IS NULL",
            arguments: [product]
        ).map { (try $0.value(0), try $0.value(1)) }
        var found: [DeviceRecord] = []
        let candidates = try candidates(products.map { serialFingerprint(serial, $0.number) }, database)
        for (product, chunks) in zip(products, candidates) {
            for number in chunks {
                let stored = try StoredChunk(number, database)
                guard stored.product == product.number else { continue }
                let position = stored.devices.withDevices { devices in
                    devices.firstIndex { $0.serialText == serial }
                }
                guard let position else { continue }
                found.append(
                    DeviceRecord(
                        run: try SQLiteLedger.runName(stored.run, database), product: product.name,
                        chunk: number, position: position,
                        state: try SQLiteLedger.state(number, position, database),
                        device: stored.devices.device(at: position, firstRow: stored.firstRow)))
            }
        }
        return found.sorted { $0.chunk < $1.chunk }
    }

    @discardableResult
    public func scrap(
        serial: String, product: String, reason: String, at time: Int64
    ) throws(LedgerError) -> DeviceRecord {
        try write { try scrap(serial: serial, product: product, reason: reason, at: time, $0) }
    }

    func scrap(
        serial: String, product: String, reason: String, at time: Int64, _ database: Database
    ) throws -> DeviceRecord {
        let made = try devices(serial: serial, product: product, database)
        guard let device = made.last(where: { $0.state == .released }) else {
            if case .scrapped(_, let at)? = made.last?.state {
                let date = Date(timeIntervalSince1970: TimeInterval(at)).ISO8601Format()
                throw LedgerError(.wrongState, serial, "it was scrapped at \(date)")
            }
            throw LedgerError(.deviceUnknown, serial, "no device of product \(product) has this serial")
        }
        let run = try RunFacts(device.run, database).number
        try database.execute(
            sql: """
                INSERT INTO scrapped(chunk, position, run, row, serial, reason, scrapped_at)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [device.chunk, device.position, run, device.device.row, serial, reason, time])
        try database.execute(
            sql: "UPDATE run SET released = released - 1, scrapped = scrapped + 1 WHERE number = ?",
            arguments: [run])
        return DeviceRecord(
            run: device.run, product: device.product, chunk: device.chunk, position: device.position,
            state: .scrapped(reason: reason, at: time), device: device.device)
    }

    private func serialFingerprint(_ serial: String, _ product: Int64) -> UInt64 {
        var serial = serial
        return serial.withUTF8 {
            fingerprinting.fingerprint(.serial, product: product, UnsafeRawBufferPointer($0))
        }
    }

    private static func product(_ name: String, _ database: Database) throws -> Int64? {
        try Int64.fetchOne(database, sql: "SELECT number FROM product WHERE name = ?", arguments: [name])
    }

    static func runName(_ number: Int64, _ database: Database) throws -> String {
        let name = try String.fetchOne(
            database.cachedStatement(sql: "SELECT id FROM run WHERE number = ?"), arguments: [number])
        guard let name else { throw LedgerDamage("run \(number) is not there") }
        return name
    }

    private static func state(
        _ chunk: Int64, _ position: Int, _ database: Database
    ) throws -> DeviceState {
        let row = try Row.fetchOne(
            database.cachedStatement(
                sql: "SELECT reason, scrapped_at FROM scrapped WHERE chunk = ? AND position = ?"),
            arguments: [chunk, position])
        return try row.map { .scrapped(reason: try $0.value(0), at: try $0.value(1)) } ?? .released
    }
}
