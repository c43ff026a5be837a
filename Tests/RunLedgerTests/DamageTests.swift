import Foundation
import GRDB
import Testing

@testable import RunLedger

@Suite("A damaged ledger is refused, and says what to do")
struct DamageTests {
    @Test(
        "Counts that do not add up are refused",
        arguments: [
            "UPDATE run SET released = 2", "UPDATE run SET released = 1", "UPDATE run SET scrapped = 2",
            "UPDATE run SET burned = 0", "UPDATE run SET reserved = 8", "UPDATE run SET next_row = 5",
            "DELETE FROM burned", "DELETE FROM reservation", "DELETE FROM scrapped", "DELETE FROM chunk",
            "UPDATE chunk SET count = 3", "UPDATE run SET released = 4, scrapped = 0",
        ])
    func counts(sql: String) throws {
        let fixture = try damageable()
        let error = #expect(throws: LedgerError.self) {
            try fixture.reopen { try fixture.execute(sql) }
        }
        #expect(error?.code == .corrupt && error?.hint?.contains("backup") == true)
    }

    @Test("A sealed run's counts are left to the deep check, which refuses them")
    func sealed() throws {
        let fixture = try damageable()
        try fixture.ledger.burn(firstRow: nil, run: "a")
        try fixture.ledger.advance("a", to: .sealed, at: 9)
        try fixture.ledger.check()
        try fixture.reopen { try fixture.execute("UPDATE run SET released = 2, scrapped = 2") }
        let error = #expect(throws: LedgerError.self) { try fixture.ledger.check() }
        #expect(error?.code == .corrupt)
    }

    /// 4 rows recorded and one of them scrapped, 2 burned, 1 reserved.
    private func damageable() throws -> Fixture {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 4, run: "a")
        try fixture.ledger.scrap(serial: "S1", product: "sensor", reason: "r", at: 0)
        try fixture.ledger.reserve(Fixture.reservation(4, 2), run: "a")
        try fixture.ledger.burn(firstRow: 4, run: "a")
        try fixture.ledger.reserve(Fixture.reservation(4, 1, salt: 20), run: "a")
        return fixture
    }

    @Test("A chunk that was changed is refused wherever it is read, whole as its form may be")
    func chunk() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 2, run: "a")
        let other = try DeviceChunk(Fixture.devices(0, 2, salt: 5, prefix: "T")).bytes
        let hex = other.map { String(format: "%02x", $0) }.joined()
        try fixture.reopen { try fixture.execute("UPDATE chunk SET devices = x'\(hex)'") }
        let steps: [() throws -> Void] = [
            { _ = try fixture.ledger.known(["S0"], product: "sensor") },
            { try fixture.ledger.forEachChunk(run: "a") { _, _, _ in } },
            { _ = try fixture.ledger.devices(serial: "S0", product: nil) },
            { try fixture.ledger.check() },
        ]
        for step in steps {
            let error = #expect(throws: LedgerError.self, performing: step)
            #expect(error?.code == .corrupt && error?.subject == fixture.path)
        }
        // With a checksum that fits, the fingerprints' sum still tells.
        try fixture.reopen {
            try fixture.execute("UPDATE chunk SET checksum = \(StoredChunk.checksum(other))")
            try FileManager.default.removeItem(atPath: fixture.fingerprints)
        }
        let error = #expect(throws: LedgerError.self) {
            try fixture.ledger.reserve(Fixture.reservation(2, 1), run: "a")
        }
        #expect(error?.code == .corrupt)
    }

    @Test("An octet flipped anywhere is found at opening, at reading or by the deep check")
    func flippedOctets() throws {
        let fixture = try Fixture()
        try fixture.open("a", quantity: 400, spoilage: 0)
        for first in stride(from: 0, to: 400, by: 100) {
            var devices = Fixture.devices(first, 100)
            for index in devices.indices { devices[index].certificate = [UInt8](repeating: 0x5a, count: 550) }
            try fixture.make(devices, run: "a")
        }
        try fixture.ledger.close()
        let whole = try Data(contentsOf: URL(fileURLWithPath: fixture.path))
        let path = fixture.folder + "/changed.sqlite"
        // Octets of SQLite's header that say how it was made and not what is there.
        let unused = Set(Array(24..<28) + Array(40..<72) + Array(92..<100))
        var unnoticed: [Int] = []
        for offset in Array(0..<100) + Array(stride(from: 101, to: whole.count, by: 2711))
        where !unused.contains(offset) {
            var changed = whole
            changed[offset] ^= 0x41
            try changed.write(to: URL(fileURLWithPath: path))
            do {
                let ledger = try SQLiteLedger(path: path, creating: false, readOnly: true)
                try ledger.check()
                // Free space within a page is nobody's.
                if try ledger.run("a")?.released != 400 { unnoticed.append(offset) }
                var count = 0
                try ledger.forEachChunk(run: "a") { _, chunk, _ in count += chunk.count }
                if count != 400 { unnoticed.append(offset) }
            } catch is LedgerError {
            }
        }
        #expect(unnoticed.isEmpty)
    }

    @Test("An octet flipped within a chunk is found")
    func flippedChunk() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        var devices = Fixture.devices(0, 1)
        devices[0].certificate = [UInt8](repeating: 0x5a, count: 60_000)
        try fixture.make(devices, run: "a")
        try fixture.reopen {
            var data = try Data(contentsOf: URL(fileURLWithPath: fixture.path))
            let place = try #require(data.firstRange(of: Data(repeating: 0x5a, count: 8192)))
            data[place.lowerBound + 4000] ^= 1
            try data.write(to: URL(fileURLWithPath: fixture.path))
        }
        let error = #expect(throws: LedgerError.self) {
            try fixture.ledger.forEachChunk(run: "a") { _, _, _ in }
        }
        #expect(error?.code == .corrupt && error?.message.contains("chunk 1") == true)
    }

    @Test("A file that is no database, one cut short and one with its first page overwritten are refused")
    func corrupt() throws {
        let fixture = try damageable()
        try fixture.ledger.close()
        let whole = try Data(contentsOf: URL(fileURLWithPath: fixture.path))
        let path = fixture.folder + "/other.sqlite"
        for data in [
            Data(repeating: 0x5A, count: 8192), whole.prefix(20_000), whole.prefix(16384),
            Data(repeating: 0x5A, count: 4096) + whole.dropFirst(4096),
        ] {
            try data.write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: LedgerError.self) { try SQLiteLedger(path: path, creating: true) }
            #expect(error?.code == .corrupt)
        }
    }

    @Test("A ledger that is not there is not made by looking")
    func absent() throws {
        let fixture = try Fixture()
        let path = fixture.folder + "/absent.sqlite"
        let error = #expect(throws: LedgerError.self) { try SQLiteLedger(path: path, creating: false) }
        #expect(error?.code == .cannotOpen)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("A ledger of an earlier build is refused and left as it is", arguments: [false, true])
    func earlierBuild(readOnly: Bool) throws {
        let fixture = try Fixture()
        let path = fixture.folder + "/earlier.sqlite"
        let queue = try DatabaseQueue(path: path)
        try queue.write { try $0.execute(sql: "CREATE TABLE device(number INTEGER PRIMARY KEY)") }
        try queue.close()
        let error = #expect(throws: LedgerError.self) {
            try SQLiteLedger(path: path, creating: false, readOnly: readOnly)
        }
        #expect(error?.code == .cannotOpen && error?.hint?.contains("make the site anew") == true)
    }

    @Test("A ledger that another process keeps locked is not waited for without end")
    func locked() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.ledger.close()
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: fixture.path, configuration: configuration)
        let ledger = try SQLiteLedger(path: fixture.path, creating: false, lockSeconds: 0.1)
        try other.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
        let steps: [() throws -> Void] = [
            { try ledger.reserve(Fixture.reservation(0, 1), run: "a") },
            { _ = try SQLiteLedger(path: fixture.path, creating: false, lockSeconds: 0.1).pragma("x") },
        ]
        for (index, step) in steps.enumerated() {
            do {
                try step()
                // Opening writes nothing where nothing is to be written.
                #expect(index == 1)
            } catch let error as LedgerError {
                #expect(error.code == .cannotOpen && error.hint == "Try again when it has ended.")
            }
        }
        try other.inDatabase { try $0.execute(sql: "ROLLBACK") }
        try ledger.reserve(Fixture.reservation(0, 1), run: "a")
    }

    @Test("A backup is whole, of one file, taken while the ledger is used, and overwrites nothing")
    func backup() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 3, run: "a")
        let target = fixture.folder + "/copy.sqlite"
        try fixture.ledger.backup(to: target)
        try fixture.make(3, 1, run: "a")
        let error = #expect(throws: LedgerError.self) { try fixture.ledger.backup(to: target) }
        #expect(error?.code == .exists)
        let folder = try FileManager.default.contentsOfDirectory(atPath: fixture.folder)
        #expect(folder.filter { $0.hasPrefix("copy") } == ["copy.sqlite"])
        let copy = try SQLiteLedger(path: target, creating: false)
        #expect(try copy.run("a")?.released == 3)
        try copy.check()
        let absent = #expect(throws: LedgerError.self) {
            try fixture.ledger.backup(to: fixture.folder + "/none/copy.sqlite")
        }
        #expect(absent?.code == .io)
    }
}
