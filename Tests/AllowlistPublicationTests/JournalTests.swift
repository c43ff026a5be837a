import Allowlist
import Dispatch
import Foundation
import Synchronization
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Journal")
struct JournalTests {
    /// A log of three publications, and the bundle as it was at each.
    private func history() throws -> (log: TestLog, receivers: [Receiver]) {
        let (log, writer) = try TestLog.begun()
        var number = 0
        var receivers: [Receiver] = []
        for count in [20, 300, 7] {
            try log.add(count, from: &number, writer)
            receivers.append(try Receiver(of: log))
        }
        return (log, receivers)
    }

    private func decide(_ journal: DecisionJournal, _ reader: BundleReader, _ number: Int) throws {
        let device = TestLog.device(number, run: "R")
        let answer = try reader.lookup(certificate: device.certificate, key: device.key)
        try journal.record(
            JournalDecision(
                answer, isAccepted: answer.status == .listed, key: device.key,
                certificate: device.certificate,
                reference: "ticket \(number)"))
    }

    /// A journal with two checkpoints and decisions, closed again.
    private func written(_ log: TestLog, _ receivers: [Receiver], to place: JournalPlace) throws -> Digest32 {
        let journal = try DecisionJournal.open(place.path, pins: log.pins())
        for receiver in receivers.prefix(2) {
            let reader = try BundleReader(directory: receiver.path, pins: log.pins())
            try journal.advance(to: reader)
            for number in 0..<5 { try decide(journal, reader, number * 7) }
        }
        return journal.head
    }

    @Test("A journal holds what was accepted and decided, and an auditor reads it back")
    func whole() throws {
        let (log, receivers) = try history()
        let place = JournalPlace()
        let head = try written(log, receivers, to: place)
        var lines: [JournalLine] = []
        let summary = try DecisionJournal.check(place.path, pins: log.pins(), keptHead: head) {
            lines.append($1)
        }
        #expect(summary.origin == log.origin && summary.lineCount == 13 && summary.head == head)
        #expect(summary.checkpointCount == 2 && summary.decisionCount == 10 && summary.warnings.isEmpty)
        // The first list has 20 devices, so number 21 and 28 were not in it.
        #expect(summary.acceptedCount == 8)
        #expect(lines.map(\.record.kind).prefix(3) == ["begin", "checkpoint", "decision"])
        guard case .decision(let decision) = lines[12].record else { return }
        #expect(
            decision.serial == .plain("SN-28") && decision.reference == "ticket 28" && decision.keyChecked)
        #expect(decision.entryIndex != nil && decision.size == summary.lastCheckpoint?.size)

