import CanonicalJSON
import Crypto
import Foundation
import PKCS11
import Rosters
import SecretSharing
import SignedStatements
import Sites
import TokenKeys

// How tokens are opened: the site's, by pin-source, initial PIN or quorum, and people's own.
extension CeremonyRunner {
    /// The token, opened again where a break or an interruption has closed it.
    func token(_ name: String) throws(CeremonyError) -> OpenToken {
        if let token = tokens[name] { return token }
        return try open(name)
    }

    /// Opens a token in the way that it has: its pin-source, its quorum, or, before it has one, its initial PIN.
    @discardableResult
    func open(_ name: String) throws(CeremonyError) -> OpenToken {
        let binding = try concerning("token \(name)") { try site.token(name) }
        if binding.pinSource != nil { return try open(name, by: .site, as: "pin-source", holders: []) }
        let set = try concerning("token \(name)") { try site.activation(of: name).current() }
        if set != nil { return try openByQuorum(name) }
        if binding.activation == .pinSource {
            return try openAsking(.token(name), name, as: "pin-source")
        }
        return try openAsking(.initial(token: name, user: .user), name, as: "initial-pin")
    }

    private func openAsking(
        _ request: PINRequest, _ name: String, as way: String
    ) throws(CeremonyError) -> OpenToken {
        try askingForPIN(request) { (pin) throws(CeremonyError) in
            try open(name, by: .known(pin), as: way, holders: [])
        }
    }

    /// Asks for a PIN and tries it, three times at most: tokens lock after a few wrong ones.
    func askingForPIN<R>(
        _ request: PINRequest, _ body: (PIN) throws(CeremonyError) -> R
    ) throws(CeremonyError) -> R {
        let most = 3
        var refusal: String?
        var tries = 0
        while true {
            let pin = try room.pin(request, refusal: refusal)
            do throws(CeremonyError) {
                return try body(pin)
            } catch {
                tries += 1
                guard let cause = error.cause as? PKCS11Error, cause.code == .pinRefused, tries < most else {
                    throw error
                }
                refusal =
                    "The token did not take that PIN (\(cause.returnValue.map { "\($0)" } ?? "refused")); "
                    + (most - tries == 1 ? "one try is left." : "\(most - tries) tries are left.")
            }
        }
    }

    @discardableResult
    func open(
        _ name: String, by source: PINSource, as way: String, holders: [String]
    ) throws(CeremonyError) -> OpenToken {
        try note("intent", ["effect": "login", "token": .string(name)])
        // On a token that is open already, PKCS#11 takes any PIN.
        tokens[name] = nil
        let open = try concerning("token \(name)") { try site.open(name, pin: source) }
        let info = try open.json()
        guard info["serial"]?.text == open.binding.serial else {
            throw CeremonyError(
                .token, "token \(name)", "the token that answers is not the one that site.yaml names")
        }
        tokens[name] = open
        try noteObserved(
            "login",
            [
                "token": info, "opened": .string(way), "holders": .array(holders.map { .string($0) }),
                "moduleDigest": .string(Self.moduleDigest(open.binding.module)),
            ])
        show("Token \(name) is open: serial number \(open.binding.serial).")
        try requireFreeLabels(on: open)
        return open
    }

    /// The SHA-256 of the module's file, in hexadecimal.
    static func moduleDigest(_ path: String) -> String {
        hexadecimal(SHA256.hash(data: FileManager.default.contents(atPath: path) ?? Data()))
    }

    /// Refuses a label that stands on the token already, now that private objects are seen too.
    ///
    /// Those that this ceremony has made, or may have made before it was interrupted, are its own.
    private func requireFreeLabels(on token: OpenToken) throws(CeremonyError) {
        let taken = Set(try TokenInventory(of: token).entries.map(\.label))
        for step in script.steps {
            guard case .generateKey(let request) = step.content, request.token.value == token.name
            else { continue }
            let label = request.label(rehearsal: site.isRehearsal).description
            let isOurs = record.keys[label] != nil || wasIntended("generate-key", label)
            if taken.contains(label) && !isOurs {
                throw CeremonyError(
                    .labelTaken, label, "an object of this label is on the token already",
                    hint: "Choose another name for the key, or follow the destruction ceremony first.")
            }
        }
    }

    func inventory(_ name: String) throws(CeremonyError) {
        let inventory = try TokenInventory(of: try token(name))
        for entry in inventory.entries { show("\(entry.kind) \(entry.label)") }
        if inventory.entries.isEmpty { show("Token \(name) is empty.") }
        try note("inventory", ["token": .string(name), "objects": inventory.json])
    }

    // MARK: People's own tokens

    /// Hands a person's keys to `body`, and closes their token after it.
    ///
    /// The person is asked for their PIN each time, three times at most; a stand-in has its keys in memory.
    func withCredential<R>(
        of person: Participant, purpose: String, _ body: (any Credential) throws(CeremonyError) -> R
    ) throws(CeremonyError) -> R {
        if let standIn = person.standIn { return try body(standIn) }
        guard let member = try member(person) else {
            throw CeremonyError(.personRefused, person.name, "has no key of their own yet")
        }
        let login = try openCredential(
            name: member.name, serial: member.tokenSerial, label: member.tokenLabel, purpose: purpose)
        defer { withExtendedLifetime(login) {} }
        let credential = try concerning(member.name) {
            try TokenCredential(of: member, login: login, rehearsal: site.isRehearsal)
        }
        return try body(credential)
    }

    /// The roster's word on a person, or what this ceremony has given them.
    func member(_ person: Participant) throws(CeremonyError) -> Roster.Member? {
        if let member = person.member { return member }
        guard let keys = record.credentials[person.name] else { return nil }
        let draft = try draft()
        guard let seat = draft.members.first(where: { $0.name == person.name }) else { return nil }
        return Roster.Member(
            name: person.name, roles: seat.roles, signingKey: keys.signing, shareKey: keys.share,
            tokenSerial: seat.tokenSerial, tokenLabel: seat.tokenLabel)
    }

    /// Logs in to a person's token, which is found by serial number and label.
    func openCredential(
        name: String, serial: String, label: String, purpose: String
    ) throws(CeremonyError) -> Login {
        let slot = try concerning(name) { try site.credentialSlot(serial: serial, label: label) }
        return try askingForPIN(.credential(name: name, tokenLabel: label, purpose: purpose)) {
            (pin) throws(CeremonyError) in
            try concerning(name) { try site.login(slot, pin: pin) }
        }
    }
}
