import Foundation
import GRDB

@testable import RunLedger

/// A ledger in a folder of its own.
final class Fixture {
    let folder: String
    private(set) var ledger: SQLiteLedger
    private let mask: UInt64

    var path: String { folder + "/ledger.sqlite" }
    var fingerprints: String { folder + "/ledger.fingerprints" }

    /// `mask` has the bits of a fingerprint that count.
    init(mask: UInt64 = .max) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("ledger-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        self.mask = mask
        ledger = try SQLiteLedger(
            path: folder + "/ledger.sqlite", creating: true, fingerprintMask: mask)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Ends this process's use of the ledger, does `work`, and opens it again.
    func reopen(after work: () throws -> Void = {}) throws {
        try ledger.close()
        try work()
        ledger = try SQLiteLedger(path: path, creating: false, fingerprintMask: mask)
    }

    func open(
        _ id: String, quantity: Int = 10, spoilage: Int = 5, product: String = "sensor"
    ) throws {
        try ledger.open(
            NewRun(
                id: id, product: product, manifestDigest: [1], authorisationDigest: Array(id.utf8),
                templateDigest: [3], notBefore: 0, quantity: quantity, spoilage: spoilage, openIndex: 0,
                openedAt: 0))
        try ledger.advance(id, to: .open, at: 0)
    }

    /// Reserves and records devices of consecutive rows.
    func make(_ devices: [LedgerDevice], run: String) throws {
        let first = devices.first?.row ?? 0
        try ledger.reserve(
            Reservation(
                firstRow: first, certificateSerialNumbers: devices.map(\.certificateSerialNumber)), run: run)
        try ledger.record(DeviceChunk(devices), firstRow: first, run: run, reservingNext: [])
    }

    func make(_ first: Int, _ count: Int, salt: Int = 0, prefix: String = "S", run: String) throws {
        try make(Fixture.devices(first, count, salt: salt, prefix: prefix), run: run)
    }

    func execute(_ sql: String) throws {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let other = try DatabaseQueue(path: path, configuration: configuration)
        try other.write { try $0.execute(sql: sql) }
        try other.close()
    }

    static func number(_ value: Int) -> [UInt8] {
        [0x40] + withUnsafeBytes(of: UInt64(value).bigEndian) { Array($0) } + [UInt8](repeating: 0, count: 11)
    }

    /// 32 octets; `kind` tells a key's from a certificate's.
    static func digest(_ value: Int, _ kind: UInt8) -> [UInt8] {
        Array(number(value).dropFirst()) + [UInt8](repeating: kind, count: 13)
    }

    static func reservation(_ first: Int, _ count: Int, salt: Int = 0) -> Reservation {
        Reservation(
            firstRow: first, certificateSerialNumbers: (first..<(first + count)).map { number($0 + salt) })
    }

    static func devices(_ first: Int, _ count: Int, salt: Int = 0, prefix: String = "S") -> [LedgerDevice] {
        (first..<(first + count)).map {
            LedgerDevice(
                row: $0, serial: "\(prefix)\($0)", certificateSerialNumber: number($0 + salt),
                publicKeyDigest: digest($0 + salt, 7), certificateDigest: digest($0 + salt, 8),
                certificate: [3] + number($0 + salt))
        }
    }
}
