import CanonicalJSON
import Crypto
import Foundation
import PKCS11
import Rosters
import SecretSharing
import SignedStatements
import Sites

// Activation data: random PINs that nobody sees, in the hands of a quorum (PCI PIN 6-3, split knowledge).
extension CeremonyRunner {
    // MARK: Splitting

    /// Gives a token new PINs, which follow from a random secret that its holders share.
    ///
    /// The shares are made, handed out, read back and tried in every quorum before the token is changed; from then on
    /// they are the way in, also for this ceremony, should it be interrupted between the two.
    func split(_ request: SplitRequest) throws(CeremonyError) {
        let name = request.token.value
        let store = site.activation(of: name)
        let isResumed = record.effects.contains { $0.key.hasPrefix("set-activation ") }
        let secret: SecretBytes
        let set: String
        if let open = record.effects.first(where: { $0.key.hasPrefix("set-activation ") })?.value,
            let known = open.intent["set"]?.text
        {
            set = known
            secret = try collect(name, set: set).secret
        } else {
            (set, secret) = try handOut(request, store)
        }
        let user = ActivationPIN.make(.user, from: secret)
        let officer = ActivationPIN.make(.securityOfficer, from: secret)
        let description = try concerning(name) { try store.describe(set) }
        let effect = try intend("set-activation", set) { () throws(CeremonyError) in
            [
                "token": .string(name), "set": .string(set), "needed": .integer(description.needed),
                "holders": .array(description.holders.map { .string($0.name) }),
            ]
        }
        if effect.effect == nil {
            let isSet = try setPINs(of: name, user: user, officer: officer, mayBeSet: isResumed)
            try noteEffect("set-activation", ["token": .string(name), "set": .string(set)], recovered: isSet)
        }
        if effect.observed == nil {
            try requireOpens(name, user: user, officer: officer)
            if site.isRehearsal {
                try concerning(name) { try site.storeRehearsalPINs(name, user: user, officer: officer) }
            }
            try concerning(name) { try store.makeCurrent(set) }
            // The one in force before, and those of attempts that were given up.
            store.removeAll(except: set)
            try noteObserved(
                "set-activation",
                [
                    "token": .string(name), "set": .string(set),
                    "answer": "the token takes the new PINs of user and security officer",
                ])
        }
        show(
            "Token \(name) opens by \(description.needed) of \(description.holders.count) shares from now on."
        )
    }

