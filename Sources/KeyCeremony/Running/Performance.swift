import CanonicalJSON
import Foundation
import Rosters
import SignedStatements
import Sites

extension CeremonyScript {
    /// Follows the script in a live site, with the people of its roster, after a rehearsal of the same script.
    ///
    /// `rehearsal` is the path of the rehearsal's transcript. Before anything is done the script is checked with the site,
    /// the rehearsal is verified, and the people's seats are: nobody in two that conflict, nobody from outside the roster.
    public func perform(
        site: Site, after rehearsal: String, staffing: Staffing, room: any CeremonyRoom
    ) throws(CeremonyError) -> CeremonyOutcome {
        guard !site.isRehearsal else {
            throw CeremonyError(
                .rehearsalSite, site.folder, "a live ceremony is refused in a rehearsal site",
                hint: "`rootline ceremony rehearse` is for it.")
        }
        let lock = try site.lockForCeremony()
        defer { withExtendedLifetime(lock) {} }
        let rosters = try concerning(site.folder) { try site.rosters() }
        let participants = try seat(staffing, site: site, rosters: rosters)
        let reference = try RehearsalReference(
            path: rehearsal, script: self, site: site, participants: participants)
        _ = try Lineage(of: site)
        try requireFollowable(site: site)
        try requireQuorums(of: participants, site: site)
        return try begin(
            site: site, room: room, participants: participants, rosters: rosters, after: reference
        ).run()
    }

    /// The people of a live ceremony.
    func seat(_ staffing: Staffing, site: Site, rosters: [Roster]) throws(CeremonyError) -> [Participant] {
        if let roster = rosters.last {
            let participants = try staffing.participants(of: self, roster: roster)
            if kind == .enrolCustodian { try requireLastingKeys(of: participants, site: site) }
            return participants
        }
        guard kind == .enrolCustodian else {
            throw CeremonyError(
                .rosterRefused, site.folder, "the site has no roster yet, so nobody can take part",
                hint: "Perform the custodian-enrolment ceremony first; it pins the roster.")
        }
        let draft = try concerning(site.rosterDraft) { try RosterDraft.read(path: site.rosterDraft) }
        // Found after the keys were made, they would be on people's tokens for nothing.
        guard draft.members.contains(where: { $0.roles.contains(.externalWitness) }) else {
            throw CeremonyError(
                .rosterRefused, site.rosterDraft, "no member is an external witness: a first roster has one")
        }
        return try staffing.participants(of: self, draft: draft)
    }

    /// Throws where somebody who takes part would get other keys in this ceremony: their sign-offs would be by two.
    private func requireLastingKeys(of participants: [Participant], site: Site) throws(CeremonyError) {
        let draft = try concerning(site.rosterDraft) { try RosterDraft.read(path: site.rosterDraft) }
        for person in participants {
            guard let seat = draft.members.first(where: { $0.name == person.name }),
                let member = person.member,
                !seat.keeps(member)
            else { continue }
            throw CeremonyError(
                .personRefused, person.name, "gets new keys in this ceremony, and can take no part in it",
                hint: "Somebody else takes the seat, or a script without it is followed.")
        }
    }

    /// Throws where a token is to be opened by shares and too few of their holders take part: found at the step itself, an
    /// earlier one may have made a key by then.
    private func requireQuorums(of participants: [Participant], site: Site) throws(CeremonyError) {
        var split: Set<String> = []
        for step in steps {
            if case .split(let request) = step.content { split.insert(request.token.value) }
            guard case .collectShares(let token) = step.content, !split.contains(token.value) else {
                continue
            }
            let store = site.activation(of: token.value)
            let set = try concerning(token.value) { try store.current().map { try store.describe($0) } }
            if let set { try set.requireQuorum(of: participants, token: token.value) }
        }
    }

    /// Whom a live site offers for each role of the script: the roster's members, or the draft's.
    public func candidates(site: Site) throws(CeremonyError) -> [CeremonyRole: [String]] {
        // Nobody is asked who takes which seat where the ceremony will be refused.
        guard !site.isRehearsal else {
            throw CeremonyError(
                .rehearsalSite, site.folder, "a live ceremony is refused in a rehearsal site",
                hint: "`rootline ceremony rehearse` is for it.")
        }
        let rosters = try concerning(site.folder) { try site.rosters() }
        var candidates: [CeremonyRole: [String]] = [:]
        if let roster = rosters.last {
            for (role, _) in roles {
                candidates[role] = roster.members.filter { $0.roles.contains(role) }.map(\.name)
            }
        } else {
            let draft = try concerning(site.rosterDraft) { try RosterDraft.read(path: site.rosterDraft) }
            for (role, _) in roles {
                candidates[role] = draft.members.filter { $0.roles.contains(role) }.map(\.name)
            }
        }
        return candidates
    }
}

extension Site {
    /// The site's lock, and nothing left behind by a ceremony that was killed.
    func lockForCeremony() throws(CeremonyError) -> FileLock {
        let lock = try concerning(folder) { try lockForRun() }
        removeUnfinishedFiles()
        return lock
    }
}

