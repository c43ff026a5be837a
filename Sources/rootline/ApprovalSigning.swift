import Approvals
import Foundation
import Manifests
import PKCS11
import Rosters
import SignedStatements
import Sites
import TokenKeys

/// What is asked for of an approval, the same for runs and for the standing authorisation of revocation lists.
struct ApprovalActions<Statement: ApprovableStatement> {
    /// The member who approves.
    var member: String?
    var countersigns: Bool
    /// Whether a copy that was signed elsewhere was taken in: nothing more is done then than is named.
    var isCarried: Bool
    /// What is signed, open or to be opened; nil where there is none and nobody opens one.
    var statement: Statement?
    /// Shown to whoever signs, in plain words.
    var explanation: [String]
}

extension Approval {
    /// Does what is asked for; the approval is opened with the statement where none is open yet.
    ///
    /// In a rehearsal the stand-ins approve by themselves and the run authority countersigns, unless one is named. Nothing
    /// is written before the token that signs is open: what fails changes nothing.
    func perform(_ actions: ApprovalActions<Statement>, pins: PINOptions) throws {
        if isComplete { return }
        guard let statement = actions.statement else {
            throw ApprovalError(
                .absent, pendingPath, "no approval is open",
                hint: "The members open it and approve first: --as NAME")
        }
        if let name = actions.member {
            try approve(statement, as: name, actions.explanation, pins: pins)
        } else if !approvers.standIns.isEmpty && !actions.isCarried {
            let authority = try statement.needsCountersignature ? openAuthority(pins) : nil
            try openIfNone(statement)
            try approveByStandIns(statement)
            if let authority { _ = try countersign(statement, with: authority.key) }
        } else if actions.countersigns {
            try countersign(statement, actions.explanation, pins: pins)
        } else {
            try openIfNone(statement)
        }
        // Nobody else has to sign it: with its quorum it is whole.
        if !statement.needsCountersignature, let pending = try pending(),
            pending.approvals.count >= approvers.needed
        {
            _ = try finish(statement)
        }
    }

    private func openIfNone(_ statement: Statement) throws {
        if !isOpen { try open(statement) }
    }

    private func openAuthority(_ pins: PINOptions) throws -> (token: OpenToken, key: TokenKey) {
        let published = try site.publishedKey(approvers.countersigner)
        let token = try site.open(
            published.tokenName, pin: pins.source(published.tokenName, in: site))
        return (token, try TokenKey(published.label, login: token.login))
    }

    /// Takes in a copy that was signed on another machine.
    func take(file: String) throws {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw ApprovalError(.unreadable, file, "no such copy of an approval")
        }
        try take(Array(data), from: file)
    }

    private func approveByStandIns(_ statement: Statement) throws {
        for (name, credential) in approvers.standIns.sorted(by: { $0.key < $1.key }) {
            guard let pending = try pending(), pending.approvals.count < approvers.needed else { return }
            if !pending.approvals.contains(where: { $0.name == name }) {
                _ = try approve(statement, as: name, with: credential)
            }
        }
    }

    private func approve(
        _ statement: Statement, as name: String, _ explanation: [String], pins: PINOptions
    ) throws {
        let member = try approvers.member(name)
        if let given = try pending()?.approvals, given.contains(where: { $0.name == name }) {
            throw ApprovalError(.repeated, name, "has approved already: one member is one approval")
        }
        if let standIn = approvers.standIns[name] {
            try openIfNone(statement)
            _ = try approve(statement, as: name, with: standIn)
            return
        }
        explanation.forEach(Terminal.say)
        try confirm("\(name), do you approve this?", name)
        let credential = try pins.credential(of: member, in: site, purpose: "to approve this")
        try openIfNone(statement)
        _ = try approve(statement, as: name, with: credential)
    }

    private func countersign(
        _ statement: Statement, _ explanation: [String], pins: PINOptions
    ) throws {
        // Whatever would refuse is asked before anybody brings a token.
        guard statement.needsCountersignature else {
            throw ApprovalError(
                .statementRefused, pendingPath, "its quorum alone approves: nobody countersigns it")
        }
        let given = try pending()?.approvals ?? []
        try approvers.requireQuorum(given)
        explanation.forEach(Terminal.say)
        Terminal.say("  approved by    \(given.map(\.name).joined(separator: ", "))")
        try confirm("Does \(approvers.countersignerName) countersign this?", approvers.countersigner.rawValue)
        let authority = try openAuthority(pins)
        _ = try countersign(statement, with: authority.key)
    }

    /// Asks on a terminal; without one, whoever named the PIN's source has decided.
    private func confirm(_ question: String, _ person: String) throws {
        guard Terminal.isInteractive, try Terminal.confirms(question) == false else { return }
        throw ApprovalError(.declined, person, "said no: nothing was signed")
    }
}

/// How far an approval is, for people and programs.
struct ApprovalState: Encodable {
    struct Given: Encodable {
        var name: String
        var time: String
    }
    /// `none`, `open` or `approved`.
    var state: String
    var needed: Int
    var rosterVersion: Int
    var approvals: [Given]
    /// Those whose approval is still possible, where it is needed.
    var canApprove: [String]
    var countersigned: String?
    /// The file that is being signed, or the authorisation.
    var file: String?

    init<Statement>(_ approval: Approval<Statement>) throws {
        needed = approval.approvers.needed
        rosterVersion = approval.approvers.roster.version
        var given: [GivenApproval] = []
        state = "none"
        if approval.isComplete {
            let approved = try approval.approved(at: nil)
            given = approved.approvals
            countersigned = approved.countersigned.map { timeText(Int64($0.timeIntervalSince1970)) }
            state = "approved"
            file = approval.path
        } else if let pending = try approval.pending() {
            given = pending.approvals
            state = "open"
            file = approval.pendingPath
        }
        approvals = given.map {
            Given(name: $0.name, time: timeText(Int64($0.time.timeIntervalSince1970)))
        }
        let names = Set(given.map(\.name))
        canApprove =
            state == "approved" || given.count >= needed
            ? [] : approval.approvers.members.map(\.name).filter { !names.contains($0) }
    }

    var names: String { approvals.map(\.name).joined(separator: ", ") }

    /// What an approval that is not whole lacks.
    func printOpen(command: String, countersigner: String = "the run authority") {
        print("  approvals  \(approvals.count) of \(needed), roster version \(rosterVersion)")
        for approval in approvals { print("    \(approval.name)  \(approval.time)") }
        if let file { print("  to carry   \(file)") }
        if approvals.count >= needed {
            print("Next, \(countersigner): \(command) --countersign")
        } else {
            print(
                "Next, \(needed - approvals.count) of \(canApprove.joined(separator: ", ")): \(command) --as NAME"
            )
        }
    }
}
