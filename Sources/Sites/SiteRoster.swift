import Foundation
import Glibc
import Rosters
import SignedStatements
import Yams

extension Site {
    public func rosterPath(_ version: Int) -> String { path("rosters/\(version).json") }
    /// What the first roster, and each later one, is made from.
    public var rosterDraft: String { path("roster.yaml") }

    /// Every version of the site's roster, from the pinned one on; empty where none is pinned yet.
    ///
    /// A version that does not descend from the one before it, is short of signatures, or follows a gap throws.
    public func rosters() throws -> [Roster] {
        guard let pin = description.roster else { return [] }
        let first = try Roster.read(path: path(pin.path))
        guard first.digest == pin.sha256 else {
            throw RosterError(
                .descent, path(pin.path), "is not the roster whose digest site.yaml pins",
                hint: "Compare with the digest on paper from the enrolment ceremony.")
        }
        try first.verifyFirst(subject: path(pin.path))
        guard first.origin == origin, first.isRehearsal == isRehearsal else {
            throw RosterError(.descent, path(pin.path), "is the roster of another site")
        }
        var rosters = [first]
        let folder = path("rosters")
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
            .filter { $0.hasSuffix(".json") }.compactMap { Int($0.dropLast(5)) }.sorted()
        for version in versions where version > 1 {
            let path = rosterPath(version)
            guard let last = rosters.last, version == last.version + 1 else {
                throw RosterError(.descent, path, "follows no version \(version - 1)")
            }
            let next = try Roster.read(path: path)
            try next.verify(after: last, subject: path)
            rosters.append(next)
        }
        return rosters
    }

    /// Stores a roster that a ceremony made; the first is pinned in `site.yaml`.
    ///
    /// Doing it again does nothing: a ceremony that was killed here does it once more.
    public func publish(_ roster: Roster) throws(SiteError) {
        let folder = path("rosters")
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw SiteError(.cannotCreate, folder, error.systemReason)
        }
        let path = rosterPath(roster.version)
        if FileManager.default.contents(atPath: path) != Data(roster.fileBytes) {
            try Site.createExclusively(path, roster.fileBytes)
        }
        if roster.version == 1 { try pin(roster) }
    }

    /// Pins a first roster: from here on the site knows its people.
    private func pin(_ roster: Roster) throws(SiteError) {
        let pin = RosterPin(path: "rosters/1.json", sha256: roster.digest)
        if let pinned = description.roster {
            guard pinned == pin else {
                throw SiteError(.refused, "site.yaml", "pins another roster already")
            }
            return
        }
        var description = description
        description.roster = pin
        try Site.write(description, to: path("site.yaml"))
    }

    /// Writes `site.yaml` anew: whole or not at all.
    static func write(_ description: SiteDescription, to path: String) throws(SiteError) {
        let encoder = YAMLEncoder()
        encoder.options.sortKeys = true
        do {
            let text =
                "# A Rootline site. Tokens are named by serial and label; PINs are never written here.\n"
                + (try encoder.encode(description))
            try replace(path, with: Array(text.utf8))
        } catch let error as SiteError {
            throw error
        } catch {
            throw SiteError(.cannotCreate, path, error.systemReason)
        }
    }

    /// Replaces a file's content, on disk before its name is; readers see the old or the new, whole.
    package static func replace(_ path: String, with bytes: [UInt8], mode: mode_t = 0o644) throws(SiteError) {
        let staging = path + ".new-\(getpid())"
        unlink(staging)
        let descriptor = Glibc.open(staging, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else {
            throw SiteError(.cannotCreate, staging, String(cString: strerror(errno)))
        }
        defer { unlink(staging) }
        do {
            defer { close(descriptor) }
            try writeAll(bytes, to: descriptor, path)
        }
        guard rename(staging, path) == 0 else {
            throw SiteError(.cannotCreate, path, String(cString: strerror(errno)))
        }
        try flushFolder(of: path)
    }
}
