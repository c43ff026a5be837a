import Allowlist
import Crypto
import Foundation
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
    public func approve(_ statement: AuthorisationStatement, authority: OpenToken) throws -> RunAuthorisation
    {
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
            throw RunError(.cannotCreate, folder, error.localizedDescription)
        }
        guard !FileManager.default.fileExists(atPath: path) else {
            throw RunError(
                .cannotCreate, path, "the run is approved already",
                hint: "Start it, or give the new run another name.")
        }
        try DurableFile.write(message, to: path, exclusively: true)
        try DurableFile.flushFolder(folder)
        return RunAuthorisation(statement: statement, message: message)
    }

    /// Reads the authorisation and holds it against everything that it must agree with.
    public func authorisation(at now: Date) throws -> RunAuthorisation {
        let path = authorisationPath
        func refused(_ message: String, _ hint: String) -> RunError {
            RunError(.authorisationRefused, path, message, hint: hint)
        }
        let again = "Have the run approved again: rootline run approve \(manifest.file)"
        guard let data = FileManager.default.contents(atPath: path) else {
            throw refused("the run is not approved", "rootline run approve \(manifest.file)")
        }
        let message = Array(data)
        let authority = try site.publishedKey(.runAuthority)
        let authorityKey = try authority.publicKeyInfo()
        let statement: AuthorisationStatement
        do {
            let content = try verifyCMS(message, detachedContent: nil, signedBy: authorityKey)
            statement = try AuthorisationStatement.decode(content)
        } catch {
            throw RunError(
                .authorisationRefused, path, "the authorisation does not verify", hint: again, cause: error)
        }
        if let difference = statement.check(against: facts).first {
            throw refused("it was given for something else: \(difference)", again)
        }
        let seconds = Int64(now.timeIntervalSince1970)
        guard (statement.notBefore...statement.notAfter).contains(seconds) else {
            throw refused(
                seconds < statement.notBefore ? "its time has not come" : "its time is over", again)
        }
        try PublishedLog(site).requireExtends(
            size: UInt64(statement.treeSize), root: statement.rootHash, path: path)
        return RunAuthorisation(statement: statement, message: message)
    }
}
