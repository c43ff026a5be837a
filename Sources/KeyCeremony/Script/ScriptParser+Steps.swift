import StrictYAML
import TokenKeys

extension ScriptParser {
    private static let own: [StepAction: (required: [String], optional: [String])] = [
        .record: (["example"], []), .choose: (["options", "example"], []),
        .inspectBag: (["bag", "example"], []), .sealBag: (["bag", "example"], []),
        .inventory: (["token"], []), .login: (["token"], []),
        .split: (["token", "delivery"], ["holders", "needed", "groups", "groupsNeeded"]),
        .collectShares: (["token"], []),
        .generateKey: (["key"], []), .verifyKey: (["key"], ["token"]),
        .signCertificate: (["certificate"], []), .signCRL: (["crl"], []),
        .wrap: (["key", "token", "to"], []), .unwrap: (["key", "token"], []),
        .destroy: (["key", "token", "copies"], []), .print: (["what"], []),
        .readOut: (["of"], ["key"]), .compare: (["of"], ["key"]),
    ]

    mutating func step(_ node: YAMLNode) -> CeremonyStep? {
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
                optional: ["witnesses", "irreversible", "onFailure"] + own.optional + extra)
        else { return nil }
        let id = yaml.word(fields, "id")
        let actor = fields["actor"].flatMap { self.role($0) }
        let witnesses = (yaml.list(fields, "witnesses") ?? []).compactMap { role($0) }
        let text = yaml.text(fields, "text")
        let minutes = yaml.integer(fields, "minutes", in: 0...480)
        let irreversible = yaml.flag(fields, "irreversible")
        let onFailure = onFailure(fields)
        if let id, id.value.hasPrefix("exception-") {
            yaml.report(
                id.place, "script.value",
                "a step's id does not begin with `exception-`: exceptions are signed so")
        }
        let content = action.flatMap { self.content($0.value, fields) }
        guard let id, let actor, let text, let minutes, let content else { return nil }
        return CeremonyStep(
            placedID: id, placedActor: actor, placedWitnesses: witnesses, content: content,
            text: text.value, minutes: minutes.value, isIrreversible: irreversible?.value ?? false,
            onFailure: onFailure, place: fields.place)
    }

    private mutating func content(_ action: StepAction, _ fields: ScriptReader.Fields) -> StepContent? {
        switch action {
        case .say: return .say
        case .check: return .check
        case .signOff: return .signOff
        case .pause: return .pause
        case .enrol: return .enrol
        case .signRoster: return .signRoster
        case .record: return yaml.text(fields, "example").map { .record(example: $0.value) }
        case .choose: return choice(fields)
        case .inspectBag: return bag(fields).map { .inspectBag(name: $0.name, example: $0.example) }
        case .sealBag: return bag(fields).map { .sealBag(name: $0.name, example: $0.example) }
        case .inventory: return yaml.word(fields, "token").map { .inventory(token: $0) }
        case .login: return yaml.word(fields, "token").map { .login(token: $0) }
        case .split: return splitRequest(fields).map { .split($0) }
        case .collectShares: return yaml.word(fields, "token").map { .collectShares(token: $0) }
        case .verifyKey: return keyReference(fields, token: yaml.word(fields, "token")).map { .verifyKey($0) }
        case .generateKey: return keyRequest(fields).map { .generateKey($0) }
        case .signCertificate: return certificateRequest(fields).map { .signCertificate($0) }
        case .signCRL: return crlRequest(fields).map { .signCRL($0) }
        case .wrap:
            guard let token = yaml.word(fields, "token"), let to = yaml.word(fields, "to"),
                let key = keyReference(fields, token: token)
            else { return nil }
            return .wrap(key: key, token: token, to: to)
        case .unwrap:
            guard let token = yaml.word(fields, "token"), let key = keyReference(fields, token: token)
            else { return nil }
            return .unwrap(key: key, token: token)
        case .destroy: return destructionRequest(fields).map { .destroy($0) }
        case .print:
            return yaml.choice(fields, "what", of: PrintedDocument.self).map { .print($0.value) }
        case .readOut: return exhibit(fields).map { .readOut($0) }
        case .compare: return exhibit(fields).map { .compare($0) }
        }
    }

    private mutating func onFailure(_ fields: ScriptReader.Fields) -> FailureRule {
        guard let rule = yaml.text(fields, "onFailure")?.value else { return .stop }
        switch rule {
        case "stop": return .stop
        case "exception": return .exception
        default: return .remedy(rule)
        }
    }

    private mutating func choice(_ fields: ScriptReader.Fields) -> StepContent? {
        let example = yaml.text(fields, "example")
        let options = (yaml.list(fields, "options") ?? []).compactMap { yaml.text($0)?.value }
        guard let example else { return nil }
        if options.count < 2 || Set(options).count < options.count {
            yaml.report(
                fields.place(of: "options"), "script.value", "two or more different options are wanted here")
        } else if !options.contains(example.value) {
            yaml.report(example.place, "script.value", "the example is none of the options")
        }
        return .choose(options: options, example: example.value)
    }

    private mutating func bag(_ fields: ScriptReader.Fields) -> (name: Placed<String>, example: String)? {
        guard let name = yaml.word(fields, "bag"), let example = yaml.text(fields, "example") else {
            return nil
        }
        return (name, example.value)
    }

    private mutating func splitRequest(_ fields: ScriptReader.Fields) -> SplitRequest? {
        let token = yaml.word(fields, "token")
        let delivery = yaml.choice(fields, "delivery", of: SplitRequest.Delivery.self)
        let isGrouped = fields["groups"] != nil
        let (own, others) =
            isGrouped
            ? (["groups", "groupsNeeded"], ["holders", "needed"]) : (["holders", "needed"], ["groupsNeeded"])
        for key in own where fields[key] == nil {
            yaml.report(fields.place(of: key), "script.missing-key", "`\(key)` has to be given")
        }
        for key in others where fields[key] != nil {
            yaml.report(
                fields.place(of: key), "script.unknown-key",
                "either `holders` and `needed` say who opens the token, or `groups` and `groupsNeeded`")
        }
        var groups: [SplitRequest.Group] = []
        for node in isGrouped ? (yaml.list(fields, "groups") ?? []) : [] {
            if let group = yaml.fields(node, required: ["holders", "needed"]) {
                // SLIP-39 has at most 16 shares in a group, and a threshold of one only for a group of one.
                if let group = shareGroup(group, in: 1...16) { groups.append(group) }
            }
        }
        if !isGrouped, let group = shareGroup(fields, in: 2...16) { groups.append(group) }
        let groupsNeeded =
            isGrouped
            ? yaml.integer(fields, "groupsNeeded", in: 1...16)
            : groups.first.map { Placed(value: 1, place: $0.needed.place) }
        guard let token, let delivery, let groupsNeeded, !groups.isEmpty else { return nil }
        return SplitRequest(token: token, groups: groups, groupsNeeded: groupsNeeded, delivery: delivery)
    }

    private mutating func shareGroup(
        _ fields: ScriptReader.Fields, in range: ClosedRange<Int>
    ) -> SplitRequest.Group? {
        let holders = fields["holders"].flatMap { role($0) }
        let needed = yaml.integer(fields, "needed", in: range)
        guard let holders, let needed else { return nil }
        return SplitRequest.Group(holders: holders, needed: needed)
    }

    /// `key`: a name that the script makes, or role and name of an earlier key.
    private mutating func keyReference(
        _ step: ScriptReader.Fields, token: Placed<String>?
    ) -> KeyReference? {
        guard let node = step["key"] else { return nil }
        if node.scalar != nil { return yaml.word(node).map { .made($0) } }
        guard let fields = yaml.fields(node, required: ["role", "name"]) else { return nil }
        let role = yaml.choice(fields, "role", of: CertifiedRole.self)
        let name = yaml.word(fields, "name")
        guard let role, let name else { return nil }
        if token == nil {
            yaml.report(
                step.place, "script.missing-key", "`token` has to be given, where the key is an earlier one")
        }
        return .earlier(role: role, name: name, token: token)
    }

    private mutating func crlRequest(_ step: ScriptReader.Fields) -> CRLRequest? {
        guard let node = step["crl"],
            let fields = yaml.fields(
                node, required: ["name", "issuer", "number", "days", "revoked"])
        else { return nil }
        let name = yaml.word(fields, "name")
        let number = yaml.integer(fields, "number", in: 1...1_000_000_000)
        let days = yaml.integer(fields, "days", in: 1...3_653)
        var role: Placed<CertifiedRole>?
        var token: Placed<String>?
        if let node = fields["issuer"], let issuer = yaml.fields(node, required: ["role", "token"]) {
            role = yaml.choice(issuer, "role", of: CertifiedRole.self)
            token = yaml.word(issuer, "token")
        }
        let revoked = (yaml.list(fields, "revoked") ?? []).compactMap { crlEntry($0) }
        guard let name, let number, let days, let role, let token else { return nil }
        return CRLRequest(
            name: name, issuerRole: role, token: token, number: number, days: days, revoked: revoked,
            place: fields.place)
    }

    private mutating func crlEntry(_ node: YAMLNode) -> CRLRequest.Entry? {
        guard let fields = yaml.fields(node, required: ["serial", "reason", "date"]) else { return nil }
        guard let serial = yaml.text(fields, "serial"), let reason = yaml.text(fields, "reason"),
            let date = yaml.text(fields, "date")
        else { return nil }
        let isHex = serial.value.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
        if !isHex || serial.value.count % 2 != 0 || serial.value.count > 40 {
            yaml.report(
                serial.place, "script.value",
                "a serial number of at most 20 octets in lower-case hexadecimal is wanted here")
        }
        if CRLRequest.day(date.value) == nil {
            yaml.report(date.place, "script.value", "a day as YYYY-MM-DD is wanted here")
        }
        return CRLRequest.Entry(serial: serial, reason: reason, date: date)
    }

    private mutating func destructionRequest(_ step: ScriptReader.Fields) -> DestructionRequest? {
        guard let token = yaml.word(step, "token"), let key = keyReference(step, token: token) else {
            return nil
        }
        let copies = (yaml.list(step, "copies") ?? []).compactMap { node -> DestructionRequest.Copy? in
            guard let fields = yaml.fields(node, required: ["where", "disposition"]),
                let place = yaml.text(fields, "where"), let disposition = yaml.text(fields, "disposition")
            else { return nil }
            return DestructionRequest.Copy(place: place.value, disposition: disposition.value)
        }
        return DestructionRequest(key: key, token: token, copies: copies)
    }

    private mutating func keyRequest(_ step: ScriptReader.Fields) -> KeyRequest? {
        guard let node = step["key"],
            let fields = yaml.fields(
                node,
                required: ["role", "name", "type", "backup", "sessionCopies", "token"],
                optional: ["successor"])
        else { return nil }
        let role = yaml.choice(fields, "role", of: CertifiedRole.self)
        let name = yaml.word(fields, "name")
        let type = yaml.choice(fields, "type", of: SigningKeyType.self, code: "key.type") { word in
            word == "P-521"
                ? "P-521 is refused: tokens list the curve and then fail after generation"
                : "`\(word)` is refused: keys are P-256, P-384, RSA-3072 or RSA-4096"
        }
        let backup = yaml.choice(fields, "backup", of: KeyBackupChoice.self)
        let copies = yaml.flag(fields, "sessionCopies")
        let token = yaml.word(fields, "token")
        let successor = yaml.flag(fields, "successor")
        guard let role, let name, let type, let backup, let copies, let token else { return nil }
        return KeyRequest(
            role: role, name: name, type: type, backup: backup, sessionCopies: copies, token: token,
            successor: successor, place: fields.place)
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
        enum Kind: String, CaseIterable { case head, roster, key, certificate, crl }
        guard let kind = yaml.choice(fields, "of", of: Kind.self) else { return nil }
        if kind.value == .head || kind.value == .roster {
            if fields["key"] != nil {
                yaml.report(
                    fields.place(of: "key"), "script.unknown-key", "the \(kind.value) belongs to no key")
            }
            return kind.value == .head ? .head : .roster
        }
        guard fields["key"] != nil else {
            yaml.report(fields.place(of: "key"), "script.missing-key", "`key` has to be given")
            return nil
        }
        guard let name = yaml.word(fields, "key") else { return nil }
        switch kind.value {
        case .certificate: return .certificate(name)
        case .crl: return .crl(name)
        default: return .key(name)
        }
    }
}
