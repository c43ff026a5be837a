import Allowlist
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Proofs of absence")
struct AbsenceTests {
    let log: TestLog
    let reader: BundleReader

    init() throws {
        log = try TestLog.full(devices: 3000)
        reader = try log.reader()
    }

    /// The next or the previous value of 32 octets.
    private func beside(_ digest: Digest32, _ step: Int) throws -> Digest32 {
        var bytes = digest.bytes
        for position in bytes.indices.reversed() {
            bytes[position] = bytes[position] &+ UInt8(truncatingIfNeeded: step)
            if bytes[position] != (step > 0 ? 0 : 255) { break }
        }
        return try #require(Digest32(bytes))
    }

    private func changed(
        _ proof: AbsenceProof, subject: AbsenceProof.Subject? = nil, checkpoint: [UInt8]? = nil,
        state: AbsenceProof.ProvenEntry? = nil, run: AbsenceProof.ProvenRun? = nil,
        gaps: [AbsenceProof.Gap]? = nil
    ) -> AbsenceProof {
        AbsenceProof(
            subject: subject ?? proof.subject, checkpoint: checkpoint ?? proof.checkpoint,
            state: state ?? proof.state, run: run ?? proof.run, gaps: gaps ?? proof.gaps)
    }

    private func refusal(_ proof: AbsenceProof) throws -> AllowlistError.Code? {
        let pins = try log.pins()
        return code { try AbsenceProof(parsing: proof.bytes).verify(pins: pins) }
    }

