import Foundation
import GRDB
import Testing

@testable import RunLedger

/// A ledger in a folder of its own.
private final class Fixture {
    let path: String
    let ledger: SQLiteLedger

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("ledger-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        ledger = try SQLiteLedger(path: path + "/ledger.sqlite", creating: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func open(_ id: String, quantity: Int = 10, spoilage: Int = 5, authorisation: UInt8 = 1) throws {
        try ledger.open(
            NewRun(
                id: id, product: "sensor", manifestDigest: [1], authorisationDigest: [authorisation],
                templateDigest: [3], notBefore: 0, quantity: quantity, spoilage: spoilage, openIndex: 0,
                openedAt: 0))
        try ledger.advance(id, to: .open, at: 0)
    }

    static func number(_ value: Int) -> [UInt8] {
        [0x40] + withUnsafeBytes(of: UInt64(value).bigEndian) { Array($0) } + [UInt8](repeating: 0, count: 11)
    }

    static func digest(_ value: Int) -> [UInt8] {
        Array(number(value).dropFirst()) + [UInt8](repeating: 7, count: 13)
    }

    static func reservation(_ first: Int, _ count: Int, salt: Int = 0) -> Reservation {
        Reservation(
            firstRow: first, certificateSerialNumbers: (first..<(first + count)).map { number($0 + salt) })
    }

    static func devices(_ first: Int, _ count: Int, salt: Int = 0, prefix: String = "S") -> [LedgerDevice] {
        (first..<(first + count)).map {
            LedgerDevice(
                row: $0, serial: "\(prefix)\($0)", certificateSerialNumber: number($0 + salt),
                publicKeyDigest: digest($0 + salt), certificateDigest: digest($0 + salt),
                certificate: [3] + number($0 + salt))
        }
    }
}

@Suite("The ledger keeps every device once")
struct LedgerTests {
    @Test("A commit is durable: synchronous is FULL and the journal is a write-ahead log")
    func durability() throws {
        let fixture = try Fixture()
        #expect(try fixture.ledger.pragma("synchronous") == "2")
        #expect(try fixture.ledger.pragma("journal_mode") == "wal")
        let again = try SQLiteLedger(path: fixture.path + "/ledger.sqlite", creating: false)
        #expect(try again.pragma("synchronous") == "2")
    }

