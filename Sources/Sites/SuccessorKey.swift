import Foundation
import Glibc
import TokenKeys

// A role's key is followed by another one: the log's key, which a rotation replaces.
extension Site {
    /// Whether a ceremony has published a key to follow the present one.
    public func hasSuccessor(_ role: KeyRole) -> Bool {
        FileManager.default.fileExists(atPath: publicationPath(role, .next))
    }

    /// The keys of the role that are out of use, the latest first.
    public func retiredKeys(_ role: KeyRole) throws(SiteError) -> [PublishedKey] {
        var keys: [PublishedKey] = []
        while FileManager.default.fileExists(atPath: publicationPath(role, .retired(keys.count + 1))) {
            keys.append(try publishedKey(role, .retired(keys.count + 1)))
        }
        return keys.reversed()
    }

    /// Puts the successor into the present key's place and keeps the present one as the retired key of this number.
    ///
    /// Doing it again, after it was stopped anywhere, completes it: the present key is kept before anything is replaced,
    /// the successor's record goes last but for its certificate, and until it has gone, whoever asks which key is in use
    /// looks at the successor first. The caller holds the site's lock and has made sure that the successor is in use.
    public func putSuccessorInPlace(_ role: KeyRole, retiring number: Int) throws(SiteError) {
        let next = try publishedKey(role, .next)
        if !FileManager.default.fileExists(atPath: publicationPath(role, .retired(number))) {
            try publish(try publishedKey(role), as: .retired(number))
        }
        try Site.replace(
            certificatePath(role), with: Array(Site.certificatePEM(next.certificate).utf8))
        try Site.replace(publicationPath(role), with: try publicationRecord(of: next, as: .present))
        try Site.remove(publicationPath(role, .next))
        try Site.remove(certificatePath(role, .next))
    }

    /// Removes the successor's certificate where it has been put in its place and was left behind.
    public func removeSuccessorsCopy(_ role: KeyRole) throws(SiteError) {
        guard !hasSuccessor(role),
            let copy = FileManager.default.contents(atPath: certificatePath(role, .next)),
            copy == FileManager.default.contents(atPath: certificatePath(role))
        else { return }
        try Site.remove(certificatePath(role, .next))
    }

    /// Removes a file for good, where it is there.
    package static func remove(_ path: String) throws(SiteError) {
        guard unlink(path) == 0 else {
            if errno == ENOENT { return }
            throw SiteError(.io, path, String(cString: strerror(errno)))
        }
        try flushFolder(of: path)
    }
}
