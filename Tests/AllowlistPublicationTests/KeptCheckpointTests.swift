import Allowlist
import Crypto
import Foundation
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Kept checkpoints")
struct KeptCheckpointTests {
    @Test("A list is held to every checkpoint that was kept before: newer ones pass, older ones do not")
    func everyPair() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        var readers: [(receiver: Receiver, reader: BundleReader)] = []
        for count in [1, 2, 60, 190, 1, 2, 300, 4, 500] {
            try log.add(count, from: &number, writer)
            let receiver = try Receiver(of: log)
            readers.append((receiver, try BundleReader(directory: receiver.path, pins: log.pins())))
        }
        for (older, (_, kept)) in readers.enumerated() {
            for (newer, (_, reader)) in readers.enumerated() {
                let kept = KeptCheckpoint(kept.head)
                #expect(
                    code { try reader.requireExtends(kept) } == (newer < older ? .checkpointOlder : nil),
                    "\(older) kept, \(newer) shown")
                let relation = try kept.relation(
                    to: reader.head, in: BundleFolder(readers[newer].receiver.path))
                #expect(relation == (newer < older ? .older : newer == older ? .same : .extended))
            }
        }
    }

    @Test("Two lists of one size, and a list that is no extension, are a fork, with a proof for others")
    func forks() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        try log.add(300, from: &number, writer)
        let other = try Receiver(of: log)
        try log.add(100, from: &number, writer)
        let kept = KeptCheckpoint(try log.reader().head)
        let liar = try log.fork(at: other)
        var lie = 9000
        for (count, sameSize) in [(100, true), (350, false)] {
            try log.add(count, from: &lie, liar)
            let reader = try BundleReader(directory: other.path, pins: log.pins())
            #expect((reader.checkpoint.size == kept.checkpoint.size) == sameSize)
            #expect(code { try reader.requireExtends(kept) } == .checkpointFork)
            guard case .forked(let fork) = try kept.relation(to: reader.head, in: BundleFolder(other.path))
            else {
                Issue.record("no fork")
                continue
            }
            let notes = try [fork.kept, fork.presented].map { try SignedNote(parsing: $0) }
            for note in notes { try note.check(signedBy: log.pins().logKey) }
            #expect(fork.prefixRoot != kept.checkpoint.root)
            try Proofs.checkConsistency(
                olderSize: kept.checkpoint.size, olderRoot: fork.prefixRoot,
                newerSize: reader.checkpoint.size,
                newerRoot: reader.checkpoint.root, proof: fork.proof)
        }
    }

    @Test("Damaged tiles are not called a fork")
    func damage() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        try log.add(300, from: &number, writer)
        let kept = KeptCheckpoint(try log.reader().head)
        try log.add(300, from: &number, writer)
        let reader = try log.reader()
        let tile = "tile/0/001"
        var bytes = try log.contents(tile)
        bytes[32 * 20] ^= 1
        try log.write(bytes, to: tile)
        #expect(code { try reader.requireExtends(kept) } == .tileMismatch)
    }

    @Test("What was kept must be a signed note of the pinned log")
    func malformed() throws {
        let log = try TestLog.full(devices: 60)
        let note = try log.contents("checkpoint")
        #expect(try KeptCheckpoint(note: note, origin: log.origin).bytes == note)
        #expect(code { try KeptCheckpoint(note: note, origin: "other.example/log") } == .checkpointOrigin)
        for bytes in [[], Array(note.dropLast()), Array("text\n\n".utf8), try log.contents("checkpoint.txt")]
        {
            #expect(code { try KeptCheckpoint(note: bytes, origin: log.origin) } == .checkpointMalformed)
        }
    }

    @Test("After an emergency rotation, what the retired key signed beyond the trusted size is given up")
    func emergency() throws {
        let (log, writer) = try TestLog.begun()
        var number = 0
        try log.add(100, from: &number, writer)
        let trusted = try log.reader().checkpoint
        let stolen = try Receiver(of: log)
        let thief = try log.fork(at: stolen)
        var lie = 9000
        try log.add(500, from: &lie, thief)
        let kept = KeptCheckpoint(try BundleReader(directory: stolen.path, pins: log.pins()).head)
        try log.add(3, from: &number, writer)
        let reader = try log.reader()
        #expect(code { try reader.requireExtends(kept) } == .checkpointOlder)
        let rotation = KeptCheckpoint.EmergencyRotation(retiredKey: try log.pins().logKey, trusted: trusted)
        try reader.requireExtends(kept, emergency: rotation)
        // Not for what the new key signed, and not below the trusted size.
        let newKey = P256.Signing.PrivateKey().publicKey
        let other = KeptCheckpoint.EmergencyRotation(
            retiredKey: try NoteKey(name: log.origin, spki: Array(newKey.derRepresentation)), trusted: trusted
        )
        #expect(code { try reader.requireExtends(kept, emergency: other) } == .checkpointOlder)
        let early = KeptCheckpoint.EmergencyRotation(
            retiredKey: try log.pins().logKey,
            trusted: Checkpoint(origin: log.origin, size: trusted.size, root: TestLog.digest(1, 1)))
        #expect(code { try reader.requireExtends(kept, emergency: early) } == .checkpointFork)
    }
}
