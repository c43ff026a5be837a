import Crypto
import Foundation
import GRDB

/// A chunk as it was read from the ledger, its checksum verified.
struct StoredChunk {
    let number: Int64
    let run: Int64
    let product: Int64
    let firstRow: Int
    /// Fingerprints of this chunk and of all before it.
    let sum: FingerprintSum
    let devices: DeviceChunk

    private static let select = """
        SELECT chunk.number, chunk.run, run.product, chunk.first_row, chunk.count, chunk.fingerprints,
            chunk.fingerprint_sum, chunk.checksum, chunk.devices
        FROM chunk JOIN run ON run.number = chunk.run
        """

    init(_ number: Int64, _ database: Database) throws {
        let statement = try database.cachedStatement(
            sql: StoredChunk.select + " WHERE chunk.number = ?")
        // A cursor's row is the statement's own, and gone with the cursor.
        let rows = try Row.fetchCursor(statement, arguments: [number])
        defer { withExtendedLifetime(rows) {} }
        guard let row = try rows.next() else { throw LedgerDamage("chunk \(number) is not there") }
        try self.init(row)
    }

    /// Calls `body` with every chunk after `number`, ascending.
    static func forEach(
        after number: Int64, _ database: Database, _ body: (StoredChunk) throws -> Void
    ) throws {
        let rows = try Row.fetchCursor(
            database, sql: select + " WHERE chunk.number > ? ORDER BY chunk.number", arguments: [number])
        while let row = try rows.next() { try body(try StoredChunk(row)) }
    }

    private init(_ row: Row) throws {
        number = try row.value(0)
        run = try row.value(1)
        product = try row.value(2)
        firstRow = try row.value(3)
        sum = FingerprintSum(count: try row.value(5), sum: UInt64(bitPattern: try row.value(6)))
        let bytes = try row.withUnsafeData(atIndex: 8) { [UInt8]($0 ?? Data()) }
        guard StoredChunk.checksum(bytes) == (try row.value(7)), let devices = try? DeviceChunk(bytes),
            devices.count == (try row.value(4))
        else {
            throw LedgerDamage("the octets of chunk \(number) are not those that were recorded")
        }
        self.devices = devices
    }

    /// The first 8 octets of the SHA-256.
    static func checksum(_ bytes: [UInt8]) -> Int64 {
        SHA256.hash(data: bytes).withUnsafeBytes {
            Int64(bigEndian: $0.loadUnaligned(as: Int64.self))
        }
    }

    /// The positions of its devices that were scrapped, ascending.
    static func scrapped(_ number: Int64, _ database: Database) throws -> [Int] {
        try Int.fetchAll(
            database.cachedStatement(
                sql: "SELECT position FROM scrapped WHERE chunk = ? ORDER BY position"),
            arguments: [number])
    }
}

/// Something in the ledger that no commit has written so; becomes a `corrupt` that names the file.
struct LedgerDamage: Error {
    let message: String

    init(_ message: String) { self.message = message }
}

extension Row {
    /// A column's value, or an error where damage has put another kind of value there.
    func value<Value: DatabaseValueConvertible & StatementColumnConvertible>(_ index: Int) throws -> Value {
        try decode(Value.self, atIndex: index)
    }

    func value<Value: DatabaseValueConvertible & StatementColumnConvertible>(
        _ column: String
    ) throws -> Value {
        try decode(Value.self, forColumn: column)
    }
}
