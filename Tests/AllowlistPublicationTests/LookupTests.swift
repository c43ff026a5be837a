import Allowlist
import Testing
import TransparencyLog

@Suite("Looking a device up")
struct LookupTests {
    let log: TestLog
    let reader: BundleReader

    init() throws {
        log = try TestLog.full(devices: 1000)
        reader = try log.reader(checkingIndex: true)
    }

    @Test("A listed device is found by serial and key, with its run and not-after")
    func listed() throws {
        let answer = try reader.lookup(serial: "SN-700", product: "pump", key: TestLog.digest(700, 1))
        #expect(answer.status == .listed)
        #expect(answer.keyChecked)
        #expect(answer.run == "R-1")
        #expect(answer.entryIndex == 701)
        #expect(answer.notAfter == 253_402_300_799)
        #expect(answer.reason == nil)
        #expect(answer.checkpoint.size == reader.checkpoint.size)
    }

    @Test("A serial alone is answered, but marked as not checked by key")
    func serialOnly() throws {
        let answer = try reader.lookup(serial: "SN-950")
        #expect(answer.status == .listed)
        #expect(!answer.keyChecked)
        #expect(answer.run == "R-3")
    }

    @Test("A known serial with another device's key is not listed")
    func clone() throws {
        let answer = try reader.lookup(serial: "SN-700", key: TestLog.digest(701, 1))
        #expect(answer.status == .notListed)
        #expect(answer.reason == "the serial is listed with another key or product")
        #expect(try reader.lookup(serial: "SN-700", product: "other").status == .notListed)
    }

    @Test("A certificate is found together with its key only")
    func certificate() throws {
        let answer = try reader.lookup(certificate: TestLog.digest(5, 2), key: TestLog.digest(5, 1))
        #expect(answer.status == .listed)
        #expect(answer.device?.serial == .plain("SN-5"))
        let other = try reader.lookup(certificate: TestLog.digest(6, 2), key: TestLog.digest(5, 1))
        #expect(other.status == .notListed)
        #expect(other.reason == "the key is listed with another certificate")
    }

    @Test(
        "Events give the latest state and its reason",
        arguments: [
            (1, LookupAnswer.Status.scrapped, "dropped"), (2, .revoked, "keyCompromise"),
            (3, .replaced, "RMA"),
        ])
    func events(number: Int, status: LookupAnswer.Status, reason: String) throws {
        let bySerial = try reader.lookup(serial: "SN-\(number)", key: TestLog.digest(number, 1))
        let byKey = try reader.lookup(
            certificate: TestLog.digest(number, 2), key: TestLog.digest(number, 1))
        for answer in [bySerial, byKey] {
            #expect(answer.status == status)
            #expect(answer.reason == reason)
            #expect(answer.entryIndex == UInt64(number + 1))
            #expect(answer.events.count == 1)
        }
    }

    @Test("The device that replaces another is listed")
    func replacement() throws {
        #expect(try reader.lookup(serial: "SN-4", key: TestLog.digest(4, 1)).status == .listed)
    }

    @Test("Every device of the list is found, and none beside it")
    func all() throws {
        for number in 0..<1000 {
            #expect(try reader.lookup(serial: "SN-\(number)").device?.key == TestLog.digest(number, 1))
        }
        for number in 1000..<1200 {
            #expect(try reader.lookup(serial: "SN-\(number)").status == .notListed)
            let answer = try reader.lookup(
                certificate: TestLog.digest(number, 2), key: TestLog.digest(number, 1))
            #expect(answer.status == .notListed)
        }
    }

    @Test("A serial key changes nothing in a log of plain serials")
    func needlessKey() throws {
        #expect(reader.serials == .plain)
        let answer = try reader.lookup(serial: "SN-700", serialKey: SerialKey())
        #expect(answer.status == .listed)
        #expect(answer.serialChecked)
    }

    @Test("A damaged entry is an error and not an absence")
    func damagedEntry() throws {
        var bytes = try log.contents("tile/entries/002")
        bytes[bytes.count - 1] ^= 1
        try log.write(bytes, to: "tile/entries/002")
        let serial = "SN-\(2 * 256 + 255 - 1)"
        let error = #expect(throws: AllowlistError.self) { try reader.lookup(serial: serial) }
        #expect(error?.code == .entryMismatch)
        #expect(error?.file == "tile/entries/002")
        #expect(error?.index == 767)
        try log.remove("tile/entries/002")
        #expect(code { try reader.lookup(serial: serial) } == .fileMissing)
    }

    @Test("An index record that leads to another device is an error")
    func wrongRecord() throws {
        let file = try #require(try log.files().first { $0.hasPrefix("index/serial") })
        var bytes = try log.contents(file)
        let wanted = IndexRecord.serialHash(of: "SN-10").bytes
        let offset = try #require(
            stride(from: 0, to: bytes.count, by: 40).first { Array(bytes[$0..<$0 + 32]) == wanted })
        bytes[offset + 39] ^= 1
        try log.write(bytes, to: file)
        #expect(code { try log.reader().lookup(serial: "SN-10") } == .segment)
        #expect(code { try log.reader(checkingIndex: true) } == .segment)
    }
}
