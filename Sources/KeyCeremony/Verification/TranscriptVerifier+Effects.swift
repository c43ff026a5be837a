import CanonicalJSON
import Certificates
import Crypto
import Rosters
import SignedStatements
import TokenKeys

/// The policy that a key was declared to have.
struct DeclaredPolicy: Sendable {
    let backup: String
    let sessionCopies: Bool

    /// What a truthful token answers (see the specification, "Policy").
    var expected: [String: Bool] {
        var expected = [
            "CKA_TOKEN": true, "CKA_PRIVATE": true, "CKA_SENSITIVE": true, "CKA_SIGN": true,
            "CKA_SIGN_RECOVER": false, "CKA_DECRYPT": false, "CKA_UNWRAP": false, "CKA_DERIVE": false,
            "CKA_LOCAL": true, "CKA_ALWAYS_SENSITIVE": true, "CKA_EXTRACTABLE": backup == "wrap",
            "CKA_NEVER_EXTRACTABLE": backup != "wrap", "CKA_MODIFIABLE": sessionCopies,
            "CKA_COPYABLE": sessionCopies,
        ]
        if backup == "wrap" { expected["CKA_WRAP_WITH_TRUSTED"] = true }
        return expected
    }
}

// Effects: meant, done, seen; and whether what was seen is what was declared.
extension TranscriptVerifier {
    /// What an effect is about, by the member that its kind is told apart by.
    private func subject(_ line: JSONValue, _ kind: String) -> String {
        switch kind {
        case "login": line["token"]?.text ?? line["token"]?["name"]?.text ?? ""
        case "set-activation": line["set"]?.text ?? ""
        case "enrol-credential": line["name"]?.text ?? ""
        case "sign-certificate", "sign-crl", "sign-roster": ""
        default: line["label"]?.text ?? ""
        }
    }

    mutating func takeEffect(_ type: String, _ line: JSONValue, _ step: Step) throws(TranscriptRefusal) {
        let kind = line["effect"]?.text ?? ""
        guard allows(kind, in: step) else {
            throw refuse(.order, "\(kind) does not belong into a \(step.action) step")
        }
        let subject = subject(line, kind)
        let key = "\(kind) \(subject)"
        switch type {
        case "intent":
            if step.isIrreversible && step.action != "enrol" && signed < seats().count {
                throw refuse(.signOff, "not everybody of the step has signed before the intent")
            }
            if let known = effects[key], LineForms.hasEffectLine(kind) {
                guard known.effect == nil, known.lastAttempt < attempts, sameIntent(known.intent, line) else {
                    throw refuse(.effect, "the effect was meant before, otherwise, or has happened already")
                }
            }
            try takeIntent(kind, line)
            effects[key] = Effect(
                intent: line, attempt: effects[key]?.attempt ?? attempts, lastAttempt: attempts)
        case "effect":
            guard let known = effects[key], known.effect == nil else {
                throw refuse(.effect, "no intent of \(kind) is open")
            }
            try requireSame(kind, line, known.intent)
            guard line["recovered"] != true || known.attempt < attempts else {
                throw refuse(.effect, "nothing can have been left behind: no earlier attempt has meant it")
            }
            try takeAnswer(kind, line, known.intent)
            effects[key]?.effect = line
        default:
            guard let known = effects[key], !known.isObserved,
                known.effect != nil || !LineForms.hasEffectLine(kind)
            else { throw refuse(.effect, "\(kind) is observed before it is done, or twice") }
            try requireSame(kind, line, known.intent)
            if let effect = known.effect { try requireSame(kind, line, effect) }
            try takeObservation(kind, line, known)
            effects[key]?.isObserved = true
            observed.insert(kind)
        }
    }

    /// Members of one name say one thing.
    private func requireSame(
        _ kind: String, _ line: JSONValue, _ other: JSONValue
    ) throws(TranscriptRefusal) {
        for (name, value) in line.members ?? [:] where !["type", "time", "prev"].contains(name) {
            if kind == "login" && name == "token" { continue }
            guard let earlier = other[name], earlier != value else { continue }
            throw refuse(.effect, "`\(name)` is another than in the line before")
        }
    }

