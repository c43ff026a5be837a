import Certificates
import SignedStatements
import TokenKeys

// The model: what exists at each step, and what a step may do then.
extension ScriptCheck {
    mutating func checkState(_ step: CeremonyStep) {
        switch step.content {
        case .say, .check, .record, .choose, .signOff, .print: break
        case .inspectBag(let name, _): inspect(name)
        case .sealBag(let name, _): seal(name)
        case .pause: openTokens.removeAll()
        case .inventory(let token):
            use(token)
            listedBefore.insert(token.value)
            listedAfter.insert(token.value)
        case .login(let token), .collectShares(let token): open(token)
        case .split(let request): split(request)
        case .generateKey(let request):
            generate(request)
            serve(.generateRoot, .generateSigner)
        case .verifyKey(let key): verify(key)
        case .signCRL(let request): sign(request)
        case .wrap(let key, let token, let to): wrap(key, token, to)
        case .unwrap(let key, let token): unwrap(key, token)
        case .destroy(let request): destroy(request)
        case .enrol: enrol(step)
        case .signRoster: signRoster(step)
        case .signCertificate(let request):
            sign(request)
            serve(.signSubordinate)
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

    /// Notes that a step does what ceremonies of these kinds are for.
    private mutating func serve(_ kinds: CeremonyScript.Kind...) {
        if kinds.contains(script.kind) { isServed = true }
    }

    private mutating func requireKind(_ kind: CeremonyScript.Kind, _ place: ScriptPlace, _ step: StepAction) {
        if script.kind == kind {
            isServed = true
        } else {
            report(place, "step.kind", "\(step.rawValue) belongs into a \(kind.rawValue) ceremony")
        }
    }

    private mutating func open(_ token: Placed<String>) {
        if !script.tokenNames.contains(token.value) {
            report(token.place, "token.undeclared", "`\(token.value)` is not among the materials")
        }
        if !openTokens.insert(token.value).inserted {
            report(token.place, "login.repeated", "the token is open already")
        }
    }

    // MARK: Bags

    private mutating func inspect(_ name: Placed<String>) {
        if !script.bagNames.contains(name.value) {
            report(name.place, "bag.undeclared", "`\(name.value)` is not among the materials' bags")
        }
        if openBags.updateValue(name.place, forKey: name.value) != nil {
            report(name.place, "bag.open", "the bag is open already")
        }
    }

    private mutating func seal(_ name: Placed<String>) {
        if !script.bagNames.contains(name.value) {
            report(name.place, "bag.undeclared", "`\(name.value)` is not among the materials' bags")
        }
        openBags[name.value] = nil
    }

    // MARK: Activation data

    private mutating func check(_ group: SplitRequest.Group, isAlone: Bool) {
        guard let count = script.staffing.first(where: { $0.role.value == group.holders.value })?.count else {
            report(
                group.holders.place, "role.undeclared",
                "`\(group.holders.value.rawValue)` is not among the roles")
            return
        }
        if group.needed.value > count {
            report(
                group.needed.place, "quorum.short",
                "\(group.needed.value) are needed and \(count) come to the ceremony")
        }
        if count > 16 {
            report(
                group.holders.place, "quorum.large",
                "SLIP-39 makes at most 16 shares; \(count) are to hold one")
        }
        if group.needed.value == 1 && count > 1 {
            report(
                group.needed.place, "quorum.group", "SLIP-39 has no group of \(count) of whom one suffices")
        }
    }

    private mutating func split(_ request: SplitRequest) {
        let token = request.token
        if !script.tokenNames.contains(token.value) {
            report(token.place, "token.undeclared", "`\(token.value)` is not among the materials")
        }
        for group in request.groups { check(group, isAlone: request.groups.count == 1) }
        let roles = request.groups.map(\.holders.value)
        if Set(roles).count < roles.count, let last = request.groups.last {
            report(
                last.holders.place, "quorum.group",
                "two groups of one role: each holder would have two shares")
        }
        if request.groupsNeeded.value > request.groups.count {
            report(
                request.groupsNeeded.place, "quorum.short",
                "\(request.groupsNeeded.value) groups are needed of \(request.groups.count)")
        }
        // The fewest people that can open the token.
        let fewest = request.groups.map(\.needed.value).sorted().prefix(request.groupsNeeded.value).reduce(
            0, +)
        if fewest < 2 {
            report(request.groupsNeeded.place, "quorum.alone", "one person could open the token alone")
        }
        if let quorum = script.quorum, request.groups.count == 1, let group = request.groups.first,
            quorum.role.value != group.holders.value || quorum.needed.value != group.needed.value
        {
            report(
                group.needed.place, "quorum.differs",
                "the script declares a quorum of \(quorum.needed.value) \(quorum.role.value.rawValue)")
        }
        // Whoever knew the old PIN is out; the token opens by its shares from now on.
        openTokens.remove(token.value)
        splitTokens.insert(token.value)
        listedAfter.remove(token.value)
        serve(.rekeyActivationData)
    }

    // MARK: Keys

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
        if let successor = request.successor, successor.value, !request.role.value.hasSuccessors {
            report(
                successor.place, "key.successor",
                "a \(request.role.value.rawValue) is not followed by another one: only an allowlist-signer is"
            )
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

    /// An earlier ceremony's key, or one of this script's.
    private mutating func verify(_ reference: KeyReference) {
        switch reference {
        case .made(let name):
            guard let key = known(name) else { return }
            use(key.request.token, at: name.place)
            keys[name.value]?.isVerified = true
        case .earlier(_, _, let token):
            if let token { use(token) }
        }
    }

    private mutating func wrap(_ key: KeyReference, _ token: Placed<String>, _ to: Placed<String>) {
        change(token, at: token.place)
        change(to, at: to.place)
        if token.value == to.value {
            report(to.place, "backup.same-token", "a backup on the key's own token is none")
        }
        if case .made(let name) = key, let request = known(name)?.request, request.backup.value != .wrap {
            report(
                name.place, "backup.policy",
                "the key's policy is `backup: none`: it can never leave its token")
        }
        requireKind(.backup, key.place, .wrap)
    }

    private mutating func unwrap(_ key: KeyReference, _ token: Placed<String>) {
        change(token, at: token.place)
        if case .made(let name) = key {
            report(name.place, "backup.key", "name the role and the name of the key that was backed up")
        }
        if script.kind == .backup {
            // A backup is proven by restoring it.
            return
        }
        requireKind(.recover, key.place, .unwrap)
    }

    private mutating func destroy(_ request: DestructionRequest) {
        change(request.token, at: request.token.place)
        if case .made(let name) = request.key {
            report(name.place, "destroy.new-key", "a ceremony does not destroy the key that it makes")
        }
        if request.copies.isEmpty {
            report(
                request.key.place, "destroy.copies",
                "list every known copy with its disposition; where there is none, say so")
        }
        requireKind(.destroy, request.key.place, .destroy)
    }

    private mutating func sign(_ request: CRLRequest) {
        change(request.token, at: request.token.place)
        let role = request.issuerRole.value
        if role != .rootCA && role != .issuingCA {
            report(request.issuerRole.place, "crl.issuer", "a revocation list is a CA's")
        }
        if !lists.insert(request.name.value).inserted {
            report(request.name.place, "crl.duplicate-name", "an earlier step signs a list of this name")
        }
        var serials: Set<String> = []
        for entry in request.revoked {
            if !serials.insert(entry.serial.value).inserted {
                report(entry.serial.place, "crl.serial", "the certificate stands in the list already")
            }
            if RevocationReason.named(entry.reason.value) == nil {
                report(
                    entry.reason.place, "crl.reason",
                    "`\(entry.reason.value)` is no reason of RFC 5280 §5.3.1")
            }
        }
        requireKind(.signCRL, request.place, .signCRL)
    }

    // MARK: People

    private mutating func enrol(_ step: CeremonyStep) {
        if isEnrolled { report(step.place, "enrol.repeated", "an earlier step enrols") }
        isEnrolled = true
        requireKind(.enrolCustodian, step.place, .enrol)
    }

    private mutating func signRoster(_ step: CeremonyStep) {
        if !isEnrolled { report(step.place, "roster.early", "nobody has been enrolled before") }
        isRosterSigned = true
        requireKind(.enrolCustodian, step.place, .signRoster)
    }

    private mutating func show(_ exhibit: Exhibit) {
        switch exhibit {
        case .head, .roster: break
        case .crl(let name):
            if !lists.contains(name.value) {
                report(name.place, "crl.missing", "no earlier step signs a list of this name")
            }
        case .key(let name): _ = known(name)
        case .certificate(let name):
            if let key = known(name), !key.isCertified {
                report(name.place, "certificate.missing", "no earlier step certifies this key")
            }
        }
    }
}
