import Allowlist
import Crypto
import Foundation
import Glibc
import Manifests
import RunLedger
import Sites
import TokenKeys
import TransparencyLog

/// An authorisation whose signature verified and whose statement fits the run.
public struct RunAuthorisation: Sendable {
    public let statement: AuthorisationStatement
    /// The CMS SignedData as received, in DER.
    public let message: [UInt8]
    /// Its SHA-256, by which log and ledger cite it.
    public var digest: [UInt8] { Array(SHA256.hash(data: message)) }
}

extension RunPlan {
    /// Losses that the approvers allow when they do not say: a tenth, at most 2 048.
    ///
    /// A crash burns what is reserved and not recorded, a sixteenth of the run with two workers.
    public static func standardSpoilage(quantity: Int) -> Int {
        min(2048, max(4, (quantity + 9) / 10))
    }

    public var authorisationPath: String { site.runFolder(manifest.run) + "/authorisation.p7s" }

    /// The statement that the run authority signs, citing the log as it is published now.
    public func statement(spoilage: Int, validity: Duration, at now: Date) throws -> AuthorisationStatement {
        let head = try PublishedLog(site).checkpoint
        let seconds = Int64(now.timeIntervalSince1970)
        return AuthorisationStatement(
            facts: facts, spoilage: spoilage, notBefore: seconds,
            notAfter: seconds + Int64(validity / .seconds(1)), treeSize: Int64(head?.size ?? 0),
            rootHash: head?.root.bytes ?? MerkleTree.emptyRoot.bytes)
    }

    /// Signs the statement with the run authority's key and writes it to `authorisationPath`, exclusively.
    ///
    /// `settingAside` moves an earlier one, under which no run was begun, out of the way.
    public func approve(
        _ statement: AuthorisationStatement, authority: OpenToken, settingAside: Bool = false
    ) throws -> RunAuthorisation {
        let published = try site.publishedKey(.runAuthority)
        let key = try TokenKey(published.label, login: authority.login)
        try key.require(.runAuthority, rehearsal: site.isRehearsal)
        let signer = try CMSSigner(key, certificate: published.certificate)
        let message = try signer.sign(try statement.encode(), detached: false)
        let folder = site.runFolder(manifest.run)
        let path = authorisationPath
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw RunError(.cannotCreate, folder, error.systemReason)
        }
        // Whole or not at all, and over nothing that is there.
        let staged = path + ".new"
        try DurableFile.write(message, to: staged)
        defer { unlink(staged) }
        if settingAside, FileManager.default.fileExists(atPath: path) {
            let aside = folder + "/authorisation-\(Int(Date().timeIntervalSince1970)).set-aside.p7s"
            guard rename(path, aside) == 0 else { throw DurableFile.failure(path) }
        }
        guard link(staged, path) == 0 else {
            guard errno == EEXIST else { throw DurableFile.failure(path, creating: true) }
            throw RunError(
                .cannotCreate, path, "the run is approved already",
                hint: "Start it, or set the approval aside and give a new one: --anew")
        }
        try DurableFile.flushFolder(folder)
        return RunAuthorisation(statement: statement, message: message)
    }

    /// Reads the authorisation and holds it against everything that it must agree with.
    public func authorisation(at now: Date) throws -> RunAuthorisation {
        let authorisation = try signedAuthorisation()
        let statement = authorisation.statement
        let seconds = Int64(now.timeIntervalSince1970)
        guard (statement.notBefore...statement.notAfter).contains(seconds) else {
            throw refused(seconds < statement.notBefore ? "its time has not come" : "its time is over")
        }
        try PublishedLog(site).requireExtends(
            size: UInt64(statement.treeSize), root: statement.rootHash, path: authorisationPath)
        return authorisation
    }

    /// The authorisation under which a run was begun; whatever file or ledger says otherwise is refused.
    ///
    /// Its time is not asked for again: that is about beginning.
    func authorisation(of record: RunRecord) throws -> RunAuthorisation {
        let authorisation = try signedAuthorisation()
        guard authorisation.digest == record.run.authorisationDigest else {
            throw refused("it is not the one under which the run was begun")
        }
        guard authorisation.statement.facts.quantity == record.run.quantity,
            authorisation.statement.spoilage == record.run.spoilage
        else {
            throw LedgerError(
                .corrupt, site.ledger, "it says another quantity or allowance than what was signed",
                hint: "Do not go on. Restore the ledger from a backup and compare it with the log.")
        }
        return authorisation
    }

    /// Reads the authorisation, verifies it under the run authority's key and compares it with this run.
    private func signedAuthorisation() throws -> RunAuthorisation {
        guard let data = FileManager.default.contents(atPath: authorisationPath) else {
            throw RunError(
                .authorisationRefused, authorisationPath, "the run is not approved",
                hint: "rootline run approve \(manifest.file)")
        }
        let message = Array(data)
        let statement: AuthorisationStatement
        do {
            let authority = try site.publishedKey(.runAuthority).publicKeyInfo()
            let content = try verifyCMS(message, detachedContent: nil, signedBy: authority)
            statement = try AuthorisationStatement.decode(content)
        } catch {
            throw RunError(
                .authorisationRefused, authorisationPath, "the authorisation does not verify",
                hint: approveAgain, cause: error)
        }
        if let difference = statement.check(against: facts).first {
            throw refused("it was given for something else: \(difference)")
        }
        return RunAuthorisation(statement: statement, message: message)
    }

    private var approveAgain: String {
        "Put back what was approved, or set it aside and approve anew: rootline run approve --anew \(manifest.file)"
    }

    private func refused(_ message: String) -> RunError {
        RunError(.authorisationRefused, authorisationPath, message, hint: approveAgain)
    }
}
