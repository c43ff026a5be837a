import Foundation
import GRDB

/// Which chunks may hold a value: the fingerprint table of this ledger, verified against what the ledger says.
///
/// A fingerprint that is there is a candidate only; the chunk's own octets decide. The table grows after each
/// commit: a process that dies in between leaves a table that lacks the last chunk, which the next one adds. Entries
/// before the commit would leave ones to take out again, and a table ahead of its ledger would no longer prove that
/// the ledger lost commits.
///
/// Used on the database's queue only.
final class FingerprintIndex {
    let fingerprinting: Fingerprinting
    /// Whether this process may add to it, and no other can.
    let isWritable: Bool
    private(set) var memory: FingerprintMemory
    /// The last chunk that is in.
    private(set) var applied: Int64
    /// Of all chunks up to `applied`.
    private(set) var sum: FingerprintSum
    /// Fingerprints of burned certificate serial numbers: losses, few enough for this process's own memory.
    private var burned: Set<UInt64> = []

    /// A reader beside a run in progress looks the newest chunks through by itself, but not ever more of them.
    static let mostUnindexed: Int64 = 64

    private var table: FingerprintTable { memory.table }

    private init(
        _ memory: FingerprintMemory, _ fingerprinting: Fingerprinting, isWritable: Bool, applied: Int64,
        sum: FingerprintSum
    ) {
        self.memory = memory
        self.fingerprinting = fingerprinting
        self.isWritable = isWritable
        self.applied = applied
        self.sum = sum
    }

    /// An empty one that changes no file.
    convenience init(inMemory memory: FingerprintMemory, _ fingerprinting: Fingerprinting) {
        self.init(memory, fingerprinting, isWritable: false, applied: 0, sum: FingerprintSum())
    }

    /// The table for whoever records devices, with room for `devices` more; made anew where what is at `path` is not
    /// exactly what the ledger says.
    ///
    /// Throws `rolledBack` where it has chunks that the ledger lacks, and `cannotOpen` where another process has it.
    static func toWrite(
        _ path: String, _ identity: LedgerIdentity, _ fingerprinting: Fingerprinting, roomFor devices: Int,
        _ database: Database
    ) throws -> FingerprintIndex {
        let ledger = try Ledgered(database)
        // Held until a new table has taken its place, so that no other process makes one, too.
        let file = try TableFile(locking: path)
        defer { withExtendedLifetime(file) {} }
        let found = try FingerprintMemory.open(file, ledger: identity, writing: true)
        let index: FingerprintIndex
        if let found, let verified = try verified(found, identity, fingerprinting, ledger, path, database) {
            index = verified
        } else {
            let memory = try FingerprintMemory.create(
                path + ".new", capacity: FingerprintTable.capacity(for: ledger.sum.count + 4 * devices),
                ledger: identity)
            index = FingerprintIndex(
                memory, fingerprinting, isWritable: true, applied: 0, sum: FingerprintSum())
            try index.addChunks(after: 0, database)
            memory.setApplied(index.applied, identity.hash)
            try replace(path)
        }
        try index.loadBurned(database)
        try index.makeRoom(for: devices, path, identity)
        return index
    }

    /// The table for lookups, which changes no file: the one at `path` as far as it is right, or one in memory.
    static func toRead(
        _ path: String, _ identity: LedgerIdentity, _ fingerprinting: Fingerprinting, _ database: Database
    ) throws -> FingerprintIndex {
        let ledger = try Ledgered(database)
        if let file = TableFile(reading: path),
            let found = try FingerprintMemory.open(file, ledger: identity, writing: false),
            // Later ones than this moment's ledger has are passed over.
            case let applied = min(found.applied(identity.hash) ?? 0, ledger.last),
            ledger.last - applied < mostUnindexed,
            let expected = try Ledgered.sum(through: applied, database),
            let sums = found.table.sums(through: applied), sums.through == expected
        {
            return FingerprintIndex(
                found, fingerprinting, isWritable: false, applied: applied, sum: expected)
        }
        let memory = try FingerprintMemory.anonymous(
            capacity: FingerprintTable.capacity(for: ledger.sum.count))
        let index = FingerprintIndex(inMemory: memory, fingerprinting)
        try index.addChunks(after: 0, database)
        return index
    }

    /// What the ledger says of the table.
    private struct Ledgered {
        /// The last chunk's number, 0 where there is none.
        let last: Int64
        let sum: FingerprintSum

        init(_ database: Database) throws {
            last = try Int64.fetchOne(database, sql: "SELECT max(number) FROM chunk") ?? 0
            sum = try Ledgered.sum(through: last, database) ?? FingerprintSum()
            guard (0...FingerprintTable.maximumChunk).contains(last),
                (0...(4 * DeviceChunk.maximumCount * Int(last))).contains(sum.count)
            else { throw LedgerDamage("chunk \(last) has an impossible number or count") }
        }

        static func sum(through chunk: Int64, _ database: Database) throws -> FingerprintSum? {
            if chunk == 0 { return FingerprintSum() }
            return try Row.fetchOne(
                database, sql: "SELECT fingerprints, fingerprint_sum FROM chunk WHERE number = ?",
                arguments: [chunk]
            ).map { FingerprintSum(count: try $0.value(0), sum: UInt64(bitPattern: try $0.value(1))) }
        }
    }

