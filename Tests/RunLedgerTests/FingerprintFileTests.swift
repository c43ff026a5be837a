import Foundation
import Testing

@testable import RunLedger

/// What may become of the fingerprints' file between two openings.
private enum Mishap: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case nothing = "nothing"
    case deleted = "it is deleted"
    case empty = "it is cut to nothing"
    case cut = "it is cut in half"
    case grown = "octets are added to it"
    case behind = "it is as it was before the last chunk"
    case before = "it is as it was before any chunk"
    case halfApplied = "the last chunk's fingerprints are there in part"
    case zeroSlots = "its slots are zero, as after a power cut"
    case garbage = "its slots are garbage"
    case allGarbage = "all of it is garbage"
    case moved = "its slots stand where no search finds them"
    case otherLedger = "it is another ledger's"
    case later = "it has a fingerprint of a chunk that is not there"
    case folder = "a folder has its name"

    var testDescription: String { rawValue }

    /// Whether what it lacks is added to the file, which costs less than to make it anew.
    var isCaughtUp: Bool {
        switch self {
        case .nothing, .behind, .before, .halfApplied: true
        default: false
        }
    }
}

@Suite("The fingerprints' file is derived: whatever becomes of it, what was recorded is known")
struct FingerprintFileTests {
    @Test("Whatever became of it, duplicates are refused and new devices taken", arguments: Mishap.allCases)
    private func mishaps(_ mishap: Mishap) throws {
        let fixture = try Fixture()
        try fixture.open("a", quantity: 40, spoilage: 0)
        let files = FileManager.default
        try files.copyItem(atPath: fixture.fingerprints, toPath: fixture.folder + "/before")
        try fixture.make(0, 10, run: "a")
        try fixture.reopen()
        try files.copyItem(atPath: fixture.fingerprints, toPath: fixture.folder + "/behind")
        try fixture.make(10, 10, run: "a")
        try fixture.reopen { try bring(mishap, to: fixture) }
        guard mishap != .folder else {
            // Lookups do without; nothing is recorded.
            #expect(try fixture.ledger.known(["S11"], product: "sensor") == ["S11": "a"])
            let error = #expect(throws: LedgerError.self) { try fixture.make(20, 1, run: "a") }
            #expect(error?.code == .io)
            return
        }
        func file() -> Int? {
            (try? files.attributesOfItem(atPath: fixture.fingerprints))?[.systemFileNumber] as? Int
        }
        let brought = file()
        let reader = try SQLiteLedger(path: fixture.path, creating: false, readOnly: true)
        #expect(try reader.known(["S0", "S19", "S20"], product: "sensor") == ["S0": "a", "S19": "a"])
        try reader.close()
        for place in [3, 13] {
            var device = Fixture.devices(20, 1)
            device[0].publicKeyDigest = Fixture.digest(place, 7)
            try fixture.ledger.reserve(Fixture.reservation(20, 1), run: "a")
            let error = #expect(throws: LedgerError.self) {
                try fixture.ledger.record(
                    DeviceChunk(device), firstRow: 20, run: "a", reservingNext: [])
            }
            #expect(error?.code == .duplicate)
            try fixture.execute("DELETE FROM reservation; UPDATE run SET reserved = 20")
        }
        #expect((file() == brought) == mishap.isCaughtUp)
        try fixture.make(20, 20, run: "a")
        try fixture.reopen()
        #expect(try fixture.ledger.known((0..<50).map { "S\($0)" }, product: "sensor").count == 40)
        try fixture.ledger.check()
    }

    private func bring(_ mishap: Mishap, to fixture: Fixture) throws {
        let path = fixture.fingerprints
        let files = FileManager.default
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        let slots = 4096..<data.count
        switch mishap {
        case .nothing: return
        case .deleted: return try files.removeItem(atPath: path)
        case .folder:
            try files.removeItem(atPath: path)
            return try files.createDirectory(atPath: path, withIntermediateDirectories: false)
        case .empty: data = Data()
        case .cut: data = data.prefix(data.count / 2)
        case .grown: data += Data(repeating: 0, count: 4096)
        case .behind: data = try Data(contentsOf: URL(fileURLWithPath: fixture.folder + "/behind"))
        case .before: data = try Data(contentsOf: URL(fileURLWithPath: fixture.folder + "/before"))
        case .halfApplied:
            let whole = data
            data = try Data(contentsOf: URL(fileURLWithPath: fixture.folder + "/behind"))
            // Slots that are in the whole table and not in this one, every other of them.
            let missing = stride(from: slots.lowerBound, to: slots.upperBound, by: 8).filter {
                whole[$0..<($0 + 8)] != data[$0..<($0 + 8)]
            }
            #expect(missing.count == 40)
            for place in missing.enumerated().filter({ $0.offset % 2 == 0 }).map(\.element) {
                data[place..<(place + 8)] = whole[place..<(place + 8)]
            }
        case .zeroSlots: data[slots] = Data(repeating: 0, count: slots.count)
        case .garbage: data[slots] = Data(slots.map { _ in UInt8.random(in: 0...255) })
        case .allGarbage: data = Data(data.map { _ in UInt8.random(in: 0...255) })
        case .moved: data[slots] = data[slots].suffix(8) + data[slots].dropLast(8)
        case .otherLedger:
            let other = try Fixture()
            try other.open("a", quantity: 40, spoilage: 0)
            try other.make(0, 20, run: "a")
            try other.ledger.close()
            data = try Data(contentsOf: URL(fileURLWithPath: other.fingerprints))
        case .later:
            let place = try #require(
                stride(from: slots.lowerBound, to: slots.upperBound, by: 8).first { place in
                    data[place..<(place + 8)].allSatisfy { $0 == 0 }
                })
            data[place] = 9
        }
        try data.write(to: URL(fileURLWithPath: path))
    }

    @Test("A ledger that lost commits is refused where devices would be recorded, and can still be read")
    func rolledBack() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 1, run: "a")
        try fixture.reopen {
            try FileManager.default.copyItem(atPath: fixture.path, toPath: fixture.folder + "/older")
        }
        try fixture.make(1, 1, run: "a")
        try fixture.reopen {
            try FileManager.default.removeItem(atPath: fixture.path)
            try FileManager.default.copyItem(atPath: fixture.folder + "/older", toPath: fixture.path)
        }
        #expect(try fixture.ledger.known(["S0", "S1"], product: "sensor") == ["S0": "a"])
        for step in [
            { try fixture.ledger.reserve(Fixture.reservation(1, 1), run: "a") },
            { try fixture.open("b") }, { try fixture.ledger.prepare(forAdditional: 1) },
        ] {
            let error = #expect(throws: LedgerError.self, performing: step)
            #expect(error?.code == .rolledBack && error?.subject == fixture.fingerprints)
        }
        #expect(try fixture.ledger.run("b") == nil)
    }

    @Test("Power lost with the write-ahead log: the ledger's missing commits are noticed")
    func walLost() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.reopen()
        try fixture.make(0, 2, run: "a")
        // As the files stand while the process lives, without the write-ahead log.
        let crashed = fixture.folder + "/crashed"
        try FileManager.default.createDirectory(atPath: crashed, withIntermediateDirectories: false)
        for name in ["ledger.sqlite", "ledger.fingerprints"] {
            try FileManager.default.copyItem(
                atPath: fixture.folder + "/" + name, toPath: crashed + "/" + name)
        }
        let ledger = try SQLiteLedger(path: crashed + "/ledger.sqlite", creating: false)
        let error = #expect(throws: LedgerError.self) {
            try ledger.reserve(Fixture.reservation(2, 1), run: "a")
        }
        #expect(error?.code == .rolledBack)
        // With it, everything is there.
        try FileManager.default.copyItem(
            atPath: fixture.path + "-wal", toPath: crashed + "/whole.sqlite-wal")
        try FileManager.default.copyItem(atPath: fixture.path, toPath: crashed + "/whole.sqlite")
        let whole = try SQLiteLedger(path: crashed + "/whole.sqlite", creating: false)
        #expect(try whole.known(["S0", "S1"], product: "sensor").count == 2)
        try whole.check()
    }

    @Test("Opened to read, it changes no file and makes none", arguments: [false, true])
    func readOnly(deleted: Bool) throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 5, run: "a")
        try fixture.reopen()
        try fixture.ledger.close()
        if deleted { try FileManager.default.removeItem(atPath: fixture.fingerprints) }
        func state() throws -> [String: Data] {
            var files: [String: Data] = [:]
            for name in try FileManager.default.contentsOfDirectory(atPath: fixture.folder) {
                files[name] = try Data(contentsOf: URL(fileURLWithPath: fixture.folder + "/" + name))
            }
            return files
        }
        let before = try state()
        let reader = try SQLiteLedger(path: fixture.path, creating: false, readOnly: true)
        #expect(try reader.known(["S3"], product: "sensor") == ["S3": "a"])
        #expect(try reader.devices(serial: "S4", product: nil).count == 1)
        try reader.check()
        #expect(throws: LedgerError.self) { try reader.advance("a", to: .sealing, at: 0) }
        try reader.close()
        #expect(try state() == before)
    }

    @Test("A reader beside a run in progress knows what is committed, with the file's help or without")
    func beside() throws {
        let fixture = try Fixture()
        try fixture.open("a", quantity: 200, spoilage: 0)
        try fixture.make(0, 1, run: "a")
        let reader = try SQLiteLedger(path: fixture.path, creating: false, readOnly: true)
        for row in 1..<150 {
            try fixture.make(row, 1, run: "a")
            #expect(
                try reader.known(["S0", "S\(row)", "S\(row + 1)"], product: "sensor")
                    == ["S0": "a", "S\(row)": "a"])
        }
    }

    @Test("Two that record in one ledger at once: the second is told to wait")
    func twoWriters() throws {
        let fixture = try Fixture()
        try fixture.open("a")
        try fixture.make(0, 1, run: "a")
        let second = try SQLiteLedger(path: fixture.path, creating: false)
        #expect(try second.known(["S0"], product: "sensor") == ["S0": "a"])
        let error = #expect(throws: LedgerError.self) {
            try second.reserve(Fixture.reservation(1, 1), run: "a")
        }
        #expect(error?.code == .cannotOpen)
        try fixture.ledger.close()
        try second.reserve(Fixture.reservation(1, 1), run: "a")
    }

    @Test("It grows with the runs that are begun, and keeps what it has")
    func growth() throws {
        let fixture = try Fixture()
        try fixture.open("a", quantity: 100, spoilage: 0)
        try fixture.make(0, 100, run: "a")
        let small = try fixture.ledger.size().fingerprintOctets
        try fixture.open("b", quantity: 20_000, spoilage: 1000)
        #expect(try fixture.ledger.size().fingerprintOctets == 4096 + 8 * 262_144)
        #expect(small == 4096 + 8 * 4096)
        let error = #expect(throws: LedgerError.self) {
            var device = Fixture.devices(0, 1, salt: 500, prefix: "B")
            device[0].certificateDigest = Fixture.digest(50, 8)
            try fixture.make(device, run: "b")
        }
        #expect(error?.code == .duplicate)
        try fixture.reopen()
        #expect(try fixture.ledger.known(["S7"], product: "sensor") == ["S7": "a"])
    }

    @Test("A run that the disk has no room for is not begun")
    func noSpace() throws {
        let fixture = try Fixture()
        let error = #expect(throws: LedgerError.self) {
            try fixture.open("a", quantity: 1 << 44, spoilage: 0)
        }
        #expect(error?.code == .diskFull)
        #expect(try fixture.ledger.runs().isEmpty)
        try fixture.open("b")
        try fixture.make(0, 1, run: "b")
    }
}