/// A ceremony of a site that was interrupted.
public enum InterruptedCeremony {
    /// Goes on where the transcript stops, with the people who began it.
    ///
    /// Half a line at the end is cut off and counted; everything else is found from the record and the tokens.
    public static func resume(
        _ ceremony: String, site: Site, room: any CeremonyRoom
    ) throws(CeremonyError) -> CeremonyOutcome {
        let lock = try site.lockForCeremony()
        defer { withExtendedLifetime(lock) {} }
        let runner = try open(ceremony, site: site, room: room)
        return try runner.run()
    }

    /// Gives a ceremony up for good: its transcript ends, and another may begin.
    ///
    /// What it made on tokens stays there; the destruction ceremony is for that.
    public static func abandon(
        _ ceremony: String, site: Site, reason: String, by person: String
    ) throws(CeremonyError) {
        let lock = try site.lockForCeremony()
        defer { withExtendedLifetime(lock) {} }
        let path = site.ceremonyFolder(ceremony) + "/transcript.jsonl"
        let transcript = try read(path, ceremony)
        let (journal, discarded) = try TranscriptWriter.resuming(transcript, path: path)
        var record = CeremonyRecord()
        for line in transcript.lines { record.apply(line) }
        if discarded > 0 {
            try journal.append("resumed", ["discarded": .integer(discarded), "tool": .string(Release.name)])
        }
        try journal.append(
            "abandoned",
            [
                "step": .string(record.step ?? ""), "reason": .string(reason), "by": .string(person),
            ])
    }

    private static func read(_ path: String, _ ceremony: String) throws(CeremonyError) -> Transcript {
        guard FileManager.default.fileExists(atPath: path) else {
            throw CeremonyError(
                .notResumable, ceremony, "the site has no such ceremony",
                hint: "Its folders are under ceremonies/.")
        }
        guard try Lineage.hasBegun(path) else {
            throw CeremonyError(
                .notResumable, ceremony,
                "the ceremony was interrupted before its first line was whole: nothing was done",
                hint: "Begin it again.")
        }
        let transcript = try Transcript.read(path: path)
        guard !transcript.isAbandoned else {
            throw CeremonyError(.notResumable, ceremony, "the ceremony was given up")
        }
        return transcript
    }

    private static func open(
        _ ceremony: String, site: Site, room: any CeremonyRoom
    ) throws(CeremonyError) -> CeremonyRunner {
        let folder = site.ceremonyFolder(ceremony)
        let path = folder + "/transcript.jsonl"
        let transcript = try read(path, ceremony)
        let script = try CeremonyScript.load(path: folder + "/script.yaml")
        guard script.digest == transcript.scriptDigest else {
            throw CeremonyError(
                .notResumable, folder + "/script.yaml", "is not the script that the ceremony began with",
                hint: "Put it back: its digest is \(transcript.scriptDigest ?? "unknown").")
        }
        let rosters = site.isRehearsal ? [] : try concerning(site.folder) { try site.rosters() }
        // A complete transcript gets no line more: what is left is to publish, and nobody is needed for it.
        let participants =
            transcript.isComplete
            ? [] : try seats(in: transcript, script: script, site: site, rosters: rosters)
        var record = CeremonyRecord()
        for line in transcript.lines { record.apply(line) }
        let (journal, discarded) = try TranscriptWriter.resuming(transcript, path: path)
        let runner = CeremonyRunner(
            script, site: site, room: room, participants: participants, rosters: rosters, ceremony: ceremony,
            journal: journal, record: record, isComplete: transcript.isComplete)
        if !transcript.isComplete {
            try runner.append(
                "resumed", ["discarded": .integer(discarded), "tool": .string(Release.name)])
        }
        return runner
    }

    /// The people of the first line, with their keys as the roster, or the rehearsal's seed, has them.
    private static func seats(
        in transcript: Transcript, script: CeremonyScript, site: Site, rosters: [Roster]
    ) throws(CeremonyError) -> [Participant] {
        let begin = transcript.lines.first
        guard site.isRehearsal == transcript.isRehearsal, begin?["origin"]?.text == site.origin else {
            throw CeremonyError(.notResumable, site.folder, "the ceremony is another site's")
        }
        guard begin?["rosters"]?.items == rosters.map(\.document) else {
            throw CeremonyError(
                .notResumable, site.folder, "the rosters are not those that the ceremony began with",
                hint: "Put back rosters/ as it was.")
        }
        let listed = begin?["participants"] ?? .null
        let people: [Participant]
        if site.isRehearsal {
            people = try Participant.standIns(
                for: script, seed: try concerning(site.folder) { try site.standInSeed() })
        } else {
            var staffing = Staffing()
            for person in listed.items ?? [] {
                for role in (person["roles"]?.items ?? []).compactMap({ $0.text.flatMap(CeremonyRole.init) })
                {
                    staffing.seats[role, default: []].append(person["name"]?.text ?? "")
                }
            }
            people = try script.seat(staffing, site: site, rosters: rosters)
        }
        guard listed.items == people.map(\.json) else {
            throw CeremonyError(
                .notResumable, site.folder, "the roster is not the one that the ceremony began with")
        }
        return people
    }
}
