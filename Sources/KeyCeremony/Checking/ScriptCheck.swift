import Sites
import TokenKeys

extension CeremonyScript {
    /// Everything that keeps the script from being followed, in the order of its lines; empty is good.
    ///
    /// Without a site the script alone is walked through a model of its states. With one, its tokens,
    /// templates, certificates and folders are looked at as well; nothing is logged in to and nothing changes.
    public func check(site: Site? = nil) -> [ScriptFault] {
        var check = ScriptCheck(script: self)
        check.run()
        var faults = check.faults
        if let site {
            var siteCheck = SiteCheck(script: self, site: site)
            siteCheck.run()
            faults += siteCheck.faults
        }
        return ScriptFault.sorted(faults)
    }
}

/// Walks a script through a model of what exists at each step.
struct ScriptCheck {
    let script: CeremonyScript
    private(set) var faults: [ScriptFault] = []

    /// What has happened to a key so far.
    private struct KeyState {
        let request: KeyRequest
        var isVerified = false
        var isCertified = false
    }
    private var keys: [String: KeyState] = [:]
    private var openTokens: Set<String> = []
    /// Tokens with an inventory before their first effect, and those with one after their last.
    private var listedBefore: Set<String> = []
    private var listedAfter: Set<String> = []

    init(script: CeremonyScript) {
        self.script = script
    }

    private mutating func report(_ place: ScriptPlace, _ code: String, _ message: String) {
        faults.append(ScriptFault(script.file, place, code, message))
    }

    mutating func run() {
        checkHeader()
        var seen: [String: Int] = [:]
        for step in script.steps {
            if let line = seen[step.id] {
                report(
                    step.placedID.place, "step.duplicate-id", "line \(line) has a step of this id already")
            } else {
                seen[step.id] = step.placedID.place.line
            }
            checkPeople(step)
            checkState(step)
        }
        checkEnd()
    }

    // MARK: Header

    private mutating func checkHeader() {
        let staffed = script.staffing.reduce(into: [CeremonyRole: Int]()) { $0[$1.role.value] = $1.count }
        for conflict in script.conflicts {
            for role in [conflict.first, conflict.second] where staffed[role.value] == nil {
                report(role.place, "role.undeclared", "`\(role.value.rawValue)` is not among the roles")
            }
            if conflict.first.value == conflict.second.value {
                report(conflict.second.place, "conflict.self", "a role cannot conflict with itself")
            }
        }
        if let quorum = script.quorum {
            let count = staffed[quorum.role.value]
            if count == nil {
                report(
                    quorum.role.place, "role.undeclared",
                    "`\(quorum.role.value.rawValue)` is not among the roles")
            } else if let count, quorum.needed.value > count {
                report(
                    quorum.needed.place, "quorum.short",
                    "\(quorum.needed.value) are needed and \(count) come to the ceremony")
            }
        }
        var names: Set<String> = []
        for token in script.tokens where !names.insert(token.value).inserted {
            report(token.place, "token.repeated", "the token stands in the list already")
        }
    }

    // MARK: People

    private mutating func checkPeople(_ step: CeremonyStep) {
        for role in [step.placedActor] + step.placedWitnesses
        where !script.staffing.contains(where: { $0.role.value == role.value }) {
            report(role.place, "role.undeclared", "`\(role.value.rawValue)` is not among the roles")
        }
        for witness in step.placedWitnesses where witness.value == step.actor {
            report(witness.place, "step.self-witness", "nobody witnesses what their own role does")
        }
        if step.action.isIrreversible && !step.isIrreversible {
            report(
                step.place, "step.irreversible",
                "\(step.action.rawValue) cannot be undone: say `irreversible: true`, so that people hear it")
        }
        guard step.isIrreversible else { return }
        // CA/Browser Forum Baseline Requirements 6.1.1.1 and 5.2.2: multi-person control.
        guard !step.witnesses.isEmpty else {
            report(step.place, "step.unwitnessed", "what cannot be undone is done before a witness")
            return
        }
        let isDual = step.witnesses.contains { witness in
            script.conflicts.contains { $0.isBetween(step.actor, witness) }
        }
        if !isDual {
            report(
                step.placedActor.place, "step.dual-control",
                "no conflict keeps one person from being both \(step.actor.rawValue) and witness here")
        }
    }

    // MARK: State

    private mutating func checkState(_ step: CeremonyStep) {
        switch step.content {
        case .say, .check, .record, .signOff: break
        case .inventory(let token):
            use(token)
            listedBefore.insert(token.value)
            listedAfter.insert(token.value)
        case .login(let token):
            if !script.tokenNames.contains(token.value) {
                report(token.place, "token.undeclared", "`\(token.value)` is not among the materials")
            }
            if !openTokens.insert(token.value).inserted {
                report(token.place, "login.repeated", "the token is logged in already")
            }
        case .generateKey(let request): generate(request)
        case .verifyKey(let name):
            guard let key = known(name) else { return }
            use(key.request.token, at: name.place)
            keys[name.value]?.isVerified = true
        case .signCertificate(let request): sign(request)
        case .readOut(let exhibit), .compare(let exhibit): show(exhibit)
        }
    }

