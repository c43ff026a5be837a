import Allowlist
import Foundation
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Altered deltas")
struct AlteredDeltaTests {
    typealias Members = [(name: String, content: [UInt8])]

    /// The place of a file whose name begins so; the last one where there are several.
    private static func place(_ prefix: String, in members: Members) throws -> Int {
        try #require(members.lastIndex { $0.name.hasPrefix(prefix) })
    }

    private static func entries(_ bundle: [UInt8]) throws -> [[UInt8]] {
        var entries: [[UInt8]] = []
        var offset = 0
        while let range = EntryFraming.entry(in: bundle, at: offset) {
            entries.append(Array(bundle[range]))
            offset = range.upperBound
        }
        return entries
    }

    private static func bundle(_ entries: [[UInt8]]) throws -> [UInt8] {
        var bundle: [UInt8] = []
        for entry in entries { try EntryFraming.append(entry, to: &bundle) }
        return bundle
    }

    /// What an attacker does to the files, and how it is refused.
    static let alterations:
        [(String, AllowlistError.Code, @Sendable (inout Members, TestLog) throws -> Void)] = [
            (
                "a digest in an entry altered", .rootMismatch,
                { members, _ in
                    let place = try place("tile/entries/", in: members)
                    var entries = try entries(members[place].content)
                    let needle = TestLog.digest(600, 2).bytes
                    let position = try #require(entries.firstIndex { $0.contains(needle) })
                    let start = try #require(entries[position].firstRange(of: needle)).lowerBound
                    entries[position][start] ^= 1
                    members[place].content = try bundle(entries)
                }
            ),
            (
                "an entry that was there before altered", .rootMismatch,
                { members, _ in
                    let place = try #require(members.firstIndex { $0.name.hasPrefix("tile/entries/") })
                    var entries = try entries(members[place].content)
                    let needle = TestLog.digest(5, 2).bytes
                    let position = try #require(entries.firstIndex { $0.contains(needle) })
                    let start = try #require(entries[position].firstRange(of: needle)).lowerBound
                    entries[position][start] ^= 1
                    members[place].content = try bundle(entries)
                }
            ),
            (
                "an entry removed", .entriesMalformed,
                { members, _ in
                    let place = try place("tile/entries/", in: members)
                    var entries = try entries(members[place].content)
                    entries.remove(at: 3)
                    members[place].content = try bundle(entries)
                }
            ),
            (
                "an entry added", .entriesMalformed,
                { members, _ in
                    let place = try place("tile/entries/", in: members)
                    var entries = try entries(members[place].content)
                    entries.insert(entries[3], at: 3)
                    members[place].content = try bundle(entries)
                }
            ),
            (
                "two entries exchanged", .rootMismatch,
                { members, _ in
                    let place = try place("tile/entries/", in: members)
                    var entries = try entries(members[place].content)
                    entries.swapAt(3, 4)
                    members[place].content = try bundle(entries)
                }
            ),
            (
                "an entry that is no canonical CBOR", .entryMalformed,
                { members, _ in
                    let place = try place("tile/entries/", in: members)
                    var entries = try entries(members[place].content)
                    entries[3][0] = 0xbf
                    members[place].content = try bundle(entries)
                }
            ),
            (
                "a bundle of entries left out", .deltaBase,
                { members, _ in
                    members.remove(at: try #require(members.firstIndex { $0.name == "tile/entries/001" }))
                }
            ),
            (
                "the last bundle of entries left out", .deltaBase,
                { members, _ in members.remove(at: try place("tile/entries/", in: members)) }
            ),
            (
                "a file too many", .delta,
                { members, _ in members.append(("tile/0/000", [UInt8](repeating: 0, count: 8192))) }
            ),
            ("an unknown file", .delta, { members, _ in members.append(("readme", [1])) }),
            (
                "an authorisation that no entry cites", .delta,
                { members, _ in
                    members.append((Authorisation.path(of: Digest32.sha256([7])), [7]))
                }
            ),
            (
                "an authorisation altered", .authorisation,
                { members, _ in
                    let place = try place("authorisations/", in: members)
                    members[place].content.append(0)
                }
            ),
            (
                "a new run's authorisation left out", .fileMissing,
                { members, _ in members.remove(at: try place("authorisations/", in: members)) }
            ),
            (
                "the signed text altered", .checkpointSignature,
                { members, _ in
                    let place = try #require(members.firstIndex { $0.name == "checkpoint" })
                    let text = String(decoding: members[place].content, as: UTF8.self)
                    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
                    let size = try #require(UInt64(lines[1]))
                    let altered = text.replacingOccurrences(of: "\n\(size)\n", with: "\n\(size + 1)\n")
                    members[place].content = Array(altered.utf8)
                }
            ),
            (
                "`checkpoint.txt` of another checkpoint", .checkpointText,
                { members, _ in
                    let place = try #require(members.firstIndex { $0.name == "checkpoint.txt" })
                    members[place].content.append(0x0a)
                }
            ),
            (
                "no CMS signature", .fileMissing,
                { members, _ in members.removeAll { $0.name == "checkpoint.p7s" } }
            ),
            (
                "a checkpoint of another log", .checkpointOrigin,
                { members, _ in
                    let other = try TestLog.full(devices: 60, origin: "other.example/log")
                    for name in ["checkpoint", "checkpoint.txt", "checkpoint.p7s"] {
                        let place = try #require(members.firstIndex { $0.name == name })
                        members[place].content = try other.contents(name)
                    }
                }
            ),
            (
                "the checkpoint of another key", .checkpointSignature,
                { members, _ in
                    let other = try TestLog.full(devices: 60)
                    for name in ["checkpoint", "checkpoint.txt", "checkpoint.p7s"] {
                        let place = try #require(members.firstIndex { $0.name == name })
                        members[place].content = try other.contents(name)
                    }
                }
            ),
            (
                "a roster with another content than the receiver's", .delta,
                { members, _ in members.append(("rosters/1.json", Array("{}".utf8))) }
            ),
        ]

    @Test("An altered delta is refused and changes nothing", arguments: alterations.indices)
    func refused(number: Int) throws {
        let (name, expected, alter) = Self.alterations[number]
        let (log, writer) = try TestLog.begun()
        var device = 0
        try log.add(100, from: &device, writer)
        let receiver = try Receiver(of: log)
        try receiver.write(Array("{\"version\":1}".utf8), to: "rosters/1.json")
        let base = try receiver.size(log.pins())
        let other = Array("another authorisation".utf8)
        guard case .openRun(var run) = log.openRun("Q") else { return }
        run.authorisation = Digest32.sha256(other)
        try writer.append(.openRun(run))
        try log.publish(writer, extraFiles: [.authorisation(other)])
        try log.add(540, from: &device, writer)

        let before = try receiver.everything()
        let delta = try TestDelta(from: base, of: log)
        try delta.rewrite { try alter(&$0, log) }
        #expect(code { try delta.apply(to: receiver, pins: log.pins()) } == expected, "\(name)")
        #expect(try receiver.everything() == before, "\(name)")
        // As the publisher made it, it is taken.
        try TestDelta(from: base, of: log).apply(to: receiver, pins: log.pins(), verifying: true)
    }

    @Test("A delta that was cut is refused, wherever", arguments: [0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
    func cut(part: Double) throws {
        let (log, writer) = try TestLog.begun()
        var device = 0
        try log.add(100, from: &device, writer)
        let receiver = try Receiver(of: log)
        let base = try receiver.size(log.pins())
        try log.add(300, from: &device, writer)
        let delta = try TestDelta(from: base, of: log)
        let url = URL(fileURLWithPath: delta.path)
        let bytes = try Data(contentsOf: url)
        let blocks = Int(Double(bytes.count / 512) * part)
        let before = try receiver.everything()
        for count in [blocks * 512, blocks * 512 + 100] {
            try bytes.prefix(count).write(to: url)
            #expect(code { try delta.apply(to: receiver, pins: log.pins()) } == .archive)
        }
        #expect(try receiver.everything() == before)
    }

    @Test("A receiver's damaged bundle is not grown")
    func damagedReceiver() throws {
        let (log, writer) = try TestLog.begun()
        var device = 0
        try log.add(300, from: &device, writer)
        let intact = try Receiver(of: log)
        let base = try intact.size(log.pins())
        try log.add(300, from: &device, writer)
        let delta = try TestDelta(from: base, of: log)
        for (name, bytes) in try intact.contents()
        where name.contains(".p/") && !bytes.isEmpty || name.hasPrefix("index/") && !bytes.isEmpty {
            let receiver = try Receiver(copyOf: intact)
            var damaged = Array(bytes)
            damaged[damaged.count - 1] ^= 1
            try receiver.write(damaged, to: name)
            #expect(throws: AllowlistError.self, "\(name)") {
                try delta.apply(to: receiver, pins: log.pins(), verifying: true)
            }
            let note = try Data(contentsOf: receiver.folder.appendingPathComponent("checkpoint"))
            #expect(try intact.contents()["checkpoint"] == note, "\(name)")
        }
    }
}
