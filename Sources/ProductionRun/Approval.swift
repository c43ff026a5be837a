import Allowlist
import Approvals
import Foundation
import Manifests
import RunLedger
import SignedStatements
import Sites
import TokenKeys
import TransparencyLog

/// An authorisation whose signatures verified and whose statement fits the run.
public typealias RunAuthorisation = ApprovedStatement<AuthorisationStatement>

extension RunPlan {
    /// Losses that the approvers allow when they do not say: a tenth, at most 2 048.
    ///
    /// A crash burns what is reserved and not recorded, a sixteenth of the run with two workers.
    public static func standardSpoilage(quantity: Int) -> Int {
        min(2048, max(4, (quantity + 9) / 10))
    }

    public var authorisationPath: String { site.runFolder(manifest.run) + "/authorisation.p7s" }

    /// The run's approval, to be opened, signed or looked at: `runs/<id>/approval.p7s`, and `authorisation.p7s` when it is
    /// whole.
    public func approval() throws -> Approval<AuthorisationStatement> {
        let again = "rootline run approve --anew \(manifest.file)"
        return try Approval(
            site: site, pendingPath: site.runFolder(manifest.run) + "/approval.p7s", path: authorisationPath,
            again: again
        ) { [facts, site] statement, path in
            if let difference = statement.check(against: facts).first {
                throw RunError(
                    .authorisationRefused, path, "it was given for something else: \(difference)",
                    hint: "Put back what was approved, or set it aside and approve anew: \(again)")
            }
            try PublishedLog(site).requireExtends(
                size: UInt64(statement.treeSize), root: statement.rootHash, path: path)
        }
    }

    /// The statement to approve, citing the log as it is published now and the roster in force.
    public func statement(
        spoilage: Int, validity: Duration, by approvers: Approvers, at now: Date
    ) throws -> AuthorisationStatement {
        let head = try PublishedLog(site).checkpoint
        let seconds = Int64(now.timeIntervalSince1970)
        return AuthorisationStatement(
            facts: facts, spoilage: spoilage, notBefore: seconds,
            notAfter: seconds + Int64(validity / .seconds(1)), treeSize: Int64(head?.size ?? 0),
            rootHash: head?.root.bytes ?? MerkleTree.emptyRoot.bytes, roster: approvers.rosterDigest,
            approvals: approvers.needed, authority: approvers.authorityDigest)
    }

    /// Reads the authorisation and holds it against everything that it must agree with, to begin the run.
    ///
    /// Throws ``RunError`` where the run is not approved or was approved for something else, and `ApprovalError` where
    /// form, signatures, quorum, roster or time refuse it.
    public func authorisation(at now: Date) throws -> RunAuthorisation {
        let approval = try approval()
        guard approval.isComplete else {
            throw RunError(
                .authorisationRefused, authorisationPath, "the run is not approved",
                hint: approval.isOpen
                    ? "Its approval is open: rootline run approve --show \(manifest.file)"
                    : "rootline run approve \(manifest.file)")
        }
        try requireKnownRosters(approval.approvers)
        return try approval.approved(at: now)
    }

    /// The authorisation under which a run was begun; whatever file or ledger says otherwise is refused.
    ///
    /// Its time and whether its roster is still in force are not asked for again: those are about beginning.
    func authorisation(of record: RunRecord) throws -> RunAuthorisation {
        let authorisation = try approval().begun(under: record.run.authorisationDigest)
        guard authorisation.statement.facts.quantity == record.run.quantity,
            authorisation.statement.spoilage == record.run.spoilage
        else {
            throw LedgerError(
                .corrupt, site.ledger, "it says another quantity or allowance than what was signed",
                hint: "Do not go on. Restore the ledger from a backup and compare it with the log.")
        }
        return authorisation
    }

    /// Throws where an earlier run of the log was approved under a roster that the site no longer has: taking the newest
    /// version away would bring back whoever it retired.
    private func requireKnownRosters(_ approvers: Approvers) throws {
        let folder = site.log + "/authorisations"
        for name in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() {
            guard let data = FileManager.default.contents(atPath: folder + "/" + name),
                let message = try? ApprovedMessage(der: Array(data)),
                let statement = try? AuthorisationStatement.decode(message.content),
                statement.facts.origin == site.origin, !approvers.knows(roster: statement.roster)
            else { continue }
            throw ApprovalError(
                .rosterRefused, site.folder,
                "run \(statement.facts.run) was approved under a roster that this site no longer has",
                hint: "A version is missing under rosters. Restore it, and find out who took it away.")
        }
    }
}