    @Test("Keys and serials that are not listed are proven absent, from the pins alone")
    func absent() throws {
        #expect(reader.state.segments.filter { $0.kind == .key }.count > 1)
        var subjects: [AbsenceProof.Subject] = [.key(Digest32()), .key(try #require(Digest32(hex: ff)))]
        for number in 10_000..<10_030 {
            subjects += [.key(TestLog.digest(number, 1)), .serial(.plain("SN-\(number)"))]
        }
        // Right beside listed ones.
        for number in [0, 700, 2999] {
            subjects += [.key(try beside(TestLog.digest(number, 1), 1))]
            subjects += [.key(try beside(TestLog.digest(number, 1), -1))]
        }
        for subject in subjects {
            let proof = try reader.absenceProof(of: subject)
            let read = try AbsenceProof(parsing: proof.bytes)
            #expect(read == proof)
            let answer = try read.verify(pins: log.pins())
            #expect(answer.checkpoint == reader.checkpoint)
            #expect(answer.subject == subject)
            #expect(!answer.deviceChecked)
            #expect(answer.limits == [.laterEntries, .newestCheckpoint, .index])
        }
    }

    private let ff = String(repeating: "ff", count: 32)

    @Test("What is listed gets no proof of absence, whatever became of it", arguments: [0, 1, 2, 3, 4, 2999])
    func listed(number: Int) throws {
        #expect(code { try reader.absenceProof(of: .key(TestLog.digest(number, 1))) } == .absenceProof)
        #expect(code { try reader.absenceProof(of: .serial(.plain("SN-\(number)"))) } == .absenceProof)
    }

    @Test("A listed key cannot be shown absent by any of its neighbours")
    func neighbours() throws {
        for number in [5, 700, 2500, 2999] {
            let key = TestLog.digest(number, 1)
            // Good proofs of the values right beside it: each has the key's own record as a neighbour.
            let below = try reader.absenceProof(of: .key(beside(key, -1)))
            let above = try reader.absenceProof(of: .key(beside(key, 1)))
            #expect(try refusal(below) == nil)
            #expect(try refusal(above) == nil)
            let segment = try #require(
                below.gaps.indices.first { below.gaps[$0].after?.record.hash == key })
            let (low, high) = (below.gaps[segment], above.gaps[segment])
            #expect(high.before?.record.hash == key)
            var attempts = [below.gaps, above.gaps]
            // Both neighbours around it, as if they were next to each other.
            for position in [low.position, high.position] {
                attempts.append(below.gaps)
                attempts[attempts.count - 1][segment] = .init(
                    position: position, before: low.before, after: high.after)
            }
            // No neighbour on one side, or on both.
            for (position, before, after) in [
                (low.position, low.before, nil), (low.position, nil, low.after), (0, nil, low.after),
                (high.position, nil, high.after), (0, nil, high.after), (0, nil, nil),
                (reader.state.segments[segment].recordCount, low.before, nil), (.max, low.before, nil),
            ] as [(UInt64, AbsenceProof.ProvenRecord?, AbsenceProof.ProvenRecord?)] {
                attempts.append(below.gaps)
                attempts[attempts.count - 1][segment] = .init(
                    position: position, before: before, after: after)
            }
            // The gap of another segment in its place, and its segment left out.
            for other in below.gaps.indices where other != segment {
                attempts.append(below.gaps)
                attempts[attempts.count - 1][segment] = below.gaps[other]
            }
            attempts.append(below.gaps)
            attempts[attempts.count - 1].remove(at: segment)
            attempts += [[], below.gaps + [below.gaps[segment == 0 ? 1 : 0]], below.gaps.reversed()]
            for gaps in attempts {
                let forged = changed(below, subject: .key(key), gaps: gaps)
                let code = try refusal(forged)
                #expect(code == .absenceProof || code == .absenceMalformed, "\(gaps)")
            }
        }
    }

    @Test("A made-up record beside the key is refused")
    func madeUp() throws {
        let key = TestLog.digest(700, 1)
        let below = try reader.absenceProof(of: .key(beside(key, -1)))
        let segment = try #require(below.gaps.indices.first { below.gaps[$0].after?.record.hash == key })
        let gap = below.gaps[segment]
        let made = AbsenceProof.ProvenRecord(
            record: IndexRecord(hash: try beside(key, 1), index: 7), path: gap.after?.path ?? [])
        var gaps = below.gaps
        gaps[segment] = .init(position: gap.position, before: gap.before, after: made)
        #expect(try refusal(changed(below, subject: .key(key), gaps: gaps)) == .absenceProof)
    }

    @Test("The state of another tree, and another entry as state, are refused")
    func otherState() throws {
        let old = try reader.absenceProof(of: .key(TestLog.digest(90_000, 1)))
        let writer = try log.writer()
        let open = try writer.append(log.openRun("R-9"))
        try writer.append(.add(TestLog.device(90_000, run: "R-9")))
        try log.publish(writer)
        let now = try log.reader()
        let pins = try log.pins()
        // The old proof stays what it was: of the old checkpoint.
        #expect(try old.verify(pins: pins).checkpoint == reader.checkpoint)
        #expect(code { try now.absenceProof(of: .key(TestLog.digest(90_000, 1))) } == .absenceProof)
        // Under the new checkpoint, the old state is not the last entry, whichever path comes with it.
        let new = try now.absenceProof(of: .key(TestLog.digest(90_001, 1)))
        var files = EntryFiles(in: BundleFolder(log.path), treeSize: now.checkpoint.size)
        var tree = TiledTree(size: now.checkpoint.size, source: files)
        let oldIndex = reader.checkpoint.size - 1
        let inNewTree = AbsenceProof.ProvenEntry(
            entry: try files.bytes(at: oldIndex), path: try tree.inclusionProof(index: oldIndex))
        #expect(inNewTree.entry == old.state.entry)
        let none = AbsenceProof.ProvenEntry(
            entry: try AllowlistEntry.state(.init(segments: [])).encoded(), path: new.state.path)
        let run = AbsenceProof.ProvenEntry(
            entry: try files.bytes(at: open), path: try tree.inclusionProof(index: open))
        for state in [old.state, inNewTree, none, run] {
            let forged = changed(old, checkpoint: new.checkpoint, state: state)
            #expect(code { try forged.verify(pins: pins) } == .absenceProof)
        }
        #expect(code { try changed(new, checkpoint: old.checkpoint).verify(pins: pins) } == .absenceProof)
    }

    @Test("A serial in another form than the log's is always absent, and that proves nothing")
    func form() throws {
        let serialKey = SerialKey()
        let hashedLog = try TestLog.full(devices: 300, serialKey: serialKey)
        let hashed = try hashedLog.reader()
        let pins = try hashedLog.pins()
        #expect(code { try hashed.subject(serial: "SN-7") } == .serialKey)
        #expect(code { try hashed.absenceProof(of: .serial(.plain("SN-7"))) } == .serialKey)
        #expect(code { try reader.absenceProof(of: .serial(.hashed(TestLog.digest(1, 1)))) } == .serialKey)
        let listed = try hashed.subject(serial: "SN-7", serialKey: serialKey)
        #expect(code { try hashed.absenceProof(of: listed) } == .absenceProof)
        let absent = try hashed.absenceProof(of: hashed.subject(serial: "SN-9000", serialKey: serialKey))
        #expect(try AbsenceProof(parsing: absent.bytes) == absent)
        let device = PresentedDevice(key: TestLog.digest(1, 1), serial: "SN-9000")
        #expect(try absent.verify(pins: pins, device: device, serialKey: serialKey).deviceChecked)
        #expect(code { try absent.verify(pins: pins, device: device) } == .receiptDevice)
        #expect(
            code { try absent.verify(pins: pins, device: device, serialKey: SerialKey()) } == .receiptDevice)

        // The plain hash of a listed serial is in no segment of this log: good neighbours, and a false claim.
        let byKey = try hashed.absenceProof(of: .key(IndexRecord.serialHash(of: "SN-7")))
        #expect(byKey.run == nil)
        var files = EntryFiles(in: BundleFolder(hashedLog.path), treeSize: hashed.checkpoint.size)
        let gaps = try gaps(for: IndexRecord.serialHash(of: "SN-7"), in: hashed, hashedLog)
        let claim = AbsenceProof(
            subject: .serial(.plain("SN-7")), checkpoint: absent.checkpoint, state: absent.state,
            run: absent.run, gaps: gaps)
        #expect(code { try claim.verify(pins: pins) } == .absenceProof)
        // No run, a run that is none, and a run of another place.
        let run = try #require(absent.run)
        let withoutRun = AbsenceProof(
            subject: claim.subject, checkpoint: claim.checkpoint, state: claim.state, run: nil, gaps: gaps)
        #expect(code { try withoutRun.verify(pins: pins) } == .absenceProof)
        let plainRun = try #require(try reader.absenceProof(of: .serial(.plain("SN-9000"))).run)
        for forged in [
            plainRun, .init(index: run.index + 1, run: run.run),
            .init(index: 1, run: .init(entry: try files.bytes(at: 1), path: run.run.path)),
            .init(index: hashed.checkpoint.size - 1, run: claim.state),
        ] {
            #expect(code { try changed(claim, run: forged).verify(pins: pins) } == .absenceProof)
        }
    }