    private func sameIntent(_ one: JSONValue, _ other: JSONValue) -> Bool {
        func stripped(_ line: JSONValue) -> [String: JSONValue] {
            (line.members ?? [:]).filter { $0.key != "prev" && $0.key != "time" }
        }
        return stripped(one) == stripped(other)
    }

    private func digest(_ octets: [UInt8]) -> String { hexadecimal(SHA256.hash(data: octets)) }

    private func require(
        _ holds: Bool, _ code: TranscriptRefusal.Code, _ reason: String
    ) throws(TranscriptRefusal) {
        if !holds { throw refuse(code, reason) }
    }

    // MARK: Meant

    private mutating func takeIntent(_ kind: String, _ line: JSONValue) throws(TranscriptRefusal) {
        switch kind {
        case "login", "generate-key", "unwrap": try requireToken(line["token"]?.text ?? "")
        case "destroy":
            try requireToken(line["token"]?.text ?? "")
            _ = try takeKey(line)
        case "wrap":
            try requireToken(line["token"]?.text ?? "")
            try requireToken(line["to"]?.text ?? "")
            _ = try takeKey(line)
        case "set-activation":
            try requireToken(line["token"]?.text ?? "")
            guard let shares, shares.set == line["set"]?.text, shares.isTested,
                shares.needed == line["needed"]?.number,
                shares.holders == (line["holders"]?.items ?? []).compactMap(\.text)
            else { throw refuse(.order, "shares are read back and tested before they are put in force") }
        case "sign-certificate", "sign-crl":
            try require(
                digest(line["toBeSigned"]?.octets ?? []) == line["toBeSignedDigest"]?.text, .certificate,
                "`toBeSigned` does not hash to its digest")
            if kind == "sign-crl", let previous = line["previousNumber"]?.number {
                try require(
                    line["number"]?.number == previous + 1, .certificate,
                    "the list's number does not continue")
            }
        case "enrol-credential":
            try require((line["keyIDs"]?.items ?? []).count == 2, .form, "two key identifiers are wanted")
        default: break
        }
    }

    // MARK: Done

    private mutating func takeAnswer(
        _ kind: String, _ line: JSONValue, _ intent: JSONValue
    ) throws(TranscriptRefusal) {
        switch kind {
        case "generate-key", "unwrap":
            try require(
                line["keyID"] == intent["keyID"], .effect, "the key has another identifier than was meant")
            let label = try takeKey(line)
            if kind == "generate-key" {
                policies[label] = DeclaredPolicy(
                    backup: intent["backup"]?.text ?? "", sessionCopies: intent["sessionCopies"] == true)
            }
        case "sign-certificate", "sign-crl":
            try require(
                line["toBeSignedDigest"] == intent["toBeSignedDigest"], .certificate,
                "other octets were signed than were meant")
        case "set-activation":
            try require(line["token"] == intent["token"], .effect, "another token was meant")
        case "enrol-credential":
            let (signing, share) = (line["signingKey"]?.octets ?? [], line["shareKey"]?.octets ?? [])
            try require(
                signing != share && (try? P256.Signing.PublicKey(derRepresentation: signing)) != nil
                    && (try? P256.Signing.PublicKey(derRepresentation: share)) != nil, .effect,
                "the keys are not two on P-256")
            try require(
                !people.contains { $0.key == signing && $0.name != line["name"]?.text }, .people,
                "the key is another's")
            if let index = people.firstIndex(where: { $0.name == line["name"]?.text }) {
                try require(
                    people[index].key == nil || people[index].key == signing, .people,
                    "\(people[index].name) has another key already")
                people[index].key = signing
            }
        default: break
        }
    }

