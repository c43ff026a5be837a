import CanonicalJSON
import PKCS11
import Rosters
import SignedStatements
import Sites
import TokenKeys

/// Somebody who takes part in a ceremony and signs off with a key of their own.
struct Participant: Sendable {
    let name: String
    /// The roles that they hold in this ceremony.
    let roles: [CeremonyRole]
    /// The roster's word on their keys and token; nil for a stand-in, and for whoever gets keys in this ceremony.
    let member: Roster.Member?
    /// A stand-in's keys.
    let standIn: StandInCredential?

    /// The signing key; nil for whoever gets one in this ceremony.
    var signingKey: [UInt8]? { member?.signingKey ?? standIn?.signingKey }
    var shareKey: [UInt8]? { member?.shareKey ?? standIn?.shareKey }

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(name), "roles": .array(roles.map { .string($0.rawValue) }),
        ]
        if let signingKey { members["publicKey"] = .base64(signingKey) }
        return .object(members)
    }

    /// Stand-ins for the people that a script wants, one for each seat: a rehearsal shows them all, also those that one
    /// person may take together.
    static func standIns(for script: CeremonyScript, seed: [UInt8]) throws(CeremonyError) -> [Participant] {
        var people: [Participant] = []
        for (role, count) in script.roles {
            for number in 1...count {
                let name = "Stand-in \(role.rawValue) \(number)"
                let credential = try concerning(name) { try StandInCredential(name: name, seed: seed) }
                people.append(Participant(name: name, roles: [role], member: nil, standIn: credential))
            }
        }
        return people
    }
}

/// Who takes which seat in a ceremony.
public struct Staffing: Sendable, Hashable {
    /// Names by role, in the order in which they sign.
    public var seats: [CeremonyRole: [String]]

    public init(_ seats: [CeremonyRole: [String]] = [:]) {
        self.seats = seats
    }

    /// The roster's members who take the seats of a script.
    ///
    /// Throws where a seat is empty or taken twice, where somebody is not on the roster or not in that role there, and
    /// where one person holds two roles that script or roster keep apart.
    func participants(of script: CeremonyScript, roster: Roster) throws(CeremonyError) -> [Participant] {
        var roles: [String: [CeremonyRole]] = [:]
        var order: [String] = []
        for (role, count) in script.roles {
            let names = seats[role] ?? []
            guard names.count == count, Set(names).count == count else {
                throw CeremonyError(
                    .personRefused, role.rawValue,
                    "\(count) different people are needed in this role; \(names.count) are named",
                    hint: "Name them: --staff \(role.rawValue)=NAME")
            }
            for name in names {
                guard let member = roster.member(name) else {
                    throw CeremonyError(
                        .personRefused, name, "is not on the roster",
                        hint: "The roster has: \(roster.members.map(\.name).joined(separator: ", ")).")
                }
                guard member.roles.contains(role) else {
                    throw CeremonyError(
                        .personRefused, name, "may not be \(role.rawValue) by the roster",
                        hint: "Their roles are: \(member.roles.map(\.rawValue).joined(separator: ", ")).")
                }
                if roles[name] == nil { order.append(name) }
                roles[name, default: []].append(role)
            }
        }
        if let extra = seats.keys.filter({ role in !script.roles.contains { $0.role == role } }).first {
            throw CeremonyError(.personRefused, extra.rawValue, "the script has no such role")
        }
        let apart = script.conflicts.map { [$0.first.value, $0.second.value] } + roster.conflicts
        for name in order {
            for pair in apart where Set(pair).isSubset(of: roles[name] ?? []) {
                throw CeremonyError(
                    .personRefused, name,
                    "cannot be both \(pair.map(\.rawValue).joined(separator: " and ")): one person, one of them"
                )
            }
        }
        return order.map { name in
            Participant(name: name, roles: roles[name] ?? [], member: roster.member(name), standIn: nil)
        }
    }

    /// Those whom a roster's draft names, in a ceremony that gives them keys.
    func participants(of script: CeremonyScript, draft: RosterDraft) throws(CeremonyError) -> [Participant] {
        // The draft's members stand for a roster whose keys nobody has yet.
        let roster = Roster(
            version: 1, origin: "", rehearsal: false, previous: nil,
            members: draft.members.map {
                Roster.Member(
                    name: $0.name, roles: $0.roles, signingKey: [], shareKey: [],
                    tokenSerial: $0.tokenSerial, tokenLabel: $0.tokenLabel)
            }, conflicts: draft.conflicts, quorums: draft.quorums)
        return try participants(of: script, roster: roster).map {
            Participant(name: $0.name, roles: $0.roles, member: nil, standIn: nil)
        }
    }
}
