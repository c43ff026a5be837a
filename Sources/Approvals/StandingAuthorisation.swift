import Certificates
import Foundation
import SignedStatements
import Sites
import TokenKeys

/// The approval under which the issuing CA's revocation lists are issued unattended, until its time is over.
public struct StandingAuthorisation: Sendable {
    private let approved: ApprovedStatement<StandingStatement>

    public var statement: StandingStatement { approved.statement }
    /// The CMS SignedData as received, in DER.
    public var message: [UInt8] { approved.message }
    /// The message's SHA-256.
    public var digest: [UInt8] { approved.digest }
    /// Those who approved.
    public var approvers: [String] { approved.approvals.map(\.name) }

    /// Where it stands; its copy that is being signed is `standing-approval.p7s` beside it.
    public static func path(in site: Site) -> String { site.certificates + "/standing-authorisation.p7s" }

    /// The approval of the lists of the site's issuing CA, to be opened, signed or looked at.
    public static func approval(site: Site) throws -> Approval<StandingStatement> {
        let (issuer, origin, isRehearsal) = (try issuer(of: site), site.origin, site.isRehearsal)
        return try Approval(
            site: site, pendingPath: site.certificates + "/standing-approval.p7s", path: path(in: site),
            again: "rootline run approve-crl --anew"
        ) { statement, path in
            func refused(_ message: String) -> ApprovalError {
                ApprovalError(
                    .statementRefused, path, "it was given for something else: \(message)",
                    hint: "Have this issuing CA's lists approved: rootline run approve-crl --anew")
            }
            guard statement.rehearsal == isRehearsal else {
                throw refused("a rehearsal's and a live site's do not mix")
            }
            guard statement.origin == origin else {
                throw refused("origin: signed \(statement.origin), is \(origin)")
            }
            guard statement.issuer == issuer else { throw refused("another issuing CA's key") }
        }
    }

    private static func issuer(of site: Site) throws -> [UInt8] {
        try ReceivedCertificate(der: try site.publishedKey(.issuingCA).certificate).subjectPublicKeyInfoDigest
    }

    /// The statement that permits lists for so long, each promising at most `span` to its next one.
    public static func statement(
        site: Site, approvers: Approvers, days: Int, spanDays: Int, at now: Date = Date()
    ) throws -> StandingStatement {
        let seconds = Int64(now.timeIntervalSince1970)
        return StandingStatement(
            rehearsal: site.isRehearsal, origin: site.origin, issuer: try issuer(of: site),
            span: Int64(spanDays) * 86_400, notBefore: seconds, notAfter: seconds + Int64(days) * 86_400,
            roster: approvers.rosterDigest, approvals: approvers.needed,
            authority: approvers.authorityDigest)
    }

    /// The site's standing authorisation in force; throws ``ApprovalError`` where there is none, where it does not
    /// verify under the roster in force, fits another issuing CA or log, or is out of its time.
    public static func require(site: Site, at now: Date = Date()) throws -> StandingAuthorisation {
        let approval = try approval(site: site)
        guard approval.isComplete else {
            throw ApprovalError(
                .absent, approval.path, "nobody has approved that revocation lists are issued",
                hint: "rootline run approve-crl --days N, by the members of the roster and the run authority")
        }
        return StandingAuthorisation(approved: try approval.approved(at: now))
    }

    /// Throws unless a list with these times may be issued under it: from now to within its span, signed in its time.
    ///
    /// A list's nextUpdate may lie behind the authorisation's end: what may be issued is said by the time of issuing.
    public func requireCovers(thisUpdate: Date, nextUpdate: Date) throws(ApprovalError) {
        let (from, to) = (Int64(thisUpdate.timeIntervalSince1970), Int64(nextUpdate.timeIntervalSince1970))
        guard statement.isCurrent(at: from) else {
            throw ApprovalError(
                .statementRefused, "standing authorisation", "the list's thisUpdate is outside its time",
                hint: "rootline run approve-crl --anew --days N")
        }
        guard to > from, to - from <= statement.span else {
            throw ApprovalError(
                .statementRefused, "standing authorisation",
                "a list may promise its next one within \(statement.span / 86_400) days, not later",
                hint: "Choose a shorter time to the next list, or have a longer one approved.")
        }
    }
}