    /// Notes the key of a label: one label has one key, and one key one label.
    private mutating func takeKey(_ line: JSONValue) throws(TranscriptRefusal) -> String {
        let label = line["label"]?.text ?? ""
        let key = line["subjectPublicKeyInfo"]?.octets ?? []
        try require(
            (try? SigningKeyType(publicKeyInfo: key)) != nil, .form, "no key of ours: subjectPublicKeyInfo")
        try require(keys[label] == nil || keys[label] == key, .effect, "another key has this label")
        try require(
            !keys.contains { $0.key != label && $0.value == key }, .effect, "one key under two labels")
        keys[label] = key
        digests["key \(label)"] = digest(key)
        return label
    }

    // MARK: Seen

    private mutating func takeObservation(
        _ kind: String, _ line: JSONValue, _ known: Effect
    ) throws(TranscriptRefusal) {
        let label = line["label"]?.text ?? ""
        let names = (line["attributes"]?.items ?? []).compactMap { $0["name"]?.text }
        // The two keys of a credential are read back one after the other.
        if kind != "enrol-credential", Set(names).count < names.count {
            throw refuse(.policy, "an attribute is there twice")
        }
        switch kind {
        case "login": try takeLogin(line)
        case "generate-key":
            try requirePolicy(line, label)
            let probes = (line["probes"]?.items ?? []).compactMap { $0["attempt"]?.text }
            var wanted = ["read", "wrap"]
            if policies[label]?.sessionCopies == false { wanted.append("copy") }
            for attempt in wanted where !probes.contains(where: { $0.hasPrefix(attempt) }) {
                throw refuse(.policy, "nobody tried to \(attempt) the key")
            }
        case "test-signature": if policies[label] != nil { try requirePolicy(line, label) }
        case "unwrap":
            try requireAttributes(
                line,
                [
                    "CKA_LOCAL": false, "CKA_ALWAYS_SENSITIVE": false, "CKA_NEVER_EXTRACTABLE": false,
                    "CKA_SENSITIVE": true,
                ])
        case "sign-certificate": try takeCertificate(line, known)
        case "sign-crl": try takeList(line, known)
        case "destroy":
            let id = known.intent["keyID"]
            try require(
                !(line["objects"]?.items ?? []).contains { $0["label"]?.text == label || $0["keyID"] == id },
                .effect, "the key is still there")
        case "sign-roster": try takeRoster(line, known)
        default: break
        }
    }

    private mutating func takeLogin(_ line: JSONValue) throws(TranscriptRefusal) {
        let token = line["token"] ?? .null
        guard let bound = (begin["tokens"]?.items ?? []).first(where: { $0["name"] == token["name"] }),
            bound["serial"] == token["serial"], bound["tokenLabel"] == token["tokenLabel"],
            bound["activation"] == token["activation"], bound["moduleDigest"] == line["moduleDigest"]
        else { throw refuse(.effect, "the token that was opened is not the one of the first line") }
        let holders = (line["holders"]?.items ?? []).compactMap(\.text)
        let isQuorum = line["opened"]?.text == "quorum"
        try require(
            isQuorum ? !holders.isEmpty && holders == presented : holders.isEmpty, .people,
            "the holders are not those who presented shares")
        presented = []
    }

    private func requirePolicy(_ line: JSONValue, _ label: String) throws(TranscriptRefusal) {
        guard let policy = policies[label] else {
            throw refuse(.policy, "no policy is declared for \(label)")
        }
        try requireAttributes(line, policy.expected)
    }

    private func requireAttributes(_ line: JSONValue, _ wanted: [String: Bool]) throws(TranscriptRefusal) {
        var found: [String: Bool?] = [:]
        for attribute in line["attributes"]?.items ?? [] {
            found[attribute["name"]?.text ?? ""] = attribute["flag"]?.flag
        }
        for (name, flag) in wanted.sorted(by: { $0.key < $1.key }) {
            guard let answer = found[name], answer == flag else {
                throw refuse(.policy, "\(name) is not \(flag)")
            }
        }
    }