    /// The neighbours of a hash among the serials of a log, made from its files as an attacker would.
    private func gaps(
        for hash: Digest32, in reader: BundleReader, _ log: TestLog
    ) throws -> [AbsenceProof.Gap] {
        try reader.state.segments.filter { $0.kind == .serial }.map { segment in
            let bytes = try log.contents(segment.path)
            let records = bytes.withUnsafeBytes { buffer in
                stride(from: 0, to: bytes.count, by: 40).compactMap { IndexRecord(buffer, at: $0) }
            }
            var tree = GrowingTree()
            var tiles: [Tile: [Digest32]] = [:]
            for record in records {
                var leaf: [UInt8] = []
                record.append(to: &leaf)
                tree.append(MerkleTree.leafHash(leaf)) { tiles[$0] = $1 }
            }
            for (tile, hashes) in tree.partialTiles { tiles[tile] = hashes }
            var proofs = TiledTree(size: UInt64(records.count), source: Tiles(tiles: tiles))
            let position = records.firstIndex { hash < $0.hash } ?? records.count
            return AbsenceProof.Gap(
                position: UInt64(position),
                before: position == 0
                    ? nil
                    : .init(
                        record: records[position - 1],
                        path: proofs.inclusionProof(index: UInt64(position - 1))),
                after: position == records.count
                    ? nil
                    : .init(record: records[position], path: proofs.inclusionProof(index: UInt64(position))))
        }
    }

    private struct Tiles: TileSource {
        let tiles: [Tile: [Digest32]]
        func hashes(of tile: Tile) -> [Digest32] { tiles[tile] ?? [] }
    }

    @Test("The serials' segments do not stand in for the keys', nor the other way round")
    func otherKind() throws {
        let byKey = try reader.absenceProof(of: .key(IndexRecord.serialHash(of: "SN-700")))
        #expect(try refusal(byKey) == nil)
        let run = try reader.absenceProof(of: .serial(.plain("SN-9000"))).run
        #expect(try refusal(changed(byKey, subject: .serial(.plain("SN-700")), run: run)) == .absenceProof)
    }

