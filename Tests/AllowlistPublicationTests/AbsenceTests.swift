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
        state: AbsenceProof.ProvenEntry? = nil, gaps: [AbsenceProof.Gap]? = nil
    ) -> AbsenceProof {
        AbsenceProof(
            subject: subject ?? proof.subject, checkpoint: checkpoint ?? proof.checkpoint,
            state: state ?? proof.state, gaps: gaps ?? proof.gaps)
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
            subjects += [.key(TestLog.digest(number, 1)), .serial("SN-\(number)")]
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
        #expect(code { try reader.absenceProof(of: .serial("SN-\(number)")) } == .absenceProof)
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

    @Test("The serials' segments do not stand in for the keys', nor the other way round")
    func otherKind() throws {
        let byKey = try reader.absenceProof(of: .key(IndexRecord.serialHash(of: "SN-700")))
        #expect(try refusal(byKey) == nil)
        #expect(try refusal(changed(byKey, subject: .serial("SN-700"))) == .absenceProof)
    }

    @Test("A log that lists nothing yet, and segments without records, prove everything absent")
    func empty() throws {
        let log = TestLog()
        let writer = try log.writer()
        try log.publish(writer)
        let pins = try log.pins()
        let nothing = try log.reader().absenceProof(of: .key(TestLog.digest(1, 1)))
        #expect(nothing.gaps.isEmpty)
        try AbsenceProof(parsing: nothing.bytes).verify(pins: pins)

        try writer.append(log.openRun("R"))
        try log.publish(writer)
        let proof = try log.reader().absenceProof(of: .key(TestLog.digest(1, 1)))
        #expect(proof.gaps.count == 1)
        #expect(try log.reader().state.segments.map(\.recordCount) == [0, 0])
        try AbsenceProof(parsing: proof.bytes).verify(pins: pins)
        let stranger = try reader.absenceProof(of: .key(TestLog.digest(10_000, 1))).gaps[0]
        for gap in [
            AbsenceProof.Gap(position: 1, before: nil, after: nil),
            .init(position: 0, before: stranger.before, after: nil),
            .init(position: 0, before: nil, after: stranger.after),
        ] {
            #expect(code { try changed(proof, gaps: [gap]).verify(pins: pins) } == .absenceProof)
        }

        let one = try writer.append(.add(TestLog.device(1, run: "R")))
        try log.publish(writer)
        let single = try log.reader()
        #expect(code { try single.absenceProof(of: .key(TestLog.digest(1, 1))) } == .absenceProof)
        for subject in [Digest32(), try #require(Digest32(hex: ff)), TestLog.digest(2, 1)] {
            try AbsenceProof(parsing: single.absenceProof(of: .key(subject)).bytes).verify(pins: pins)
        }
        #expect(one == 2)
    }

    @Test("The device before a consumer must be the one that is absent")
    func device() throws {
        let pins = try log.pins()
        let byKey = try reader.absenceProof(of: .key(TestLog.digest(10_000, 1)))
        let bySerial = try reader.absenceProof(of: .serial("SN-10000"))
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
        let bytes = try reader.absenceProof(of: .serial("SN-10000")).bytes
        let pins = try log.pins()
        let device = PresentedDevice(key: TestLog.digest(10_000, 1), serial: "SN-10000")
        for position in stride(from: 0, to: bytes.count, by: 3) {
            var changed = bytes
            changed[position] ^= 1 << UInt8(position % 8)
            #expect(throws: AllowlistError.self, "octet \(position)") {
                try AbsenceProof(parsing: changed).verify(pins: pins, device: device)
            }
        }
    }

    @Test("Another spelling of the document, and members that it does not have, are refused")
    func spelling() throws {
        let text = String(decoding: try reader.absenceProof(of: .serial("SN-10000")).bytes, as: UTF8.self)
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