        let again = try DecisionJournal.open(place.path, pins: log.pins())
        #expect(again.head == head && again.kept?.checkpoint == summary.lastCheckpoint)
        try again.advance(to: try BundleReader(directory: receivers[1].path, pins: log.pins()))
        #expect(again.head == head, "nothing new, nothing written")
        let list = try BundleVerifier.verify(directory: receivers[1].path, pins: log.pins())
        try again.advance(to: list, of: BundleFolder(receivers[1].path), pins: log.pins())
        #expect(try DecisionJournal.check(place.path).checkpointCount == 3, "verified is more than opened")
    }

    @Test("Each line names the SHA-256 of the one before, and is canonical JSON")
    func form() throws {
        let (log, receivers) = try history()
        let place = JournalPlace()
        _ = try written(log, receivers, to: place)
        var previous = String(repeating: "0", count: 64)
        for line in try place.lines() {
            let object = try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any])
            #expect(object["prev"] as? String == previous)
            let sorted = try JSONSerialization.data(
                withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
            #expect(sorted == line)
            previous = Digest32.sha256(Array(line)).hex
        }
    }

    @Test("An older list is refused, and a fork is refused and recorded with both notes")
    func refusals() throws {
        let (log, receivers) = try history()
        let place = JournalPlace()
        let journal = try DecisionJournal.open(place.path, pins: log.pins())
        let newest = try BundleReader(directory: receivers[2].path, pins: log.pins())
        try journal.advance(to: newest)
        let old = try BundleReader(directory: receivers[1].path, pins: log.pins())
        let head = journal.head
        #expect(code { try journal.advance(to: old) } == .checkpointOlder)
        #expect(journal.head == head)

        var lie = 9000
        try log.add(700, from: &lie, try log.fork(at: receivers[1]))
        let forked = try BundleReader(directory: receivers[1].path, pins: log.pins())
        #expect(code { try journal.advance(to: forked) } == .checkpointFork)
        #expect(journal.kept?.checkpoint == newest.checkpoint, "what was kept stays")
        var evidence: KeptCheckpoint.Fork?
        let summary = try DecisionJournal.check(place.path) {
            if case .fork(let fork) = $1.record { evidence = fork }
        }
        #expect(summary.forkCount == 1 && summary.warnings.count == 1)
        #expect(evidence?.kept == newest.head.note.bytes && evidence?.presented == forked.head.note.bytes)
    }

    @Test("A decision on a list that was not accepted is not recorded")
    func unknownList() throws {
        let (log, receivers) = try history()
        let journal = try DecisionJournal.open(JournalPlace().path, pins: log.pins())
        let reader = try BundleReader(directory: receivers[0].path, pins: log.pins())
        #expect(journalCode { try decide(journal, reader, 1) } == .checkpoint)
        try journal.advance(to: reader)
        try decide(journal, reader, 1)
        // While a newer list is being taken over, some threads still answer from the one before.
        try journal.advance(to: try BundleReader(directory: receivers[1].path, pins: log.pins()))
        try decide(journal, reader, 2)
    }

    @Test("A journal is of one log")
    func otherLog() throws {
        let (log, receivers) = try history()
        let place = JournalPlace()
        _ = try written(log, receivers, to: place)
        let other = TestLog(origin: "other.example/log")
        let before = try place.bytes()
        #expect(journalCode { try DecisionJournal.open(place.path, pins: other.pins()) } == .pins)
        #expect(journalCode { try DecisionJournal.check(place.path, pins: other.pins()) } == .pins)
        #expect(try place.bytes() == before)
        let otherKey = TestLog()
        #expect(journalCode { try DecisionJournal.check(place.path, pins: otherKey.pins()) } == .pins)
    }

    /// What an attacker does to the lines; those before the last one are linked, so each of it shows.
    static let attacks: [(String, @Sendable (inout [Data]) -> Void)] = [
        ("a line taken out", { $0.remove(at: 4) }),
        ("the first line taken out", { $0.remove(at: 0) }),
        ("a line put in", { $0.insert($0[4], at: 4) }),
        ("two lines exchanged", { $0.swapAt(4, 5) }),
        (
            "a decision turned round",
            {
                let text = String(decoding: $0[4], as: UTF8.self)
                let turned = text.replacingOccurrences(of: "\"accepted\":true", with: "\"accepted\":false")
                $0[4] = Data(turned.utf8)
            }
        ),
        (
            "a checkpoint altered",
            {
                let text = String(decoding: $0[1], as: UTF8.self)
                $0[1] = Data(text.replacingOccurrences(of: "opened", with: "full").utf8)
            }
        ),
        ("a blank added", { $0[6] = Data(" ".utf8) + $0[6] }),
    ]

    @Test("A line altered, taken out, put in or exchanged is noticed", arguments: attacks.indices)
    func attacked(number: Int) throws {
        let (name, attack) = Self.attacks[number]
        let (log, receivers) = try history()
        let place = JournalPlace()
        _ = try written(log, receivers, to: place)
        var lines = try place.lines()
        attack(&lines)
        try place.write(lines)
        let before = try place.bytes()
        let found = journalCode { try DecisionJournal.check(place.path) }
        #expect(found == .chain || found == .malformed, "\(name)")
        #expect(journalCode { try DecisionJournal.open(place.path, pins: log.pins()) } == .chain, "\(name)")
        #expect(try place.bytes() == before, "nothing is mended")
    }

    @Test("A tail that was cut off, and a chain made anew, show only against a head that was kept")
    func cutTail() throws {
        let (log, receivers) = try history()
        let place = JournalPlace()
        let head = try written(log, receivers, to: place)
        let lines = try place.lines()
        try place.write(lines.dropLast(2))
        _ = try DecisionJournal.check(place.path)
        #expect(journalCode { try DecisionJournal.check(place.path, keptHead: head) } == .cut)

        var forged = lines
        let text = String(decoding: forged[12], as: UTF8.self)
        forged[12] = Data(text.replacingOccurrences(of: "ticket 28", with: "ticket 99").utf8)
        try place.write(forged)
        _ = try DecisionJournal.check(place.path)
        #expect(journalCode { try DecisionJournal.check(place.path, keptHead: head) } == .cut)
        try place.write(lines)
        _ = try DecisionJournal.check(place.path, keptHead: head)
    }

    @Test("A last line of another form is refused, though nothing follows it")
    func lastLine() throws {
        let (log, receivers) = try history()
        let place = JournalPlace()
        _ = try written(log, receivers, to: place)
        let lines = try place.lines()
        let last = String(decoding: lines[12], as: UTF8.self)
        for altered in [
            last.replacingOccurrences(of: "{\"accepted\"", with: "{\"a\":1,\"accepted\""),
            last.replacingOccurrences(of: "\"status\":\"listed\"", with: "\"status\":\"fine\""),
            last.replacingOccurrences(of: "\"keyChecked\":true,", with: ""),
            last.replacingOccurrences(of: "\"kind\":\"decision\"", with: "\"kind\":\"other\""),
            last + " ",
        ] {
            try place.write(lines.dropLast() + [Data(altered.utf8)])
            #expect(journalCode { try DecisionJournal.check(place.path) } == .malformed)
            #expect(journalCode { try DecisionJournal.open(place.path, pins: log.pins()) } == .malformed)
        }
    }

    @Test("A last line that a crash left unfinished is cut off, and a line says so")
    func torn() throws {
        let (log, receivers) = try history()
        let place = JournalPlace()
        _ = try written(log, receivers, to: place)
        let bytes = try place.bytes()
        let lines = try place.lines()
        let lastStart = bytes.count - lines[12].count - 1
        for count in stride(from: lastStart + 1, to: bytes.count, by: 37) {
            try bytes.prefix(count).write(to: URL(fileURLWithPath: place.path))
            let torn = try DecisionJournal.check(place.path)
            #expect(torn.tornBytes == count - lastStart && torn.lineCount == 12)
            do {
                let journal = try DecisionJournal.open(place.path, pins: log.pins())
                try decide(journal, BundleReader(directory: receivers[1].path, pins: log.pins()), 3)
            }
            let mended = try DecisionJournal.check(place.path)
            #expect(mended.tornBytes == 0 && mended.repairCount == 1 && mended.lineCount == 14)
            #expect(try place.lines().prefix(12) == lines.prefix(12))
        }
    }

    @Test("A crash before the first line was whole leaves a journal that begins")
    func tornFirst() throws {
        let log = try TestLog.full(devices: 60)
        for text in ["", "{\"kind\":\"beg"] {
            let place = JournalPlace()
            try Data(text.utf8).write(to: URL(fileURLWithPath: place.path))
            _ = try DecisionJournal.open(place.path, pins: log.pins())
            #expect(try DecisionJournal.check(place.path).repairCount == (text.isEmpty ? 0 : 1))
        }
    }

    @Test("A second writer is kept out while the first is open")
    func twoWriters() throws {
        let log = try TestLog.full(devices: 60)
        let place = JournalPlace()
        let first = try DecisionJournal.open(place.path, pins: log.pins())
        #expect(journalCode { try DecisionJournal.open(place.path, pins: log.pins()) } == .locked)
        try first.advance(to: log.reader())
    }

    @Test("Several threads record at once, and every decision is there", arguments: [true, false])
    func threads(inBatches: Bool) throws {
        let (log, receivers) = try history()
        let place = JournalPlace()
        do {
            let journal = try DecisionJournal.open(
                place.path, pins: log.pins(), flushing: inBatches ? .batch(64) : .everyRecord)
            let reader = try BundleReader(directory: receivers[2].path, pins: log.pins())
            try journal.advance(to: reader)
            let failures = Mutex(0)
            DispatchQueue.concurrentPerform(iterations: 8) { thread in
                for number in 0..<25 {
                    do {
                        try decide(journal, reader, thread * 25 + number)
                    } catch { failures.withLock { $0 += 1 } }
                }
            }
            try journal.flush()
            #expect(failures.withLock { $0 } == 0)
        }
        var serials: Set<ListedSerial> = []
        let summary = try DecisionJournal.check(place.path) {
            if case .decision(let decision) = $1.record, let serial = decision.serial {
                serials.insert(serial)
            }
        }
        #expect(summary.decisionCount == 200 && serials.count == 200)
    }

    @Test("The service's own words are bounded, and quotes in them break no line")
    func reference() throws {
        let log = try TestLog.full(devices: 60)
        let place = JournalPlace()
        do {
            let journal = try DecisionJournal.open(place.path, pins: log.pins())
            let reader = try log.reader()
            try journal.advance(to: reader)
            let answer = try reader.lookup(serial: "SN-1")
            for text in [",\"prev\":\"", "{\"kind\":\"fork\"", "\u{0}\n\\\"", "ж\u{1F600}"] {
                try journal.record(JournalDecision(answer, isAccepted: false, reference: text))
            }
            let long = String(repeating: "x", count: 1025)
            #expect(
                journalCode {
                    try journal.record(JournalDecision(answer, isAccepted: false, reference: long))
                }
                    == .malformed)
        }
        _ = try DecisionJournal.open(place.path, pins: log.pins())
        #expect(try DecisionJournal.check(place.path).decisionCount == 4)
    }
}

/// A place for a journal in the temporary folder.
private final class JournalPlace {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).jsonl")
        .path

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    /// The whole lines, without their newlines.
    func lines() throws -> [Data] {
        try bytes().split(separator: 0x0a, omittingEmptySubsequences: false).dropLast().map { Data($0) }
    }

    func write(_ lines: [Data]) throws {
        try Data(lines.flatMap { $0 + Data([0x0a]) }).write(to: URL(fileURLWithPath: path))
    }
}

private func journalCode<Value>(_ body: () throws -> Value) -> JournalError.Code? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? JournalError)?.code
    }
}
