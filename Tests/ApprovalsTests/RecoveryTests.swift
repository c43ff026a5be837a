import Crypto
import Foundation
import SignedStatements
import Testing
import TokenKeys

@testable import Approvals

@Suite("The recovery quorum hands a log over to another key")
struct RecoveryTests {
    /// The scene's run authority is the log's old key here; three have to agree, where two approve a run.
    private let scene: ApprovalScene
    private let approvers: Approvers

    init() throws {
        var scene = try ApprovalScene()
        let first = scene.rosters[0]
        let roster = Roster(
            version: 1, origin: first.origin, rehearsal: false, previous: nil, members: first.members,
            conflicts: [], quorums: Roster.Quorums(roster: 2, approval: 2, recovery: 3))
        scene.rosters = [roster]
        self.scene = scene
        approvers = try Approvers(
            rosters: [roster], authority: scene.authority.publicKeyInfo, .logKey, subject: "scene")
    }

    private func message(emergency: Bool, by names: [String]) throws -> ApprovedMessage {
        let statement = SignerRotationStatement(
            rehearsal: false, origin: "log.example.com/a", oldKey: approvers.authorityDigest,
            newKeyInfo: Array(P256.Signing.PrivateKey().publicKey.derRepresentation), isEmergency: emergency,
            treeSize: 5, rootHash: [UInt8](repeating: 1, count: 32), notBefore: 1_799_999_000,
            notAfter: 1_800_100_000, roster: approvers.rosterDigest, approvals: approvers.needed)
        var message = try ApprovedMessage(content: try statement.encode())
        for name in names { message = try message.adding(try scene.signer(name, over: message.content)) }
        return message
    }

    private func code(_ message: ApprovedMessage) -> ApprovalError.Code? {
        do {
            _ = try approvers.approved(try message.der(), as: SignerRotationStatement.self)
            return nil
        } catch {
            return (error as? ApprovalError)?.code
        }
    }

    @Test("As many approve as the roster's recovery quorum says, and not as many as approve a run")
    func quorum() throws {
        #expect(approvers.needed == 3 && approvers.countersigner == .allowlistSigner)
        #expect(code(try message(emergency: true, by: ["alice", "bob"])) == .quorumShort)
        #expect(code(try message(emergency: true, by: ["alice", "bob", "carol"])) == nil)
    }

    @Test("As planned the log's key countersigns; in an emergency it must not")
    func countersignature() throws {
        let all = ["alice", "bob", "carol"]
        let planned = try message(emergency: false, by: all)
        #expect(code(planned) == .authorityMissing)
        #expect(code(try scene.forced(planned, by: scene.authority)) == nil)
        #expect(code(try scene.forced(planned, by: P256.Signing.PrivateKey())) == .authorityForeign)
        let emergency = try message(emergency: true, by: all)
        #expect(code(try scene.forced(emergency, by: scene.authority)) == .repeated)
        let approved = try approvers.approved(try emergency.der(), as: SignerRotationStatement.self)
        #expect(approved.countersigned == nil && approved.approvals.map(\.name) == all)
    }

    @Test("An approval of a run's kind is none of a rotation")
    func otherKind() throws {
        #expect(code(try scene.countersigned(try scene.approved(by: "alice", "bob"))) == .statementRefused)
    }
}
