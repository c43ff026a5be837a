import Allowlist
import SignedStatements
import TransparencyLog

extension VectorCase {
    /// Lists whose consumer pins a roster, and asks who approved the runs.
    static let approvals: [VectorCase] = [
        approval("good", "Two of three approved and the run authority countersigned.", nil) { _ in },
        approval("three-of-three", "All three approved.", nil) { $0.approvers = ["carol", "bob", "alice"] },
        approval("nobody", "Nobody approved.", .approval) { $0.approvers = [] },
        approval("one-of-two", "One approved, and two are needed.", .approval) { $0.approvers = ["alice"] },
        approval("one-twice", "One approved twice.", .approval) { $0.approvers = ["alice", "alice"] },
        approval("a-stranger", "Somebody approved who is not on the roster.", .approval) {
            $0.approvers = ["alice", "bob", "mallory"]
        },
        approval("a-witness", "Somebody approved whose role may not.", .approval) {
            $0.approvers = ["alice", "dora"]
        },
        approval("not-countersigned", "The run authority did not countersign.", .approval) {
            $0.authority = nil
        },
        approval("countersigned-by-another", "Another key countersigned.", .approval) {
            $0.authority = "another key"
        },
        approval("after-the-countersignature", "An approval came after the countersignature.", .approval) {
            $0.late = ["carol"]
        },
        approval("asks-for-fewer", "The statement says that one approval suffices.", .approval) {
            $0.statement.approvals = 1
        },
        approval("other-quantity", "The run's quantity is not the approved one.", .approval) {
            $0.opening.quantity = 11
        },
        approval("other-spoilage", "The run's spoilage is not the approved one.", .approval) {
            $0.opening.spoilage = 3
        },
        approval("other-product", "The run's product is not the approved one.", .approval) {
            $0.opening.product = "Syringe pump"
        },
        approval("other-run", "The authorisation was given for another run.", .approval) {
            $0.opening.run = "R-9"
        },
        approval("other-template", "The run's template is not the approved one.", .approval) {
            $0.opening.template = VectorLog.digest(9, "template")
        },
        approval("other-log", "The authorisation was given for another log.", .approval) {
            $0.statement.facts.origin = "hospital.example/other"
        },
        approval("other-issuer", "The issuer's key is not the approved one.", .approval) {
            $0.statement.facts.issuerDigest = VectorLog.digest(9, "issuer").bytes
        },
        approval("of-a-rehearsal", "The authorisation is a rehearsal's.", .approval) {
            $0.statement.facts.rehearsal = true
        },
        approval("too-early", "The run was opened before the approved time.", .approval) {
            $0.statement.notBefore = Int64($0.opening.openedAt) + 1
        },
        approval("too-late", "The run was opened after the approved time.", .approval) {
            $0.statement.notAfter = Int64($0.opening.openedAt) - 1
        },
        approval("of-a-later-tree", "The approvers saw more entries than stand before the run.", .approval) {
            $0.statement.treeSize = 1
        },
        approval("of-another-tree", "The approvers saw another log.", .approval) {
            $0.statement.rootHash = VectorLog.digest(9, "root").bytes
        },
        approval("no-message", "The authorisation is no message.", .approval) {
            $0.message = VectorLog.authorisation
        },
        approval(
            "second-roster", "The second version of the roster, which the first one's quorum signed.", nil
        ) {
            let second = try ApprovedRun.secondRoster(
                after: $0.rosters[0], signedBy: ["alice", "bob", "erin"])
            $0.rosters.append(second)
            $0.statement.roster = second.digestOctets
            $0.approvers = ["alice", "erin"]
        },
        approval("roster-missing", "There is no roster in the bundle.", .roster) {
            $0.change = { $0["rosters/1.json"] = nil }
        },
        approval("roster-of-others", "The roster in the bundle is not the pinned one.", .roster) {
            let other = try ApprovedRun.roster([
                "mallory": [.ceremonyAdministrator], "trudy": [.cryptoOfficer], "walter": [.externalWitness],
            ])
            $0.change = { $0["rosters/1.json"] = other.fileBytes }
        },
        approval("roster-without-quorum", "One of the first roster's members signed the second.", .roster) {
            let second = try ApprovedRun.secondRoster(after: $0.rosters[0], signedBy: ["alice", "erin"])
            $0.rosters.append(second)
            $0.statement.roster = second.digestOctets
        },
    ]

    private static func approval(
        _ name: String, _ what: String, _ code: AllowlistError.Code?,
        _ change: @escaping @Sendable (inout ApprovedRun) throws -> Void
    ) -> VectorCase {
        VectorCase(name: "approval-\(name)", what: what, code: code) {
            var run = try ApprovedRun()
            try change(&run)
            return try run.made()
        }
    }
}
