import Allowlist
import AllowlistPublication
import Approvals
import Certificates
import Foundation
import RunLedger
import Sites
import TokenKeys

/// What `run crl` did.
public struct RevocationListOutcome: Sendable {
    public enum Action: String, Sendable {
        case issued
        /// Nothing was revoked since, and more than half of the latest list's time is left.
        case unchanged
    }
    public let action: Action
    public let number: UInt64
    /// Seconds UTC.
    public let thisUpdate: Int64
    public let nextUpdate: Int64
    public let revoked: Int
    /// Entries that the list before did not have.
    public let added: Int
    public let digest: [UInt8]
    /// The list under its number, and where its readers look.
    public let path: String
    public let published: String
}

extension RunDriver {
    /// Issues the issuing CA's next certificate revocation list (RFC 5280 §5), where there is something to say.
    ///
    /// The list is signed on the line's token and verified by OpenSSL, then kept under its number, then recorded,
    /// then published; killed anywhere between, the next call goes on from what is there. Nothing is signed without
    /// a standing authorisation.
    ///
    /// - Parameters:
    ///   - days: from thisUpdate to nextUpdate.
    ///   - force: issue a list even where nothing has changed.
    /// - Throws: `ApprovalError` where there is no standing authorisation for this issuer, log and time, or none for
    ///   so many days; `RunError` `inconsistent` where lists, ledger or log were put back to older copies.
    public func issueRevocationList(days: Int, force: Bool) throws -> RevocationListOutcome {
        let time = Date()
        let now = Int64(time.timeIntervalSince1970)
        let issuer = try ReceivedCertificate(der: site.publishedKey(.issuingCA).certificate)
        let standing = try StandingAuthorisation.require(site: site, at: time)
        try standing.requireCovers(
            thisUpdate: time, nextUpdate: time.addingTimeInterval(TimeInterval(days) * 86_400))
        // Ledger and log must tell the same story before anything is signed about it.
        let writer = try openLog()
        site.removeUnfinishedFiles()
        let files = RevocationListFiles(site: site, issuer: issuer)
        let previous = try files.latest(ledger)
        let revocations = try IssuerRevocations(
            issuer: issuer.subjectKeyIdentifier ?? [],
            log: writer.published == nil
                ? nil : ListedRevocations(directory: site.log, pins: try PublishedLog(site).pins),
            ledger: ledger, previous: previous, at: now)
        if revocations.onlyListed > 0 {
            notice("\(revocations.onlyListed) entries of the latest list are in no run; they stay revoked.")
        }
        let added = revocations.entries.count - (previous?.entries.count ?? 0)
        if let previous, added == 0, !force, !isDue(previous, at: now) {
            try files.publish(previous)
            return outcome(.unchanged, previous, added: 0, files)
        }
        let linted = try prepareRevocationList(
            CertificateRevocationList(
                issuer: issuer.der, number: (previous?.number ?? 0) + 1, thisUpdate: now,
                nextUpdate: now + Int64(days) * 86_400, entries: revocations.entries),
            previous: previous)
        let der = try linted.revocationList(signature: keys.issuer.signature(over: linted.bytes))
        try verifyRevocationList(der: der, issuedBy: issuer.der)
        let list = try ReceivedRevocationList(der: der)
        try files.keep(der, number: list.number)
        try ledger.record(
            IssuedRevocationList(
                issuer: issuer.subjectPublicKeyInfoDigest, number: list.number, digest: list.digest,
                authorisation: standing.digest, treeSize: revocations.treeSize, issuedAt: now))
        try files.publish(list)
        return outcome(.issued, list, added: added, files)
    }

    /// Whether half of the list's time is over: a reader must have its successor before nextUpdate.
    private func isDue(_ list: ReceivedRevocationList, at now: Int64) -> Bool {
        now >= list.thisUpdate + (list.nextUpdate - list.thisUpdate) / 2
    }

    private func outcome(
        _ action: RevocationListOutcome.Action, _ list: ReceivedRevocationList, added: Int,
        _ files: RevocationListFiles
    ) -> RevocationListOutcome {
        RevocationListOutcome(
            action: action, number: list.number, thisUpdate: list.thisUpdate, nextUpdate: list.nextUpdate,
            revoked: list.entries.count, added: added, digest: list.digest, path: files.path(list.number),
            published: files.published)
    }
}
