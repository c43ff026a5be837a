import Crypto
import Foundation
import SignedStatements
import Testing

/// Members with keys in memory.
struct People {
    private var keys: [String: P256.Signing.PrivateKey] = [:]
    private var shares: [String: P256.KeyAgreement.PrivateKey] = [:]

    init(_ names: String...) {
        for name in names {
            keys[name] = P256.Signing.PrivateKey()
            shares[name] = P256.KeyAgreement.PrivateKey()
        }
    }

    func roster(
        _ roles: [String: [CeremonyRole]], after previous: Roster? = nil, rehearsal: Bool = false
    ) -> Roster {
        Roster(
            version: (previous?.version ?? 0) + 1, origin: "log.example.com/a", rehearsal: rehearsal,
            previous: previous?.digest,
            members: roles.sorted { $0.key < $1.key }.compactMap { name, roles in
                guard let key = keys[name], let share = shares[name] else { return nil }
                return Roster.Member(
                    name: name, roles: roles, signingKey: Array(key.publicKey.derRepresentation),
                    shareKey: Array(share.publicKey.derRepresentation), tokenSerial: name, tokenLabel: name)
            }, conflicts: [], quorums: Roster.Quorums(roster: 2, approval: 2, recovery: 2))
    }

    func signed(_ roster: Roster, by names: String...) throws -> Roster {
        roster.signed(
            by: try names.map { name in
                let signature =
                    try keys[name]?.signature(for: roster.signedBytes).derRepresentation ?? .init()
                return Roster.Signature(
                    name: name, signature: StrictSignature.der(Array(signature)) ?? Array(signature))
            })
    }
}

@Suite("A chain of rosters") struct RosterChainTests {
    private let people = People("alice", "bob", "carol", "dora", "erin")
    private let roles: [String: [CeremonyRole]] = [
        "alice": [.ceremonyAdministrator], "bob": [.cryptoOfficer], "carol": [.shareHolder],
        "dora": [.externalWitness],
    ]

    private func chain() throws -> [Roster] {
        let first = try people.signed(people.roster(roles), by: "alice", "bob", "carol", "dora")
        var next = roles
        next["carol"] = nil
        next["erin"] = [.shareHolder]
        let second = try people.signed(people.roster(next, after: first), by: "alice", "bob", "erin")
        let third = try people.signed(people.roster(roles, after: second), by: "alice", "carol", "erin")
        return [first, second, third]
    }

    private func refusal(_ rosters: [Roster], _ pinned: [UInt8]) -> StatementError.Code? {
        #expect(throws: StatementError.self) { try RosterChain(rosters, pinned: pinned) }?.code
    }

    @Test("It holds where any of its versions is pinned", arguments: 0..<3)
    func anywhere(place: Int) throws {
        let rosters = try chain()
        let chain = try RosterChain(rosters, pinned: rosters[place].digestOctets)
        #expect(chain.rosters == rosters)
        #expect(chain.place(of: rosters[place].digestOctets) == place)
        #expect(chain.verifier(at: place)?.roster == rosters[place])
        #expect(chain.verifier(at: 3) == nil)
    }

    @Test("Without the pinned version, or with none at all, it is refused")
    func foreign() throws {
        let rosters = try chain()
        #expect(refusal(Array(rosters[..<2]), rosters[2].digestOctets) == .rosterDescent)
        #expect(refusal([], rosters[0].digestOctets) == .rosterDescent)
    }

    @Test("Cut at its beginning, in its middle, or out of order, it is refused")
    func cut() throws {
        let rosters = try chain()
        let pinned = rosters[2].digestOctets
        #expect(refusal(Array(rosters[1...]), pinned) == .rosterDescent)
        #expect(refusal([rosters[0], rosters[2]], pinned) == .rosterDescent)
        #expect(refusal([rosters[1], rosters[0], rosters[2]], pinned) == .rosterDescent)
    }

    @Test("A version after the pinned one that its quorum did not sign is refused")
    func unsigned() throws {
        let rosters = try chain()
        let alone = try people.signed(people.roster(roles, after: rosters[0]), by: "alice")
        #expect(refusal([rosters[0], alone], rosters[0].digestOctets) == .rosterSignatures)
        let mallory = People("mallory", "oscar")
        let taken = mallory.roster(["mallory": [.cryptoOfficer], "oscar": [.shareHolder]], after: rosters[0])
        let usurped = try mallory.signed(taken, by: "mallory", "oscar")
        #expect(refusal([rosters[0], usurped], rosters[0].digestOctets) == .rosterSignatures)
    }

    @Test("An earlier version that was made up does not fit the pinned one's `previous`")
    func madeUp() throws {
        let rosters = try chain()
        let other = People("alice", "bob", "carol", "dora")
        let first = try other.signed(other.roster(roles), by: "alice", "bob", "carol", "dora")
        #expect(refusal([first, rosters[1], rosters[2]], rosters[2].digestOctets) == .rosterDescent)
    }

    @Test("Only a rehearsal's first version may be unsigned, and then its digest decides")
    func standIns() throws {
        let rehearsal = people.roster(roles, rehearsal: true)
        #expect(try RosterChain([rehearsal], pinned: rehearsal.digestOctets).rosters == [rehearsal])
        let other = People("alice", "bob", "carol", "dora").roster(roles, rehearsal: true)
        #expect(refusal([other], rehearsal.digestOctets) == .rosterDescent)
        let live = people.roster(roles)
        #expect(refusal([live], live.digestOctets) == .rosterSignatures)
    }
}
