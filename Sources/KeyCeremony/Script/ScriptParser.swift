import TokenKeys
import Yams

/// Reads a script's YAML into its model; see `Ceremonies` for scripts to copy.
struct ScriptParser {
    var yaml: StrictScriptYAML

    init(file: String) {
        yaml = StrictScriptYAML(file: file)
    }

    mutating func script(_ bytes: [UInt8]) -> CeremonyScript? {
        guard let root = yaml.document(bytes),
            let top = yaml.fields(
                root, at: "",
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

    private mutating func staffing(_ top: StrictScriptYAML.Fields) -> [CeremonyScript.Staffing]? {
        guard let node = top["roles"], let fields = yaml.fields(node, at: "roles") else { return nil }
        if fields.entries.isEmpty {
            yaml.report(fields.place, "script.value", "a ceremony has at least one role")
        }
        return fields.entries.compactMap { key, value in
            let count = yaml.integer(value, at: key.place.field, in: 1...50)
            guard let role = role(key), let count else { return nil }
            return CeremonyScript.Staffing(role: Placed(value: role, place: key.place), count: count.value)
        }
    }

    private mutating func role(_ word: Placed<String>) -> CeremonyRole? {
        if let role = CeremonyRole(rawValue: word.value) { return role }
        if ForbiddenKey.reason(word.value) != nil { return nil }
        let known = CeremonyRole.allCases.map(\.rawValue).joined(separator: ", ")
        yaml.report(word.place, "role.unknown", "`\(word.value)` is no role of a ceremony; known: \(known)")
        return nil
    }

    private mutating func role(_ node: Node, at path: String) -> Placed<CeremonyRole>? {
        guard let word = yaml.text(node, at: path), let role = role(word) else { return nil }
        return Placed(value: role, place: word.place)
    }

    private mutating func conflicts(_ top: StrictScriptYAML.Fields) -> [CeremonyScript.Conflict]? {
        guard let list = yaml.list(top, "conflicts") else { return nil }
        var conflicts: [CeremonyScript.Conflict] = []
        for (index, node) in list.enumerated() {
            let path = "conflicts[\(index)]"
            guard let pair = yaml.list(node, at: path) else { continue }
            guard pair.count == 2 else {
                yaml.report(
                    StrictScriptYAML.place(node, path), "script.value",
                    "two roles are wanted here, that no one person may hold")
                continue
            }
            let first = role(pair[0], at: "\(path)[0]")
            let second = role(pair[1], at: "\(path)[1]")
            if let first, let second { conflicts.append(.init(first: first, second: second)) }
        }
        return conflicts
    }

    private mutating func quorum(_ top: StrictScriptYAML.Fields) -> CeremonyScript.Quorum? {
        guard let node = top["quorum"],
            let fields = yaml.fields(node, at: "quorum", required: ["role", "needed"])
        else { return nil }
        let role = fields["role"].flatMap { self.role($0, at: "quorum.role") }
        let needed = yaml.integer(fields, "needed", in: 1...50)
        guard let role, let needed else { return nil }
        return CeremonyScript.Quorum(role: role, needed: needed)
    }

    private mutating func tokens(_ top: StrictScriptYAML.Fields) -> [Placed<String>]? {
        guard let node = top["materials"],
            let fields = yaml.fields(node, at: "materials", required: ["tokens"]),
            let list = yaml.list(fields, "tokens")
        else { return nil }
        if list.isEmpty { yaml.report(fields.place(of: "tokens"), "script.value", "the list is empty") }
        return list.enumerated().compactMap { index, node in
            yaml.word(node, at: "materials.tokens[\(index)]")
        }
    }

    // MARK: Steps

    private mutating func steps(_ top: StrictScriptYAML.Fields) -> [CeremonyStep]? {
        guard let list = yaml.list(top, "steps") else { return nil }
        if list.isEmpty { yaml.report(top.place(of: "steps"), "script.value", "a script has steps") }
        return list.enumerated().compactMap { index, node in step(node, at: "steps[\(index)]") }
    }

    private static let own: [StepAction: (required: [String], optional: [String])] = [
        .record: (["example"], []), .inventory: (["token"], []), .login: (["token"], []),
        .generateKey: (["key"], []), .verifyKey: (["key"], []), .signCertificate: (["certificate"], []),
        .readOut: (["of"], ["key"]), .compare: (["of"], ["key"]),
    ]

    private mutating func step(_ node: Node, at path: String) -> CeremonyStep? {
        guard let all = yaml.fields(node, at: path) else { return nil }
        let action = yaml.choice(all, "do", of: StepAction.self, code: "step.unknown") { word in
            let known = StepAction.allCases.map(\.rawValue).joined(separator: ", ")
            return "this version does not know the step `\(word)`; known: \(known)"
        }
        let isUnknown = action == nil && all["do"] != nil
        let own = action.flatMap { Self.own[$0.value] } ?? ([], [])
        // A step of an unknown kind may have any fields of its own: only what all steps share is looked at.
        let extra = isUnknown ? all.entries.map(\.key.value) : []
        guard
            let fields = yaml.fields(
                node, at: path, required: ["id", "do", "actor", "text", "minutes"] + own.required,
                optional: ["witnesses", "irreversible"] + own.optional + extra)
        else { return nil }
        let id = yaml.word(fields, "id")
        let actor = fields["actor"].flatMap { self.role($0, at: "\(path).actor") }
        let witnesses = (yaml.list(fields, "witnesses") ?? []).enumerated().compactMap { index, node in
            role(node, at: "\(path).witnesses[\(index)]")
        }
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

    private mutating func content(_ action: StepAction, _ fields: StrictScriptYAML.Fields) -> StepContent? {
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

    private mutating func keyRequest(_ step: StrictScriptYAML.Fields) -> KeyRequest? {
        guard let node = step["key"],
            let fields = yaml.fields(
                node, at: step.path("key"),
                required: ["role", "name", "curve", "backup", "sessionCopies", "token"])
        else { return nil }
        let role = yaml.choice(fields, "role", of: CertifiedRole.self)
        let name = yaml.word(fields, "name")
        let curve = yaml.choice(fields, "curve", of: SigningCurve.self, code: "key.curve") { word in
            word == "P-521"
                ? "P-521 is refused: tokens list the curve and then fail after generation"
                : "`\(word)` is refused: keys are on P-256 or P-384"
        }
        let backup = yaml.choice(fields, "backup", of: KeyBackupChoice.self)
        let copies = yaml.flag(fields, "sessionCopies")
        let token = yaml.word(fields, "token")
        guard let role, let name, let curve, let backup, let copies, let token else { return nil }
        return KeyRequest(
            role: role, name: name, curve: curve, backup: backup, sessionCopies: copies, token: token,
            place: fields.place)
    }

    private mutating func certificateRequest(_ step: StrictScriptYAML.Fields) -> CertificateRequest? {
        guard let node = step["certificate"],
            let fields = yaml.fields(
                node, at: step.path("certificate"), required: ["template", "subjectKey", "issuer"],
                optional: ["values"])
        else { return nil }
        let template = yaml.word(fields, "template")
        let subjectKey = yaml.word(fields, "subjectKey")
        let issuer = issuer(fields)
        var values: [String: Placed<String>] = [:]
        if let node = fields["values"], let given = yaml.fields(node, at: fields.path("values")) {
            for (key, value) in given.entries { values[key.value] = yaml.text(value, at: key.place.field) }
        }
        guard let template, let subjectKey, let issuer else { return nil }
        return CertificateRequest(
            template: template, subjectKey: subjectKey, issuer: issuer, values: values, place: fields.place)
    }

    private mutating func issuer(
        _ certificate: StrictScriptYAML.Fields
    ) -> Placed<CertificateRequest.Issuer>? {
        guard let node = certificate["issuer"] else { return nil }
        let path = certificate.path("issuer")
        let place = StrictScriptYAML.place(node, path)
        if case .scalar(let scalar) = node {
            if scalar.string == "self" { return Placed(value: .own, place: place) }
            yaml.report(
                place, "script.value", "`self`, or `role` and `token` of the issuer's key, is wanted here")
            return nil
        }
        guard let fields = yaml.fields(node, at: path, required: ["role", "token"]) else { return nil }
        let role = yaml.choice(fields, "role", of: CertifiedRole.self)
        let token = yaml.word(fields, "token")
        guard let role, let token else { return nil }
        return Placed(value: .published(role: role, token: token), place: place)
    }

    private mutating func exhibit(_ fields: StrictScriptYAML.Fields) -> Exhibit? {
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
