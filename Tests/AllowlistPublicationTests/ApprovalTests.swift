import Allowlist
import Crypto
import Foundation
import SignedStatements
import Testing
import TransparencyLog

@Suite("With a roster pinned, who approved the runs is checked") struct ApprovalTests {
    @Test("Runs that the quorum approved and the run authority countersigned are approved")
    func approved() throws {
        let scene = try ApprovedLog()
        try scene.publish("R-1")
        try scene.publish("R-2") { $0.approvers = ["carol", "bob", "alice"] }
        let list = try scene.verify()
        #expect(list.authorised == .approved)
        #expect(list.runs.map(\.id) == ["R-1", "R-2"])
        #expect(list.approval?.needed == 2)
        #expect(list.approval?.members == 3)
        #expect(list.approval?.rosterVersion == 1)
        #expect(list.approval?.notVouchedFor == [])
    }

    @Test("Without one the same list is claimed, whoever signed it")
    func claimed() throws {
        let scene = try ApprovedLog()
        try scene.publish { $0.approvers = [] }
        let list = try scene.log.verify()
        #expect(list.authorised == .claimed)
        #expect(list.approval == nil)
    }

    struct Attack: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let message: String
        let change: @Sendable (inout ApprovedLog.Run) -> Void

        init(
            _ description: String, _ message: String,
            _ change: @escaping @Sendable (inout ApprovedLog.Run) -> Void
        ) {
            testDescription = description
            self.message = message
            self.change = change
        }
    }

    static let attacks = [
        Attack("nobody approved", "0 of 2 approvals are there") { $0.approvers = [] },
        Attack("one approved of two", "1 of 2 approvals are there") { $0.approvers = ["alice"] },
        Attack("one approved twice", "alice: has approved twice: one member is one approval") {
            $0.approvers = ["alice", "alice"]
        },
        Attack("a stranger approved", "approved, and is nobody's on the roster") {
            $0.approvers = ["alice", "bob", "mallory"]
        },
        Attack("a witness approved", "dora: may not approve as external-witness") {
            $0.approvers = ["alice", "dora"]
        },
        Attack("the run authority did not countersign", "the key that has to countersign has not") {
            $0.authority = nil
        },
        Attack("another key countersigned", "is countersigned by another key than the one that has to") {
            $0.authority = P256.Signing.PrivateKey()
        },
        Attack(
            "an approval came after the countersignature",
            "approvals were added, taken out or exchanged after the countersignature"
        ) { $0.late = ["carol"] },
        Attack("the statement asks for fewer", "says that 1 approvals suffice, and the roster demands 2") {
            $0.statement.approvals = 1
        },
        Attack(
            "the statement names another authority",
            "signers.pem: has no certificate of the run authority that the statement names"
        ) { $0.statement.authority = [UInt8](repeating: 1, count: 32) },
        Attack("the statement names another roster", "names a roster that is not in the bundle") {
            $0.statement.roster = [UInt8](repeating: 1, count: 32)
        },
        Attack("more devices than approved", "it was given for something else: `quantity` is not that") {
            $0.opening.quantity = 11
        },
        Attack("more losses than approved", "it was given for something else: `spoilage` is not that") {
            $0.opening.spoilage = 3
        },
        Attack("another product", "it was given for something else: `product` is not that") {
            $0.opening.product = "valve"
        },
        Attack("another template", "it was given for something else: `template` is not that") {
            $0.opening.template = TestLog.digest(1, 1)
        },
        Attack("another station", "it was given for something else: `station` is not that") {
            $0.opening.station = TestLog.digest(1, 1)
        },
        Attack("another run", "it was given for something else: `run` is not that") {
            $0.opening.run = "R-9"
        },
        Attack("another log", "it was given for something else: `origin` is not that") {
            $0.statement.facts.origin = "other.example/log"
        },
        Attack("a rehearsal's", "it was given for something else: `type` is not that") {
            $0.statement.facts.rehearsal = true
        },
        Attack("another issuer's key", "issuers.pem has no certificate with the approved issuer's key") {
            $0.statement.facts.issuerDigest = [UInt8](repeating: 1, count: 32)
        },
        Attack("another issuer's key id", "issuers.pem has no certificate with the approved issuer's key") {
            $0.opening.issuerKeyID = [7]
        },
        Attack(
            "a state of the log after the opening",
            "the approvers saw a log of 1 entries, and the run was opened before that"
        ) { $0.statement.treeSize = 1 },
        Attack(
            "a state of another log", "the approvers saw a log of 0 entries that this log does not extend"
        ) { $0.statement.rootHash = [UInt8](repeating: 1, count: 32) },
        Attack("before its time", "the run was opened outside the time that was approved") {
            $0.opening.openedAt = 1_699_998_999
        },
        Attack("after its time", "the run was opened outside the time that was approved") {
            $0.opening.openedAt = 1_700_001_001
        },
        Attack("no message at all", "is not one message in the form of an approval") {
            $0.message = Array("an authorisation".utf8)
        },
    ]

    @Test("An authorisation that is not by the quorum, or not for this run, is refused", arguments: attacks)
    func refused(attack: Attack) throws {
        let scene = try ApprovedLog()
        let message = try scene.publish("R-1", attack.change)
        // The list itself is sound: only who pins a roster sees it.
        #expect(try scene.log.verify().authorised == .claimed)
        let error = #expect(throws: AllowlistError.self) { try scene.verify() }
        #expect(error?.code == .approval)
        #expect(error?.message.contains(attack.message) == true, "\(String(describing: error))")
        #expect(error?.file == "authorisations/\(Digest32.sha256(message).hex).p7s")
        #expect(error?.index == 0)
        #expect(error?.hint != nil)
    }

    @Test("The authorisation of another run of the log is refused in this one's place")
    func reused() throws {
        let scene = try ApprovedLog()
        let first = try scene.publish("R-1")
        try scene.publish("R-2") { $0.message = first }
        let error = #expect(throws: AllowlistError.self) { try scene.verify() }
        #expect(error?.code == .approval)
        #expect(error?.index == 4)
        #expect(error?.message.contains("`run` is not that of the run") == true)
    }

    @Test("A statement that cites a state of this log is held against the tree as it was then")
    func extends() throws {
        let scene = try ApprovedLog()
        try scene.publish("R-1")
        try scene.publish("R-2")
        try scene.publish("R-3") { $0.statement.treeSize = 4 }
        let error = #expect(throws: AllowlistError.self) { try scene.verify() }
        #expect(error?.message == "the approvers saw a log of 4 entries that this log does not extend")
        #expect(error?.index == 8)
    }

    @Test("What nothing vouches for in the certificates' files is named")
    func notVouchedFor() throws {
        let scene = try ApprovedLog()
        let root = P256.Signing.PrivateKey()
        scene.issuersPEM += try ApprovedLog.pem(root)
        scene.signersPEM += try ApprovedLog.pem(root)
        try scene.publish()
        let digest = Digest32.sha256(Array(root.publicKey.derRepresentation)).hex
        #expect(
            try scene.verify().approval?.notVouchedFor == [
                "signers.pem, certificate 3: key \(digest)", "issuers.pem, certificate 2: key \(digest)",
            ])
    }

    @Test(
        "Certificates that are missing or no certificates are refused",
        arguments: ["issuers.pem", "signers.pem"])
    func certificates(file: String) throws {
        let scene = try ApprovedLog()
        try scene.publish()
        for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            try scene.log.write(Array(text.utf8), to: file)
            let error = #expect(throws: AllowlistError.self) { try scene.verify() }
            #expect(error?.code == .approval)
        }
        try scene.log.remove(file)
        let error = #expect(throws: AllowlistError.self) { try scene.verify() }
        #expect(error?.code == .fileMissing)
        #expect(error?.file == file)
    }
}

