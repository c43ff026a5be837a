import Testing

@testable import RunLedger

@Suite("The ledger remembers how large the log was")
struct LogSizeTests {
    @Test("The size only grows, and is there after the ledger was closed")
    func grows() throws {
        let fixture = try Fixture()
        #expect(try fixture.ledger.notedLogSize() == 0)
        try fixture.ledger.noteLogSize(306)
        try fixture.ledger.noteLogSize(305)
        #expect(try fixture.ledger.notedLogSize() == 306)
        try fixture.reopen()
        #expect(try fixture.ledger.notedLogSize() == 306)
        try fixture.ledger.noteLogSize(307)
        #expect(try fixture.ledger.notedLogSize() == 307)
    }
}
