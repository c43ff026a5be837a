import Allowlist
import Foundation
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Logs of hashed serials")
struct HashedSerialTests {
    let serialKey = SerialKey()
    let log: TestLog
    let reader: BundleReader

    init() throws {
        log = try TestLog.full(devices: 1000, serialKey: serialKey)
        reader = try log.reader(checkingIndex: true)
    }

    @Test("A log of hashed serials verifies without its serial key")
    func verifies() throws {
        #expect(try log.verify().counts[.add] == 1000)
        #expect(reader.serials == .hashed)
    }

    @Test("With the serial key a device is found by serial and key, and both are checked")
    func found() throws {
        let answer = try reader.lookup(
            serial: "SN-700", product: "pump", key: TestLog.digest(700, 1), serialKey: serialKey)
        #expect(answer.status == .listed)
        #expect(answer.keyChecked && answer.serialChecked)
        #expect(answer.device?.serial == .hashed(serialKey.hash(of: "SN-700")))
        let alone = try reader.lookup(serial: "SN-700", serialKey: serialKey)
        #expect(alone.serialChecked && !alone.keyChecked)
    }

    @Test("Without the serial key the device's key answers alone, and the serial is reported unchecked")
    func unchecked() throws {
        // Even a wrong serial is answered so: nothing here can tell it from the right one.
        for serial in ["SN-700", "SN-1", "nonsense"] {
            let answer = try reader.lookup(serial: serial, key: TestLog.digest(700, 1))
            #expect(answer.status == .listed)
            #expect(answer.keyChecked && !answer.serialChecked)
        }
        #expect(
            try reader.lookup(serial: "SN-700", product: "other", key: TestLog.digest(700, 1)).status
                == .notListed)
        #expect(try reader.lookup(serial: "SN-700", key: TestLog.digest(5000, 1)).status == .notListed)
    }

    @Test("A known serial with another device's key is not listed where the serial key is given")
    func clone() throws {
        let answer = try reader.lookup(serial: "SN-700", key: TestLog.digest(701, 1), serialKey: serialKey)
        #expect(answer.status == .notListed)
        #expect(answer.serialChecked)
    }

    @Test("A serial alone without the serial key is refused, and not called absent")
    func refused() {
        #expect(code { try reader.lookup(serial: "SN-700") } == .serialKey)
    }

    @Test("Another log's serial key finds nothing")
    func otherKey() throws {
        #expect(try reader.lookup(serial: "SN-700", serialKey: SerialKey()).status == .notListed)
    }

    @Test("Events are found by serial and by certificate")
    func events() throws {
        for (number, status) in [
            (1, LookupAnswer.Status.scrapped), (2, .revoked), (3, .replaced), (4, .listed),
        ] {
            #expect(try reader.lookup(serial: "SN-\(number)", serialKey: serialKey).status == status)
            let answer = try reader.lookup(
                certificate: TestLog.digest(number, 2), key: TestLog.digest(number, 1))
            #expect(answer.status == status)
            #expect(!answer.serialChecked)
        }
    }

    @Test("A leaked bundle holds no serial in any file, and guessing serials without the key finds nothing")
    func leaked() throws {
        let files = try log.files()
        #expect(
            files.contains { $0.hasPrefix("index/serial") } && files.contains { $0.hasPrefix("tile/entries") }
        )
        let serials = (0..<1000).map { "SN-\($0)" }
        let guesses = Set(serials.map { IndexRecord.serialHash(of: $0) })
        for file in files {
            let bytes = try log.contents(file)
            #expect(Data(bytes).range(of: Data("SN-".utf8)) == nil, "\(file)")
            guard file.hasPrefix("index/") else { continue }
            for offset in stride(from: 0, to: bytes.count, by: IndexRecord.byteCount) {
                let record = try #require(bytes.withUnsafeBytes { IndexRecord($0, at: offset) })
                #expect(!guesses.contains(record.hash))
            }
        }
        // The same search does find the serials of a plain log.
        let plain = try TestLog.full(devices: 1000)
        let found = try plain.files().contains {
            Data(try plain.contents($0)).range(of: Data("SN-700".utf8)) != nil
        }
        #expect(found)
    }

    /// What is appended to a log of plain serials, or of hashed ones.
    static let mixtures: [(String, Bool, @Sendable (TestLog, BundleWriter) throws -> Void)] = [
        (
            "a hashed serial in a plain log", false,
            { log, writer in
                try writer.append(.add(TestLog.device(1, run: "R", serialKey: SerialKey())))
            }
        ),
        (
            "a plain serial in a hashed log", true,
            { log, writer in try writer.append(.add(TestLog.device(1, run: "R"))) }
        ),
        (
            "a hashed run in a plain log", false,
            { log, writer in try writer.append(TestLog(serialKey: SerialKey()).openRun("Q")) }
        ),
        (
            "a plain run in a hashed log", true,
            { log, writer in try writer.append(TestLog().openRun("Q")) }
        ),
    ]

    @Test("A log that mixes the forms of serials is refused", arguments: mixtures.indices)
    func mixed(index: Int) throws {
        let (name, isHashed, make) = Self.mixtures[index]
        let log = TestLog(serialKey: isHashed ? serialKey : nil)
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        try make(log, writer)
        try log.publish(writer)
        #expect(code { try log.verify() } == .run, "\(name)")
    }

    @Test("The same hashed serial twice in a product is refused")
    func repeated() throws {
        let log = TestLog(serialKey: serialKey)
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        for number in [1, 2] {
            try writer.append(.add(TestLog.device(number, run: "R", serial: "S", serialKey: serialKey)))
        }
        try log.publish(writer)
        #expect(code { try log.verify() } == .duplicate)
    }
}