    @Test("A log that lists nothing yet, and segments without records, prove everything absent")
    func empty() throws {
        let log = TestLog()
        let writer = try log.writer()
        try log.publish(writer)
        let pins = try log.pins()
        let noSerial = try log.reader().absenceProof(of: .serial(.plain("S")))
        #expect(noSerial.run == nil)
        _ = try AbsenceProof(parsing: noSerial.bytes).verify(pins: pins)
        let nothing = try log.reader().absenceProof(of: .key(TestLog.digest(1, 1)))
        #expect(nothing.gaps.isEmpty)
        _ = try AbsenceProof(parsing: nothing.bytes).verify(pins: pins)

        try writer.append(log.openRun("R"))
        try log.publish(writer)
        let proof = try log.reader().absenceProof(of: .key(TestLog.digest(1, 1)))
        #expect(proof.gaps.count == 1)
        #expect(try log.reader().state.segments.map(\.recordCount) == [0, 0])
        _ = try AbsenceProof(parsing: proof.bytes).verify(pins: pins)
        let stranger = try reader.absenceProof(of: .key(TestLog.digest(10_000, 1))).gaps[0]
        for gap in [
            AbsenceProof.Gap(position: 1, before: nil, after: nil),
            .init(position: 0, before: stranger.before, after: nil),
            .init(position: 0, before: nil, after: stranger.after),
        ] {
            #expect(code { try changed(proof, gaps: [gap]).verify(pins: pins) } == .absenceProof)
        }

        try writer.append(.add(TestLog.device(1, run: "R")))
        try log.publish(writer)
        let single = try log.reader()
        #expect(code { try single.absenceProof(of: .key(TestLog.digest(1, 1))) } == .absenceProof)
        for subject in [Digest32(), try #require(Digest32(hex: ff)), TestLog.digest(2, 1)] {
            _ = try AbsenceProof(parsing: single.absenceProof(of: .key(subject)).bytes).verify(pins: pins)
        }
    }

    @Test("The device before a consumer must be the one that is absent")
    func device() throws {
        let pins = try log.pins()
        let byKey = try reader.absenceProof(of: .key(TestLog.digest(10_000, 1)))
        let bySerial = try reader.absenceProof(of: .serial(.plain("SN-10000")))
        let right = PresentedDevice(key: TestLog.digest(10_000, 1), serial: "SN-10000")
        #expect(try byKey.verify(pins: pins, device: right).deviceChecked)
        #expect(try bySerial.verify(pins: pins, device: right).deviceChecked)
        let wrong = PresentedDevice(key: TestLog.digest(10_001, 1), serial: "SN-10001")
        for proof in [byKey, bySerial] {
            #expect(code { try proof.verify(pins: pins, device: wrong) } == .receiptDevice)
        }
        let withoutSerial = PresentedDevice(key: TestLog.digest(10_000, 1))
        #expect(code { try bySerial.verify(pins: pins, device: withoutSerial) } == .receiptDevice)
    }

    @Test("Every changed octet of the document is refused")
    func flips() throws {
        let bytes = try reader.absenceProof(of: .serial(.plain("SN-10000"))).bytes
        let pins = try log.pins()
        let device = PresentedDevice(key: TestLog.digest(10_000, 1), serial: "SN-10000")
        for position in stride(from: 0, to: bytes.count, by: 3) {
            var changed = bytes
            changed[position] ^= 1 << UInt8(position % 8)
            #expect(throws: AllowlistError.self, "octet \(position)") {
                _ = try AbsenceProof(parsing: changed).verify(pins: pins, device: device)
            }
        }
    }

    @Test("Another spelling of the document, and members that it does not have, are refused")
    func spelling() throws {
        let text = String(
            decoding: try reader.absenceProof(of: .serial(.plain("SN-10000"))).bytes, as: UTF8.self)
        let spellings = [
            "", "{}", "[]", " " + text, text + "\n",
            text.replacing(#"{"checkpoint""#, with: #"{ "checkpoint""#),
            text.replacing("absence/v1", with: "absence/v2"),
            text.replacing(#""kind":"serial""#, with: #""kind":"key""#),
            text.replacing(#""kind":"serial""#, with: #""kind":"name""#),
            text.replacing(#"{"checkpoint""#, with: #"{"aside":1,"checkpoint""#),
            text.replacing(#""position":"#, with: #""position":-"#),
            text.replacing(#""before":{"#, with: #""before":null,"x":{"#),
            text.replacing(#""serial":"SN-10000","#, with: ""),
            text.replacing(#""serial":"SN-10000","#, with: #""serial":"SN-10000","serialHash":"AAAA","#),
            text.replacing(#""index":0"#, with: #""index":-1"#),
            String(repeating: "[", count: 100_000),
        ]
        for spelling in spellings {
            #expect(
                code { try AbsenceProof(parsing: Array(spelling.utf8)) } == .absenceMalformed, "\(spelling)")
        }
    }

    @Test("An index file that is not what the log signed gives no proof")
    func damaged() throws {
        let segment = try #require(reader.state.segments.first { $0.kind == .key })
        var bytes = try log.contents(segment.path)
        bytes[bytes.count / 2] ^= 1
        try log.write(bytes, to: segment.path)
        #expect(code { try reader.absenceProof(of: .key(TestLog.digest(10_000, 1))) } == .segment)
    }
}
