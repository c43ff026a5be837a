import CanonicalJSON
import Foundation
import PKCS11
import Rosters
import SignedStatements
import Sites
import TokenKeys

// Custodians get keys, and sign the roster that says whose they are.
extension CeremonyRunner {
    /// Who shall be on the roster: the site's draft, in a rehearsal the stand-ins.
    func draft() throws(CeremonyError) -> RosterDraft {
        guard site.isRehearsal else {
            return try concerning(site.rosterDraft) { try RosterDraft.read(path: site.rosterDraft) }
        }
        let conflicts = script.conflicts.map { [$0.first.value, $0.second.value] }
        return RosterDraft(
            members: participants.map {
                RosterDraft.Member(
                    name: $0.name, roles: $0.roles, tokenSerial: "none", tokenLabel: "stand-in")
            }, conflicts: conflicts,
            quorums: Roster.Quorums(
                roster: min(2, participants.count), approval: min(2, participants.count),
                recovery: min(2, participants.count)))
    }

    /// The last roster's word on a member of the draft, whose keys stay; nil for whoever is new or has another token.
    private func kept(_ seat: RosterDraft.Member) -> Roster.Member? {
        rosters.last?.member(seat.name).flatMap { seat.keeps($0) ? $0 : nil }
    }

    /// Makes two keys for each person of the draft who has none, on a token of their own.
    func enrol() throws(CeremonyError) {
        for member in try draft().members where kept(member) == nil {
            if record.credentials[member.name] != nil && !isOpen("enrol-credential", member.name) { continue }
            let effect = try intend("enrol-credential", member.name) { () throws(CeremonyError) in
                var generator = SystemRandomNumberGenerator()
                let ids = (0..<2).map { _ in
                    hexadecimal((0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
                }
                return [
                    "name": .string(member.name),
                    "token": [
                        "serial": .string(member.tokenSerial), "tokenLabel": .string(member.tokenLabel),
                    ],
                    "keyIDs": .array(ids.map { .string($0) }),
                ]
            }
            let ids = (effect.intent["keyIDs"]?.items ?? []).map { hexadecimalOctets($0.text ?? "") }
            let keys = try credentialKeys(member, ids: ids)
            if effect.effect == nil {
                try noteEffect(
                    "enrol-credential",
                    [
                        "name": .string(member.name), "signingKey": .base64(keys.signingKey),
                        "shareKey": .base64(keys.shareKey),
                    ], recovered: keys.wereThere)
            }
            try noteObserved(
                "enrol-credential",
                [
                    "name": .string(member.name), "attributes": Self.json(keys.attributes),
                    "probes": Self.json(keys.probes),
                ])
            show(
                "\(member.name) has keys on token \(member.tokenLabel), serial number \(member.tokenSerial).")
        }
    }

    private func isOpen(_ effect: String, _ subject: String) -> Bool {
        guard let known = record.effects[CeremonyRecord.key(effect, subject)] else { return false }
        return known.observed == nil
    }

    private func credentialKeys(
        _ member: RosterDraft.Member, ids: [[UInt8]]
    ) throws(CeremonyError) -> CredentialKeys {
        if let standIn = participants.first(where: { $0.name == member.name })?.standIn {
            return CredentialKeys(
                signingKey: standIn.signingKey, shareKey: standIn.shareKey, attributes: [], probes: [])
        }
        guard ids.count == 2 else {
            throw CeremonyError(.transcriptInvalid, journal.path, "the intent to enrol is malformed")
        }
        let login = try openCredential(
            name: member.name, serial: member.tokenSerial, label: member.tokenLabel,
            purpose: "to make your keys on it")
        defer { withExtendedLifetime(login) {} }
        return try concerning(member.name) {
            try TokenCredential.enrol(
                member.name, signingID: ids[0], shareID: ids[1], login: login, rehearsal: site.isRehearsal)
        }
    }

    /// Puts the roster together and has everybody sign it whose signature it takes.
    func signRoster() throws(CeremonyError) {
        // Signed anew after an interruption it would be another document: signatures differ each time.
        if record.effects[CeremonyRecord.key("sign-roster", "")]?.observed != nil { return }
        let draft = try draft()
        var members: [Roster.Member] = []
        for seat in draft.members {
            let old = kept(seat)
            guard let signing = old?.signingKey ?? record.credentials[seat.name]?.signing,
                let share = old?.shareKey ?? record.credentials[seat.name]?.share
            else { throw CeremonyError(.rosterRefused, seat.name, "has not been enrolled") }
            members.append(
                Roster.Member(
                    name: seat.name, roles: seat.roles, signingKey: signing, shareKey: share,
                    tokenSerial: seat.tokenSerial, tokenLabel: seat.tokenLabel))
        }
        let last = rosters.last
        let unsigned = Roster(
            version: (last?.version ?? 0) + 1, origin: site.origin, rehearsal: site.isRehearsal,
            previous: last?.digest, members: members, conflicts: draft.conflicts, quorums: draft.quorums)
        try concerning("roster") { try unsigned.validate(subject: "the roster") }
        let effect = try intend("sign-roster") { () throws(CeremonyError) in ["statement": unsigned.statement]
        }
        guard effect.intent["statement"] == unsigned.statement else {
            throw CeremonyError(
                .rosterRefused, site.rosterDraft, "has changed since the roster was announced")
        }
        var signatures: [Roster.Signature] = []
        for member in members where last == nil || isPresent(member.name) {
            // Whoever has new keys signs with those.
            let standIn = participants.first { $0.name == member.name }?.standIn
            let person = Participant(name: member.name, roles: member.roles, member: member, standIn: standIn)
            let signature = try withCredential(of: person, purpose: "to sign the roster") {
                (credential) throws(CeremonyError) in
                try concerning(member.name) { try credential.signature(over: unsigned.signedBytes) }
            }
            signatures.append(Roster.Signature(name: member.name, signature: signature))
            show("\(member.name) has signed the roster.")
        }
        let roster = unsigned.signed(by: signatures)
        try concerning("roster") {
            if let last {
                try roster.verify(after: last, subject: "the roster")
            } else {
                try roster.verifyFirst(subject: "the roster")
            }
        }
        try noteObserved(
            "sign-roster", ["roster": roster.document, "rosterDigest": .string(roster.digest)])
    }

    /// Whether somebody takes part, or gets keys in this ceremony.
    private func isPresent(_ name: String) -> Bool {
        participants.contains { $0.name == name } || record.credentials[name] != nil
    }

    /// The roster that this ceremony has made; nil where it has made none.
    func madeRoster() throws(CeremonyError) -> Roster? {
        guard let document = record.roster else { return nil }
        return try concerning("roster") { try Roster(document, subject: "the roster") }
    }
}
