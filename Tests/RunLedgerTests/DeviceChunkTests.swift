import Testing

@testable import RunLedger

@Suite("A chunk of devices")
struct DeviceChunkTests {
    @Test("What was put in comes out, with serials of 1 and 255 octets and certificates of 0 and 64 KiB")
    func roundTrip() throws {
        var devices = Fixture.devices(7, 4)
        devices[0].serial = "ä"
        devices[1].serial = String(repeating: "x", count: 255)
        devices[2].certificate = []
        devices[3].certificate = [UInt8](repeating: 9, count: 65536)
        let chunk = try DeviceChunk(DeviceChunk(devices).bytes)
        #expect(chunk.count == 4)
        for (read, put) in zip(chunk.devices(firstRow: 7), devices) {
            #expect(read.row == put.row && read.serial == put.serial)
            #expect(read.certificateSerialNumber == put.certificateSerialNumber)
            #expect(read.publicKeyDigest == put.publicKeyDigest)
            #expect(read.certificateDigest == put.certificateDigest && read.certificate == put.certificate)
        }
    }

    @Test("The layout is the documented one")
    func layout() throws {
        let device = LedgerDevice(
            row: 0, serial: "AB", certificateSerialNumber: [UInt8](repeating: 1, count: 20),
            publicKeyDigest: [UInt8](repeating: 2, count: 32),
            certificateDigest: [UInt8](repeating: 3, count: 32), certificate: [4, 5, 6])
        let expected: [UInt8] =
            [1, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0] + [UInt8](repeating: 1, count: 20)
            + [UInt8](repeating: 2, count: 32) + [UInt8](repeating: 3, count: 32) + [2, 0x41, 0x42, 4, 5, 6]
        #expect(try DeviceChunk([device]).bytes == expected)
    }

    @Test("Every cut of a chunk is refused, and so is an octet after its end")
    func cuts() throws {
        let bytes = try DeviceChunk(Fixture.devices(0, 3)).bytes
        for length in bytes.indices {
            let error = #expect(throws: LedgerError.self) { try DeviceChunk(Array(bytes[..<length])) }
            #expect(error?.code == .malformedChunk)
        }
        #expect(throws: LedgerError.self) { try DeviceChunk(bytes + [0]) }
    }

    @Test("No change of one octet reads beyond the chunk's end")
    func changes() throws {
        let bytes = try DeviceChunk(Fixture.devices(0, 2)).bytes
        for index in bytes.indices {
            for value in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] {
                var changed = bytes
                changed[index] = value
                guard let chunk = try? DeviceChunk(changed) else { continue }
                let octets = chunk.devices(firstRow: 0).reduce(0) { $0 + $1.certificate.count }
                #expect(octets <= bytes.count)
            }
        }
    }

    @Test(
        "The encoder refuses what no chunk holds, and stays as it was",
        arguments: ["serial", "longSerial", "certificateSerial", "key", "digest", "certificate"])
    func encoder(_ field: String) throws {
        var encoder = DeviceChunk.Encoder()
        try encoder.append(Fixture.devices(0, 1)[0])
        var device = Fixture.devices(1, 1)[0]
        switch field {
        case "serial": device.serial = ""
        case "longSerial": device.serial = String(repeating: "x", count: 256)
        case "certificateSerial": device.certificateSerialNumber.removeLast()
        case "key": device.publicKeyDigest.append(0)
        case "digest": device.certificateDigest = []
        default: device.certificate = [UInt8](repeating: 0, count: 65537)
        }
        let error = #expect(throws: LedgerError.self) { try encoder.append(device) }
        #expect(error?.code == .malformedChunk)
        try encoder.append(Fixture.devices(1, 1)[0])
        #expect(try encoder.finish().bytes == DeviceChunk(Fixture.devices(0, 2)).bytes)
    }

    @Test("A serial that is no UTF-8 is refused when it is written and when it is read")
    func text() throws {
        var encoder = DeviceChunk.Encoder()
        let device = Fixture.devices(0, 1)[0]
        func append(_ serial: [UInt8]) throws {
            try serial.withUnsafeBytes { serial throws in
                try device.publicKeyDigest.withUnsafeBytes { digest throws in
                    try device.certificateSerialNumber.withUnsafeBytes { number throws in
                        try encoder.append(
                            serial: serial, certificateSerialNumber: number, publicKeyDigest: digest,
                            certificateDigest: digest, certificate: number)
                    }
                }
            }
        }
        try append([0xff, 0xfe])
        #expect(throws: LedgerError.self) { try encoder.finish() }
        try append([0x41, 0x42])
        var bytes = try encoder.finish().bytes
        bytes[8 + 89] = 0xc3
        #expect(throws: LedgerError.self) { try DeviceChunk(bytes) }
    }
}
