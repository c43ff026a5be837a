import Allowlist
import Foundation
import SignedStatements
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Rotations of the log's key")
struct RotationTests {
    @Test(
        "Who pins the roster follows a rotation; who pins only the old key stays with it",
        arguments: [false, true])
    func followed(emergency: Bool) throws {
        let scene = try RotationScene()
        let before = scene.writer.size
        try scene.rotate(emergency: emergency)
        #expect(try scene.verify().treeSize == before + 2)
        #expect(try scene.open().head.signer.spki == scene.spki(1))
        // The checkpoint that hands over is the last one that the old key signs, and no emergency's.
        #expect(code { try scene.verify(roster: nil) } == .checkpointSignature)
        try scene.publish(1)
        #expect(try scene.verify().treeSize == before + 3)
        #expect(try scene.verify(key: 1).treeSize == before + 3)
        #expect(try scene.verify(key: 1, roster: nil).treeSize == before + 3)
        #expect(try scene.open().lookup(serial: "SN-5").status == .notListed)
        for key in [0, 2] {
            #expect(code { try scene.verify(key: key, roster: nil) } == .checkpointSignature)
            #expect(code { try scene.open(key: key, roster: nil) } == .checkpointSignature)
        }
        #expect(code { try scene.verify(key: 2) } == .checkpointSignature)
    }

    @Test("Any key of the chain leads to the present one")
    func chain() throws {
        let scene = try RotationScene()
        try scene.rotate(1)
        try scene.publish(1)
        try scene.addRoster([
            "alice": [.ceremonyAdministrator], "bob": [.cryptoOfficer], "erin": [.shareHolder],
            "dora": [.externalWitness],
        ])
        try scene.rotate(2, emergency: true)
        try scene.rotate(3)
        try scene.publish(3)
        for key in 0...3 {
            #expect(try scene.verify(key: key).root == scene.writer.published?.root)
            #expect(try scene.open(key: key).head.signer.spki == scene.spki(3))
        }
        // The first one was approved under version 1.
        #expect(try scene.verify(key: 1, roster: 2).treeSize == scene.writer.size)
        #expect(code { try scene.verify(key: 0, roster: 2) } == .rotation)
    }

    @Test(
        "A publication of a rotation that is interrupted is finished or forgotten, never half",
        arguments: CheckpointStaging.Step.allCases)
    func interrupted(step: CheckpointStaging.Step) throws {
        let scene = try RotationScene()
        scene.writer.bundle.reached = { (reached) throws(AllowlistError) in
            if reached == step { throw AllowlistError(.publication, "interrupted") }
        }
        #expect(code { try scene.rotate() } == .publication)
        scene.writer = try TestLog().writer()
        try BundleWriter.settle(directory: scene.log.path)
        let isDone = step != .staged
        #expect(FileManager.default.fileExists(atPath: scene.log.path + "/rotations/1.p7s") == isDone)
        scene.writer = try BundleWriter(
            directory: scene.log.path, origin: scene.log.origin, logKeySPKI: scene.spki(isDone ? 1 : 0))
        #expect(scene.writer.rotationCount == (isDone ? 1 : 0))
        #expect(try scene.verify().treeSize == scene.writer.size)
        if isDone { try scene.publish(1) } else { try scene.rotate() }
        #expect(try scene.verify().treeSize == scene.writer.size)
    }

    @Test("The writer hands over only at once, from the log's key, and with the message that the entry cites")
    func writer() throws {
        let scene = try RotationScene()
        let statement = try scene.statement()
        let message = try scene.message(statement, by: ["alice", "bob"], key: 0)
        let entry = try scene.entry(statement, message)
        func publish(_ entry: AllowlistEntry.RotateSigner, _ message: [UInt8], planned: Bool = true) throws {
            try scene.writer.publishRotation(
                entry, message: message, signOld: planned ? { try scene.der($0, 0) } : nil,
                signNew: { try scene.der($0, 1) }, signText: { try scene.cms($0, 1) })
        }
        #expect(code { try publish(entry, message + [0]) } == .rotation)
        #expect(code { try publish(entry, message, planned: false) } == .rotation)
        var other = entry
        other.oldKey = scene.spki(2)
        #expect(code { try publish(other, message) } == .rotation)
        #expect(code { try scene.writer.append(.rotateSigner(entry)) } == .state)
        try scene.writer.append(scene.log.openRun("R-9"))
        #expect(code { try publish(entry, message) } == .publication)
        try scene.writer.rollback()
        try publish(entry, message)
        #expect(try scene.verify().treeSize == scene.writer.size)
    }

