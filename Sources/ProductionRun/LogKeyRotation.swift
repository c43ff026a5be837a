import Allowlist
import AllowlistPublication
import Approvals
import Foundation
import RunLedger
import SignedStatements
import Sites
import TokenKeys
import TransparencyLog

/// The rotation of a site's log key: approved by the roster's recovery quorum, then performed.
///
/// The successor's key comes from a ceremony (`Ceremonies/allowlist-signer/successor.yaml`). `LogKeyRotation.md` is the
/// operator's page.
public enum LogKeyRotation {
    /// Where the approved message stands; its copy that is being signed is `signer-rotation-approval.p7s` beside it.
    public static func path(in site: Site) -> String { site.certificates + "/signer-rotation.p7s" }

    private static let again = "rootline allowlist rotate-signer approve --anew"

    /// The approval of a rotation to the successor's key, to be opened, signed or looked at.
    public static func approval(site: Site) throws -> Approval<SignerRotationStatement> {
        let present = try site.logKey()
        let next = try successor(of: site).publicKeyInfo()
        let old = Digest32.sha256(try present.publicKeyInfo()).bytes
        let (origin, isRehearsal) = (site.origin, site.isRehearsal)
        return try Approval(
            site: site, approvers: try Approvers(recoveringLogOf: site, from: present),
            pendingPath: site.certificates + "/signer-rotation-approval.p7s", path: path(in: site),
            again: again
        ) { statement, path in
            func refused(_ message: String) -> ApprovalError {
                ApprovalError(
                    .statementRefused, path, "it was given for something else: \(message)",
                    hint: "Have this rotation approved: \(again)")
            }
            guard statement.rehearsal == isRehearsal else {
                throw refused("a rehearsal's and a live site's do not mix")
            }
            guard statement.origin == origin else {
                throw refused("origin: signed \(statement.origin), is \(origin)")
            }
            guard statement.oldKey == old else { throw refused("the log's present key is another one") }
            guard statement.newKeyInfo == next else {
                throw refused("the successor that a ceremony has made is another one")
            }
            try PublishedLog(site).requireExtends(
                size: UInt64(statement.treeSize), root: statement.rootHash, path: path)
        }
    }

    /// The key that follows the log's present one; throws where no ceremony has made one.
    public static func successor(of site: Site) throws -> PublishedKey {
        guard site.hasSuccessor(.allowlistSigner) else {
            let done = try site.retiredKeys(.allowlistSigner).count
            throw RunError(
                .siteNotReady, site.folder,
                "no ceremony has made a successor of the log's key"
                    + (done == 0 ? "" : "; rotation \(done), the last one, is performed"),
                hint:
                    "`rootline ceremony rehearse` or `perform` with Ceremonies/allowlist-signer/successor.yaml"
            )
        }
        return try site.publishedKey(.allowlistSigner, .next)
    }

    /// The statement to approve: from the log's present key to its successor, trusting the log as it is published now.
    ///
    /// - Throws: ``RunError`` `siteNotReady` where nothing was published yet: such a log has nobody who pins its key.
    public static func statement(
        site: Site, approvers: Approvers, isEmergency: Bool, hours: Int, at now: Date = Date()
    ) throws -> SignerRotationStatement {
        guard let trusted = try PublishedLog(site).checkpoint else {
            throw RunError(
                .siteNotReady, site.log, "nothing was published yet: there is no log to hand over",
                hint: "Before the first run, make the site's allowlist signer anew instead.")
        }
        let seconds = Int64(now.timeIntervalSince1970)
        return SignerRotationStatement(
            rehearsal: site.isRehearsal, origin: site.origin, oldKey: approvers.authorityDigest,
            newKeyInfo: try successor(of: site).publicKeyInfo(), isEmergency: isEmergency,
            treeSize: Int64(trusted.size), rootHash: trusted.root.bytes, notBefore: seconds,
            notAfter: seconds + Int64(hours) * 3600, roster: approvers.rosterDigest,
            approvals: approvers.needed)
    }
}

/// What a rotation left.
public struct LogKeyRotationOutcome: Sendable {
    /// Of the log's rotations, from 1.
    public let number: Int
    public let isEmergency: Bool
    /// Whether an earlier call had published it, and this one only put the successor in its place.
    public let isCompletion: Bool
    /// The SubjectPublicKeyInfo of the key that signs the log from now on.
    public let newKey: [UInt8]
    /// The published checkpoint.
    public let checkpoint: Checkpoint
    /// The approved message, as it stands in the bundle.
    public let message: String
}

