import Foundation
import Testing

@testable import RunLedger

@Suite("Devices that are scrapped and made anew")
struct ScrapTests {
    @Test("A scrapped device is counted as such, keeps its record, and frees its serial and nothing else")
    func scrap() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 4, run: "a")
        let device = try fixture.ledger.scrap(
            serial: "S2", product: "sensor", reason: "cracked", at: 77)
        #expect(device.state == .scrapped(reason: "cracked", at: 77))
        #expect(device.device.certificateSerialNumber == Fixture.number(2))
        let run = try #require(try fixture.ledger.run("a"))
        #expect((run.reserved, run.released, run.scrapped, run.outstanding) == (4, 3, 1, 0))
        #expect(try fixture.ledger.known(["S1", "S2"], product: "sensor") == ["S1": "a"])
        try fixture.ledger.forEachChunk(run: "a") { _, _, scrapped in #expect(scrapped == [2]) }
        // Its key and its certificate serial number stay taken.
        try fixture.open("b")
        let key = #expect(throws: LedgerError.self) {
            var again = Fixture.devices(0, 1, salt: 60)
            again[0].serial = "S2"
            again[0].publicKeyDigest = Fixture.digest(2, 7)
            try fixture.make(again, run: "b")
        }
        #expect(key?.code == .duplicate)
        #expect(throws: LedgerError.self) {
            try fixture.ledger.reserve(Fixture.reservation(1, 1, salt: 1), run: "b")
        }
        try fixture.ledger.burn(firstRow: nil, run: "b")
        var again = Fixture.devices(0, 1, salt: 80)
        again[0].serial = "S2"
        try fixture.make(again, run: "b")
        #expect(
            try fixture.ledger.devices(serial: "S2", product: "sensor").map(\.state) == [
                .scrapped(reason: "cracked", at: 77), .released,
            ])
        try fixture.ledger.check()
    }

    @Test(
        "Rows whose devices were scrapped are reserved and recorded anew, again and again",
        arguments: [false, true])
    func rework(reopened: Bool) throws {
        let fixture = try Fixture()
        try fixture.open("a", quantity: 6, spoilage: 4)
        try fixture.make(0, 6, run: "a")
        for (time, row) in [(1, 2), (2, 3)] {
            try fixture.ledger.scrap(serial: "S\(row)", product: "sensor", reason: "r", at: Int64(time))
        }
        if reopened { try fixture.reopen() }
        #expect(try fixture.ledger.nextRow(run: "a") == 6)
        try fixture.make(2, 2, salt: 100, run: "a")
        #expect(try fixture.ledger.nextRow(run: "a") == 6)
        let taken = #expect(throws: LedgerError.self) { try fixture.make(2, 1, salt: 200, run: "a") }
        #expect(taken?.code == .wrongState)
        try fixture.ledger.scrap(serial: "S3", product: "sensor", reason: "again", at: 3)
        if reopened { try fixture.reopen() }
        try fixture.make(3, 1, salt: 300, run: "a")
        let run = try #require(try fixture.ledger.run("a"))
        #expect((run.reserved, run.released, run.scrapped, run.burned) == (9, 6, 3, 0))
        var rows: [[Int]] = []
        try fixture.ledger.forEachChunk(run: "a") { first, chunk, scrapped in
            rows.append([first, chunk.count] + scrapped)
        }
        #expect(rows == [[0, 6, 2, 3], [2, 2, 1], [3, 1]])
        let records = try fixture.ledger.devices(serial: "S3", product: "sensor")
        #expect(
            records.map(\.device.certificateSerialNumber) == [3, 103, 303].map(Fixture.number))
        #expect(records.map(\.chunk) == [1, 2, 3] && records.map(\.position) == [3, 1, 0])
        try fixture.ledger.scrap(serial: "S3", product: "sensor", reason: "third", at: 4)
        try fixture.make(3, 1, salt: 400, run: "a")
        try fixture.ledger.scrap(serial: "S3", product: "sensor", reason: "fourth", at: 5)
        let spent = #expect(throws: LedgerError.self) { try fixture.make(3, 1, salt: 500, run: "a") }
        #expect(spent?.code == .allowanceSpent)
        try fixture.ledger.check()
    }

    @Test("A row that is not scrapped is not made anew, not even among others that are")
    func notScrapped() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 4, run: "a")
        try fixture.ledger.scrap(serial: "S1", product: "sensor", reason: "r", at: 0)
        try fixture.ledger.scrap(serial: "S3", product: "sensor", reason: "r", at: 0)
        for (first, count) in [(0, 1), (1, 2), (0, 4), (3, 2)] {
            let error = #expect(throws: LedgerError.self) {
                try fixture.ledger.reserve(Fixture.reservation(first, count, salt: 100), run: "a")
            }
            #expect(error?.code == .wrongState)
        }
    }

    @Test("A row made anew may get another device than it had")
    func anotherSerial() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 1, run: "a")
        try fixture.ledger.scrap(serial: "S0", product: "sensor", reason: "r", at: 0)
        try fixture.make(0, 1, salt: 10, prefix: "T", run: "a")
        #expect(try fixture.ledger.known(["S0", "T0"], product: "sensor") == ["T0": "a"])
        let error = #expect(throws: LedgerError.self) {
            try fixture.ledger.scrap(serial: "S0", product: "sensor", reason: "r", at: 0)
        }
        #expect(error?.code == .wrongState)
    }

    @Test("Nothing is scrapped that was not made, or under another product's name")
    func unknown() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 1, run: "a")
        for (serial, product) in [("S1", "sensor"), ("S0", "lamp")] {
            let error = #expect(throws: LedgerError.self) {
                try fixture.ledger.scrap(serial: serial, product: product, reason: "r", at: 0)
            }
            #expect(error?.code == .deviceUnknown)
        }
        #expect(try fixture.ledger.run("a")?.scrapped == 0)
    }
}