    private mutating func takeCertificate(_ line: JSONValue, _ known: Effect) throws(TranscriptRefusal) {
        let der = line["certificate"]?.octets ?? []
        let subjectLabel = known.intent["subjectKey"]?.text ?? ""
        let issuer = known.intent["issuerCertificate"]?.octets
        guard let certificate = try? ReceivedCertificate(der: der),
            certificate.toBeSigned == known.intent["toBeSigned"]?.octets,
            line["toBeSignedDigest"] == known.intent["toBeSignedDigest"],
            line["certificateDigest"]?.text == digest(der)
        else { throw refuse(.certificate, "the certificate is not what was meant and signed") }
        try require(
            certificate.subjectPublicKeyInfo == keys[subjectLabel], .certificate,
            "the certificate is another key's")
        try require(
            line["notBefore"]?.text == CeremonyRunner.time(certificate.notBefore)
                && line["notAfter"]?.text == CeremonyRunner.time(certificate.notAfter)
                && known.intent["certificateSerial"]?.text == hexadecimal(certificate.serialNumber)
                && known.intent["notBefore"] == line["notBefore"], .certificate,
            "times or serial number are not the certificate's")
        try require(
            issuer != nil || known.intent["issuerKey"]?.text == subjectLabel, .certificate,
            "another key signed, and its certificate is missing")
        try require(
            (try? verifyCertificate(der: der, issuedBy: issuer)) != nil, .certificate,
            "the certificate's signature does not verify")
        try require(
            certificate.signature == known.effect?["signature"]?.octets, .certificate,
            "the certificate carries another signature than the token answered")
        digests["certificate \(subjectLabel)"] = digest(der)
    }

    private mutating func takeList(_ line: JSONValue, _ known: Effect) throws(TranscriptRefusal) {
        let der = line["crl"]?.octets ?? []
        guard let list = try? ReceivedRevocationList(der: der),
            list.toBeSigned == known.intent["toBeSigned"]?.octets,
            line["toBeSignedDigest"] == known.intent["toBeSignedDigest"],
            line["crlDigest"]?.text == digest(der), line["number"] == known.intent["number"],
            line["number"]?.number == Int(exactly: list.number),
            list.signature == known.effect?["signature"]?.octets,
            known.intent["thisUpdate"]?.text == CeremonyRunner.time(list.thisUpdate),
            known.intent["nextUpdate"]?.text == CeremonyRunner.time(list.nextUpdate)
        else { throw refuse(.certificate, "the list is not what was meant and signed") }
        let entries: [JSONValue] = list.entries.map {
            [
                "certificateSerial": .string(hexadecimal($0.serialNumber)),
                "revokedAt": .string(CeremonyRunner.time($0.revocationTime)),
                "reason": .string("\($0.reason)"),
            ]
        }
        let meant = known.intent["revoked"]?.items ?? []
        try require(
            Set(entries) == Set(meant) && entries.count == meant.count, .certificate,
            "the list revokes other certificates, or otherwise")
        let issuer = known.intent["issuerCertificate"]?.octets ?? []
        try require(
            (try? verifyRevocationList(der: der, issuedBy: issuer)) != nil, .certificate,
            "the list's signature does not verify")
        // A script names its lists; the transcript knows them by their step.
        digests["crl \(line["step"]?.text ?? "")"] = digest(der)
    }

    private mutating func takeRoster(_ line: JSONValue, _ known: Effect) throws(TranscriptRefusal) {
        do throws(RosterError) {
            let roster = try Roster(line["roster"] ?? .null, subject: "the roster")
            if let last = rosters.last {
                try roster.verify(after: last, subject: "the roster")
            } else {
                try roster.verifyFirst(subject: "the roster")
            }
            guard roster.statement == known.intent["statement"], line["rosterDigest"]?.text == roster.digest,
                roster.origin == begin["origin"]?.text, roster.isRehearsal == isRehearsal
            else { throw RosterError(.malformed, "the roster", "is not the one that was meant") }
            if rosters.isEmpty, let pin = expectations.rosterDigest, pin != roster.digest {
                throw RosterError(.descent, "the roster", "is not the pinned one")
            }
            madeRoster = roster
        } catch {
            throw refuse(.roster, error.description)
        }
    }
}
