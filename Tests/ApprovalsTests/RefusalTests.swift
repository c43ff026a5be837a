import Crypto
import Foundation
import Rosters
import SignedStatements
import Testing

@testable import Approvals

@Suite("Refusals of an authorisation") struct RefusalTests {
    private func refusal(
        _ scene: ApprovalScene, _ message: ApprovedMessage, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ApprovalError? {
        let der = try message.der()
        return #expect(throws: ApprovalError.self, sourceLocation: sourceLocation) {
            try scene.approvers.approved(der, as: StandingStatement.self)
        }
    }

    @Test(
        "A quorum with the run authority's signature is accepted, and says who and when",
        arguments: [256, 384])
    func accepted(bits: Int) throws {
        let scene = try ApprovalScene(
            authority: bits == 256 ? P256.Signing.PrivateKey() : P384.Signing.PrivateKey())
        let message = try scene.countersigned(try scene.approved(by: "carol", "alice"))
        let der = try message.der()
        #expect(try ApprovedMessage(der: der) == message)
        let approved = try scene.approvers.approved(der, as: StandingStatement.self)
        #expect(approved.approvals.map(\.name) == ["alice", "carol"])
        #expect(approved.approvals.allSatisfy { $0.time == ApprovalScene.time })
        #expect(approved.countersigned == ApprovalScene.time)
        #expect(approved.statement == (try scene.statement()))
        #expect(approved.message == der)
        // More than the quorum is as good.
        let all = try scene.countersigned(try scene.approved(by: "carol", "alice", "bob")).der()
        #expect(try scene.approvers.approved(all, as: StandingStatement.self).approvals.count == 3)
    }

    @Test("What nobody signed is short of its quorum")
    func unsigned() throws {
        let scene = try ApprovalScene()
        #expect(try refusal(scene, scene.opened())?.code == .quorumShort)
    }

    @Test("One approval of two is short, and those who can still approve are named")
    func short() throws {
        let scene = try ApprovalScene()
        let message = try scene.approved(by: "alice")
        let error = try refusal(scene, scene.forced(message, by: scene.authority))
        #expect(error?.code == .quorumShort)
        #expect(error?.message == "1 of 2 approvals are there")
        #expect(error?.hint == "Who can still approve: bob, carol.")
        #expect(throws: ApprovalError.self) { try scene.countersigned(message) }
    }

