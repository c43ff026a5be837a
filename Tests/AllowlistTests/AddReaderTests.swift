import Testing
import TransparencyLog

@testable import Allowlist

@Suite("Reading devices of one run fast")
struct AddReaderTests {
    /// A generator of the same numbers each time.
    struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 31
        }
    }

    static let patterns: [AllowlistEntry.Add] = {
        let digest = Digest32.sha256([1])
        let plain = AllowlistEntry.Add(
            run: "R-2026", product: "pump", serial: .plain("SN-1"), key: digest,
            certificate: Digest32.sha256([2]),
            certificateSerial: [UInt8](repeating: 0x41, count: 20),
            authorityKeyID: [UInt8](repeating: 7, count: 20), notAfter: 253_402_300_799, rotates: false)
        var long = plain
        long.run = String(repeating: "r", count: 128)
        long.product = String(repeating: "p", count: 24)
        long.serial = .plain(String(repeating: "é", count: 100))
        long.authorityKeyID = [UInt8](repeating: 9, count: 64)
        long.notAfter = 1_900_000_000
        long.rotates = true
        var full = plain
        full.fdo = .init(guid: [UInt8](repeating: 5, count: 16), voucher: Digest32.sha256([3]))
        full.firmware = [Digest32.sha256([4]), Digest32.sha256([5])]
        var firmware = plain
        firmware.firmware = [Digest32.sha256([4])]
        var hashed = full
        hashed.serial = .hashed(Digest32.sha256([6]))
        return [plain, long, full, firmware, hashed]
    }()

    @Test("Devices like the pattern are read with their values", arguments: patterns)
    func reads(pattern: AllowlistEntry.Add) throws {
        let reader = try learned(pattern)
        for number in 0..<300 {
            var device = pattern
            device.serial =
                switch pattern.serial {
                case .plain: .plain(String(repeating: number % 2 == 0 ? "S" : "ß", count: number % 120 + 1))
                case .hashed: .hashed(Digest32.sha256(Array("serial \(number)".utf8)))
                }
            device.key = Digest32.sha256(Array("\(number)".utf8))
            device.certificateSerial = [UInt8](repeating: UInt8(number % 256), count: number % 20 + 1)
            device.notAfter = number % 3 == 0 ? UInt64(UInt32.max) : 70_000 + UInt64(number)
            if device.fdo != nil { device.fdo?.guid = [UInt8](repeating: UInt8(number % 256), count: 16) }
            try AllowlistEntry.add(device).encoded().withUnsafeBytes { bytes in
                let values = try #require(reader.values(bytes))
                #expect(reader.serialHash(of: values) == device.serial.indexHash)
                #expect(values.key == device.key)
                #expect(values.certificate == device.certificate)
                #expect(Array(values.certificateSerial) == device.certificateSerial)
            }
        }
    }

    @Test(
        "What is read fast is what the strict decoder reads, however an entry is changed", arguments: patterns
    )
    func agrees(pattern: AllowlistEntry.Add) throws {
        let reader = try learned(pattern)
        let bytes = try AllowlistEntry.add(pattern).encoded()
        var generator = Seeded(state: 1)
        var accepted = 0
        for round in 0..<40_000 {
            var changed = bytes
            // Each octet in turn with a few values, then wild ones: several octets, cuts and insertions.
            if round < bytes.count * 8 {
                changed[round / 8] =
                    [0, 0xff, 0x1f, 0x20, 0x7f, 0x80, changed[round / 8] ^ 1, changed[round / 8] &+ 1][
                        round % 8]
            } else {
                for _ in 0...Int.random(in: 0..<3, using: &generator) {
                    let place = Int.random(in: 0..<changed.count, using: &generator)
                    switch Int.random(in: 0..<6, using: &generator) {
                    case 0: changed.remove(at: place)
                    case 1: changed.insert(UInt8.random(in: .min ... .max, using: &generator), at: place)
                    default: changed[place] = UInt8.random(in: .min ... .max, using: &generator)
                    }
                }
            }
            try changed.withUnsafeBytes { buffer in
                guard let values = reader.values(buffer) else { return }
                accepted += 1
                guard case .add(let device) = try AllowlistEntry(decoding: changed) else {
                    Issue.record("read as a device: \(changed)")
                    return
                }
                #expect(device.run == pattern.run)
                #expect(device.product == pattern.product)
                #expect(device.authorityKeyID == pattern.authorityKeyID)
                #expect(device.key == values.key)
                #expect(device.certificate == values.certificate)
                #expect(device.serial.form == pattern.serial.form)
                #expect(device.serial.indexHash == reader.serialHash(of: values))
                #expect(device.certificateSerial == Array(values.certificateSerial))
            }
        }
        #expect(accepted > 100)
    }

    private func learned(_ device: AllowlistEntry.Add) throws -> AddReader {
        var reader = AddReader()
        try AllowlistEntry.add(device).encoded().withUnsafeBytes { reader.learn(device, from: $0) }
        #expect(reader.pattern == device)
        return reader
    }
}