    /// Reports a token that is not at hand, once a place.
    private mutating func use(_ token: Placed<String>, at place: ScriptPlace? = nil) {
        let place = place ?? token.place
        if !script.tokenNames.contains(token.value) {
            report(place, "token.undeclared", "`\(token.value)` is not among the materials")
        } else if !openTokens.contains(token.value) {
            report(place, "login.missing", "no earlier step logs in to `\(token.value)`")
        }
    }

    private mutating func change(_ token: Placed<String>, at place: ScriptPlace) {
        use(token, at: place)
        if !listedBefore.contains(token.value) {
            report(
                place, "inventory.before", "no earlier step lists what is on `\(token.value)`")
            listedBefore.insert(token.value)
        }
        listedAfter.remove(token.value)
    }

    private mutating func known(_ name: Placed<String>) -> KeyState? {
        if let key = keys[name.value] { return key }
        let later = script.steps.contains {
            if case .generateKey(let request) = $0.content { request.name.value == name.value } else { false }
        }
        report(
            name.place, later ? "key.not-yet-generated" : "key.unknown",
            later ? "the key is generated by a later step" : "no step generates a key of this name")
        return nil
    }

    private mutating func generate(_ request: KeyRequest) {
        change(request.token, at: request.token.place)
        if let other = keys[request.name.value] {
            report(
                request.name.place, "key.duplicate-name",
                "line \(other.request.name.place.line) generates a key of this name")
        }
        if let other = keys.values.first(where: { $0.request.role.value == request.role.value }) {
            report(
                request.role.place, "key.duplicate-role",
                "line \(other.request.role.place.line) generates this role's key: one role, one key, one certificate"
            )
        }
        let fitting = script.kind.roles
        if !fitting.contains(request.role.value) {
            report(
                request.role.place, "key.role",
                "a \(script.kind.rawValue) ceremony makes keys for: "
                    + fitting.map(\.rawValue).joined(separator: ", "))
        }
        if request.sessionCopies.value && request.role.value != .issuingCA {
            report(
                request.sessionCopies.place, "key.session-copies",
                "only an issuing CA's key may have copies; every other stays COPYABLE false")
        }
        if request.role.value.demandsQuorum, (script.quorum?.needed.value ?? 0) < 2 {
            report(
                request.role.place, "quorum.missing",
                "the key of a \(request.role.value.rawValue) is opened by a quorum of two or more: declare `quorum`"
            )
        }
        if keys[request.name.value] == nil { keys[request.name.value] = KeyState(request: request) }
    }

    private mutating func sign(_ request: CertificateRequest) {
        guard let subject = known(request.subjectKey) else { return }
        if !subject.isVerified {
            report(
                request.subjectKey.place, "key.unverified", "no verify-key step has looked at this key before"
            )
        }
        if subject.isCertified {
            report(request.subjectKey.place, "certificate.repeated", "an earlier step certifies this key")
        }
        keys[request.subjectKey.value]?.isCertified = true
        let isSubordinate = subject.request.role.value == .issuingCA
        switch request.issuer.value {
        case .own:
            change(subject.request.token, at: request.issuer.place)
            if isSubordinate {
                report(
                    request.issuer.place, "certificate.own-key",
                    "a subordinate CA is never signed with its own key: name the root's role and token")
            }
        case .published(let role, let token):
            change(token, at: token.place)
            if !isSubordinate {
                report(
                    request.issuer.place, "certificate.issuer",
                    "a \(subject.request.role.value.rawValue) signs its own certificate: `issuer: self`")
            } else if role.value != .rootCA {
                report(role.place, "certificate.issuer", "an issuing CA is signed by a root-ca")
            }
        }
    }

    private mutating func show(_ exhibit: Exhibit) {
        switch exhibit {
        case .head: break
        case .key(let name): _ = known(name)
        case .certificate(let name):
            if let key = known(name), !key.isCertified {
                report(name.place, "certificate.missing", "no earlier step certifies this key")
            }
        }
    }

    // MARK: End

    private mutating func checkEnd() {
        if let last = script.steps.last, last.action != .signOff {
            report(last.place, "sign-off.missing", "the last step of a ceremony is a sign-off")
        } else if let last = script.steps.last, last.witnesses.isEmpty {
            report(last.place, "sign-off.alone", "the last sign-off has witnesses")
        }
        for (_, key) in keys.sorted(by: { $0.value.request.place < $1.value.request.place })
        where !key.isCertified {
            report(
                key.request.place, "certificate.missing", "no step certifies this key: it would be an orphan")
        }
        for token in script.tokens {
            if !openTokens.contains(token.value) {
                report(token.place, "token.unused", "no step logs in to this token")
            } else if !listedAfter.contains(token.value) {
                report(token.place, "inventory.after", "no step lists what is on this token at the end")
            }
        }
        let made = Set(keys.values.map(\.request.role.value))
        if made.isDisjoint(with: script.kind.roles) {
            report(
                script.placedKind.place, "kind.empty",
                "no step generates a key for: \(script.kind.roles.map(\.rawValue).joined(separator: ", "))")
        }
    }
}

extension CeremonyScript.Kind {
    /// The roles whose keys such a ceremony makes.
    var roles: [CertifiedRole] {
        switch self {
        case .generateRoot: [.rootCA]
        case .signSubordinate: [.issuingCA]
        case .generateSigner: [.runAuthority, .allowlistSigner]
        }
    }
}
