import Foundation
import GRDB

// The fingerprints beside the ledger: opened when something first needs them.
extension SQLiteLedger {
    var fingerprintPath: String {
        (path.hasSuffix(".sqlite") ? String(path.dropLast(".sqlite".count)) : path) + ".fingerprints"
    }

    /// Takes the room that `devices` more need, beside those of the runs that are open.
    ///
    /// Throws `diskFull` where the disk has it not, `rolledBack` where the ledger has lost commits.
    public func prepare(forAdditional devices: Int) throws(LedgerError) {
        try read { database in
            let index = try indexToWrite(database)
            let outstanding = try SQLiteLedger.expectedDevices(database)
            // More than any disk holds: refused as too much, and not added up beyond what an Int takes.
            let wanted = min(max(devices, 0), 1 << 48) + min(outstanding, 1 << 48)
            try index.makeRoom(for: wanted, fingerprintPath, identity)
        }
    }

    /// How many devices the open runs may still bring.
    private static func expectedDevices(_ database: Database) throws -> Int {
        try Int.fetchOne(
            database,
            sql: """
                SELECT sum(quantity + spoilage - released - scrapped - burned) FROM run
                WHERE state <> 'sealed'
                """) ?? 0
    }

    func indexToWrite(_ database: Database) throws -> FingerprintIndex {
        if let index = opened.index, index.isWritable { return index }
        let index = try FingerprintIndex.toWrite(
            fingerprintPath, identity, fingerprinting,
            roomFor: try SQLiteLedger.expectedDevices(database), database)
        opened.index = index
        return index
    }

    /// For lookups: the table to write to where that is possible, or one that is right as far as it goes.
    func indexToRead(_ database: Database, last: Int64) throws -> FingerprintIndex {
        if let index = opened.index,
            index.isWritable || last - index.applied < FingerprintIndex.mostUnindexed
        {
            return index
        }
        var index: FingerprintIndex?
        if !isReadOnly {
            do {
                index = try indexToWrite(database)
            } catch let error as LedgerError where error.code != .corrupt {
                // Another process records, the disk is full, the ledger was put back: looking is still possible.
            }
        }
        let found =
            try index ?? FingerprintIndex.toRead(fingerprintPath, identity, fingerprinting, database)
        opened.index = found
        return found
    }

    /// The chunks that may hold a value of this kind, ascending.
    func candidates(_ fingerprints: [UInt64], _ database: Database) throws -> [[Int64]] {
        let last = try Int64.fetchOne(database, sql: "SELECT max(number) FROM chunk") ?? 0
        let index = try indexToRead(database, last: last)
        let newest = index.applied < last ? Array((index.applied + 1)...last) : []
        return fingerprints.map { index.candidates($0) + newest }
    }
}