@Suite("The rosters in a bundle") struct BundleRosterTests {
    private func code(_ scene: ApprovedLog, _ pinned: Roster) -> AllowlistError? {
        #expect(throws: AllowlistError.self) { try scene.verify(pinned: pinned) }
    }

    @Test("Any version may be pinned, and each run counts under the version that was in force then")
    func versions() throws {
        let scene = try ApprovedLog()
        try scene.publish("R-1") { $0.approvers = ["alice", "carol"] }
        scene.rosters.append(try scene.nextRoster())
        try scene.publish("R-2") { $0.approvers = ["alice", "erin"] }
        for roster in scene.rosters {
            let list = try scene.verify(pinned: roster)
            #expect(list.authorised == .approved)
            #expect(list.approval?.rosterVersion == 2)
        }
    }

    @Test("Whoever left with a version approves nothing after it")
    func retired() throws {
        let scene = try ApprovedLog()
        scene.rosters.append(try scene.nextRoster())
        try scene.publish { $0.approvers = ["alice", "carol"] }
        let error = code(scene, scene.rosters[0])
        #expect(error?.code == .approval)
        #expect(error?.message.contains("carol: approved with a key that version 2") == true)
    }

    @Test("An older version counts no more after a run under a newer one")
    func older() throws {
        let scene = try ApprovedLog()
        let first = scene.rosters[0]
        scene.rosters.append(try scene.nextRoster())
        try scene.publish("R-1")
        try scene.publish("R-2") { $0.statement.roster = first.digestOctets }
        let error = code(scene, first)
        #expect(error?.code == .approval)
        #expect(error?.index == 4)
        #expect(error?.message.contains("version 1 of the roster, after the run R-1 under version 2") == true)
    }