    private static func verified(
        _ memory: FingerprintMemory, _ identity: LedgerIdentity, _ fingerprinting: Fingerprinting,
        _ ledger: Ledgered, _ path: String, _ database: Database
    ) throws -> FingerprintIndex? {
        guard let applied = memory.applied(identity.hash) else { return nil }
        guard applied <= ledger.last else {
            throw LedgerError(
                .rolledBack, path,
                "\(applied) chunks were recorded, and the ledger has \(ledger.last): commits are gone from it",
                hint: "Was the ledger, or its write-ahead log, restored or removed? Put the newest back and "
                    + "compare it with the log; remove this file only when nothing newer is left.")
        }
        guard let expected = try Ledgered.sum(through: applied, database),
            let sums = memory.table.sums(through: applied), sums.through == expected,
            sums.later.count <= ledger.sum.count - expected.count,
            // With room for what is added even where none of the later ones belongs there.
            FingerprintTable.capacity(for: ledger.sum.count + sums.later.count) <= memory.table.capacity
        else { return nil }
        let index = FingerprintIndex(
            memory, fingerprinting, isWritable: true, applied: applied, sum: expected)
        // A chunk's entries may be there in part already: they are not added twice.
        let added = try index.addChunks(after: applied, database)
        guard expected + sums.later + added == ledger.sum else { return nil }
        memory.setApplied(index.applied, identity.hash)
        return index
    }

    /// Adds the chunks after `chunk` from the ledger, and answers the sum of the entries that were new; throws
    /// `corrupt` where a chunk's fingerprints are not those that it was recorded with.
    @discardableResult
    func addChunks(after chunk: Int64, _ database: Database) throws -> FingerprintSum {
        var added = FingerprintSum()
        try StoredChunk.forEach(after: chunk, database) { stored in
            let number = UInt64(bitPattern: stored.number)
            let fingerprints = try stored.devices.withDevices { devices throws in
                try ChunkFingerprints(devices, product: stored.product, fingerprinting)
            }
            guard hasRoom(for: fingerprints.distinct.count) else {
                throw LedgerDamage("chunk \(stored.number) has more devices than the ledger counts")
            }
            for fingerprint in fingerprints.distinct where table.insert(fingerprint | number) {
                added.add(fingerprint | number)
            }
            sum = sum + fingerprints.sum(chunk: stored.number)
            guard sum == stored.sum, stored.number == applied + 1 else {
                throw LedgerDamage("the devices of chunk \(stored.number) are not those that were recorded")
            }
            applied = stored.number
        }
        return added
    }

    /// Makes the table larger where `devices` more would fill it too far.
    func makeRoom(for devices: Int, _ path: String, _ identity: LedgerIdentity) throws(LedgerError) {
        let capacity = FingerprintTable.capacity(for: sum.count + 4 * devices)
        guard capacity > table.capacity else { return }
        let larger = try FingerprintMemory.create(path + ".new", capacity: capacity, ledger: identity)
        larger.table.fill(from: table, through: applied)
        larger.setApplied(applied, identity.hash)
        try FingerprintIndex.replace(path)
        memory = larger
    }

    private static func replace(_ path: String) throws(LedgerError) {
        guard rename(path + ".new", path) == 0 else {
            throw LedgerError(.io, path, String(cString: strerror(errno)))
        }
    }

    /// Adds a chunk that is committed.
    func add(_ fingerprints: ChunkFingerprints, chunk: Int64, sum newSum: FingerprintSum, _ hash: SipHash) {
        let table = table
        for fingerprint in fingerprints.distinct { table.insert(fingerprint | UInt64(bitPattern: chunk)) }
        applied = chunk
        sum = newSum
        memory.setApplied(chunk, hash)
    }

    func hasRoom(for fingerprints: Int) -> Bool {
        FingerprintTable.capacity(for: sum.count + fingerprints) <= table.capacity
    }

    func loadBurned(_ database: Database) throws {
        let cursor = try Data.fetchCursor(database, sql: "SELECT certificate_serial FROM burned")
        while let serial = try cursor.next() { addBurned(serial) }
    }

    func addBurned(_ certificateSerialNumber: some ContiguousBytes) {
        burned.insert(fingerprint(certificateSerialNumber))
    }

    func mayBeBurned(_ fingerprint: UInt64) -> Bool { burned.contains(fingerprint) }

    /// The fingerprint of a certificate serial number.
    func fingerprint(_ certificateSerialNumber: some ContiguousBytes) -> UInt64 {
        certificateSerialNumber.withUnsafeBytes {
            fingerprinting.fingerprint(.certificateSerialNumber, product: 0, $0)
        }
    }

    /// The chunks up to `applied` that may hold the value of this fingerprint, ascending.
    func candidates(_ fingerprint: UInt64) -> [Int64] {
        var chunks: [Int64] = []
        table.forEachChunk(of: fingerprint) { if $0 <= applied { chunks.append($0) } }
        return chunks.count > 1 ? chunks.sorted() : chunks
    }

    /// The indices into `fingerprints` that chunks may hold already, with each such chunk.
    func candidates(_ fingerprints: [UInt64]) -> [(index: Int, chunk: Int64)] {
        let table = table
        var touched: UInt64 = 0
        for fingerprint in fingerprints { touched ^= table.touch(fingerprint) }
        var found: [(Int, Int64)] = []
        for index in fingerprints.indices {
            table.forEachChunk(of: fingerprints[index]) { found.append((index, $0)) }
        }
        // Never true: the sum of what was read ahead is used, so that it is read.
        if touched == 1 { found.reserveCapacity(1) }
        return found
    }
}