extension LogKeyRotation {
    /// Performs the rotation that was approved; or completes one that was published and interrupted.
    ///
    /// `lock` is the site's. Nothing is changed before the approval, the ledger, the log and the keys on their token are
    /// checked. The publication of the checkpoint is the one moment from which the successor is the log's key; what is
    /// behind it is completed by the next call, and by every command that signs for the log.
    ///
    /// - Throws: `ApprovalError` where the rotation is not approved; ``RunError`` `unfinished` where a run has to be ended
    ///   first, `authorisationRefused` where the log has grown since an emergency was approved.
    public static func perform(
        site: Site, lock: FileLock, ledger: any Ledger, pin: (String) throws -> PINSource,
        at now: Date = Date()
    ) throws -> LogKeyRotationOutcome {
        defer { withExtendedLifetime(lock) {} }
        if try site.settleLogKey() { return try outcome(site, isCompletion: true) }
        // Its writer, and the log's lock with it, has gone when this returns.
        try publish(site: site, ledger: ledger, pin: pin, at: now)
        try site.settleLogKey()
        return try outcome(site, isCompletion: false)
    }

    private static func publish(
        site: Site, ledger: any Ledger, pin: (String) throws -> PINSource, at now: Date
    ) throws {
        let (present, next) = (try site.publishedKey(.allowlistSigner), try successor(of: site))
        let approval = try approval(site: site)
        let approved = try approval.approved(at: now)
        let statement = approved.statement
        try requireNoRun(ledger, isEmergency: statement.isEmergency)
        let writer = try BundleWriter(
            directory: site.log, origin: site.origin, logKeySPKI: try present.publicKeyInfo())
        try LogAndLedger(site: site, ledger: ledger).requireAgreement(writer)
        guard !statement.isEmergency || writer.size == UInt64(statement.treeSize) else {
            throw RunError(
                .authorisationRefused, approval.path,
                "the log has \(writer.size) entries, and \(statement.treeSize) are trusted: an emergency rotation "
                    + "follows them at once",
                hint: "Have it approved anew, of the log as it is: \(again)")
        }
        let token = try site.open(next.tokenName, pin: pin(next.tokenName))
        let newKey = try key(next, on: token, site)
        let oldKey = try statement.isEmergency ? nil : key(present, on: token, site)
        let signer = try CMSSigner(newKey, certificate: next.certificate)
        var signOld: (([UInt8]) throws -> [UInt8])?
        if let oldKey { signOld = { try oldKey.signature(over: $0) } }
        guard let root = Digest32(statement.rootHash) else {
            throw RunError(.inconsistent, approval.path, "its root is no digest")
        }
        try writer.publishRotation(
            .init(
                oldKey: try present.publicKeyInfo(), newKey: statement.newKeyInfo,
                isEmergency: statement.isEmergency, authorisation: Digest32.sha256(approved.message),
                trustedSize: UInt64(statement.treeSize), trustedRoot: root,
                rotatedAt: UInt64(now.timeIntervalSince1970)),
            message: approved.message,
            extraFiles: [site.signersFile(next: next)] + site.rosterFiles(),
            signOld: signOld, signNew: { text in try newKey.signature(over: text) },
            signText: { text in try signer.sign(text, detached: true) })
    }

    /// Throws where a run is in the way.
    ///
    /// A planned rotation waits for every run. An emergency may not: without the old key no run can be sealed, and one
    /// that was begun is carried on under the new key. Only a run whose `open-run` has its place right behind the
    /// published entries keeps even an emergency from taking it.
    private static func requireNoRun(_ ledger: any Ledger, isEmergency: Bool) throws {
        guard
            let run = try ledger.runs().first(where: {
                isEmergency ? $0.state == .opening : $0.state != .sealed
            })
        else { return }
        throw RunError(
            .unfinished, run.run.id, "this run is unfinished, and the log's key is not exchanged under it",
            hint: "rootline run resume \(run.run.id)")
    }

    private static func key(_ published: PublishedKey, on token: OpenToken, _ site: Site) throws -> TokenKey {
        guard published.tokenName == token.name else {
            throw SiteError(
                .refused, published.label.description,
                "lives on token \(published.tokenName), its successor on \(token.name)")
        }
        let key = try TokenKey(published.label, login: token.login)
        try key.require(.allowlistSigner, rehearsal: site.isRehearsal)
        guard try key.publicKeyInfo == published.publicKeyInfo() else {
            throw SiteError(
                .refused, "token \(token.name)", "its key \(published.label) is not the one of its ceremony",
                hint: "Is this the site's token? `rootline key list` shows what is on it.")
        }
        return key
    }

    private static func outcome(_ site: Site, isCompletion: Bool) throws -> LogKeyRotationOutcome {
        let log = try PublishedLog(site)
        let number = try site.retiredKeys(.allowlistSigner).count
        guard let checkpoint = log.checkpoint,
            let message = try RotationMessage(number, in: BundleFolder(site.log), pins: log.pins)
        else { throw RunError(.inconsistent, site.log, "the log lacks what was just published") }
        return LogKeyRotationOutcome(
            number: number, isEmergency: message.statement.isEmergency, isCompletion: isCompletion,
            newKey: log.pins.logKey.spki, checkpoint: checkpoint, message: site.log + "/" + message.path)
    }
}
