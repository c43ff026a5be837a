import Testing

@testable import RunLedger

@Suite("Chunks that are recorded together")
struct JoiningTests {
    @Test("Chunks joined are the chunk of all their devices")
    func joined() throws {
        let parts = try [Fixture.devices(0, 3), Fixture.devices(3, 1), Fixture.devices(4, 5)].map {
            try DeviceChunk($0)
        }
        let joined = try DeviceChunk(joining: parts)
        #expect(joined.bytes == (try DeviceChunk(Fixture.devices(0, 9))).bytes)
        #expect(joined.devices(firstRow: 0).map(\.serial) == Fixture.devices(0, 9).map(\.serial))
        #expect(try DeviceChunk(joined.bytes).count == 9)
    }

    @Test("Reservations that join are settled by one record; a gap or another's rows are not")
    func settled() throws {
        let fixture = try Fixture()
        try fixture.open("a", quantity: 10)
        try fixture.ledger.reserve(Fixture.reservation(0, 2), run: "a")
        try fixture.ledger.reserve(Fixture.reservation(4, 2), run: "a")
        let six = try DeviceChunk(Fixture.devices(0, 6))
        let error = #expect(throws: LedgerError.self) {
            try fixture.ledger.record(six, firstRow: 0, run: "a", reservingNext: [])
        }
        #expect(error?.code == .wrongState)
        try fixture.ledger.reserve(Fixture.reservation(2, 2), run: "a")
        #expect(throws: LedgerError.self) {
            // It ends in the middle of a reservation.
            try fixture.ledger.record(
                DeviceChunk(Fixture.devices(0, 5)), firstRow: 0, run: "a", reservingNext: [])
        }
        try fixture.ledger.record(
            six, firstRow: 0, run: "a",
            reservingNext: [Fixture.reservation(6, 1), Fixture.reservation(7, 1)])
        let record = try #require(try fixture.ledger.run("a"))
        #expect(record.released == 6)
        #expect(record.outstanding == 2)
    }
}