    @Test("A roster of other people in the place of the pinned one is refused")
    func swapped() throws {
        let (scene, other) = (try ApprovedLog(), try ApprovedLog())
        let pinned = scene.rosters[0]
        scene.rosters = other.rosters
        try scene.publish()
        let error = code(scene, pinned)
        #expect(error?.code == .roster)
        #expect(error?.file == "rosters/1.json")
    }

    @Test("A chain that was cut, or that lacks the pinned version, is refused")
    func cut() throws {
        let scene = try ApprovedLog()
        try scene.publish("R-1")
        scene.rosters.append(try scene.nextRoster())
        try scene.publish("R-2")
        let (first, second) = (scene.rosters[0], scene.rosters[1])
        try scene.log.remove("rosters/2.json")
        #expect(code(scene, second)?.code == .roster)
        // With the first pinned the cut shows by the run that names the second.
        #expect(code(scene, first)?.code == .approval)
        try scene.log.write(second.fileBytes, to: "rosters/1.json")
        #expect(code(scene, second)?.code == .roster)
        try scene.log.remove("rosters/1.json")
        #expect(code(scene, first)?.code == .roster)
    }

    @Test("A version that is no roster, in another form, or that its quorum did not sign is refused")
    func malformed() throws {
        let scene = try ApprovedLog()
        try scene.publish()
        let first = scene.rosters[0]
        for bytes in [first.fileBytes + [0x0A], [], Array("{}".utf8)] {
            try scene.log.write(bytes, to: "rosters/1.json")
            let error = code(scene, first)
            #expect(error?.code == .roster)
            #expect(error?.file == "rosters/1.json")
        }
        try scene.log.write(first.fileBytes, to: "rosters/1.json")
        let usurped = try scene.roster(
            ["alice": [.cryptoOfficer], "erin": [.cryptoOfficer]], after: first, signedBy: ["alice", "erin"])
        try scene.log.write(usurped.fileBytes, to: "rosters/2.json")
        #expect(code(scene, first)?.code == .roster)
    }
}
