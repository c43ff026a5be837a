import Foundation
import Testing

@testable import RunLedger

/// All bits of a fingerprint, or so few that different values share theirs all the time.
private let masks: [UInt64] = [.max, 0b111 << 61, 0]

@Suite("The ledger keeps every device once")
struct UniquenessTests {
    @Test("SipHash-2-4 gives the published value")
    func sipHash() {
        // Aumasson and Bernstein, appendix A: key 00…0f, message 00…0e.
        let hash = SipHash(key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
        let message: [UInt8] = Array(8...14)
        #expect(
            message.withUnsafeBytes { hash.hash(0x0706_0504_0302_0100, $0) } == 0xa129_ca61_49be_45e5)
    }

    @Test(
        "A serial, certificate serial number, key or certificate of an earlier run is refused, and the chunk with it",
        arguments: Unique.allCases, masks)
    func uniqueness(_ kind: Unique, mask: UInt64) throws {
        let fixture = try Fixture(mask: mask)
        try fixture.open("a")
        try fixture.make(0, 3, run: "a")
        let old = Fixture.devices(1, 1)[0]
        try fixture.open("b")
        var devices = Fixture.devices(0, 3, salt: 50, prefix: "B")
        try fixture.ledger.reserve(Fixture.reservation(0, 3, salt: 50), run: "b")
        switch kind {
        case .serial: devices[2].serial = old.serial
        case .certificateSerialNumber:
            // Behind the ledger's back, since no reservation takes it either.
            devices[2].certificateSerialNumber = old.certificateSerialNumber
            let hex = devices.flatMap(\.certificateSerialNumber).map { String(format: "%02x", $0) }.joined()
            try fixture.reopen {
                try fixture.execute("UPDATE reservation SET certificate_serials = x'\(hex)'")
            }
        case .publicKey: devices[2].publicKeyDigest = old.publicKeyDigest
        case .certificate: devices[2].certificateDigest = old.certificateDigest
        }
        for _ in 0..<2 {
            let error = #expect(throws: LedgerError.self) {
                try fixture.ledger.record(
                    DeviceChunk(devices), firstRow: 0, run: "b", reservingNext: [])
            }
            #expect(error?.code == .duplicate && error?.subject == devices[2].serial)
            #expect(error?.message.contains("row 1 of run a") == true, "\(error?.message ?? "")")
        }
        #expect(try fixture.ledger.run("b")?.released == 0)
        #expect(try fixture.ledger.run("b")?.outstanding == 3)
        #expect(try fixture.ledger.known(["B0", "B1"], product: "sensor").isEmpty)
        guard kind != .certificateSerialNumber else { return }
        // The refused chunk left nothing behind that would refuse a good one.
        try fixture.ledger.record(
            DeviceChunk(Fixture.devices(0, 3, salt: 50, prefix: "B")), firstRow: 0, run: "b",
            reservingNext: [])
        try fixture.ledger.check()
    }

    @Test("Two devices of one chunk share nothing", arguments: Unique.allCases, masks)
    func inOneChunk(_ kind: Unique, mask: UInt64) throws {
        let fixture = try Fixture(mask: mask)
        try fixture.open("a")
        var devices = Fixture.devices(0, 3)
        switch kind {
        case .serial: devices[2].serial = devices[0].serial
        case .certificateSerialNumber:
            devices[2].certificateSerialNumber = devices[0].certificateSerialNumber
        case .publicKey: devices[2].publicKeyDigest = devices[0].publicKeyDigest
        case .certificate: devices[2].certificateDigest = devices[0].certificateDigest
        }
        let error = #expect(throws: LedgerError.self) { try fixture.make(devices, run: "a") }
        #expect(error?.code == .duplicate && error?.subject == devices[2].serial)
        #expect(try fixture.ledger.run("a")?.released == 0)
    }

    @Test("Different values with the same fingerprint are no duplicates", arguments: masks)
    func collisions(mask: UInt64) throws {
        let fixture = try Fixture(mask: mask)
        try fixture.open("a", quantity: 60, spoilage: 0)
        for first in stride(from: 0, to: 60, by: 20) { try fixture.make(first, 20, run: "a") }
        try fixture.reopen()
        #expect(try fixture.ledger.known((0..<90).map { "S\($0)" }, product: "sensor").count == 60)
        #expect(try fixture.ledger.devices(serial: "S33", product: nil).map(\.device.row) == [33])
        try fixture.ledger.check()
    }

    @Test("A key digest that is another's certificate digest is no duplicate", arguments: masks)
    func kinds(mask: UInt64) throws {
        let fixture = try Fixture(mask: mask)
        try fixture.open("a")
        var devices = Fixture.devices(0, 2)
        devices[1].publicKeyDigest = devices[0].certificateDigest
        try fixture.make(devices, run: "a")
        var third = Fixture.devices(2, 1)
        third[0].certificateDigest = devices[0].publicKeyDigest
        try fixture.make(third, run: "a")
    }

    @Test("The same serial in another product is another device", arguments: masks)
    func products(mask: UInt64) throws {
        let fixture = try Fixture(mask: mask)
        try fixture.open("a")
        try fixture.make(0, 2, run: "a")
        try fixture.open("b", product: "lamp")
        try fixture.make(0, 2, salt: 100, run: "b")
        #expect(try fixture.ledger.known(["S0"], product: "lamp") == ["S0": "b"])
        #expect(try fixture.ledger.devices(serial: "S0", product: nil).map(\.run) == ["a", "b"])
        #expect(try fixture.ledger.devices(serial: "S0", product: "sensor").map(\.run) == ["a"])
        #expect(try fixture.ledger.devices(serial: "S0", product: "none").isEmpty)
    }

    @Test(
        "A burned certificate serial number is never reserved again, nor one that a device has",
        arguments: [false, true])
    func burned(reopened: Bool) throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 1, run: "a")
        try fixture.ledger.reserve(Fixture.reservation(1, 2), run: "a")
        try fixture.ledger.burn(firstRow: nil, run: "a")
        if reopened { try fixture.reopen() }
        for salt in [0, 1, -1] {
            let error = #expect(throws: LedgerError.self) {
                try fixture.ledger.reserve(Fixture.reservation(1, 1, salt: salt), run: "a")
            }
            #expect(error?.code == .duplicate)
        }
        try fixture.ledger.reserve(Fixture.reservation(1, 1, salt: 10), run: "a")
    }

    @Test("A certificate serial number reserved twice is recorded once, and not burned then")
    func reservedTwice() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.ledger.reserve(Fixture.reservation(0, 1), run: "a")
        try fixture.ledger.reserve(Fixture.reservation(1, 1, salt: -1), run: "a")
        try fixture.ledger.record(
            DeviceChunk(Fixture.devices(0, 1)), firstRow: 0, run: "a", reservingNext: [])
        let recorded = #expect(throws: LedgerError.self) {
            try fixture.ledger.record(
                DeviceChunk(Fixture.devices(1, 1, salt: -1)), firstRow: 1, run: "a", reservingNext: [])
        }
        #expect(recorded?.code == .duplicate)
        let burned = #expect(throws: LedgerError.self) { try fixture.ledger.burn(firstRow: nil, run: "a") }
        #expect(burned?.code == .duplicate)
        #expect(try fixture.ledger.burned(run: "a").isEmpty)
    }
}
