import Allowlist
import Crypto
import Foundation
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Deltas")
struct DeltaTests {
    /// Devices a publication: the trees end before, at and after full bundles, and segments merge in all ways.
    private static let steps = [3, 240, 9, 1, 1, 255, 300, 5, 40, 1, 211, 300, 2]

    private func expectSame(_ receiver: Receiver, _ log: TestLog, _ what: String) throws {
        let publisher = try Receiver(of: log)
        let (own, other) = (try receiver.contents(), try publisher.contents())
        let ownFiles = own.filter { !$0.value.isEmpty }
        let otherFiles = other.filter { !$0.value.isEmpty }
        #expect(Set(ownFiles.keys) == Set(otherFiles.keys), "\(what)")
        for (name, bytes) in otherFiles where ownFiles[name] != bytes {
            Issue.record("\(what): \(name) differs")
        }
    }

    @Test("A bundle grown by a delta from any earlier checkpoint has the publisher's bytes")
    func everyBase() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        var receivers: [Receiver] = []
        var follower = Receiver()
        for count in Self.steps {
            try log.add(count, from: &number, writer)
            if number.isMultiple(of: 2) { try writer.append(TestLog.revoke(2, run: "R")) }
            let before = try receivers.last.map { try $0.size(log.pins()) } ?? 0
            let step = try TestDelta(from: before, of: log)
            #expect(try step.apply(to: follower, pins: log.pins()).after.size == writer.published?.size)
            try expectSame(follower, log, "step to \(writer.size)")
            receivers.append(try Receiver(of: log))
        }
        for receiver in receivers.dropLast() {
            let base = try receiver.size(log.pins())
            let delta = try TestDelta(from: base, of: log)
            let applied = try delta.apply(to: receiver, pins: log.pins(), verifying: true)
            #expect(applied.before?.size == base && applied.list?.treeSize == applied.after.size)
            try expectSame(receiver, log, "from \(base)")
        }
        follower = Receiver()
        try TestDelta(from: 0, of: log).apply(to: follower, pins: log.pins())
        try expectSame(follower, log, "from nothing")
        let list = try BundleVerifier.verify(directory: follower.path, pins: log.pins())
        #expect(list.runs.map(\.released) == [UInt64(number)])
    }

    @Test("A delta with every kind of event, over several publications, gives the publisher's bytes")
    func everyKind() throws {
        let log = try TestLog.full(devices: 300)
        let receiver = Receiver()
        let delta = try TestDelta(from: 0, of: log)
        try delta.apply(to: receiver, pins: log.pins(), verifying: true)
        try expectSame(receiver, log, "from nothing")
    }

    @Test("A delta from further back than the receiver's end fits")
    func longerThanNeeded() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        for count in [10, 300, 300] { try log.add(count, from: &number, writer) }
        let receiver = try Receiver(of: log)
        try log.add(77, from: &number, writer)
        try TestDelta(from: 12, of: log).apply(to: receiver, pins: log.pins())
        try expectSame(receiver, log, "from 12")
    }

    @Test("Where the publisher merges segments by another rule, the receiver follows his `state`")
    func otherMerging() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        try log.add(100, from: &number, writer)
        let early = try Receiver(of: log)
        for count in [3, 50, 400, 7] {
            for _ in 0..<count {
                try writer.append(.add(TestLog.device(number, run: "R")))
                number += 1
            }
            try publishUnmerged(log, writer)
        }
        #expect(writer.bundle.state.segments.count == 10)
        let late = try Receiver(of: log)
        try TestDelta(from: early.size(log.pins()), of: log).apply(
            to: early, pins: log.pins(), verifying: true)
        try expectSame(early, log, "many small segments")
        try log.add(5000, from: &number, writer)
        #expect(writer.bundle.state.segments.count == 2)
        for receiver in [early, late] {
            try TestDelta(from: receiver.size(log.pins()), of: log).apply(to: receiver, pins: log.pins())
            try expectSame(receiver, log, "all merged")
        }
    }

    /// Publishes with a new segment a kind and no merging.
    private func publishUnmerged(_ log: TestLog, _ writer: BundleWriter) throws {
        var segments: [Segment] = []
        let end = writer.size
        for position in writer.bundle.collectors.indices {
            var collector = writer.bundle.collectors[position]
            let live = writer.bundle.state.segments.filter { $0.kind == collector.kind }
            let new = try SegmentMerging(live: live, newRecords: 0).write(
                &collector, covering: (live.last?.end ?? 0)..<end, folder: writer.bundle.folder)
            segments += live + [new]
        }
        let state = AllowlistEntry.State(segments: segments)
        try writer.appendState(state)
        try writer.bundle.flush()
        let checkpoint = Checkpoint(origin: log.origin, size: writer.size, root: writer.bundle.tree.root)
        let key = try SoftwareLogKey(log.key)
        let note = SignedNote(
            text: checkpoint.text,
            signatures: [writer.pins.logKey.signature(try key.noteSignature(over: checkpoint.text))])
        try writer.bundle.commit(
            checkpoint, state, note: note.bytes, text: checkpoint.text,
            cms: key.checkpointSignature(over: checkpoint.text, at: TestLog.signedAt))
    }

    @Test("Applying a delta again, or an older one, changes nothing and says so")
    func again() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        try log.add(10, from: &number, writer)
        let receiver = try Receiver(of: log)
        let base = try receiver.size(log.pins())
        try log.add(300, from: &number, writer)
        let older = try TestDelta(from: base, of: log)
        try log.add(300, from: &number, writer)
        let newer = try TestDelta(from: base, of: log)
        #expect(try !newer.apply(to: receiver, pins: log.pins()).wasThere)
        let after = try receiver.everything()
        #expect(try newer.apply(to: receiver, pins: log.pins()).wasThere)
        #expect(try older.apply(to: receiver, pins: log.pins()).wasThere)
        #expect(try receiver.everything() == after)
    }

    @Test("The same bundle and base give the same archive, and none is overwritten")
    func deterministic() throws {
        let log = try TestLog.full(devices: 300)
        let (one, two) = (try TestDelta(from: 100, of: log), try TestDelta(from: 100, of: log))
        #expect(one.written == two.written)
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: one.path))
                == Data(contentsOf: URL(fileURLWithPath: two.path)))
        #expect(
            code {
                try BundleDelta.write(from: 1, of: BundleFolder(log.path), pins: log.pins(), to: one.path)
            }
                == .cannotCreate)
        #expect(try one.members().map(\.name) == one.members().map(\.name).sorted())
        #expect(try !one.members().contains { $0.name.hasPrefix("tile/0") || $0.name.hasPrefix("index/") })
    }

    @Test("No delta is made from what the list does not extend")
    func noBase() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        try log.add(100, from: &number, writer)
        let old = try Receiver(of: log)
        try log.add(300, from: &number, writer)
        let bundle = BundleFolder(log.path)
        let out = TestDelta().path
        #expect(
            code { try BundleDelta.write(from: 1 << 40, of: bundle, pins: log.pins(), to: out) } == .deltaBase
        )
        let newer = KeptCheckpoint(try log.reader().head)
        #expect(
            code { try BundleDelta.write(from: newer, of: BundleFolder(old.path), pins: log.pins(), to: out) }
                == .checkpointOlder)
        let other = try Receiver(copyOf: old)
        let second = try log.fork(at: other)
        number += 1000
        try log.add(5, from: &number, second)
        let forked = KeptCheckpoint(try BundleReader(directory: other.path, pins: log.pins()).head)
        #expect(
            code { try BundleDelta.write(from: forked, of: bundle, pins: log.pins(), to: out) }
                == .checkpointFork)
        #expect(!FileManager.default.fileExists(atPath: out))
    }

    @Test("A delta that begins after the receiver's end is refused")
    func gap() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        try log.add(10, from: &number, writer)
        let receiver = try Receiver(of: log)
        try log.add(600, from: &number, writer)
        let base = writer.size
        try log.add(600, from: &number, writer)
        let before = try receiver.everything()
        let delta = try TestDelta(from: base, of: log)
        #expect(code { try delta.apply(to: receiver, pins: log.pins()) } == .deltaBase)
        #expect(code { try delta.apply(to: Receiver(), pins: log.pins()) } == .deltaBase)
        #expect(try receiver.everything() == before)
    }

    @Test("A delta of another history is refused, and as a fork where both are signed")
    func forks() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        try log.add(100, from: &number, writer)
        let common = try Receiver(of: log)
        let base = try common.size(log.pins())
        try log.add(20, from: &number, writer)
        let short = try Receiver(of: log)
        try log.add(500, from: &number, writer)
        let long = try Receiver(of: log)

        let liar = try log.fork(at: common)
        var other = 5000
        try log.add(1000, from: &other, liar)
        let delta = TestDelta()
        _ = try BundleDelta.write(
            from: base, of: BundleFolder(common.path), pins: log.pins(), to: delta.path)
        for receiver in [short, long] {
            let before = try receiver.everything()
            #expect(code { try delta.apply(to: receiver, pins: log.pins()) } == .checkpointFork)
            #expect(try receiver.everything() == before)
        }
        // From beyond the point where the histories part, nothing tells a fork from an altered delta.
        let late = TestDelta()
        _ = try BundleDelta.write(
            from: long.size(log.pins()), of: BundleFolder(common.path), pins: log.pins(), to: late.path)
        #expect(code { try late.apply(to: long, pins: log.pins()) } == .rootMismatch)
    }

    @Test("A list that breaks a rule is refused with `verifying` before it is visible")
    func brokenRule() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        try log.add(10, from: &number, writer)
        let receiver = try Receiver(of: log)
        let base = try receiver.size(log.pins())
        number = 5
        try log.add(1, from: &number, writer)
        let delta = try TestDelta(from: base, of: log)
        #expect(code { try delta.apply(to: receiver, pins: log.pins(), verifying: true) } == .duplicate)
        #expect(try receiver.size(log.pins()) == base)
        _ = try BundleVerifier.verify(directory: receiver.path, pins: log.pins())
        try delta.apply(to: receiver, pins: log.pins())
        #expect(code { try BundleVerifier.verify(directory: receiver.path, pins: log.pins()) } == .duplicate)
    }

    @Test("An index that was signed wrong is refused, and the old bundle stays")
    func wrongIndex() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        try log.add(10, from: &number, writer)
        let receiver = try Receiver(of: log)
        let base = try receiver.size(log.pins())
        try writer.append(.add(TestLog.device(99, run: "R")))
        try writer.bundle.collect(IndexRecord(hash: TestLog.digest(7, 9), index: writer.size - 1), .serial)
        try log.publish(writer)
        let delta = try TestDelta(from: base, of: log)
        #expect(code { try delta.apply(to: receiver, pins: log.pins()) } == .segment)
        #expect(try receiver.size(log.pins()) == base)
        _ = try BundleVerifier.verify(directory: receiver.path, pins: log.pins())
    }
}
