import Allowlist
import AllowlistPublication
import Certificates
import Foundation
import Glibc
import Sites
import TokenKeys
import TransparencyLog

// Which key signs the site's log. A rotation has one moment: the published checkpoint bears the successor's signature.
extension Site {
    /// The log's key: the successor as soon as the published checkpoint is signed with it, and else the present one.
    ///
    /// The certificates follow (``settleLogKey()``); until they do, and whatever stops that, this is what holds.
    public func logKey() throws -> PublishedKey {
        guard hasSuccessor(.allowlistSigner) else { return try publishedKey(.allowlistSigner) }
        let next = try publishedKey(.allowlistSigner, .next)
        return try hasSignedLog(next) ? next : publishedKey(.allowlistSigner)
    }

    private func hasSignedLog(_ key: PublishedKey) throws -> Bool {
        guard let bytes = FileManager.default.contents(atPath: log + "/" + SignedHead.notePath),
            let note = try? SignedNote(parsing: Array(bytes))
        else { return false }
        let key = try NoteKey(name: origin, spki: key.publicKeyInfo())
        return (try? note.check(signedBy: key)) != nil
    }

    /// Completes a rotation of the log's key that was published and then interrupted; does nothing where there is none.
    ///
    /// The successor's certificate takes the present one's place, which is kept under the rotation's number. The caller
    /// holds the site's lock. Answers whether there was something to complete.
    @discardableResult
    func settleLogKey() throws -> Bool {
        guard hasSuccessor(.allowlistSigner) else {
            try removeSuccessorsCopy(.allowlistSigner)
            return false
        }
        try BundleWriter.settle(directory: log)
        let next = try publishedKey(.allowlistSigner, .next)
        guard try hasSignedLog(next) else { return false }
        var number = 0
        while FileManager.default.fileExists(atPath: log + "/" + RotationMessage.path(number + 1)) {
            number += 1
        }
        try keepRotation(number)
        try putSuccessorInPlace(.allowlistSigner, retiring: number)
        return true
    }

    /// Moves the approved message out of the next rotation's way, where it is the one that was performed.
    private func keepRotation(_ number: Int) throws {
        let path = LogKeyRotation.path(in: self)
        guard let approved = FileManager.default.contents(atPath: path),
            approved == FileManager.default.contents(atPath: log + "/" + RotationMessage.path(number))
        else { return }
        let kept = certificates + "/signer-rotation-\(number).p7s"
        guard rename(path, kept) == 0 else { throw RunError(.io, path, String(cString: strerror(errno))) }
        try DurableFile.flushFolder(certificates)
    }
}
