import Allowlist
import Testing
import TransparencyLog

@Suite("Every device of a list")
struct ListedDevicesTests {
    @Test("Each device is visited once, in order, with the answer that a lookup gives")
    func complete() throws {
        let log = try TestLog.full(devices: 700)
        let reader = try log.reader()
        let devices = try ListedDevices(in: BundleFolder(log.path), pins: log.pins())
        var (visited, last) = (0, UInt64(0))
        try devices.visit { (answer) throws(AllowlistError) in
            guard let device = answer.device, let index = answer.entryIndex else { return false }
            let found = try reader.lookup(certificate: device.certificate, key: device.key)
            #expect(found.status == answer.status && found.events == answer.events)
            #expect(found.entryIndex == index && found.device == device)
            #expect(visited == 0 || index > last)
            (visited, last) = (visited + 1, index)
            return true
        }
        #expect(visited == 700)
        #expect(devices.checkpoint == reader.checkpoint)
    }

    @Test("A visit stops when it is told to")
    func stops() throws {
        let log = try TestLog.full(devices: 300)
        var visited = 0
        try ListedDevices(in: BundleFolder(log.path), pins: log.pins()).visit { (_) throws(AllowlistError) in
            visited += 1
            return visited < 3
        }
        #expect(visited == 3)
    }

    @Test("An altered entry is found before any device is visited")
    func altered() throws {
        let log = try TestLog.full(devices: 300)
        var bundle = try log.contents("tile/entries/000")
        let position = bundle.count / 2
        bundle[position] ^= 1
        try log.write(bundle, to: "tile/entries/000")
        #expect(throws: AllowlistError.self) {
            _ = try ListedDevices(in: BundleFolder(log.path), pins: log.pins())
        }
    }

    @Test("Entries that change after they were proven are not visited")
    func changing() throws {
        let log = try TestLog.full(devices: 700)
        let devices = try ListedDevices(in: BundleFolder(log.path), pins: log.pins())
        var bundle = try log.contents("tile/entries/001")
        bundle[bundle.count / 2] ^= 1
        try log.write(bundle, to: "tile/entries/001")
        var last: UInt64 = 0
        let error = #expect(throws: AllowlistError.self) {
            try devices.visit { (answer) throws(AllowlistError) in
                last = answer.entryIndex ?? 0
                return true
            }
        }
        #expect(error?.code == .entryMismatch || error?.code == .entriesMalformed)
        #expect(last < 256)
    }
}
