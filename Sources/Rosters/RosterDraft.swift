import Foundation
import SignedStatements
import StrictYAML

/// Who shall be on a roster, before they have keys: the site's `roster.yaml`.
public struct RosterDraft: Sendable, Hashable {
    public struct Member: Sendable, Hashable {
        public let name: String
        public let roles: [CeremonyRole]
        public let tokenSerial: String
        public let tokenLabel: String

        public init(name: String, roles: [CeremonyRole], tokenSerial: String, tokenLabel: String) {
            self.name = name
            self.roles = roles
            self.tokenSerial = tokenSerial
            self.tokenLabel = tokenLabel
        }

        /// Whether the keys stay that a roster gives this member: they are on the token that the draft names.
        package func keeps(_ member: Roster.Member) -> Bool {
            name == member.name && tokenSerial == member.tokenSerial && tokenLabel == member.tokenLabel
        }
    }

    public let members: [Member]
    public let conflicts: [[CeremonyRole]]
    public let quorums: Roster.Quorums

    public init(members: [Member], conflicts: [[CeremonyRole]], quorums: Roster.Quorums) {
        self.members = members
        self.conflicts = conflicts
        self.quorums = quorums
    }

    public static func read(path: String) throws(RosterError) -> RosterDraft {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw RosterError(
                .unreadable, path, "no such draft of a roster",
                hint: "Copy Templates/sites/roster.yaml into the site, and name your people.")
        }
        var yaml = YAMLReader()
        let root = yaml.document(Array(data))
        let draft = root.flatMap { RosterDraft(&yaml, $0) }
        if let problem = yaml.problems.first {
            throw RosterError(
                .malformed, "\(path):\(problem.line):\(problem.column)",
                "\(problem.field): \(problem.message)",
                hint: yaml.problems.count > 1 ? "There are \(yaml.problems.count - 1) more." : nil)
        }
        guard let draft else { throw RosterError(.malformed, path, "does not read as a draft") }
        return draft
    }

    private init?(_ yaml: inout YAMLReader, _ root: YAMLNode) {
        guard let top = yaml.fields(root, required: ["version", "members", "conflicts", "quorums"]) else {
            return nil
        }
        if let version = top["version"] { _ = yaml.integer(version, in: 1...1) }
        var members: [Member] = []
        for node in top["members"].flatMap({ yaml.list($0) }) ?? [] {
            guard let fields = yaml.fields(node, required: ["name", "roles", "token"]) else { continue }
            let name = fields["name"].flatMap { RosterDraft.name(&yaml, $0) }
            let roles = (fields["roles"].flatMap { yaml.list($0) } ?? []).compactMap {
                yaml.choice($0, of: CeremonyRole.self)
            }
            guard let node = fields["token"], let token = yaml.fields(node, required: ["label", "serial"])
            else {
                continue
            }
            let label = token["label"].flatMap { yaml.text($0) }
            let serial = token["serial"].flatMap { yaml.text($0) }
            guard let name, let label, let serial else { continue }
            if members.contains(where: { $0.name == name }) {
                yaml.report(node, "roster.member", "`\(name)` stands in the list already")
            }
            if roles.isEmpty || Set(roles).count != roles.count {
                yaml.report(node, "roster.member", "`\(name)` has no role, or one twice")
            }
            if let other = members.first(where: { $0.tokenSerial == serial && $0.tokenLabel == label }) {
                yaml.report(
                    node, "roster.token", "`\(name)` and `\(other.name)` have one token: each has their own")
            }
            members.append(Member(name: name, roles: roles, tokenSerial: serial, tokenLabel: label))
        }
        var conflicts: [[CeremonyRole]] = []
        for node in top["conflicts"].flatMap({ yaml.list($0) }) ?? [] {
            let pair = (yaml.list(node) ?? []).compactMap { yaml.choice($0, of: CeremonyRole.self) }
            if Set(pair).count != 2 || pair.count != 2 {
                yaml.report(node, "roster.conflict", "two roles are wanted here, that no one person may hold")
            }
            for member in members where pair.count == 2 && Set(pair).isSubset(of: member.roles) {
                yaml.report(node, "roster.conflict", "`\(member.name)` holds both of these roles")
            }
            conflicts.append(pair)
        }
        guard let node = top["quorums"],
            let fields = yaml.fields(node, required: ["roster", "approval", "recovery"])
        else { return nil }
        let most = max(1, members.count)
        let numbers = ["roster", "approval", "recovery"].map { name in
            fields[name].flatMap { yaml.integer($0, in: 1...most) }
        }
        guard let roster = numbers[0], let approval = numbers[1], let recovery = numbers[2] else {
            return nil
        }
        self.members = members
        self.conflicts = conflicts
        quorums = Roster.Quorums(roster: roster, approval: approval, recovery: recovery)
    }

    /// A person's name: 1 to 64 characters on one line, without what would be confused in a label or on paper.
    private static func name(_ yaml: inout YAMLReader, _ node: YAMLNode) -> String? {
        guard let text = yaml.text(node) else { return nil }
        let isPlain = text.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control && scalar.properties.generalCategory != .format
        }
        guard isPlain, (1...64).contains(text.count), text == text.trimmingCharacters(in: .whitespaces) else {
            yaml.report(node, "roster.name", "a name of 1 to 64 printable characters is wanted here")
            return nil
        }
        return text
    }
}