    @Test("Reserved, then recorded: released grows, and reserved = released + burned + outstanding")
    func counts() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.ledger.reserve(Fixture.reservation(0, 4), run: "a")
        try fixture.ledger.record(
            Fixture.devices(0, 4), run: "a", reservingNext: Fixture.reservation(4, 3))
        var run = try #require(try fixture.ledger.run("a"))
        #expect((run.reserved, run.released, run.burned, run.outstanding) == (7, 4, 0, 3))
        #expect(try fixture.ledger.burn(firstRow: nil, run: "a") == 3)
        run = try #require(try fixture.ledger.run("a"))
        #expect((run.reserved, run.released, run.burned, run.outstanding) == (7, 4, 3, 0))
        #expect(try fixture.ledger.burned(run: "a") == (4..<7).map(Fixture.number))
        #expect(try fixture.ledger.nextRow(run: "a") == 4)
    }

    @Test("No reservation goes beyond quantity and spoilage, and a refused one leaves nothing")
    func allowance() throws {
        let fixture = try Fixture()
        try fixture.open("a", quantity: 4, spoilage: 2)
        try fixture.ledger.reserve(Fixture.reservation(0, 4), run: "a")
        try fixture.ledger.burn(firstRow: nil, run: "a")
        let error = #expect(throws: LedgerError.self) {
            try fixture.ledger.reserve(Fixture.reservation(0, 3, salt: 100), run: "a")
        }
        #expect(error?.code == .allowanceSpent)
        #expect(try fixture.ledger.run("a")?.reserved == 4)
        try fixture.ledger.reserve(Fixture.reservation(0, 2, salt: 100), run: "a")
    }

    @Test("What was not reserved cannot be recorded")
    func unreserved() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        let error = #expect(throws: LedgerError.self) {
            try fixture.ledger.record(Fixture.devices(0, 2), run: "a", reservingNext: nil)
        }
        #expect(error?.code == .wrongState)
        try fixture.ledger.reserve(Fixture.reservation(0, 2), run: "a")
        try fixture.ledger.record(Fixture.devices(0, 2), run: "a", reservingNext: nil)
        #expect(throws: LedgerError.self) {
            try fixture.ledger.record(Fixture.devices(0, 2), run: "a", reservingNext: nil)
        }
    }

    @Test(
        "A serial, a certificate serial number, a key or a certificate of an earlier run is refused, and the chunk with it",
        arguments: ["serial", "certificateSerial", "key", "certificate"])
    func uniqueness(_ field: String) throws {
        let fixture = try Fixture()
        try fixture.open("a", authorisation: 1)
        try fixture.ledger.reserve(Fixture.reservation(0, 1), run: "a")
        try fixture.ledger.record(Fixture.devices(0, 1), run: "a", reservingNext: nil)
        let old = Fixture.devices(0, 1)[0]
        try fixture.open("b", authorisation: 2)
        try fixture.ledger.reserve(Fixture.reservation(0, 2, salt: 50), run: "b")
        var devices = Fixture.devices(0, 2, salt: 50, prefix: "B")
        switch field {
        case "serial": devices[1].serial = old.serial
        case "certificateSerial": devices[1].certificateSerialNumber = old.certificateSerialNumber
        case "key": devices[1].publicKeyDigest = old.publicKeyDigest
        default: devices[1].certificateDigest = old.certificateDigest
        }
        let error = #expect(throws: LedgerError.self) {
            try fixture.ledger.record(devices, run: "b", reservingNext: nil)
        }
        #expect(error?.code == .duplicate)
        #expect(try fixture.ledger.run("b")?.released == 0)
        #expect(try fixture.ledger.run("b")?.outstanding == 2)
    }

    @Test("A run's name and an authorisation are each used once")
    func runsAreNew() throws {
        let fixture = try Fixture()
        try fixture.open("a", authorisation: 1)
        let name = #expect(throws: LedgerError.self) { try fixture.open("a", authorisation: 2) }
        #expect(name?.code == .runExists)
        let used = #expect(throws: LedgerError.self) { try fixture.open("b", authorisation: 1) }
        #expect(used?.code == .authorisationUsed)
        #expect(try fixture.ledger.run("b") == nil)
    }

    @Test("Known serials are those released for the same product")
    func known() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.ledger.reserve(Fixture.reservation(0, 2), run: "a")
        try fixture.ledger.record(Fixture.devices(0, 2), run: "a", reservingNext: nil)
        #expect(try fixture.ledger.known(["S0", "S9"], product: "sensor") == ["S0": "a"])
        #expect(try fixture.ledger.known(["S0"], product: "other").isEmpty)
    }

    @Test("Released devices come back whole, in the order in which they were recorded, of their run alone")
    func released() throws {
        let fixture = try Fixture()
        for (index, id) in ["a", "b"].enumerated() {
            try fixture.open(id, quantity: 1500, authorisation: UInt8(index))
            try fixture.ledger.reserve(Fixture.reservation(0, 1500, salt: index * 5000), run: id)
            try fixture.ledger.record(
                Fixture.devices(0, 1500, salt: index * 5000, prefix: id), run: id, reservingNext: nil)
        }
        var serials: [String] = []
        try fixture.ledger.forEachReleased(run: "b") { serials += $0.map(\.serial) }
        #expect(serials == (0..<1500).map { "b\($0)" })
    }

    @Test("A ledger whose counts do not add up is refused")
    func inconsistent() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.ledger.reserve(Fixture.reservation(0, 2), run: "a")
        let other = try DatabaseQueue(path: fixture.path + "/ledger.sqlite")
        try other.write { try $0.execute(sql: "UPDATE run SET released = 1") }
        let error = #expect(throws: LedgerError.self) {
            try SQLiteLedger(path: fixture.path + "/ledger.sqlite", creating: false)
        }
        #expect(error?.code == .corrupt)
    }

    @Test("A file that is no database, and a ledger with its pages overwritten, are refused as corrupt")
    func corrupt() throws {
        let fixture = try Fixture()
        let path = fixture.path + "/other.sqlite"
        try Data(repeating: 0x5A, count: 8192).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: LedgerError.self) { try SQLiteLedger(path: path, creating: true) }
        #expect(error?.code == .corrupt)
    }

    @Test("A ledger that is not there is not made by looking")
    func absent() throws {
        let fixture = try Fixture()
        let path = fixture.path + "/absent.sqlite"
        let error = #expect(throws: LedgerError.self) { try SQLiteLedger(path: path, creating: false) }
        #expect(error?.code == .cannotOpen)
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
