import Crypto
import Foundation
import Glibc
import Rosters
import SignedStatements
import Sites
import TokenKeys

/// The approval of one statement on a site: who has signed what stands in a file, so that it can be carried from one
/// member's machine to the next, and the run authority makes the authorisation of it.
///
/// Whoever signs has the statement compared with what they have at hand first. The statement is fixed when the approval
/// is opened; only setting it aside makes room for another.
public struct Approval<Statement: ApprovableStatement>: Sendable {
    public let site: Site
    public let approvers: Approvers
    /// What is signed so far: a file that can be copied.
    public let pendingPath: String
    /// The authorisation.
    public let path: String
    /// The command that opens it anew, for hints.
    private let again: String
    /// Throws unless a statement, from a file of this path, fits what is here; its time, roster and signatures are not
    /// its concern.
    private let requireFits: @Sendable (_ statement: Statement, _ path: String) throws -> Void

    /// `again` is the command that opens the approval anew; `requireFits` throws unless a statement, from a file of this
    /// path, fits what is here. `approvers` are those of the site's runs where nothing else is said.
    public init(
        site: Site, approvers: Approvers? = nil, pendingPath: String, path: String, again: String,
        requireFits: @escaping @Sendable (_ statement: Statement, _ path: String) throws -> Void
    ) throws {
        self.site = site
        self.approvers = try approvers ?? Approvers(site)
        self.pendingPath = pendingPath
        self.path = path
        self.again = again
        self.requireFits = requireFits
    }

    // MARK: Looking

    /// Whether the authorisation is there; nothing is said of whether it verifies.
    public var isComplete: Bool { FileManager.default.fileExists(atPath: path) }
    public var isOpen: Bool { FileManager.default.fileExists(atPath: pendingPath) }

    /// What is signed so far, verified and compared with what is here; nil where no approval is open.
    public func pending() throws -> PendingStatement<Statement>? {
        guard isOpen else { return nil }
        return try pending(try read(pendingPath), from: pendingPath)
    }

    private func pending(_ der: [UInt8], from path: String) throws -> PendingStatement<Statement> {
        let pending = try inFile(path) { () throws(ApprovalError) in
            try approvers.pending(der, as: Statement.self)
        }
        try requireFits(pending.statement, path)
        return pending
    }

    /// The authorisation, verified whole and compared with what is here; its time is asked for where `now` is given.
    public func approved(at now: Date?) throws -> ApprovedStatement<Statement> {
        guard isComplete else {
            throw ApprovalError(.absent, path, "there is no authorisation", hint: again)
        }
        return try approved(try read(path), from: path, at: now)
    }

    /// The authorisation under which something was begun, by its digest: verified under the roster that was in force
    /// then, and compared with what is here.
    public func begun(under digest: [UInt8]) throws -> ApprovedStatement<Statement> {
        let der = try read(path)
        let approved = try inFile(path) { () throws(ApprovalError) in
            try approvers.approvedThen(der, as: Statement.self)
        }
        try requireFits(approved.statement, path)
        guard approved.digest == digest else {
            throw ApprovalError(
                .statementRefused, path, "it is not the one under which the run was begun",
                hint: "Put back the one that was there; the log's folder authorisations has a copy.")
        }
        return approved
    }

    private func approved(
        _ der: [UInt8], from path: String, at now: Date?
    ) throws -> ApprovedStatement<Statement> {
        let approved = try inFile(path) { () throws(ApprovalError) in
            try approvers.approved(der, as: Statement.self)
        }
        try requireFits(approved.statement, path)
        if let now { try requireTime(approved.statement, at: now, path) }
        return approved
    }

    private func requireTime(_ statement: Statement, at now: Date, _ path: String) throws(ApprovalError) {
        let seconds = Int64(now.timeIntervalSince1970)
        guard !statement.isCurrent(at: seconds) else { return }
        throw ApprovalError(
            .statementRefused, path,
            seconds < statement.notBefore ? "its time has not come" : "its time is over",
            hint: seconds < statement.notBefore
                ? "Is the clock of this machine right? It began when the approval was opened."
                : "Have it approved anew: \(again)")
    }

    // MARK: Signing

    /// Opens the approval with a statement that nobody has signed yet; refused where one is open or given.
    @discardableResult
    public func open(_ statement: Statement) throws -> PendingStatement<Statement> {
        let message = try ApprovedMessage(content: try statement.encode())
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        try requireNotComplete()
        return try create(message)
    }

    private func create(_ message: ApprovedMessage) throws -> PendingStatement<Statement> {
        let der = try message.der()
        let pending = try pending(der, from: pendingPath)
        try makeFolder()
        do throws(SiteError) {
            try Site.createExclusively(pendingPath, der)
        } catch {
            guard error.code == .exists else { throw writing(error) }
            throw ApprovalError(
                .cannotCreate, pendingPath, "an approval is open already",
                hint: "Sign that one, or set it aside: \(again)")
        }
        return pending
    }

    /// Adds a member's approval of the statement that they were shown; `now` must not be after its time.
    ///
    /// Refused where another one is open by now: nobody signs what was put there meanwhile.
    public func approve(
        _ shown: Statement, as name: String, with credential: any Credential, at now: Date = Date()
    ) throws -> PendingStatement<Statement> {
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        let pending = try requirePending(shown, at: now)
        let message = try approvers.approve(pending.message, as: name, with: credential, at: now)
        return try replace(message)
    }

