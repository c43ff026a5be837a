import CanonicalJSON
import Foundation
import Glibc
import Rosters
import SignedStatements

/// Somebody who holds a share of a token's activation data.
public struct ShareHolder: Sendable, Hashable {
    public let name: String
    /// A hash of the share, by which a wrong one is told.
    public let commitment: String

    public init(name: String, commitment: String) {
        self.name = name
        self.commitment = commitment
    }
}

/// One set of shares: what opens a token, and who holds it.
public struct ActivationSet: Sendable, Hashable {
    /// SLIP-39's groups: each is whole with `needed` of its holders.
    public struct Group: Sendable, Hashable {
        public let needed: Int
        /// In the order of their shares.
        public let holders: [ShareHolder]

        public init(needed: Int, holders: [ShareHolder]) {
            self.needed = needed
            self.holders = holders
        }
    }

    public let set: String
    public let groups: [Group]
    /// How many groups have to be whole.
    public let groupsNeeded: Int
    /// Whether the shares are on paper, rather than sealed in files.
    public let onScreen: Bool

    public init(set: String, groups: [Group], groupsNeeded: Int, onScreen: Bool) {
        self.set = set
        self.groups = groups
        self.groupsNeeded = groupsNeeded
        self.onScreen = onScreen
    }

    /// Group by group.
    public var holders: [ShareHolder] { groups.flatMap(\.holders) }
    /// The fewest people that open the token.
    public var needed: Int { groups.map(\.needed).sorted().prefix(groupsNeeded).reduce(0, +) }
}

/// Where a token's activation data stand: one sealed share a holder, and which set is in force.
///
/// The shares are encrypted to their holders; the files tell nothing to anybody else, and losing them loses the token.
public struct ActivationStore: Sendable {
    let site: Site
    let token: String

    init(_ site: Site, token: String) {
        self.site = site
        self.token = token
    }

    private var folder: String { site.path("activation/\(token)") }
    private func folder(of set: String) -> String { folder + "/\(set)" }

    /// The set that opens the token, or nil where none was ever put in force.
    public func current() throws(SiteError) -> String? {
        guard let data = FileManager.default.contents(atPath: folder + "/current") else { return nil }
        let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard !text.isEmpty, text.allSatisfy({ $0.isHexDigit }) else {
            throw SiteError(.malformed, folder + "/current", "names no set")
        }
        return text
    }

    /// Puts a set in force, whose PIN the token has taken.
    public func makeCurrent(_ set: String) throws(SiteError) {
        try Site.replace(folder + "/current", with: Array((set + "\n").utf8))
    }

    public func path(set: String, holder: Int) -> String { folder(of: set) + "/\(holder + 1).share.json" }

    /// Stores a share, on disk before this returns.
    public func store(_ share: SealedShare, holder: Int) throws(SiteError) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder(of: share.set), withIntermediateDirectories: true)
        } catch {
            throw SiteError(.cannotCreate, folder(of: share.set), error.systemReason)
        }
        try Site.replace(path(set: share.set, holder: holder), with: share.bytes)
    }

    /// Stores who holds a set, before any share of it is handed out.
    public func store(_ set: ActivationSet) throws(SiteError) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder(of: set.set), withIntermediateDirectories: true)
        } catch {
            throw SiteError(.cannotCreate, folder(of: set.set), error.systemReason)
        }
        let value: JSONValue = [
            "version": 1, "set": .string(set.set), "groupsNeeded": .integer(set.groupsNeeded),
            "delivery": .string(set.onScreen ? "screen" : "credential"),
            "groups": .array(
                set.groups.map { group in
                    [
                        "needed": .integer(group.needed),
                        "holders": .array(
                            group.holders.map {
                                ["name": .string($0.name), "commitment": .string($0.commitment)]
                            }),
                    ]
                }),
        ]
        try Site.replace(folder(of: set.set) + "/set.json", with: value.canonical)
    }

    /// Who holds a set, and how many it takes.
    public func describe(_ set: String) throws(SiteError) -> ActivationSet {
        let path = folder(of: set) + "/set.json"
        let data = FileManager.default.contents(atPath: path) ?? Data()
        guard let value = JSONValue(canonical: data), value["set"]?.text == set,
            let groupsNeeded = value["groupsNeeded"]?.number, let delivery = value["delivery"]?.text
        else { throw SiteError(.malformed, path, "is missing, or does not say who holds the shares") }
        let groups = (value["groups"]?.items ?? []).map { group in
            ActivationSet.Group(
                needed: group["needed"]?.number ?? 0,
                holders: (group["holders"]?.items ?? []).compactMap { holder in
                    guard let name = holder["name"]?.text, let commitment = holder["commitment"]?.text else {
                        return nil
                    }
                    return ShareHolder(name: name, commitment: commitment)
                })
        }
        guard (1...max(1, groups.count)).contains(groupsNeeded), !groups.isEmpty,
            groups.allSatisfy({ (1...max(1, $0.holders.count)).contains($0.needed) })
        else { throw SiteError(.malformed, path, "says a quorum that nobody can make") }
        return ActivationSet(
            set: set, groups: groups, groupsNeeded: groupsNeeded, onScreen: delivery == "screen")
    }

    /// Removes the sets that never came into force, or no longer are.
    public func removeAll(except set: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where name != set && name != "current" {
            try? FileManager.default.removeItem(atPath: folder(of: name))
        }
    }
}

extension Site {
    public func activation(of token: String) -> ActivationStore { ActivationStore(self, token: token) }
}
