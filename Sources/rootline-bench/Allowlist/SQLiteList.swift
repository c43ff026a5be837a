import Foundation
import GRDBSQLite
import TransparencyLog

/// The same devices in an SQLite file with a covering index over serial and key, the best that it can have for the
/// question whether a serial is listed with a key.
final class SQLiteList {
    private var database: OpaquePointer?
    private var statement: OpaquePointer?

    /// Opens the file of a list, and makes it where it is not there yet.
    ///
    /// With `isImmutable` SQLite is told that nobody will ever write to the file, and takes no locks; without, each
    /// question is a transaction of its own, as in a service whose list is brought up to date.
    init(of log: SyntheticLog, isImmutable: Bool, say: (String) -> Void) throws {
        let path = log.path + ".sqlite"
        if !FileManager.default.fileExists(atPath: path) {
            say("allowlist: putting \(log.devices) devices into SQLite")
            try Self.fill(path + ".tmp", devices: log.devices)
            try FileManager.default.moveItem(atPath: path + ".tmp", toPath: path)
        }
        let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI
        let uri = "file:\(path)" + (isImmutable ? "?immutable=1" : "")
        try Self.check(sqlite3_open_v2(uri, &database, flags, nil), "open")
        try Self.check(sqlite3_exec(database, "PRAGMA mmap_size = 4294967296", nil, nil, nil), "mmap")
        try Self.check(
            sqlite3_prepare_v3(
                database, "SELECT entry FROM device WHERE serial = ? AND key = ?", -1,
                UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil), "prepare")
    }

    deinit {
        sqlite3_finalize(statement)
        sqlite3_close(database)
    }

    /// Whether the serial (UTF-8) is listed with the key.
    func isListed(serial: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer) throws -> Bool {
        // Nil stands for SQLITE_STATIC: the octets stay where they are until the statement is reset.
        sqlite3_bind_text(
            statement, 1, serial.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(serial.count), nil)
        sqlite3_bind_blob(statement, 2, key.baseAddress, Int32(key.count), nil)
        let answer = sqlite3_step(statement)
        sqlite3_reset(statement)
        guard answer == SQLITE_ROW || answer == SQLITE_DONE else {
            throw BenchError(description: "SQLite answered \(answer)")
        }
        return answer == SQLITE_ROW
    }

    private static func fill(_ path: String, devices: Int) throws {
        try? FileManager.default.removeItem(atPath: path)
        var database: OpaquePointer?
        var insertion: OpaquePointer?
        defer {
            sqlite3_finalize(insertion)
            sqlite3_close(database)
        }
        try check(sqlite3_open(path, &database), "create")
        let schema = """
            PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;
            CREATE TABLE device (entry INTEGER PRIMARY KEY, serial TEXT NOT NULL, key BLOB NOT NULL);
            BEGIN
            """
        try check(sqlite3_exec(database, schema, nil, nil, nil), "schema")
        try check(
            sqlite3_prepare_v2(database, "INSERT INTO device VALUES (?, ?, ?)", -1, &insertion, nil),
            "prepare")
        for number in 0..<devices {
            let device = SyntheticLog.device(number)
            try device.serial.withUnsafeBytes { serial in
                try device.key.withUnsafeBytes { key in
                    sqlite3_bind_int64(insertion, 1, Int64(number))
                    sqlite3_bind_text(
                        insertion, 2, serial.baseAddress?.assumingMemoryBound(to: CChar.self),
                        Int32(serial.count), nil)
                    sqlite3_bind_blob(insertion, 3, key.baseAddress, Int32(key.count), nil)
                    guard sqlite3_step(insertion) == SQLITE_DONE else {
                        throw BenchError(description: "SQLite takes no row")
                    }
                    sqlite3_reset(insertion)
                }
            }
        }
        let index = "COMMIT; CREATE UNIQUE INDEX device_serial_key ON device (serial, key); ANALYZE"
        try check(sqlite3_exec(database, index, nil, nil, nil), "index")
    }

    private static func check(_ answer: Int32, _ action: String) throws {
        guard answer == SQLITE_OK else { throw BenchError(description: "SQLite: \(action): \(answer)") }
    }
}
