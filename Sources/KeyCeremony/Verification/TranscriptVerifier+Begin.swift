import CanonicalJSON
import Crypto
import Rosters
import SignedStatements

// The first line: steps, people, rosters, and what may hold them together.
extension TranscriptVerifier {
    mutating func takeBegin(_ line: JSONValue) throws(TranscriptRefusal) {
        begin = line
        guard line["version"] == 1 else { throw refuse(.begin, "version 1 is wanted") }
        isRehearsal = line["rehearsal"] == true
        let origin = line["origin"]?.text ?? ""
        guard isRehearsal == origin.hasPrefix("rehearsal.invalid/") else {
            throw refuse(.rehearsal, "`rehearsal` and the origin disagree")
        }
        guard expectations.allowsRehearsal || !isRehearsal else {
            throw refuse(.rehearsal, "this is a rehearsal's transcript")
        }
        let sequence = line["sequence"]?.number ?? 0
        guard sequence >= 1, (sequence == 1) == (line["previous"] == .null) else {
            throw refuse(.begin, "`sequence` and `previous` disagree")
        }
        guard isRehearsal == (line["after"] == .null) else {
            throw refuse(
                .begin, "a live ceremony names the rehearsal that it follows, a rehearsal names none")
        }
        if let after = line["after"]?["scriptDigest"]?.text, after != line["script"]?["digest"]?.text {
            throw refuse(.begin, "the rehearsal was of another script")
        }
        try takeSteps(line)
        try takeRosters(line)
        try takePeople(line)
    }

    private mutating func takeSteps(_ line: JSONValue) throws(TranscriptRefusal) {
        let roles = line["roles"]?.members ?? [:]
        for item in line["steps"]?.items ?? [] {
            let step = Step(
                id: item["id"]?.text ?? "", action: item["do"]?.text ?? "", actor: item["actor"]?.text ?? "",
                witnesses: (item["witnesses"]?.items ?? []).compactMap(\.text),
                isIrreversible: item["irreversible"] == true)
            guard StepAction(rawValue: step.action) != nil else {
                throw refuse(.begin, "no step is called \(step.action)")
            }
            guard !step.id.hasPrefix("exception-") else {
                throw refuse(.begin, "\(step.id) is no step's name: exceptions are signed under such")
            }
            guard !steps.contains(where: { $0.id == step.id }) else {
                throw refuse(.begin, "two steps are called \(step.id)")
            }
            guard ([step.actor] + step.witnesses).allSatisfy({ roles[$0] != nil }) else {
                throw refuse(.begin, "step \(step.id) names a role that is not among the roles")
            }
            let mustSay = StepAction(rawValue: step.action)?.isIrreversible == true
            guard step.isIrreversible || !mustSay else {
                throw refuse(.begin, "step \(step.id) cannot be undone and does not say so")
            }
            guard !step.isIrreversible || !step.witnesses.isEmpty else {
                throw refuse(.begin, "step \(step.id) cannot be undone and has no witness")
            }
            steps.append(step)
        }
        guard let last = steps.last, last.action == "sign-off", !last.witnesses.isEmpty else {
            throw refuse(.begin, "the last step is no sign-off before witnesses")
        }
    }

    private mutating func takeRosters(_ line: JSONValue) throws(TranscriptRefusal) {
        for document in line["rosters"]?.items ?? [] {
            do throws(RosterError) {
                let roster = try Roster(document, subject: "roster \(rosters.count + 1)")
                if let last = rosters.last {
                    try roster.verify(after: last, subject: "roster \(roster.version)")
                } else {
                    try roster.verifyFirst(subject: "roster 1")
                }
                rosters.append(roster)
            } catch {
                throw refuse(.roster, error.description)
            }
        }
        if let first = rosters.first {
            guard first.origin == line["origin"]?.text, first.isRehearsal == isRehearsal else {
                throw refuse(.roster, "the roster is another site's")
            }
            if let pin = expectations.rosterDigest, pin != first.digest {
                throw refuse(.roster, "the first roster is not the pinned one")
            }
        }
        let makesOne = steps.contains { $0.action == "sign-roster" }
        guard isRehearsal == false || rosters.isEmpty else {
            throw refuse(.roster, "a rehearsal stands on no roster")
        }
        guard isRehearsal || makesOne || !rosters.isEmpty else {
            throw refuse(.roster, "a live ceremony stands on a roster")
        }
        guard expectations.rosterDigest == nil || makesOne || !rosters.isEmpty else {
            throw refuse(.roster, "a pin is given, and the transcript has no roster")
        }
    }

    private mutating func takePeople(_ line: JSONValue) throws(TranscriptRefusal) {
        let makesKeys = line["script"]?["kind"]?.text == "enrol-custodian"
        let roles = line["roles"]?.members ?? [:]
        for item in line["participants"]?.items ?? [] {
            let person = Person(
                name: item["name"]?.text ?? "", roles: (item["roles"]?.items ?? []).compactMap(\.text),
                key: item["publicKey"]?.octets)
            guard !person.roles.isEmpty, Set(person.roles).count == person.roles.count,
                person.roles.allSatisfy({ roles[$0] != nil })
            else {
                throw refuse(
                    .people, "\(person.name) has no role, one twice, or one that is not among the roles")
            }
            guard
                !people.contains(where: { $0.name == person.name || ($0.key != nil && $0.key == person.key) })
            else { throw refuse(.people, "\(person.name) or their key is there twice") }
            if let key = person.key {
                guard (try? P256.Signing.PublicKey(derRepresentation: key)) != nil else {
                    throw refuse(.people, "\(person.name)'s key is no P-256 key")
                }
            } else if !makesKeys || isRehearsal || !rosters.isEmpty {
                throw refuse(.people, "\(person.name) has no key")
            }
            if let roster = rosters.last {
                guard let member = roster.member(person.name), member.signingKey == person.key,
                    Set(person.roles).isSubset(of: member.roles.map(\.rawValue))
                else {
                    throw refuse(.people, "\(person.name) is not on the roster with this key and these roles")
                }
            }
            people.append(person)
        }
        for (role, count) in roles {
            guard people.count(where: { $0.roles.contains(role) }) == count.number else {
                throw refuse(.people, "the role \(role) is not held by as many people as it should")
            }
        }
        for pair in line["conflicts"]?.items ?? [] {
            let pair = Set((pair.items ?? []).compactMap(\.text))
            guard pair.count == 2 else { throw refuse(.people, "a conflict is between two roles") }
            if let person = people.first(where: { pair.isSubset(of: $0.roles) }) {
                throw refuse(.people, "\(person.name) holds two roles that conflict")
            }
        }
        if let quorum = line["quorum"]?["role"]?.text, roles[quorum] == nil {
            throw refuse(.people, "the quorum's role is not among the roles")
        }
    }
}
