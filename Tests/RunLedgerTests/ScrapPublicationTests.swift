import Foundation
import GRDB
import Testing

@testable import RunLedger

@Suite("Scrapped devices, and how far the log knows of them")
struct ScrapPublicationTests {
    private func order(_ serial: String, at time: Int64 = 7) -> ScrapOrder {
        ScrapOrder(serial: serial, product: "sensor", reason: "r", revocation: .superseded, at: time)
    }

    @Test("All of several are scrapped, or none")
    func together() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 4, run: "a")
        let error = #expect(throws: LedgerError.self) {
            try fixture.ledger.scrap([order("S1"), order("S9")])
        }
        #expect(error?.code == .deviceUnknown)
        #expect(try fixture.ledger.run("a")?.scrapped == 0)
        #expect(throws: LedgerError.self) { try fixture.ledger.scrap([order("S1"), order("S1")]) }
        let scrapped = try fixture.ledger.scrap([order("S3"), order("S1")])
        #expect(scrapped.map(\.record.device.row) == [3, 1])
        // In the order of recording, whatever the order of scrapping.
        let known = try fixture.ledger.scraps(run: "a")
        #expect(known.map(\.record.device.serial) == ["S1", "S3"])
        #expect(known.allSatisfy { $0.revocation == .superseded && $0.reason == "r" && $0.at == 7 })
        #expect(try fixture.ledger.scrappedSerials(product: "sensor") == ["S1", "S3"])
        #expect(try fixture.ledger.scrappedSerials(product: "other").isEmpty)
        try fixture.ledger.check()
    }

    @Test("Of sealed runs alone, and until the log is known to have them")
    func unpublished() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 4, run: "a")
        try fixture.ledger.scrap([order("S1")])
        #expect(try fixture.ledger.unpublishedScraps().isEmpty)
        try fixture.ledger.advance("a", to: .sealed, at: 9)
        #expect(try fixture.ledger.unpublishedScraps().map(\.record.device.serial) == ["S1"])
        #expect(try fixture.ledger.publishedScrapSize() == 0)
        try fixture.ledger.markPublished(try fixture.ledger.unpublishedScraps(), logSize: 12)
        #expect(try fixture.ledger.unpublishedScraps().isEmpty)
        #expect(try fixture.ledger.publishedScrapSize() == 12)
    }

    @Test("A device's place counts what its run recorded before it, anew or not")
    func places() throws {
        let fixture = try Fixture()
        try fixture.open("a", quantity: 6, spoilage: 4)
        try fixture.make(0, 4, run: "a")
        try fixture.make(4, 2, run: "a")
        try fixture.ledger.scrap([order("S1")])
        try fixture.make(1, 1, salt: 100, run: "a")
        let places = try ["S0", "S5", "S1"].map { serial in
            try fixture.ledger.devices(serial: serial, product: "sensor").map {
                try fixture.ledger.place(of: $0)
            }
        }
        #expect(places == [[0], [5], [1, 6]])
    }
}

@Suite("Revocation lists that were issued")
struct RevocationListLedgerTests {
    @Test("The latest of an issuer is remembered, and no number is taken twice")
    func numbers() throws {
        let fixture = try Fixture()
        func list(_ number: UInt64, _ issuer: UInt8 = 1) -> IssuedRevocationList {
            IssuedRevocationList(
                issuer: [issuer], number: number, digest: [UInt8(number)], authorisation: [9], treeSize: 3,
                issuedAt: 4)
        }
        #expect(try fixture.ledger.latestRevocationList(issuer: [1]) == nil)
        try fixture.ledger.record(list(2))
        try fixture.ledger.record(list(1, 2))
        try fixture.ledger.record(list(3))
        for number in [1, 2, 3] as [UInt64] {
            let error = #expect(throws: LedgerError.self) { try fixture.ledger.record(list(number)) }
            #expect(error?.code == .duplicate)
        }
        #expect(try fixture.ledger.latestRevocationList(issuer: [1]) == list(3))
        #expect(try fixture.ledger.latestRevocationList(issuer: [2]) == list(1, 2))
    }
}