    /// What a forger publishes, refused with `rotation` by who pins the old key and the roster.
    static let forgeries: [(String, @Sendable (RotationScene) throws -> Void)] = [
        ("the old key alone", { try $0.forge(try $0.statement(), by: [], key: 0) }),
        ("one approval short, with the old key", { try $0.forge(try $0.statement(), by: ["alice"], key: 0) }),
        (
            "one approval short, in an emergency",
            { try $0.forge(try $0.statement(emergency: true), by: ["bob"]) }
        ),
        ("planned, without the old key", { try $0.forge(try $0.statement(), by: ["alice", "bob"]) }),
        (
            "planned, countersigned by the new key",
            {
                try $0.forge(try $0.statement(), by: ["alice", "bob"], key: 1)
            }
        ),
        (
            "an emergency that the old key countersigns",
            {
                try $0.forge(try $0.statement(emergency: true), by: ["alice", "bob"], key: 0)
            }
        ),
        (
            "approved by who only witnesses",
            { try $0.forge(try $0.statement(), by: ["alice", "dora"], key: 0) }
        ),
        ("approved by a stranger", { try $0.forge(try $0.statement(), by: ["alice", "erin"], key: 0) }),
        (
            "a statement that asks for fewer",
            {
                var statement = try $0.statement(emergency: true)
                statement.approvals = 1
                try $0.forge(statement, by: ["alice"])
            }
        ),
        (
            "a roster that nobody knows",
            {
                var statement = try $0.statement()
                statement.roster = [UInt8](repeating: 9, count: 32)
                try $0.forge(statement, by: ["alice", "bob"], key: 0)
            }
        ),
        (
            "of another log",
            {
                var statement = try $0.statement()
                statement.origin = "other.example/allowlist"
                try $0.forge(statement, by: ["alice", "bob"], key: 0)
            }
        ),
        (
            "a rehearsal's",
            {
                var statement = try $0.statement()
                statement.rehearsal = true
                try $0.forge(statement, by: ["alice", "bob"], key: 0)
            }
        ),
        (
            "performed after its time",
            {
                var statement = try $0.statement()
                statement.notAfter = RotationScene.time - 1
                try $0.forge(statement, by: ["alice", "bob"], key: 0)
            }
        ),
        (
            "a tree that was never the log's",
            {
                var statement = try $0.statement()
                statement.rootHash = [UInt8](repeating: 7, count: 32)
                try $0.forge(statement, by: ["alice", "bob"], key: 0)
            }
        ),
        (
            "an emergency that does not follow the trusted tree at once",
            {
                let statement = try $0.statement(emergency: true)
                try $0.publish(0)
                // The one place that it may have holds something else, so the new key has nothing to sign yet.
                try $0.forge(statement, by: ["alice", "bob"])
            }
        ),
        (
            "an entry that says another key than the message",
            {
                let statement = try $0.statement()
                let message = try $0.message(statement, by: ["alice", "bob"], key: 0)
                var entry = try $0.entry(statement, message)
                entry.newKey = $0.spki(2)
                try $0.forge(entry, message, signedBy: [1, 0])
            }
        ),
        (
            "an entry that says another tree than the message",
            {
                let statement = try $0.statement()
                let message = try $0.message(statement, by: ["alice", "bob"], key: 0)
                var entry = try $0.entry(statement, message)
                entry.trustedSize -= 1
                try $0.forge(entry, message, signedBy: [1, 0])
            }
        ),
        (
            "the new key is a member's own",
            {
                var statement = try $0.statement()
                statement.newKeyInfo = $0.rosters[0].members[0].signingKey
                let message = try $0.message(statement, by: ["alice", "bob"], key: 0)
                try $0.forge(try $0.entry(statement, message), message, signedBy: [1, 0])
            }
        ),
        (
            "one octet more",
            {
                let statement = try $0.statement()
                let message = try $0.message(statement, by: ["alice", "bob"], key: 0) + [0]
                try $0.forge(try $0.entry(statement, message), message, signedBy: [1, 0])
            }
        ),
        (
            "the first one replayed as the second",
            {
                try $0.rotate()
                let message = try $0.log.contents("rotations/1.p7s")
                let statement = try SignerRotationStatement.decode(try ApprovedMessage(der: message).content)
                try $0.forge(try $0.entry(statement, message), message, number: 2, signedBy: [1])
            }
        ),
        (
            "a second one that begins at the first key",
            {
                try $0.rotate()
                var statement = try $0.statement(2)
                statement.oldKey = Digest32.sha256($0.spki(0)).bytes
                let message = try $0.message(statement, by: ["alice", "bob"], key: 0)
                try $0.forge(try $0.entry(statement, message), message, number: 2, signedBy: [2, 0])
            }
        ),
        (
            "back to a key that was rotated out",
            {
                try $0.rotate()
                var statement = try $0.statement(2)
                statement.newKeyInfo = $0.spki(0)
                let message = try $0.message(statement, by: ["alice", "bob"], key: 1)
                try $0.forge(try $0.entry(statement, message), message, number: 2, signedBy: [0, 1])
            }
        ),
    ]