    /// Countersigns the statement that was shown with the run authority's key and writes the authorisation, exclusively;
    /// what was pending is in it.
    public func countersign(
        _ shown: Statement, with key: TokenKey, at now: Date = Date()
    ) throws -> ApprovedStatement<Statement> {
        try key.require(approvers.countersigner, rehearsal: site.isRehearsal)
        guard shown.needsCountersignature else {
            throw ApprovalError(
                .statementRefused, pendingPath, "its quorum alone approves: nobody countersigns it")
        }
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        try requireNotComplete()
        let pending = try requirePending(shown, at: now)
        let der = try inFile(pendingPath) {
            try approvers.countersign(pending.message, with: key, at: now).der()
        }
        return try complete(der)
    }

    /// Writes the authorisation of a statement that nobody countersigns, exclusively; refused short of its quorum.
    public func finish(_ shown: Statement, at now: Date = Date()) throws -> ApprovedStatement<Statement> {
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        try requireNotComplete()
        return try complete(try requirePending(shown, at: now).message.der())
    }

    private func complete(_ der: [UInt8]) throws -> ApprovedStatement<Statement> {
        let approved = try approved(der, from: path, at: nil)
        try makeFolder()
        do throws(SiteError) {
            try Site.createExclusively(path, der)
        } catch {
            if error.code == .exists { try requireNotComplete() }
            throw writing(error)
        }
        unlink(pendingPath)
        return approved
    }

    /// Takes in a copy that was signed elsewhere: its approvals join those that are here, a complete one is kept.
    ///
    /// Refused where it is about another statement than the one that is open here.
    public func take(_ der: [UInt8], from file: String) throws {
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        try requireNotComplete()
        let message = try inFile(file) { try ApprovedMessage(der: der) }
        let here = try pending()
        if let here, here.message.content != message.content {
            throw ApprovalError(
                .statementRefused, file, "is about another statement than the approval that is open here",
                hint: "Set the one that is open aside, or ask which one is meant: \(again)")
        }
        if message.isCountersigned {
            _ = try approved(der, from: file, at: nil)
            _ = try complete(der)
            return
        }
        let carried = try pending(der, from: file)
        guard let here else {
            _ = try create(carried.message)
            return
        }
        var union = here.message
        let known = Set(union.signers.map(\.keyDigest))
        for signer in carried.message.signers where !known.contains(signer.keyDigest) {
            union = try union.adding(signer)
        }
        _ = try replace(union)
    }

    /// Moves what is open or given out of the way and keeps it.
    public func setAside(at now: Date = Date()) throws {
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        for path in [pendingPath, path] where FileManager.default.fileExists(atPath: path) {
            let aside = path.dropLast(4) + "-\(Int(now.timeIntervalSince1970)).set-aside.p7s"
            guard rename(path, String(aside)) == 0 else {
                throw ApprovalError(.io, path, String(cString: strerror(errno)))
            }
            try Site.flushFolder(of: path)
        }
    }

    // MARK: Files

    private func lock() throws -> FileLock { try FileLock(waitingFor: site.path(".approval.lock")) }

    private func requireNotComplete() throws(ApprovalError) {
        guard !isComplete else {
            throw ApprovalError(
                .cannotCreate, path, "is approved and countersigned already",
                hint: "Use it, or set it aside and give a new one: \(again)")
        }
    }

    private func requirePending(
        _ shown: Statement, at now: Date
    ) throws -> PendingStatement<Statement> {
        guard let pending = try pending() else {
            throw ApprovalError(
                .absent, pendingPath, "no approval is open",
                hint: "Open it on the machine that has the manifest, or copy it here with --in FILE.")
        }
        guard try shown.encode() == pending.message.content else {
            throw ApprovalError(
                .statementRefused, pendingPath,
                "is about another statement by now than the one that was shown",
                hint: "Nothing was signed. Find out who exchanged it, and look again with --show.")
        }
        if Int64(now.timeIntervalSince1970) > pending.statement.notAfter {
            try requireTime(pending.statement, at: now, pendingPath)
        }
        return pending
    }

    private func replace(_ message: ApprovedMessage) throws -> PendingStatement<Statement> {
        let der = try message.der()
        let pending = try pending(der, from: pendingPath)
        do throws(SiteError) {
            try Site.replace(pendingPath, with: der)
        } catch {
            throw writing(error)
        }
        return pending
    }

    private func read(_ path: String) throws(ApprovalError) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ApprovalError(.io, path, "cannot be read")
        }
        return Array(data)
    }

    private func makeFolder() throws(ApprovalError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw ApprovalError(.cannotCreate, folder, error.systemReason)
        }
    }

    private func writing(_ error: SiteError) -> ApprovalError {
        ApprovalError(
            error.code == .io ? .io : .cannotCreate, error.subject, error.message, hint: error.hint,
            cause: error)
    }

    /// Runs `body` and names the file in what it refuses, with what to do where nothing better was said.
    private func inFile<R>(_ file: String, _ body: () throws -> R) throws -> R {
        let hint = "Put back what was approved, or set it aside and approve anew: \(again)"
        do {
            return try body()
        } catch let error as ApprovalError {
            throw error.inFile(file, hint: hint)
        } catch let error as StatementError {
            throw ApprovalError(error).inFile(file, hint: hint)
        }
    }
}

extension ApprovableStatement {
    /// The digest of the roster that a message's statement names; nothing is verified.
    static func named(in der: [UInt8]) throws(ApprovalError) -> [UInt8] {
        do {
            return try decode(try ApprovedMessage(der: der).content).roster
        } catch {
            throw ApprovalError(error)
        }
    }
}
