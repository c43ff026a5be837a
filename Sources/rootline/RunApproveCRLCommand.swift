import Approvals
import ArgumentParser
import Foundation
import Manifests
import Rosters
import SignedStatements
import Sites

struct RunApproveCRLCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve-crl",
        abstract: "Approve that the issuing CA's revocation lists are issued unattended, for a time.",
        discussion: """
            Signed as runs are: by members of the roster with --as, then by the run authority with --countersign. \
            The file certificates/standing-approval.p7s can be copied from machine to machine; the standing \
            authorisation is certificates/standing-authorisation.p7s.
            """)

    @Option(name: .long, help: "For how many days lists may be issued (default: 365).") var days: Int?
    @Option(name: .long, help: "How many days a list may promise to its next one at most (default: 31).")
    var span: Int?
    @Option(
        name: .customLong("as"), help: "The member of the roster who approves, with the token of their own.")
    var member: String?
    @Flag(name: .long, help: "Countersign with the run authority's key, when the members have approved.")
    var countersign = false
    @Flag(name: .long, help: "Show who has approved and what is missing; sign nothing.") var show = false
    @Option(name: .customLong("in"), help: "Take in a copy that was signed on another machine.")
    var copy: String?
    @Flag(name: .long, help: "Set the one that is open or in force aside, and give a new one.") var anew =
        false
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var spanDays: Int64?
        var notBefore: String?
        var notAfter: String?
        var issuer: String?
        var approval: ApprovalState
        var authorisation: String?
        var authorisationDigest: String?
    }

    func validate() throws {
        if let days, !(1...3660).contains(days) { throw ValidationError("--days is 1 to 3660.") }
        if let span, !(1...3660).contains(span) { throw ValidationError("--span is 1 to 3660 days.") }
        if show, member != nil || countersign || anew || copy != nil {
            throw ValidationError("--show signs and changes nothing: give it alone.")
        }
        if countersign && member != nil {
            throw ValidationError(
                "A member and the run authority do not sign at once: --as, then --countersign.")
        }
    }

    func run() throws {
        let site = try siteOptions.open()
        let approval = try StandingAuthorisation.approval(site: site)
        if !show {
            if let member { _ = try approval.approvers.member(member) }
            if anew { try approval.setAside() }
            guard !approval.isComplete else {
                throw ApprovalError(
                    .cannotCreate, approval.path, "a standing authorisation is there already",
                    hint: "`--show` tells until when; `--anew` sets it aside for a new one.")
            }
            if let copy { try approval.take(file: copy) }
            let statement = approval.isComplete ? nil : try statement(of: approval)
            try approval.perform(
                ApprovalActions(
                    member: member, countersigns: countersign, isCarried: copy != nil, statement: statement,
                    explanation: statement.map { explanation($0, approval.approvers) } ?? []), pins: pins)
        }
        try report(approval)
    }

    private func statement(of approval: Approval<StandingStatement>) throws -> StandingStatement? {
        if let open = try approval.pending()?.statement {
            let signed = (days: Int((open.notAfter - open.notBefore) / 86_400), span: Int(open.span / 86_400))
            guard days ?? signed.days == signed.days, span ?? signed.span == signed.span else {
                throw ApprovalError(
                    .cannotCreate, approval.pendingPath,
                    "an approval is open for \(signed.days) days, with lists of \(signed.span)",
                    hint: "What is signed stays as it was opened; --anew sets it aside and opens another.")
            }
            return open
        }
        if countersign && approval.approvers.standIns.isEmpty { return nil }
        return try StandingAuthorisation.statement(
            site: approval.site, approvers: approval.approvers, days: days ?? 365, spanDays: span ?? 31)
    }

    private func explanation(_ statement: StandingStatement, _ approvers: Approvers) -> [String] {
        [
            "Revocation lists of the issuing CA, issued on the line without anybody",
            "  from           \(timeText(statement.notBefore)) to \(timeText(statement.notAfter))",
            "  each list      promises its next one within \(statement.span / 86_400) days at most",
            "  issuing CA     \(statement.issuer.hex)",
            "  log            \(statement.origin)",
            "  run authority  \(statement.authority.hex)",
            "  roster         version \(approvers.roster.version), \(statement.approvals) of "
                + "\(approvers.members.map(\.name).joined(separator: ", "))",
        ]
    }

    private func report(_ approval: Approval<StandingStatement>) throws {
        let state = try ApprovalState(approval)
        let approved = approval.isComplete ? try approval.approved(at: nil) : nil
        let statement = try approved?.statement ?? approval.pending()?.statement
        if output.format == .json {
            return try printJSON(
                Document(
                    spanDays: statement.map { $0.span / 86_400 },
                    notBefore: statement.map { timeText($0.notBefore) },
                    notAfter: statement.map { timeText($0.notAfter) }, issuer: statement?.issuer.hex,
                    approval: state, authorisation: approved.map { _ in approval.path },
                    authorisationDigest: approved?.digest.hex))
        }
        guard let statement else {
            print("none  no approval of revocation lists is open")
            print("Next: rootline run approve-crl --days N")
            return
        }
        print("\(approved == nil ? "open" : "approved")  revocation lists of the issuing CA")
        print("  until     \(timeText(statement.notAfter))")
        print("  lists     promise the next one within \(statement.span / 86_400) days")
        guard approved != nil else { return state.printOpen(command: "rootline run approve-crl") }
        print("  by        \(state.names), and the run authority")
        print("  written   \(approval.path)")
    }
}