    @Test(
        "A rotation that is not what the recovery quorum signed, in its place, is refused",
        arguments: forgeries.indices)
    func forged(index: Int) throws {
        let (name, forge) = Self.forgeries[index]
        let scene = try RotationScene()
        try forge(scene)
        let isLate = name.hasPrefix("an emergency that does not follow")
        #expect(code { try scene.verify() } == (isLate ? .signerFuture : .rotation), "\(name)")
        #expect(code { try scene.open() } != nil, "\(name)")
        // Whoever pins the new key is told of the same, but of who signed.
        if isLate { #expect(code { try scene.verify(key: 1, roster: nil) } == .rotation) }
    }

    @Test("Who has left the roster hands nothing over any more")
    func retired() throws {
        func scene() throws -> RotationScene {
            let scene = try RotationScene()
            try scene.addRoster([
                "alice": [.ceremonyAdministrator], "bob": [.cryptoOfficer], "dora": [.externalWitness],
            ])
            return scene
        }
        // Carol is in version 1 only. Under version 2 she is nobody.
        let second = try scene()
        try second.forge(try second.statement(emergency: true), by: ["alice", "carol"])
        #expect(code { try second.verify() } == .rotation)
        // Under version 1 she was somebody: to who pins version 2 that is over.
        let first = try scene()
        var statement = try first.statement(emergency: true)
        statement.roster = first.rosters[0].digestOctets
        try first.forge(statement, by: ["alice", "carol"])
        #expect(code { try first.verify(roster: 2) } == .rotation)
        #expect(code { try first.open(roster: 2) } == .rotation)
        // And after a rotation under version 2 it is over for everybody.
        let third = try scene()
        try third.rotate()
        statement = try third.statement(2, emergency: true)
        statement.roster = third.rosters[0].digestOctets
        try third.forge(statement, by: ["alice", "carol"], number: 2)
        #expect(code { try third.verify() } == .rotation)
    }

    @Test("An entry without its message, and a message without its entry, are refused")
    func pairs() throws {
        let scene = try RotationScene()
        try scene.rotate()
        let message = try scene.log.contents("rotations/1.p7s")
        try scene.log.remove("rotations/1.p7s")
        for roster in [1, nil] {
            #expect(code { try scene.verify(key: 1, roster: roster) } == .rotation)
        }
        // Without the message nothing leads from the old key to the one of `checkpoint.p7s`.
        #expect(code { try scene.verify(key: 0, roster: 1) } == .checkpointSignature)
        let other = try RotationScene()
        try FileManager.default.createDirectory(
            atPath: other.log.path + "/rotations", withIntermediateDirectories: true)
        let early = try other.message(try other.statement(), by: ["alice", "bob"], key: 0)
        try other.log.write(early, to: "rotations/1.p7s")
        #expect(code { try other.verify(roster: nil) } == .rotation)
        // To who pins the roster, the key that signed is out of office.
        #expect(code { try other.verify() } == .signerRotated)
        try scene.log.write(message, to: "rotations/1.p7s")
        try scene.log.write(message, to: "rotations/2.p7s")
        #expect(code { try scene.verify(key: 1, roster: nil) } == .rotation)
    }

    @Test("A thief's checkpoint under the old key is refused where the message of the emergency is seen")
    func thief() throws {
        let scene = try RotationScene()
        let copy = scene.log.path + "-thief"
        try FileManager.default.copyItem(atPath: scene.log.path, toPath: copy)
        defer { try? FileManager.default.removeItem(atPath: copy) }
        try scene.rotate(emergency: true)
        do {
            let thief = try BundleWriter(
                directory: copy, origin: scene.log.origin, logKeySPKI: scene.spki(0))
            _ = try thief.publish(signNote: { try scene.der($0, 0) }, signText: { try scene.cms($0, 0) })
        }
        func verify(key: Int, roster: Int?) throws -> VerifiedList {
            try BundleVerifier.verify(directory: copy, pins: scene.pins(key: key, roster: roster))
        }
        // Nothing in it tells of the rotation: this is what a thief can still do.
        #expect(code { try verify(key: 0, roster: 1) } == nil)
        #expect(code { try verify(key: 1, roster: 1) } == .checkpointSignature)
        try FileManager.default.copyItem(
            atPath: scene.log.path + "/rotations", toPath: copy + "/rotations")
        #expect(code { try verify(key: 0, roster: 1) } == .signerRotated)
    }

    @Test("The new key signs nothing before its rotation is in the tree", arguments: [false, true])
    func future(emergency: Bool) throws {
        let scene = try RotationScene()
        let statement = try scene.statement(emergency: emergency)
        let message = try scene.message(statement, by: ["alice", "bob"], key: emergency ? nil : 0)
        // A copy of the tree, as it is, and one entry further, signed by the new key, with the message beside it.
        for step in 0..<2 {
            if step == 1 { try scene.writer.append(scene.log.openRun("R-7")) }
            try scene.writer.begin()
            _ = try scene.writer.publish(
                extraFiles: [.authorisation(TestLog.authorisation)],
                signer: try NoteKey(name: scene.log.origin, spki: scene.spki(1)),
                rotation: CheckpointStaging.Rotation(number: 1, message: message),
                signNote: { text in
                    [
                        try NoteKey(name: scene.log.origin, spki: scene.spki(1)).signature(
                            try scene.der(text, 1))
                    ]
                }, signText: { try scene.cms($0, 1) })
            #expect(code { try scene.verify() } == .signerFuture)
            #expect(code { try scene.open() } == .signerFuture)
        }
        #expect(code { try scene.verify(key: 1, roster: nil) } == .rotation)
    }

    @Test("The checkpoint that hands over as planned carries the old key's signature")
    func bothSignatures() throws {
        let scene = try RotationScene()
        let statement = try scene.statement()
        let message = try scene.message(statement, by: ["alice", "bob"], key: 0)
        try scene.forge(try scene.entry(statement, message), message, signedBy: [1])
        #expect(code { try scene.verify() } == .rotation)
        #expect(code { try scene.verify(key: 1, roster: nil) } == .rotation)
        // The next one need not.
        try scene.publish(1)
        #expect(try scene.verify().treeSize == scene.writer.size)
    }

    @Test("A chain of rosters that is broken, or lacks the pinned one, leads nowhere")
    func rosters() throws {
        let scene = try RotationScene()
        try scene.rotate()
        var pins = try scene.pins()
        pins.roster = Digest32.sha256([1])
        #expect(code { try BundleVerifier.verify(directory: scene.log.path, pins: pins) } == .roster)
        try scene.log.remove("rosters/1.json")
        #expect(code { try scene.verify() } == .roster)
        #expect(code { try scene.open() } == .roster)
    }
}
