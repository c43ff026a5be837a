import Foundation
import GRDB
import Testing

@testable import RunLedger

@Suite("Runs, reservations and counts")
struct RecordingTests {
    @Test("A commit is durable: synchronous is FULL and the journal is a write-ahead log")
    func durability() throws {
        let fixture = try Fixture()
        #expect(try fixture.ledger.pragma("synchronous") == "2")
        #expect(try fixture.ledger.pragma("journal_mode") == "wal")
        try fixture.reopen()
        #expect(try fixture.ledger.pragma("synchronous") == "2")
    }

    @Test("Reserved, then recorded: released grows, and reserved = released + burned + outstanding")
    func counts() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.ledger.reserve(Fixture.reservation(0, 4), run: "a")
        try fixture.ledger.record(
            DeviceChunk(Fixture.devices(0, 4)), firstRow: 0, run: "a",
            reservingNext: [Fixture.reservation(4, 3)])
        var run = try #require(try fixture.ledger.run("a"))
        #expect((run.reserved, run.released, run.burned, run.outstanding) == (7, 4, 0, 3))
        #expect(try fixture.ledger.nextRow(run: "a") == 7)
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

    @Test("A reservation that the allowance does not reach for takes the chunk before it down with it")
    func allowanceWithChunk() throws {
        let fixture = try Fixture()
        try fixture.open("a", quantity: 4, spoilage: 0)
        try fixture.ledger.reserve(Fixture.reservation(0, 2), run: "a")
        try fixture.ledger.burn(firstRow: 0, run: "a")
        try fixture.ledger.reserve(Fixture.reservation(0, 2, salt: 10), run: "a")
        let chunk = try DeviceChunk(Fixture.devices(0, 2, salt: 10))
        let error = #expect(throws: LedgerError.self) {
            try fixture.ledger.record(
                chunk, firstRow: 0, run: "a", reservingNext: [Fixture.reservation(2, 2, salt: 10)])
        }
        #expect(error?.code == .allowanceSpent)
        #expect(try fixture.ledger.run("a")?.released == 0)
        try fixture.ledger.record(chunk, firstRow: 0, run: "a", reservingNext: [])
        #expect(try fixture.ledger.run("a")?.released == 2)
        try fixture.ledger.check()
    }

    @Test(
        "What was not reserved cannot be recorded, nor twice, nor with other serial numbers, nor after a gap")
    func unreserved() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        func refused(_ devices: [LedgerDevice]) throws {
            let error = #expect(throws: LedgerError.self) {
                try fixture.ledger.record(
                    DeviceChunk(devices), firstRow: devices[0].row, run: "a", reservingNext: [])
            }
            #expect(error?.code == .wrongState)
        }
        try refused(Fixture.devices(0, 2))
        try fixture.ledger.reserve(Fixture.reservation(0, 2), run: "a")
        try fixture.ledger.reserve(Fixture.reservation(2, 2), run: "a")
        try refused(Fixture.devices(0, 2, salt: 1))
        try refused(Fixture.devices(0, 1))
        try refused(Fixture.devices(2, 2))
        try fixture.ledger.record(
            DeviceChunk(Fixture.devices(0, 2)), firstRow: 0, run: "a", reservingNext: [])
        try refused(Fixture.devices(0, 2))
        #expect(try fixture.ledger.run("a")?.released == 2)
    }

    @Test(
        "A reservation is of rows that the run has, that nobody holds and that are not recorded",
        arguments: [(8, 3), (-1, 1), (0, 0), (0, 1), (1, 2), (3, 3), (4, 1)])
    func rows(first: Int, count: Int) throws {
        let fixture = try Fixture()
        try fixture.open("a", quantity: 10, spoilage: 20)
        try fixture.make(0, 2, run: "a")
        try fixture.ledger.reserve(Fixture.reservation(4, 4), run: "a")
        let error = #expect(throws: LedgerError.self) {
            try fixture.ledger.reserve(Fixture.reservation(first, count, salt: 100), run: "a")
        }
        #expect(error?.code == .wrongState)
        #expect(try fixture.ledger.run("a")?.reserved == 6)
    }

    @Test("Rows are reserved only while the run is open")
    func state() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.ledger.advance("a", to: .sealing, at: 0)
        let error = #expect(throws: LedgerError.self) {
            try fixture.ledger.reserve(Fixture.reservation(0, 1), run: "a")
        }
        #expect(error?.code == .wrongState)
    }

    @Test("A run's name and an authorisation are each used once")
    func runsAreNew() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        let name = #expect(throws: LedgerError.self) { try fixture.open("a") }
        #expect(name?.code == .runExists)
        var run = try #require(try fixture.ledger.run("a")).run
        run.id = "b"
        let used = #expect(throws: LedgerError.self) { try fixture.ledger.open(run) }
        #expect(used?.code == .authorisationUsed)
        #expect(try fixture.ledger.run("b") == nil)
    }

    @Test("Known serials are those released for the same product, in whatever chunk")
    func known() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 2, run: "a")
        try fixture.make(2, 3, run: "a")
        #expect(try fixture.ledger.known(["S0", "S4", "S9"], product: "sensor") == ["S0": "a", "S4": "a"])
        #expect(try fixture.ledger.known(["S0"], product: "other").isEmpty)
    }

    @Test("Chunks come back octet for octet, in the order in which they were recorded, of their run alone")
    func chunks() throws {
        let fixture = try Fixture()
        for (index, id) in ["a", "b"].enumerated() {
            try fixture.open(id, quantity: 1500)
            for first in stride(from: 0, to: 1500, by: 500) {
                try fixture.make(first, 500, salt: index * 5000, prefix: id, run: id)
            }
        }
        var first: [Int] = []
        var serials: [String] = []
        try fixture.ledger.forEachChunk(run: "b") { firstRow, chunk, scrapped in
            first.append(firstRow)
            serials += chunk.devices(firstRow: firstRow).map(\.serial)
            #expect(scrapped.isEmpty)
            let made = try DeviceChunk(Fixture.devices(firstRow, 500, salt: 5000, prefix: "b"))
            #expect(chunk.bytes == made.bytes)
        }
        #expect(first == [0, 500, 1000])
        #expect(serials == (0..<1500).map { "b\($0)" })
    }

    @Test("A hundred thousand devices are recorded, counted and found")
    func many() throws {
        let fixture = try Fixture()
        try fixture.open("a", quantity: 100_000, spoilage: 0)
        for first in stride(from: 0, to: 100_000, by: 1000) {
            try fixture.make(first, 1000, run: "a")
        }
        #expect(try fixture.ledger.run("a")?.released == 100_000)
        let serials = (0..<100_000).map { "S\($0)" }
        #expect(try fixture.ledger.known(serials, product: "sensor").count == 100_000)
        #expect(try fixture.ledger.known((0..<10_000).map { "T\($0)" }, product: "sensor").isEmpty)
        try fixture.ledger.check()
    }
}