    @Test("One member who signs twice is refused and not counted twice")
    func twice() throws {
        let scene = try ApprovalScene()
        let message = try scene.opened()
        let other = try message.adding(try scene.signer("alice", over: message.content))
            .adding(try scene.signer("alice", over: message.content, at: 1_800_000_001))
        let error = try refusal(scene, scene.forced(other, by: scene.authority))
        #expect(error?.code == .repeated)
        #expect(error?.subject == "alice")
        let credential = try #require(scene.credentials["alice"])
        let again = #expect(throws: ApprovalError.self) {
            try scene.approvers.approve(
                try scene.approved(by: "alice"), as: "alice", with: credential, at: ApprovalScene.time)
        }
        #expect(again?.code == .repeated)
        #expect(again?.hint == "1 more of the others are needed.")
    }

    @Test("A stranger's signature is refused beside a whole quorum")
    func stranger() throws {
        let scene = try ApprovalScene()
        let message = try scene.approved(by: "alice", "bob", "erin")
        #expect(try refusal(scene, scene.forced(message, by: scene.authority))?.code == .signerUnknown)
        #expect(throws: ApprovalError.self) { try scene.approvers.member("erin") }
    }

    @Test("A member whom the roster in force no longer has is refused, and named as retired")
    func retired() throws {
        var scene = try ApprovalScene()
        scene.rosters.append(
            scene.roster(
                ["bob": [.cryptoOfficer], "carol": [.shareHolder], "erin": [.shareHolder]],
                after: scene.rosters[0]))
        let message = try scene.approved(by: "alice", "bob")
        let error = try refusal(scene, scene.forced(message, by: scene.authority))
        #expect(error?.code == .signerRetired)
        #expect(error?.subject == "alice")
        let asked = #expect(throws: ApprovalError.self) { try scene.approvers.member("alice") }
        #expect(asked?.code == .signerRetired)
    }

    @Test("A member who has another key since is refused with the old one")
    func oldKey() throws {
        var scene = try ApprovalScene()
        let old = scene.rosters[0]
        let erin = try #require(scene.credentials["erin"])
        let members = old.members.map { member in
            member.name == "alice"
                ? Roster.Member(
                    name: "alice", roles: member.roles, signingKey: erin.signingKey, shareKey: erin.shareKey,
                    tokenSerial: "x", tokenLabel: "x") : member
        }
        scene.rosters.append(
            Roster(
                version: 2, origin: old.origin, rehearsal: false, previous: old.digest, members: members,
                conflicts: [], quorums: old.quorums))
        let message = try scene.approved(by: "alice", "bob")
        #expect(try refusal(scene, scene.forced(message, by: scene.authority))?.code == .signerRetired)
    }

    @Test("A member whose roles do not approve is refused")
    func role() throws {
        let scene = try ApprovalScene()
        let message = try scene.approved(by: "alice", "dora")
        let error = try refusal(scene, scene.forced(message, by: scene.authority))
        #expect(error?.code == .roleMissing)
        #expect(error?.subject == "dora")
        let dora = try #require(scene.credentials["dora"])
        let asked = #expect(throws: ApprovalError.self) {
            try scene.approvers.approve(
                try scene.opened(), as: "dora", with: dora, at: ApprovalScene.time)
        }
        #expect(asked?.code == .roleMissing)
    }

    @Test("A quorum without the run authority, and the run authority without a quorum, are refused")
    func alone() throws {
        let scene = try ApprovalScene()
        let quorum = try scene.approved(by: "alice", "bob")
        #expect(try refusal(scene, quorum)?.code == .authorityMissing)
        let authority = try scene.forced(try scene.opened(), by: scene.authority)
        #expect(try refusal(scene, authority)?.code == .quorumShort)
    }

    @Test("Another key's countersignature is refused, and so is a member's")
    func foreign() throws {
        let scene = try ApprovalScene()
        let quorum = try scene.approved(by: "alice", "bob")
        #expect(
            try refusal(scene, scene.forced(quorum, by: P256.Signing.PrivateKey()))?.code
                == .authorityForeign)
        let both = try scene.forced(scene.forced(quorum, by: scene.authority), by: P384.Signing.PrivateKey())
        #expect(try refusal(scene, both)?.code == .repeated)
    }

    @Test("An approver's signature of another statement is refused")
    func otherStatement() throws {
        let scene = try ApprovalScene()
        var other = try scene.statement()
        other.span += 1
        let foreign = try scene.signer("bob", over: try other.encode())
        let message = try scene.approved(by: "alice").adding(foreign)
        let error = try refusal(scene, scene.forced(message, by: scene.authority))
        #expect(error?.code == .signatureInvalid)
        #expect(error?.message == "signed another statement than this one")
    }

    @Test("A changed statement is refused whoever signed the one before")
    func changedStatement() throws {
        let scene = try ApprovalScene()
        let message = try scene.countersigned(try scene.approved(by: "alice", "bob"))
        var other = try scene.statement()
        other.span += 1
        let changed = try ApprovedMessage(content: try other.encode(), signers: message.signers)
        #expect(try refusal(scene, changed)?.code == .signatureInvalid)
    }

    @Test("Approvals added, taken out or exchanged after the countersignature are refused")
    func binding() throws {
        let scene = try ApprovalScene()
        let all = try scene.countersigned(try scene.approved(by: "alice", "bob", "carol"))
        let two = try scene.countersigned(try scene.approved(by: "alice", "bob"))
        let authority = try #require(two.countersignatures.first)
        // Each of these is a quorum whose every signature verifies.
        let stripped = try ApprovedMessage(
            content: all.content,
            signers: Array(all.approvals.dropLast()) + all.countersignatures)
        #expect(try refusal(scene, stripped)?.code == .approvalsChanged)
        let added = try two.adding(try scene.signer("carol", over: two.content))
        #expect(try refusal(scene, added)?.code == .approvalsChanged)
        let exchanged = try ApprovedMessage(
            content: two.content,
            signers: [
                authority, try scene.signer("bob", over: two.content),
                try scene.signer("carol", over: two.content),
            ])
        #expect(try refusal(scene, exchanged)?.code == .approvalsChanged)
        let later = try ApprovedMessage(
            content: two.content,
            signers: two.approvals.dropFirst() + [
                authority,
                try scene.signer(
                    two.approvals[0].keyDigest
                        == Array(SHA256.hash(data: scene.credentials["alice"]?.signingKey ?? []))
                        ? "alice" : "bob", over: two.content, at: 1_800_000_009),
            ])
        #expect(try refusal(scene, later)?.code == .approvalsChanged)
    }

    @Test("Nobody approves, and nobody countersigns, after the run authority")
    func afterwards() throws {
        let scene = try ApprovalScene()
        let message = try scene.countersigned(try scene.approved(by: "alice", "bob"))
        let carol = try #require(scene.credentials["carol"])
        let der = try message.der()
        #expect(throws: ApprovalError.self) {
            try scene.approvers.approve(message, as: "carol", with: carol, at: ApprovalScene.time)
        }
        #expect(throws: ApprovalError.self) { try scene.countersigned(message) }
        #expect(throws: ApprovalError.self) {
            try scene.approvers.pending(der, as: StandingStatement.self)
        }
    }

    @Test("A statement that names an older roster, or none that is known, is refused")
    func rosters() throws {
        var scene = try ApprovalScene()
        let old = try scene.countersigned(try scene.approved(by: "alice", "bob"))
        let first = scene.rosters
        scene.rosters.append(
            scene.roster(
                ["alice": [.cryptoOfficer], "bob": [.cryptoOfficer], "carol": [.shareHolder]],
                after: first[0]))
        let superseded = try refusal(scene, old)
        #expect(superseded?.code == .rosterRefused)
        #expect(
            superseded?.message == "names version 1 of the roster, and version 2 is in force")
        // Approved under version 2, and then version 2 is taken away.
        let new = try scene.countersigned(try scene.approved(by: "alice", "bob"))
        scene.rosters = first
        let unknown = try refusal(scene, new)
        #expect(unknown?.code == .rosterRefused)
        #expect(unknown?.message == "names a roster that this site does not know")
    }

    @Test("A statement that asks for fewer approvals than the roster is refused")
    func fewer() throws {
        let scene = try ApprovalScene()
        let message = try ApprovedMessage(content: try scene.statement(approvals: 1).encode())
        let error = try refusal(
            scene, scene.forced(scene.approved(by: "alice", "bob", message: message), by: scene.authority))
        #expect(error?.code == .statementRefused)
    }

    @Test("A statement that names another run authority is refused, whoever countersigned it")
    func otherAuthority() throws {
        let scene = try ApprovalScene()
        let own = P256.Signing.PrivateKey()
        var statement = try scene.statement()
        statement.authority = Array(SHA256.hash(data: own.publicKeyInfo))
        let message = try ApprovedMessage(content: try statement.encode())
        let quorum = try scene.approved(by: "alice", "bob", message: message)
        for key in [own, scene.authority] as [any AuthorityKey] {
            #expect(try refusal(scene, scene.forced(quorum, by: key))?.code == .authorityForeign)
        }
        // Put in the place of the site's own, it does not fit what the members approved.
        let replaced = try Approvers(rosters: scene.rosters, authority: own.publicKeyInfo, subject: "scene")
        let der = try scene.forced(scene.approved(by: "alice", "bob"), by: own).der()
        let error = #expect(throws: ApprovalError.self) {
            try replaced.approved(der, as: StandingStatement.self)
        }
        #expect(error?.code == .authorityForeign)
    }

    @Test("Another type of statement is refused in its place")
    func otherType() throws {
        let scene = try ApprovalScene()
        let der = try scene.countersigned(try scene.approved(by: "alice", "bob")).der()
        let error = #expect(throws: ApprovalError.self) {
            try scene.approvers.approved(der, as: AuthorisationStatement.self)
        }
        #expect(error?.code == .statementRefused)
    }

    @Test("A roster whose approving roles are too few, or that has the authority's key, approves nothing")
    func unready() throws {
        var scene = try ApprovalScene()
        scene.rosters = [scene.roster(["alice": [.cryptoOfficer], "dora": [.auditor]])]
        #expect(throws: ApprovalError.self) { try scene.approvers }
        let alice = try #require(scene.credentials["alice"])
        let other = try ApprovalScene()
        #expect(throws: ApprovalError.self) {
            try Approvers(
                rosters: [scene.roster(["alice": [.cryptoOfficer], "bob": [.cryptoOfficer]])],
                authority: alice.signingKey, subject: "scene")
        }
        _ = try other.approvers
    }
}
