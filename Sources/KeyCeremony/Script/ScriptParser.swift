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
                optional: ["quorum"])
        else { return nil }
        let version = yaml.integer(top, "version", in: 1...1)
        let id = yaml.word(top, "id")
        let kind = yaml.choice(top, "kind", of: CeremonyScript.Kind.self)
        let title = yaml.text(top, "title")
        let policy = yaml.text(top, "cp")
        let staffing = staffing(top)
        let conflicts = conflicts(top)
        let quorum = quorum(top)
        let tokens = tokens(top)
        let steps = steps(top)
        guard version != nil, let id, let kind, let title, let policy, let staffing, let conflicts,
            let tokens, let steps
        else { return nil }
        return CeremonyScript(
            file: yaml.file, source: bytes, placedID: id, placedKind: kind, title: title.value,
            policy: policy.value, staffing: staffing, conflicts: conflicts, quorum: quorum, tokens: tokens,
            steps: steps)
    }

    private mutating func staffing(_ top: ScriptReader.Fields) -> [CeremonyScript.Staffing]? {
        guard let node = top["roles"], let fields = yaml.fields(node) else { return nil }
        if fields.entries.isEmpty {
            yaml.report(fields.place, "script.value", "a ceremony has at least one role")
        }
        return fields.entries.compactMap { entry in
            let count = yaml.integer(entry.value, in: 1...50)
            let name = Placed(value: entry.name, place: entry.key.place)
            guard let role = role(name), let count else { return nil }
            return CeremonyScript.Staffing(role: Placed(value: role, place: name.place), count: count.value)
        }
    }

    private mutating func role(_ word: Placed<String>) -> CeremonyRole? {
        if let role = CeremonyRole(rawValue: word.value) { return role }
        if ForbiddenKey.reason(word.value) != nil { return nil }
        let known = CeremonyRole.allCases.map(\.rawValue).joined(separator: ", ")
        yaml.report(word.place, "role.unknown", "`\(word.value)` is no role of a ceremony; known: \(known)")
        return nil
    }

    private mutating func role(_ node: YAMLNode) -> Placed<CeremonyRole>? {
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

    private mutating func tokens(_ top: ScriptReader.Fields) -> [Placed<String>]? {
        guard let node = top["materials"],
            let fields = yaml.fields(node, required: ["tokens"]),
            let list = yaml.list(fields, "tokens")
        else { return nil }
        if list.isEmpty { yaml.report(fields.place(of: "tokens"), "script.value", "the list is empty") }
        return list.compactMap { yaml.word($0) }
    }

    // MARK: Steps

    private mutating func steps(_ top: ScriptReader.Fields) -> [CeremonyStep]? {
        guard let list = yaml.list(top, "steps") else { return nil }
        if list.isEmpty { yaml.report(top.place(of: "steps"), "script.value", "a script has steps") }
        return list.compactMap { step($0) }
    }

    private static let own: [StepAction: (required: [String], optional: [String])] = [
        .record: (["example"], []), .inventory: (["token"], []), .login: (["token"], []),
        .generateKey: (["key"], []), .verifyKey: (["key"], []), .signCertificate: (["certificate"], []),
        .readOut: (["of"], ["key"]), .compare: (["of"], ["key"]),
    ]

    private mutating func step(_ node: YAMLNode) -> CeremonyStep? {
        guard let all = yaml.fields(node) else { return nil }
        let action = yaml.choice(all, "do", of: StepAction.self, code: "step.unknown") { word in
            let known = StepAction.allCases.map(\.rawValue).joined(separator: ", ")
            return "this version does not know the step `\(word)`; known: \(known)"
        }
        let isUnknown = action == nil && all["do"] != nil
        let own = action.flatMap { Self.own[$0.value] } ?? ([], [])
        // A step of an unknown kind may have any fields of its own: only what all steps share is looked at.
        let extra = isUnknown ? all.entries.map(\.name) : []
        guard
            let fields = yaml.fields(
                node, required: ["id", "do", "actor", "text", "minutes"] + own.required,
                optional: ["witnesses", "irreversible"] + own.optional + extra)
        else { return nil }
        let id = yaml.word(fields, "id")
        let actor = fields["actor"].flatMap { self.role($0) }
        let witnesses = (yaml.list(fields, "witnesses") ?? []).compactMap { role($0) }
        let text = yaml.text(fields, "text")
        let minutes = yaml.integer(fields, "minutes", in: 0...480)
        let irreversible = yaml.flag(fields, "irreversible")
        let content = action.flatMap { self.content($0.value, fields) }
        guard let id, let actor, let text, let minutes, let content else { return nil }
        return CeremonyStep(
            placedID: id, placedActor: actor, placedWitnesses: witnesses, content: content,
            text: text.value, minutes: minutes.value, isIrreversible: irreversible?.value ?? false,
            place: fields.place)
    }

    private mutating func content(_ action: StepAction, _ fields: ScriptReader.Fields) -> StepContent? {
        switch action {
        case .say: return .say
        case .check: return .check
        case .signOff: return .signOff
        case .record: return yaml.text(fields, "example").map { .record(example: $0.value) }
        case .inventory: return yaml.word(fields, "token").map { .inventory(token: $0) }
        case .login: return yaml.word(fields, "token").map { .login(token: $0) }
        case .verifyKey: return yaml.word(fields, "key").map { .verifyKey(name: $0) }
        case .generateKey: return keyRequest(fields).map { .generateKey($0) }
        case .signCertificate: return certificateRequest(fields).map { .signCertificate($0) }
        case .readOut: return exhibit(fields).map { .readOut($0) }
        case .compare: return exhibit(fields).map { .compare($0) }
        }
    }

    private mutating func keyRequest(_ step: ScriptReader.Fields) -> KeyRequest? {
        guard let node = step["key"],
            let fields = yaml.fields(
                node,
                required: ["role", "name", "curve", "backup", "sessionCopies", "token"])
        else { return nil }
        let role = yaml.choice(fields, "role", of: CertifiedRole.self)
        let name = yaml.word(fields, "name")
        let curve = yaml.choice(fields, "curve", of: SigningKeyType.self, code: "key.curve") { word in
            word == "P-521"
                ? "P-521 is refused: tokens list the curve and then fail after generation"
                : "`\(word)` is refused: keys are P-256, P-384, RSA-3072 or RSA-4096"
        }
        let backup = yaml.choice(fields, "backup", of: KeyBackupChoice.self)
        let copies = yaml.flag(fields, "sessionCopies")
        let token = yaml.word(fields, "token")
        guard let role, let name, let curve, let backup, let copies, let token else { return nil }
        return KeyRequest(
            role: role, name: name, curve: curve, backup: backup, sessionCopies: copies, token: token,
            place: fields.place)
    }

    private mutating func certificateRequest(_ step: ScriptReader.Fields) -> CertificateRequest? {
        guard let node = step["certificate"],
            let fields = yaml.fields(
                node, required: ["template", "subjectKey", "issuer"],
                optional: ["values"])
        else { return nil }
        let template = yaml.word(fields, "template")
        let subjectKey = yaml.word(fields, "subjectKey")
        let issuer = issuer(fields)
        var values: [String: Placed<String>] = [:]
        if let node = fields["values"], let given = yaml.fields(node) {
            for entry in given.entries { values[entry.name] = yaml.text(entry.value) }
        }
        guard let template, let subjectKey, let issuer else { return nil }
        return CertificateRequest(
            template: template, subjectKey: subjectKey, issuer: issuer, values: values, place: fields.place)
    }

    private mutating func issuer(
        _ certificate: ScriptReader.Fields
    ) -> Placed<CertificateRequest.Issuer>? {
        guard let node = certificate["issuer"] else { return nil }
        if let word = node.scalar {
            if word == "self" { return Placed(value: .own, place: node.place) }
            yaml.report(
                node.place, "script.value",
                "`self`, or `role` and `token` of the issuer's key, is wanted here")
            return nil
        }
        guard let fields = yaml.fields(node, required: ["role", "token"]) else { return nil }
        let role = yaml.choice(fields, "role", of: CertifiedRole.self)
        let token = yaml.word(fields, "token")
        guard let role, let token else { return nil }
        return Placed(value: .published(role: role, token: token), place: node.place)
    }

    private mutating func exhibit(_ fields: ScriptReader.Fields) -> Exhibit? {
        enum Kind: String, CaseIterable { case head, key, certificate }
        guard let kind = yaml.choice(fields, "of", of: Kind.self) else { return nil }
        if kind.value == .head {
            if fields["key"] != nil {
                yaml.report(fields.place(of: "key"), "script.unknown-key", "the head belongs to no key")
            }
            return .head
        }
        guard fields["key"] != nil else {
            yaml.report(fields.place(of: "key"), "script.missing-key", "`key` has to be given")
            return nil
        }
        return yaml.word(fields, "key").map { kind.value == .key ? .key($0) : .certificate($0) }
    }
}
