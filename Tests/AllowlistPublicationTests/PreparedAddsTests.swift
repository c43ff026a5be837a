import Allowlist
import Crypto
import Foundation
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Prepared `add` entries")
struct PreparedAddsTests {
    private static func device(_ index: Int, serial: String, serialKey: SerialKey? = nil)
        -> AllowlistEntry.Add
    {
        .init(
            run: "R-1", product: "Ärztesensor", serial: ListedSerial(serial, key: serialKey),
            key: Digest32(SHA256.hash(data: Data("key \(index)".utf8))),
            certificate: Digest32(SHA256.hash(data: Data("certificate \(index)".utf8))),
            certificateSerial: Array(SHA256.hash(data: Data("number \(index)".utf8)).prefix(20)),
            authorityKeyID: TestLog.issuer, notAfter: 253_402_300_799, rotates: true)
    }

    private static func append(
        _ serial: String, _ device: AllowlistEntry.Add, _ adds: PreparedAdds, to writer: BundleWriter
    ) throws -> UInt64 {
        var serial = serial
        return try serial.withUTF8 { serial in
            try device.certificateSerial.withUnsafeBytes { number in
                try writer.append(
                    PreparedAdds.Device(
                        serial: UnsafeRawBufferPointer(serial), key: device.key,
                        certificate: device.certificate, certificateSerial: number), adds)
            }
        }
    }

    @Test(
        "A log of prepared entries is the log of the same entries, octet for octet",
        arguments: [SerialForm.plain, .hashed])
    func sameLog(form: SerialForm) throws {
        let serialKey = form == .hashed ? SerialKey() : nil
        let serials = (0..<700).map { index in
            index % 3 == 0
                ? "S-\(index)" : String(repeating: "é", count: 1 + index % 120) + "\(index)"
        }
        let devices = serials.enumerated().map { Self.device($0, serial: $1, serialKey: serialKey) }
        let log = TestLog()
        let plain = try log.writer()
        let opening = AllowlistEntry.openRun(
            .init(
                run: "R-1", product: "Ärztesensor",
                authorisation: Digest32(SHA256.hash(data: TestLog.authorisation)), quantity: 1000,
                spoilage: 0, template: Digest32(), issuerKeyID: TestLog.issuer, station: nil, openedAt: 1,
                isRehearsal: false, serials: form))
        try plain.append(opening)
        for device in devices { try plain.append(.add(device)) }
        let expected = try log.publish(plain).checkpoint.root
        let other = TestLog()
        let writer = try other.writer()
        try writer.append(opening)
        let adds = try PreparedAdds(like: devices[0], serialKey: serialKey)
        for (index, device) in devices.enumerated() {
            #expect(try Self.append(serials[index], device, adds, to: writer) == UInt64(index + 1))
        }
        #expect(try other.publish(writer).checkpoint.root == expected)
        try other.verify()
    }

    @Test(
        "A serial that an entry cannot hold is refused, and the log is as before",
        arguments: ["", "a\u{1}b", "a\u{7F}", String(repeating: "x", count: 256)],
        [SerialForm.plain, .hashed])
    func refusedSerial(serial: String, form: SerialForm) throws {
        let log = TestLog()
        let writer = try log.writer()
        let adds = try PreparedAdds(
            like: Self.device(0, serial: "S"), serialKey: form == .hashed ? SerialKey() : nil)
        let error = #expect(throws: AllowlistError.self) {
            try Self.append(serial, Self.device(0, serial: serial), adds, to: writer)
        }
        #expect(error?.code == .entryMalformed)
        #expect(writer.size == 0)
        #expect(try Self.append("S", Self.device(0, serial: "S"), adds, to: writer) == 0)
    }

    @Test("A serial that is not UTF-8 is refused")
    func notText() throws {
        let log = TestLog()
        let writer = try log.writer()
        let adds = try PreparedAdds(like: Self.device(0, serial: "S"))
        let bytes: [UInt8] = [0x41, 0xFF]
        #expect(throws: AllowlistError.self) {
            try bytes.withUnsafeBytes { serial in
                try [UInt8](repeating: 0x41, count: 20).withUnsafeBytes { number in
                    try writer.append(
                        PreparedAdds.Device(
                            serial: serial, key: Digest32(), certificate: Digest32(),
                            certificateSerial: number),
                        adds)
                }
            }
        }
    }

    @Test("Index records that are spilled come back sorted, whatever their hashes share")
    func sortedSpills() throws {
        let log = TestLog()
        _ = try log.writer()
        var folder = try DurableFolder(log.path)
        var collector = IndexCollector(.key)
        var expected: [IndexRecord] = []
        for index in 0..<70_000 {
            // A fifth of them share their first two octets, as nobody's hashes do.
            var bytes = Array(SHA256.hash(data: Data("\(index)".utf8)))
            if index % 5 == 0 { (bytes[0], bytes[1]) = (7, 7) }
            let record = IndexRecord(hash: try #require(Digest32(bytes)), index: UInt64(index))
            expected.append(record)
            try collector.append(record, folder: &folder)
        }
        var merge = try RecordMerge(collector.sources(in: BundleFolder(log.path)))
        var merged: [IndexRecord] = []
        while let record = try merge.next() { merged.append(record) }
        #expect(merged == expected.sorted())
    }
}
