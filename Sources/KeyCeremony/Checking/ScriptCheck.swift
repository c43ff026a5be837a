import SignedStatements
import Sites
import TokenKeys

extension CeremonyScript {
    /// Everything that keeps the script from being followed, in the order of its lines; empty is good.
    ///
    /// Without a site the script alone is walked through a model of its states. With one, its tokens,
    /// templates, certificates and folders are looked at as well; nothing is logged in to and nothing changes.
    public func check(site: Site? = nil) -> [ScriptFault] { check(site: site, tokens: true) }

    /// Without `tokens` no PKCS#11 module is loaded: the script, the site's files and its people are looked at alone.
    func check(site: Site?, tokens: Bool) -> [ScriptFault] {
        var check = ScriptCheck(script: self)
        check.run()
        var faults = check.faults
        if let site {
            var siteCheck = SiteCheck(script: self, site: site, looksAtTokens: tokens)
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
    struct KeyState {
        let request: KeyRequest
        var isVerified = false
        var isCertified = false
    }
    var keys: [String: KeyState] = [:]
    var openTokens: Set<String> = []
    /// Tokens with an inventory before their first effect, and those with one after their last.
    var listedBefore: Set<String> = []
    var listedAfter: Set<String> = []
    /// Tokens whose activation data this script has made.
    var splitTokens: Set<String> = []
    /// Bags that were opened and not yet closed again, with the place.
    var openBags: [String: ScriptPlace] = [:]
    var lists: Set<String> = []
    var isEnrolled = false
    var isRosterSigned = false
    /// Whether a step did what the script's kind is for.
    var isServed = false

    init(script: CeremonyScript) {
        self.script = script
    }

    mutating func report(_ place: ScriptPlace, _ code: String, _ message: String) {
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
            if !listedBefore.contains(token.value) && !openTokens.contains(token.value) {
                report(token.place, "token.unused", "no step opens this token")
            } else if !listedAfter.contains(token.value) {
                report(token.place, "inventory.after", "no step lists what is on this token at the end")
            }
        }
        for (name, place) in openBags.sorted(by: { $0.value < $1.value }) {
            report(place, "bag.open", "what was in bag `\(name)` is never sealed again")
        }
        if script.kind == .enrolCustodian && isEnrolled && !isRosterSigned {
            report(
                script.placedKind.place, "roster.unsigned", "no step signs the roster: nobody would be on it")
        }
        if !isServed {
            report(
                script.placedKind.place, "kind.empty",
                "no step does what a \(script.kind.rawValue) ceremony is for: \(script.kind.purpose)")
        }
    }
}

extension CeremonyScript.Kind {
    /// The roles whose keys such a ceremony makes.
    var roles: [CertifiedRole] {
        switch self {
        case .generateRoot: [.rootCA]
        case .signSubordinate: [.issuingCA]
        case .generateSigner: [.runAuthority, .allowlistSigner, .firmwareSigner]
        default: []
        }
    }

    /// The step without which such a ceremony is none.
    var purpose: String {
        switch self {
        case .generateRoot, .generateSigner: "generate-key"
        case .signSubordinate: "sign-certificate"
        case .signCRL: "sign-crl"
        case .backup: "wrap"
        case .recover: "unwrap"
        case .destroy: "destroy"
        case .rekeyActivationData: "split"
        case .enrolCustodian: "enrol, and sign-roster"
        }
    }
}
