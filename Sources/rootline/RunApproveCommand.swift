import Approvals
import ArgumentParser
import Foundation
import Manifests
import ProductionRun
import Rosters
import SignedStatements
import Sites

struct RunApproveCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract:
            "Approve a run: members of the roster with --as, then the run authority with --countersign.",
        discussion: """
            What is signed: the manifest with its list and station key, the template, the issuer, the quantity \
            and how many losses are allowed, for how long, for which log and which state of it, under which roster. \
            The first call fixes it. Each member signs with the key on their own token; the file runs/RUN/approval.p7s \
            can be copied to the next member's machine and taken in there with --in. In a rehearsal the stand-ins \
            approve, and one call does it all.
            """)

    @Argument(help: "The run's manifest.") var manifest: String
    @Option(
        name: .customLong("as"), help: "The member of the roster who approves, with the token of their own.")
    var member: String?
    @Flag(name: .long, help: "Countersign with the run authority's key, when the members have approved.")
    var countersign = false
    @Flag(name: .long, help: "Show who has approved and what is missing; sign nothing.") var show = false
    @Option(name: .customLong("in"), help: "Take in a copy that was signed on another machine.")
    var copy: String?
    @Option(
        name: .long,
        help: "Certificates that may be lost beyond the quantity (default: a tenth, at most 2048).")
    var spoilage: Int?
    @Option(name: .long, help: "For how many hours the run may be started (default: 168).")
    var hours: Int?
    @Flag(name: .long, help: "Set an approval that was not used aside, and give a new one.")
    var anew = false
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var run: String
        var quantity: Int
        var spoilage: Int?
        var notBefore: String?
        var notAfter: String?
        var treeSize: Int64?
        var manifestDigest: String
        var approval: ApprovalState
        var authorisation: String?
        var authorisationDigest: String?
    }

    func validate() throws {
        if let spoilage, !(0...100_000_000).contains(spoilage) {
            throw ValidationError("--spoilage is a number of certificates, 0 to 100000000.")
        }
        if let hours, !(1...24 * 366).contains(hours) {
            throw ValidationError("--hours is 1 to 8784.")
        }
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
        let plan = try RunPlan(checking: manifest, site: site, ledger: try site.ledgerToRead())
        let approval = try plan.approval()
        if !show {
            if let member { _ = try approval.approvers.member(member) }
            if anew { try approval.setAside() }
            guard !approval.isComplete else {
                throw RunError(
                    .cannotCreate, plan.authorisationPath, "the run is approved already",
                    hint: "Start it, or set the approval aside and give a new one: --anew")
            }
            if let copy { try approval.take(file: copy) }
            let statement = approval.isComplete ? nil : try statement(of: approval, plan)
            try approval.perform(
                ApprovalActions(
                    member: member, countersigns: countersign, isCarried: copy != nil, statement: statement,
                    explanation: statement.map { explanation($0, plan, approval.approvers) } ?? []),
                pins: pins)
        }
        try report(approval, plan)
    }

    /// What is approved: fixed by the one who opens it, nil where a copy brings it.
    private func statement(
        of approval: Approval<AuthorisationStatement>, _ plan: RunPlan
    ) throws -> AuthorisationStatement? {
        if let open = try approval.pending()?.statement {
            let hoursSigned = Int(open.notAfter - open.notBefore) / 3600
            guard spoilage ?? open.spoilage == open.spoilage, hours ?? hoursSigned == hoursSigned else {
                throw ApprovalError(
                    .cannotCreate, approval.pendingPath,
                    "an approval is open with \(open.spoilage) losses and \(hoursSigned) hours",
                    hint: "What is signed stays as it was opened; --anew sets it aside and opens another.")
            }
            return open
        }
        if countersign && approval.approvers.standIns.isEmpty { return nil }
        let allowed = spoilage ?? RunPlan.standardSpoilage(quantity: plan.manifest.quantity)
        return try plan.statement(
            spoilage: allowed, validity: .seconds((hours ?? 168) * 3600), by: approval.approvers,
            at: Date())
    }

    /// What a signer reads before they sign.
    private func explanation(
        _ statement: AuthorisationStatement, _ plan: RunPlan, _ approvers: Approvers
    ) -> [String] {
        let facts = statement.facts
        let most = facts.quantity + statement.spoilage
        return [
            "Run \(facts.run): \(facts.quantity.grouped) devices of \(facts.product)",
            "  losses         \(statement.spoilage.grouped) more certificates may be made for devices that are lost, "
                + "\(most.grouped) in all and never more",
            "  to be begun    from \(timeText(statement.notBefore)) to \(timeText(statement.notAfter))",
            "  station        \(facts.stationDigest?.hex ?? "none")",
            "  template       \(plan.manifest.template)  \(facts.templateDigest.hex)",
            "  manifest+list  \(facts.manifestDigest.hex)",
            "  issuing CA     \(facts.issuerDigest.hex)",
            "  log            \(facts.origin), \(statement.treeSize) entries, \(statement.rootHash.hex)",
            "  run authority  \(statement.authority.hex)",
            "  roster         version \(approvers.roster.version), \(statement.approvals) of "
                + "\(approvers.members.map(\.name).joined(separator: ", "))",
        ]
    }

    private func report(_ approval: Approval<AuthorisationStatement>, _ plan: RunPlan) throws {
        let state = try ApprovalState(approval)
        let approved = approval.isComplete ? try approval.approved(at: nil) : nil
        let statement = try approved?.statement ?? approval.pending()?.statement
        let document = Document(
            run: plan.manifest.run, quantity: plan.manifest.quantity, spoilage: statement?.spoilage,
            notBefore: statement.map { timeText($0.notBefore) },
            notAfter: statement.map { timeText($0.notAfter) }, treeSize: statement?.treeSize,
            manifestDigest: plan.rows.digest.hex, approval: state,
            authorisation: approved.map { _ in approval.path },
            authorisationDigest: approved?.digest.hex)
        if output.format == .json { return try printJSON(document) }
        guard let statement else {
            print("none  run \(document.run): no approval is open")
            print("Next: rootline run approve \(manifest)")
            return
        }
        let word = approved == nil ? "open" : "approved"
        print(
            "\(word)  run \(document.run): \(document.quantity.grouped) devices, \(statement.spoilage.grouped) losses allowed"
        )
        print("  until     \(timeText(statement.notAfter))")
        print("  log       \(statement.treeSize) entries seen")
        print("  manifest  \(document.manifestDigest)")
        guard approved != nil else { return state.printOpen(command: "rootline run approve \(manifest)") }
        print("  by        \(state.names), and the run authority")
        print("  written   \(approval.path)")
        print("Next: rootline run start \(manifest)")
    }
}