    /// Makes a secret and hands its shares to their holders, who read them back; answers the set's name and the secret.
    private func handOut(
        _ request: SplitRequest, _ store: ActivationStore
    ) throws(CeremonyError) -> (set: String, secret: SecretBytes) {
        let name = request.token.value
        let seats = request.groups.map { group in
            participants.filter { $0.roles.contains(group.holders.value) }
        }
        let people = seats.flatMap { $0 }
        guard Set(people.map(\.name)).count == people.count else {
            throw CeremonyError(.personRefused, "token \(name)", "somebody would hold two shares of it")
        }
        for (group, seats) in zip(request.groups, seats) where seats.count < group.needed.value {
            throw CeremonyError(
                .quorumShort, "token \(name)",
                "\(seats.count) holders of the role \(group.holders.value.rawValue) are here; "
                    + "\(group.needed.value) are needed")
        }
        let serial = try concerning(name) { try site.token(name) }.serial
        let secret = try concerning(name) { try SecretBytes.random(count: ActivationPIN.secretLength) }
        var generator = SystemRandomNumberGenerator()
        let set = hexadecimal((0..<8).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
        let groups = zip(request.groups, seats).map { (threshold: $0.needed.value, count: $1.count) }
        let shares = try concerning(name) {
            try SLIP39.split(
                secret: secret, groupThreshold: request.groupsNeeded.value, groups: groups)
        }
        let description = ActivationSet(
            set: set,
            groups: zip(zip(request.groups, seats), shares).map { group, shares in
                ActivationSet.Group(
                    needed: group.0.needed.value,
                    holders: zip(group.1, shares).map { person, share in
                        ShareHolder(name: person.name, commitment: share.mnemonic.commitment(set: set))
                    })
            }, groupsNeeded: request.groupsNeeded.value, onScreen: request.delivery.value == .screen)
        try concerning(name) { try store.store(description) }
        var lines: [JSONValue] = []
        for (index, (person, share)) in zip(people, shares.flatMap { $0 }).enumerated() {
            switch request.delivery.value {
            case .credential:
                guard let key = person.shareKey else {
                    throw CeremonyError(.personRefused, person.name, "has no key for shares")
                }
                let sealed = try concerning(person.name) {
                    try SealedShare(
                        share.mnemonic, token: serial, set: set, holder: person.name, shareKey: key,
                        rehearsal: site.isRehearsal)
                }
                try concerning(person.name) { try store.store(sealed, holder: index) }
                lines.append([
                    "name": .string(person.name),
                    "fileDigest": .string(hexadecimal(SHA256.hash(data: sealed.bytes))),
                ])
            case .screen:
                try room.show(share: share.mnemonic, to: person.name)
                lines.append(["name": .string(person.name)])
            }
        }
        var members: [String: JSONValue] = [
            "token": .string(name), "set": .string(set), "needed": .integer(description.needed),
            "holders": .array(lines), "delivery": .string(request.delivery.value.rawValue),
        ]
        if description.groups.count > 1 {
            members["groupsNeeded"] = .integer(description.groupsNeeded)
            members["groups"] = .array(
                description.groups.map {
                    ["needed": .integer($0.needed), "holders": .integer($0.holders.count)]
                })
        }
        try note("shares", members)
        var readBack: [SLIP39.Share] = []
        for person in people {
            readBack.append(
                try present(person, name, description, purpose: "to read the share back"))
            try note("share-read-back", ["set": .string(set), "name": .string(person.name)])
            show("\(person.name) has read the share back.")
        }
        var count = 0
        try concerning(name) {
            for quorum in try SLIP39.everyQuorum(of: readBack) {
                guard try SLIP39.combine(quorum) == secret else {
                    throw CeremonyError(.shareRefused, name, "a quorum of shares gives another secret")
                }
                count += 1
            }
        }
        try note("quorums-tested", ["set": .string(set), "count": .integer(count)])
        show("Every quorum was tried: \(count) of \(count) give the secret.")
        return (set, secret)
    }

    /// Sets both PINs, and answers whether an interrupted attempt had done so already.
    private func setPINs(
        of name: String, user: PIN, officer: PIN, mayBeSet: Bool
    ) throws(CeremonyError) -> Bool {
        // The old PINs are asked for only where they are needed, and no login may rest on the old ones meanwhile.
        var old = secrets[name]
        tokens[name] = nil
        secrets[name] = nil
        let slot = try concerning("token \(name)") { try site.slot(name) }
        var wasSet = true
        for (type, pin) in [(UserType.user, user), (.securityOfficer, officer)] {
            if mayBeSet {
                let isSet = try opens(slot, type, pin, of: name)
                if isSet { continue }
            }
            wasSet = false
            let (oldPIN, login) = try loginByOldPIN(of: name, type, slot: slot, secret: &old)
            try concerning("token \(name)") {
                try slot.withSession(readWrite: true) { try $0.changePIN(from: oldPIN, to: pin) }
            }
            withExtendedLifetime(login) {}
        }
        return wasSet
    }

    /// Logs in by the PIN that the token has until now; one that people type is asked for three times at most.
    private func loginByOldPIN(
        of name: String, _ user: UserType, slot: Slot, secret: inout SecretBytes?
    ) throws(CeremonyError) -> (PIN, Login) {
        if let pin = try oldPIN(of: name, user, secret: &secret) {
            return (pin, try concerning("token \(name)") { try site.login(slot, user, pin: pin) })
        }
        return try askingForPIN(.initial(token: name, user: user)) { (pin) throws(CeremonyError) in
            (pin, try concerning("token \(name)") { try site.login(slot, user, pin: pin) })
        }
    }

    /// The PIN that the token has until now; nil where people alone know it.
    ///
    /// A secret that the holders had to bring for it is kept for the other PIN: they are asked once.
    private func oldPIN(
        of name: String, _ user: UserType, secret: inout SecretBytes?
    ) throws(CeremonyError) -> PIN? {
        if let secret { return ActivationPIN.make(user, from: secret) }
        let binding = try concerning(name) { try site.token(name) }
        if let source = user == .user ? binding.pinSource : binding.officerPinSource {
            return try concerning(name) { try PIN.read(file: site.pinFile(source)) }
        }
        if let current = try concerning(name, { try site.activation(of: name).current() }) {
            let collected = try collect(name, set: current).secret
            secret = collected
            return ActivationPIN.make(user, from: collected)
        }
        return nil
    }

    /// Whether the token takes the PIN; one that is locked tells neither and throws.
    private func opens(
        _ slot: Slot, _ user: UserType, _ pin: PIN, of name: String
    ) throws(CeremonyError) -> Bool {
        do {
            let login = try site.login(slot, user, pin: pin)
            withExtendedLifetime(login) {}
            return true
        } catch let error as PKCS11Error where error.isWrongPIN {
            return false
        } catch {
            throw CeremonyError(error, "token \(name)")
        }
    }

    /// Throws unless the token takes both PINs: one that says it has set a PIN may not have.
    private func requireOpens(_ name: String, user: PIN, officer: PIN) throws(CeremonyError) {
        let slot = try concerning("token \(name)") { try site.slot(name) }
        for (type, pin) in [(UserType.user, user), (.securityOfficer, officer)] {
            guard try opens(slot, type, pin, of: name) else {
                let owner = type == .user ? "user" : "security officer"
                throw CeremonyError(
                    .token, "token \(name)",
                    "the token said that it has set the PIN of its \(owner), and does not take it",
                    hint: "Do not use this token; its maker has to explain it.")
            }
        }
    }

    // MARK: Collecting

    func collectShares(_ name: String) throws(CeremonyError) {
        let set = try concerning(name) { try site.activation(of: name).current() }
        if set == nil && site.isRehearsal {
            // No rehearsal of this site has split it: it opens as it did when it was made.
            try open(name)
            return
        }
        try openByQuorum(name)
    }

    @discardableResult
    func openByQuorum(_ name: String) throws(CeremonyError) -> OpenToken {
        guard let set = try concerning(name, { try site.activation(of: name).current() }) else {
            throw CeremonyError(
                .quorumShort, "token \(name)", "no shares open it yet",
                hint: "A `split` step makes them.")
        }
        let (secret, holders) = try collect(name, set: set)
        let pin = ActivationPIN.make(.user, from: secret)
        let token = try open(name, by: .known(pin), as: "quorum", holders: holders)
        secrets[name] = secret
        return token
    }

    /// Has holders of a set present their shares until there are enough, and answers the secret and who they were.
    private func collect(
        _ name: String, set: String
    ) throws(CeremonyError) -> (secret: SecretBytes, holders: [String]) {
        let description = try concerning(name) { try site.activation(of: name).describe(set) }
        try description.requireQuorum(of: participants, token: name)
        var shares: [[SLIP39.Share]] = description.groups.map { _ in [] }
        var holders: [String] = []
        var refusal: CeremonyError?
        /// The groups that are whole.
        func whole() -> [[SLIP39.Share]] {
            zip(description.groups, shares).filter { $1.count == $0.needed }.map { $1 }
        }
        for (index, group) in description.groups.enumerated() {
            for holder in group.holders {
                guard whole().count < description.groupsNeeded, shares[index].count < group.needed else {
                    break
                }
                guard let person = participants.first(where: { $0.name == holder.name }) else { continue }
                do throws(CeremonyError) {
                    shares[index].append(
                        try present(
                            person, name, description, purpose: "to open token \(name)"))
                    holders.append(person.name)
                    try note("share-presented", ["set": .string(set), "name": .string(person.name)])
                    show("\(person.name) has presented a share: \(holders.count) of \(description.needed).")
                } catch {
                    // Another holder may still make the quorum whole; whose share was wrong has been said.
                    guard error.code == .shareRefused else { throw error }
                    show("\(error.subject): \(error.message)")
                    refusal = error
                }
            }
        }
        let quorum = whole().prefix(description.groupsNeeded)
        guard quorum.count == description.groupsNeeded else {
            throw refusal
                ?? CeremonyError(
                    .quorumShort, "token \(name)",
                    "\(holders.count) of its holders are here; \(description.needed) or more are needed",
                    hint: "Its holders are: \(description.holders.map(\.name).joined(separator: ", ")).")
        }
        return (try concerning("token \(name)") { try SLIP39.combine(quorum.flatMap { $0 }) }, holders)
    }

    /// One holder's share, compared with what was noted when it was made: a wrong one is named.
    private func present(
        _ person: Participant, _ token: String, _ set: ActivationSet, purpose: String
    ) throws(CeremonyError) -> SLIP39.Share {
        guard set.holders.contains(where: { $0.name == person.name }) else {
            throw CeremonyError(.shareRefused, person.name, "holds no share of token \(token)")
        }
        if set.onScreen {
            var refusal: String?
            for _ in 0..<3 {
                let typed = try room.share(of: person.name, refusal: refusal)
                do throws(SecretSharingError) {
                    let share = try SLIP39.Share(mnemonic: typed)
                    if set.isShare(share, of: person.name) { return share }
                    refusal = "that is a share, but not the one that \(person.name) was given"
                } catch {
                    // With the position of a wrong word, and never the word.
                    refusal = error.description
                }
            }
            throw CeremonyError(
                .shareRefused, person.name, refusal ?? "the share is wrong",
                hint: "Another holder may take the turn.")
        }
        let sealed = try concerning(person.name) {
            try site.activation(of: token).sealedShare(of: person.name, in: set)
        }
        let mnemonic = try withCredential(of: person, purpose: purpose) {
            (credential) throws(CeremonyError) in
            try concerning(person.name) { try credential.open(sealed) }
        }
        let share = try concerning(person.name) { try SLIP39.Share(mnemonic: mnemonic) }
        guard set.isShare(share, of: person.name) else {
            throw CeremonyError(
                .shareRefused, person.name, "the share is not the one that was given out",
                hint: "Another holder may take the turn.")
        }
        return share
    }
}

extension ActivationSet {
    /// Throws where the people are too few to open the token.
    func requireQuorum(of people: [Participant], token: String) throws(CeremonyError) {
        func isPresent(_ holder: ShareHolder) -> Bool { people.contains { $0.name == holder.name } }
        let whole = groups.count { group in group.holders.count(where: isPresent) >= group.needed }
        guard whole >= groupsNeeded else {
            throw CeremonyError(
                .quorumShort, "token \(token)",
                "\(holders.count(where: isPresent)) of its holders are here; \(needed) are needed",
                hint: "Its holders are: \(holders.map(\.name).joined(separator: ", ")).")
        }
    }
}
