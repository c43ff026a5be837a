import SignedStatements
import StrictYAML
import TokenKeys

/// Reads a script's YAML into its model; see `Ceremonies` for scripts to copy.
struct ScriptParser {
    var yaml: ScriptReader

    init(file: String) {
        yaml = ScriptReader(file: file)
    }

    mutating func script(_ bytes: [UInt8]) -> CeremonyScript? {
        guard let root = yaml.document(bytes),
            let top = yaml.fields(
                root,
                required: [
                    "version", "id", "kind", "title", "cp", "roles", "conflicts", "materials", "steps",
                ],
                optional: ["quorum", "approval"])
        else { return nil }
        let version = yaml.integer(top, "version", in: 1...1)
        let id = yaml.word(top, "id")
        let kind = yaml.choice(top, "kind", of: CeremonyScript.Kind.self)
        let title = yaml.text(top, "title")
        let policy = yaml.text(top, "cp")
        let approval = top["approval"].flatMap { yaml.text($0) }
        let staffing = staffing(top)
        let conflicts = conflicts(top)
        let quorum = quorum(top)
        let materials = materials(top)
        let steps = steps(top)
        guard version != nil, let id, let kind, let title, let policy, let staffing, let conflicts,
            let materials, let steps
        else { return nil }
        return CeremonyScript(
            file: yaml.file, source: bytes, placedID: id, placedKind: kind, title: title.value,
            policy: policy.value, approval: approval?.value, staffing: staffing, conflicts: conflicts,
            quorum: quorum, tokens: materials.tokens, bags: materials.bags, media: materials.media,
            software: materials.software, steps: steps)
    }

    private mutating func staffing(_ top: ScriptReader.Fields) -> [CeremonyScript.RoleCount]? {
        guard let node = top["roles"], let fields = yaml.fields(node) else { return nil }
        if fields.entries.isEmpty {
            yaml.report(fields.place, "script.value", "a ceremony has at least one role")
        }
        return fields.entries.compactMap { entry in
            let count = yaml.integer(entry.value, in: 1...50)
            let name = Placed(value: entry.name, place: entry.key.place)
            guard let role = role(name), let count else { return nil }
            return CeremonyScript.RoleCount(role: Placed(value: role, place: name.place), count: count.value)
        }
    }

    private mutating func role(_ word: Placed<String>) -> CeremonyRole? {
        if let role = CeremonyRole(rawValue: word.value) { return role }
        if ForbiddenKey.reason(word.value) != nil { return nil }
        let known = CeremonyRole.allCases.map(\.rawValue).joined(separator: ", ")
        yaml.report(word.place, "role.unknown", "`\(word.value)` is no role of a ceremony; known: \(known)")
        return nil
    }

    mutating func role(_ node: YAMLNode) -> Placed<CeremonyRole>? {
        guard let word = yaml.text(node), let role = role(word) else { return nil }
        return Placed(value: role, place: word.place)
    }

    private mutating func conflicts(_ top: ScriptReader.Fields) -> [CeremonyScript.Conflict]? {
        guard let list = yaml.list(top, "conflicts") else { return nil }
        var conflicts: [CeremonyScript.Conflict] = []
        for node in list {
            guard let pair = yaml.list(node) else { continue }
            guard pair.count == 2 else {
                yaml.report(
                    node.place, "script.value",
                    "two roles are wanted here, that no one person may hold")
                continue
            }
            let first = role(pair[0])
            let second = role(pair[1])
            if let first, let second { conflicts.append(.init(first: first, second: second)) }
        }
        return conflicts
    }

    private mutating func quorum(_ top: ScriptReader.Fields) -> CeremonyScript.Quorum? {
        guard let node = top["quorum"],
            let fields = yaml.fields(node, required: ["role", "needed"])
        else { return nil }
        let role = fields["role"].flatMap { self.role($0) }
        let needed = yaml.integer(fields, "needed", in: 1...50)
        guard let role, let needed else { return nil }
        return CeremonyScript.Quorum(role: role, needed: needed)
    }

    private struct Materials {
        var tokens: [Placed<String>] = []
        var bags: [Placed<String>] = []
        var media: [String] = []
        var software: [(name: String, digest: String)] = []
    }

    private mutating func materials(_ top: ScriptReader.Fields) -> Materials? {
        guard let node = top["materials"],
            let fields = yaml.fields(
                node, required: ["tokens"], optional: ["bags", "media", "software"]),
            let tokens = yaml.list(fields, "tokens")
        else { return nil }
        var materials = Materials()
        materials.tokens = tokens.compactMap { yaml.word($0) }
        materials.bags = (yaml.list(fields, "bags") ?? []).compactMap { yaml.word($0) }
        materials.media = (yaml.list(fields, "media") ?? []).compactMap { yaml.text($0)?.value }
        if let node = fields["software"], let list = yaml.fields(node) {
            for entry in list.entries {
                guard let digest = yaml.text(entry.value) else { continue }
                guard digest.value.count == 64,
                    digest.value.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) })
                else {
                    yaml.report(
                        digest.place, "script.value",
                        "the SHA-256 in 64 lower-case hexadecimal digits is wanted here")
                    continue
                }
                materials.software.append((entry.name, digest.value))
            }
        }
        return materials
    }

    // MARK: Steps

    private mutating func steps(_ top: ScriptReader.Fields) -> [CeremonyStep]? {
        guard let list = yaml.list(top, "steps") else { return nil }
        if list.isEmpty { yaml.report(top.place(of: "steps"), "script.value", "a script has steps") }
        return list.compactMap { step($0) }
    }
}
