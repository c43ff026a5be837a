import Testing

@testable import RunLedger

@Suite("Public keys that were certified before")
struct KeyLookupTests {
    @Test(
        "A key is found with its run, also of a scrapped device and in a ledger opened to look, and no other is"
    )
    func certified() throws {
        // With so few bits that fingerprints meet: the octets decide.
        for mask in [UInt64.max, 0xFF << 56] {
            let fixture = try Fixture(mask: mask)
            try fixture.open("a", quantity: 40)
            try fixture.make(0, 30, run: "a")
            try fixture.open("b", product: "other")
            try fixture.make(0, 3, salt: 100, prefix: "T", run: "b")
            try fixture.ledger.scrap(serial: "S2", product: "sensor", reason: "cracked", at: 1)
            let known = [0, 2, 29, 101].map { Fixture.digest($0, 7) }
            let unknown = [30, 99, 103].map { Fixture.digest($0, 7) } + [Fixture.digest(1, 8)]
            let expected = [known[0]: "a", known[1]: "a", known[2]: "a", known[3]: "b"]
            #expect(try fixture.ledger.certified(publicKeyDigests: known + unknown) == expected)
            #expect(try fixture.ledger.certified(publicKeyDigests: []).isEmpty)
            let reader = try SQLiteLedger(
                path: fixture.path, creating: false, readOnly: true, fingerprintMask: mask)
            #expect(try reader.certified(publicKeyDigests: unknown + known).count == 4)
        }
    }
}
