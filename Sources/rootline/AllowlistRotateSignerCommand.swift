import Allowlist
import Approvals
import ArgumentParser
import Foundation
import ProductionRun
import RunLedger
import SignedStatements
import Sites
import TokenKeys
import TransparencyLog

struct AllowlistRotateSignerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-signer",
        abstract: "Hand the log over to another key: approved by the recovery quorum, then performed.",
        discussion: """
            The successor's key comes from a ceremony, Ceremonies/allowlist-signer/successor.yaml. Members of the \
            roster approve, as many as its recovery quorum; in a planned rotation the present key countersigns. An \
            emergency, the key lost or in the wrong hands, has the quorum alone.
            """,
        subcommands: [AllowlistRotateSignerApproveCommand.self, AllowlistRotateSignerPerformCommand.self])
}

struct AllowlistRotateSignerApproveCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract: "Approve the rotation: members of the roster with --as, then the present log key.",
        discussion: """
            The first call fixes what is signed: from which key to which, planned or an emergency, and the state of \
            the log that is trusted. The file certificates/signer-rotation-approval.p7s can be copied to the next \
            member's machine and taken in there with --in. In a rehearsal the stand-ins approve, and one call does it \
            all.
            """)

    @Flag(name: .long, help: "The present key is lost or in the wrong hands: it does not countersign.")
    var emergency = false
    @Option(name: .long, help: "For how many hours the rotation may be performed (default: 168).")
    var hours: Int?
    @Option(
        name: .customLong("as"), help: "The member of the roster who approves, with the token of their own.")
    var member: String?
    @Flag(name: .long, help: "Countersign with the present log key, when the members have approved.")
    var countersign = false
    @Flag(name: .long, help: "Show who has approved and what is missing; sign nothing.") var show = false
    @Option(name: .customLong("in"), help: "Take in a copy that was signed on another machine.")
    var copy: String?
    @Flag(name: .long, help: "Set an approval that was not used aside, and give a new one.")
    var anew = false
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var emergency: Bool?
        var oldKey: String?
        var newKey: String?
        var treeSize: Int64?
        var rootHash: String?
        var notBefore: String?
        var notAfter: String?
        var approval: ApprovalState
        var message: String?
        var messageDigest: String?
    }

    func validate() throws {
        if let hours, !(1...24 * 366).contains(hours) {
            throw ValidationError("--hours is 1 to 8784.")
        }
        if show, member != nil || countersign || anew || copy != nil || emergency {
            throw ValidationError("--show signs and changes nothing: give it alone.")
        }
        if countersign && emergency {
            throw ValidationError("In an emergency the present key does not countersign.")
        }
        if countersign && member != nil {
            throw ValidationError(
                "A member and the log's key do not sign at once: --as, then --countersign.")
        }
    }

    func run() throws {
        let site = try siteOptions.open()
        let approval = try LogKeyRotation.approval(site: site)
        if !show {
            if let member { _ = try approval.approvers.member(member) }
            if anew { try approval.setAside() }
            guard !approval.isComplete else {
                throw ApprovalError(
                    .cannotCreate, approval.path, "the rotation is approved already",
                    hint:
                        "Perform it: rootline allowlist rotate-signer perform. `--anew` sets the approval aside."
                )
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

    /// What is approved: fixed by the one who opens it, nil where a copy brings it.
    private func statement(
        of approval: Approval<SignerRotationStatement>
    ) throws -> SignerRotationStatement? {
        if let open = try approval.pending()?.statement {
            let signed = Int(open.notAfter - open.notBefore) / 3600
            guard hours ?? signed == signed, !emergency || open.isEmergency else {
                throw ApprovalError(
                    .cannotCreate, approval.pendingPath,
                    "the approval of \(open.isEmergency ? "an emergency" : "a planned") rotation is open, for \(signed) hours",
                    hint: "What is signed stays as it was opened; --anew sets it aside and opens another.")
            }
            return open
        }
        if countersign && approval.approvers.standIns.isEmpty { return nil }
        return try LogKeyRotation.statement(
            site: approval.site, approvers: approval.approvers, isEmergency: emergency, hours: hours ?? 168)
    }

    /// What a signer reads before they sign.
    private func explanation(_ statement: SignerRotationStatement, _ approvers: Approvers) -> [String] {
        [
            statement.isEmergency
                ? "EMERGENCY: the log's key is lost or in the wrong hands, and another one takes its place"
                : "The log's key is replaced by another one, as planned",
            "  log            \(statement.origin)",
            "  from key       \(statement.oldKey.hex)",
            "  to key         \(statement.newKey.hex)",
            "  trusted        \(statement.treeSize) entries, \(statement.rootHash.hex)",
            statement.isEmergency
                ? "  beyond them    whatever the old key has signed is worth nothing"
                : "  beyond them    entries of the old key may follow until the rotation is performed",
            "  performed      from \(timeText(statement.notBefore)) to \(timeText(statement.notAfter))",
            "  roster         version \(approvers.roster.version), \(statement.approvals) of "
                + "\(approvers.members.map(\.name).joined(separator: ", "))",
        ]
    }

    private func report(_ approval: Approval<SignerRotationStatement>) throws {
        let state = try ApprovalState(approval)
        let approved = approval.isComplete ? try approval.approved(at: nil) : nil
        let statement = try approved?.statement ?? approval.pending()?.statement
        if output.format == .json {
            return try printJSON(
                Document(
                    emergency: statement?.isEmergency, oldKey: statement?.oldKey.hex,
                    newKey: statement?.newKey.hex, treeSize: statement?.treeSize,
                    rootHash: statement?.rootHash.hex, notBefore: statement.map { timeText($0.notBefore) },
                    notAfter: statement.map { timeText($0.notAfter) }, approval: state,
                    message: approved.map { _ in approval.path }, messageDigest: approved?.digest.hex))
        }
        guard let statement else {
            print("none  no approval of a rotation is open")
            print("Next: rootline allowlist rotate-signer approve [--emergency]")
            return
        }
        print(
            "\(approved == nil ? "open" : "approved")  \(statement.isEmergency ? "emergency" : "planned") rotation of the log's key"
        )
        print("  from      \(statement.oldKey.hex)")
        print("  to        \(statement.newKey.hex)")
        print("  trusted   \(statement.treeSize) entries, root \(statement.rootHash.hex)")
        print("  until     \(timeText(statement.notAfter))")
        guard approved != nil else {
            return state.printOpen(
                command: "rootline allowlist rotate-signer approve", countersigner: "the present log key")
        }
        print("  by        \(state.names)\(statement.isEmergency ? "" : ", and the present log key")")
        print("  written   \(approval.path)")
        print("Next: rootline allowlist rotate-signer perform")
    }
}

struct AllowlistRotateSignerPerformCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "perform",
        abstract: "Perform the approved rotation: the successor signs the log from now on.",
        discussion: """
            Nothing is changed before everything is checked. A command that was interrupted is completed by calling it \
            again. Afterwards hand the new checkpoint to everybody who keeps one, and the new key to everybody who \
            pins the old one without the roster.
            """)

    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        /// From 1.
        var rotation: Int
        var emergency: Bool
        /// Whether an earlier call had published it.
        var completed: Bool
        var origin: String
        /// SHA-256 of the SubjectPublicKeyInfo.
        var newKey: String
        var certificate: String
        var message: String
        var treeSize: UInt64
        var root: String
    }

    func run() throws {
        let site = try siteOptions.open()
        let lock = try site.lockForRun()
        let ledger = try SQLiteLedger(path: site.ledger, creating: true)
        let outcome = try LogKeyRotation.perform(
            site: site, lock: lock, ledger: ledger, pin: { try pins.source($0, in: site) })
        let document = Document(
            rotation: outcome.number, emergency: outcome.isEmergency, completed: outcome.isCompletion,
            origin: site.origin, newKey: Digest32.sha256(outcome.newKey).hex,
            certificate: site.certificatePath(.allowlistSigner), message: outcome.message,
            treeSize: outcome.checkpoint.size, root: outcome.checkpoint.root.hex)
        if output.format == .json { return try printJSON(document) }
        print(
            "\(outcome.isCompletion ? "completed" : "rotated")  \(outcome.isEmergency ? "emergency" : "planned") rotation \(document.rotation): the log has another key"
        )
        print("  new key      \(document.newKey)")
        print("  certificate  \(document.certificate)")
        print("  message      \(document.message)")
        print("  log          \(Int(document.treeSize).grouped) entries, root \(document.root)")
        print(
            "Next: hand out the checkpoint, and the new key to whoever pins the old one without the roster.")
    }
}
