import Allowlist
import Foundation
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("What a witness does")
struct CosigningTests {
    let log: TestLog
    let key: CosigningKey
    let state: String

    init() throws {
        log = try TestLog.full(devices: 300)
        key = try CosigningKey(generatingFor: "witness.example/a")
        state = log.path + "-witness"
    }

    private func grow(_ log: TestLog, _ run: String, devices: Int = 300) throws {
        let writer = try log.writer()
        try writer.append(log.openRun(run))
        for number in 0..<devices {
            try writer.append(.add(TestLog.device(10_000 + number, run: run, serial: "\(run)-\(number)")))
        }
        try log.publish(writer)
    }

    @discardableResult
    private func cosign(
        _ folder: String? = nil, first: Bool = false, at time: UInt64 = 1_700_000_000
    ) throws -> (head: SignedHead, line: SignedNote.Signature) {
        let memory = try first ? WitnessState(creating: state) : WitnessState(opening: state)
        return try Witness(key: key, pins: log.pins(), state: memory)
            .cosign(BundleFolder(folder ?? log.path), at: time)
    }

    @Test("It cosigns a tree again and again as it grows, and its lines verify")
    func grows() throws {
        defer { try? FileManager.default.removeItem(atPath: state) }
        var line = try cosign(first: true).line
        for (number, time) in [(1, 1_700_000_000), (2, 1_700_000_001), (3, 1_700_009_999)] as [(Int, UInt64)]
        {
            try grow(log, "G-\(number)", devices: number * 100)
            let (head, next) = try cosign(at: time)
            #expect(try key.publicKey.cosignatures(of: head.note.adding(next)).map(\.time) == [time])
            #expect(next != line)
            line = next
        }
        // The same tree once more, only later: that is how a list stays fresh.
        try cosign(at: 1_700_010_000)
        let last = try #require(try WitnessState(opening: state).last)
        #expect(last.time == 1_700_010_000)
        #expect(last.checkpoint == (try log.reader().checkpoint))
        let lines = String(decoding: try Data(contentsOf: URL(fileURLWithPath: state)), as: UTF8.self)
        #expect(lines.split(separator: "\n").count == 6)
    }

    @Test("An older tree, a forked one and one of another log are refused, and nothing is written down")
    func refused() throws {
        defer { try? FileManager.default.removeItem(atPath: state) }
        let folders = ["old", "fork", "same-size"].map { log.path + "-\($0)" }
        defer { for folder in folders { try? FileManager.default.removeItem(atPath: folder) } }
        for folder in folders { try FileManager.default.copyItem(atPath: log.path, toPath: folder) }
        try grow(log, "G-1")
        try cosign(first: true)
        let before = try Data(contentsOf: URL(fileURLWithPath: state))
        // The same key signs another history: longer, and of the same size.
        for (folder, devices) in [(folders[1], 900), (folders[2], 300)] {
            let writer = try BundleWriter(directory: folder, origin: log.origin, logKeySPKI: log.spki)
            try writer.append(log.openRun("G-1"))
            for number in 0..<devices { try writer.append(.add(TestLog.device(20_000 + number, run: "G-1"))) }
            try log.publish(writer)
        }
        #expect(code { try cosign(folders[0]) } == .checkpointOlder)
        #expect(code { try cosign(folders[1]) } == .checkpointFork)
        #expect(code { try cosign(folders[2]) } == .checkpointFork)
        // A tile that would prove it is damaged.
        try grow(log, "G-2")
        let size = try log.reader().checkpoint.size
        let tile = try #require(Tile(.hashes(level: 0), index: 2, treeSize: size))
        var bytes = try log.contents(tile.path)
        bytes[40] ^= 1
        try log.write(bytes, to: tile.path)
        #expect(code { try cosign() } == .checkpointFork)
        #expect(try Data(contentsOf: URL(fileURLWithPath: state)) == before)
    }

    @Test("A checkpoint that its pins refuse is not cosigned, and pinned witnesses are not asked for")
    func pins() throws {
        defer { try? FileManager.default.removeItem(atPath: state) }
        let other = try TestLog.full(devices: 100)
        #expect(code { try cosign(other.path, first: true) } == .checkpointSignature)
        #expect(try WitnessState(opening: state).last == nil)
        var pins = try log.pins()
        pins.witnesses = try WitnessQuorum(1, of: [key.publicKey])
        let memory = try WitnessState(opening: state)
        let line = try Witness(key: key, pins: pins, state: memory).cosign(BundleFolder(log.path), at: 5).line
        #expect(line.keyName == "witness.example/a")
    }

    @Test("A clock that went back, and a file about another log, are refused")
    func memory() throws {
        defer { try? FileManager.default.removeItem(atPath: state) }
        try cosign(first: true)
        #expect(code { try cosign(at: 1_699_999_999) } == .witnessState)
        let other = try TestLog.full(devices: 100, origin: "other.example/list")
        let pins = try other.pins()
        #expect(
            code {
                try Witness(key: key, pins: pins, state: WitnessState(opening: state))
                    .cosign(BundleFolder(other.path), at: 1_700_000_001)
            } == .witnessState)
    }

    @Test("The file is made once, needed later, and open to one cosignature at a time")
    func file() throws {
        defer { try? FileManager.default.removeItem(atPath: state) }
        #expect(code { try cosign() } == .fileMissing)
        try cosign(first: true)
        #expect(code { try cosign(first: true) } == .fileAccess)
        do {
            let held = try WitnessState(opening: state)
            #expect(code { try cosign() } == .publication)
            #expect(held.last != nil)
        }
        try cosign()
    }

    @Test("A line that was cut off is forgotten; anything else that was changed is refused")
    func cutOff() throws {
        defer { try? FileManager.default.removeItem(atPath: state) }
        let url = URL(fileURLWithPath: state)
        try cosign(first: true)
        let whole = try Data(contentsOf: url)
        try grow(log, "G-1")
        try cosign(at: 1_700_000_500)
        let two = try Data(contentsOf: url)
        // Cut inside the second line, as a power failure leaves it: the first one counts.
        try two.dropLast(3).write(to: url)
        #expect(try WitnessState(opening: state).last?.time == 1_700_000_000)
        #expect(try Data(contentsOf: url) == whole)
        try cosign(at: 1_700_000_600)
        for text in ["", "rootline/witness/v1", "rootline/witness/v2\n", "rootline/witness/v1\nx\n"] {
            try Data(text.utf8).write(to: url)
            #expect(code { try WitnessState(opening: state) } == .witnessState, "\(text)")
        }
        for line in ["1 AAAA\n", "x \(whole.dropFirst(31).base64EncodedString())\n", "1\n", "1 2 3\n"] {
            try (whole + Data(line.utf8)).write(to: url)
            #expect(code { try WitnessState(opening: state) } == .witnessState, "\(line)")
        }
    }

    @Test("A cosignature goes into the bundle's checkpoint, whose text stays, and survives the next writer")
    func added() throws {
        defer { try? FileManager.default.removeItem(atPath: state) }
        var pins = try log.pins()
        pins.witnesses = try WitnessQuorum(1, of: [key.publicKey])
        let (head, line) = try cosign(first: true)
        try CosignedCheckpoint.add(line, over: head.note.text, toBundleIn: log.path)
        let (_, later) = try cosign(at: 1_700_000_100)
        try CosignedCheckpoint.add(later, over: head.note.text, toBundleIn: log.path)
        #expect(try log.contents("checkpoint") == head.note.adding(later).bytes)
        #expect(try log.contents("checkpoint.txt") == head.note.text)
        let list = try BundleVerifier.verify(directory: log.path, pins: pins)
        #expect(list.treeSize == head.checkpoint.size)
        // A writer that opens the log, and one that stops before it publishes, leave the line where it is.
        do {
            let writer = try log.writer()
            try writer.append(log.openRun("G-1"))
            try writer.rollback()
        }
        #expect(try BundleReader(directory: log.path, pins: pins).head.cosigned.newestTime == 1_700_000_100)
        // The next checkpoint is another text: it has to be cosigned anew.
        try grow(log, "G-2")
        #expect(code { try BundleReader(directory: log.path, pins: pins) } == .witnessQuorum)
        #expect(
            code { try CosignedCheckpoint.add(later, over: head.note.text, toBundleIn: log.path) }
                == .checkpointText)
    }

    @Test("No line is added while a writer is at work, nor in the middle of a publication")
    func keptOut() throws {
        defer { try? FileManager.default.removeItem(atPath: state) }
        let (head, line) = try cosign(first: true)
        let before = try log.contents("checkpoint")
        do {
            let writer = try log.writer()
            #expect(
                code { try CosignedCheckpoint.add(line, over: head.note.text, toBundleIn: log.path) }
                    == .publication)
            try writer.append(log.openRun("G-1"))
            writer.bundle.reached = { (reached) throws(AllowlistError) in
                if reached == .textInPlace { throw AllowlistError(.publication, "interrupted") }
            }
            #expect(code { try log.publish(writer) } == .publication)
        }
        #expect(
            code { try CosignedCheckpoint.add(line, over: head.note.text, toBundleIn: log.path) }
                == .publication)
        #expect(try log.contents("checkpoint") == before)
    }
}
