import CanonicalJSON
import Foundation
import Glibc
import Rosters
import SignedStatements
import Sites

// How a ceremony begins: checked whole, its people seated, its first line written.

/// What a live ceremony follows: a complete rehearsal of the same script.
struct RehearsalReference: Sendable {
    let ceremony: String
    let head: String
    /// How the site, its tokens and its people differ from the rehearsal's, in words.
    let differences: [String]

    /// Verifies the rehearsal and compares it with the site.
    init(
        path: String, script: CeremonyScript, site: Site, participants: [Participant]
    ) throws(CeremonyError) {
        let transcript: Transcript
        let verified: VerifiedTranscript
        do throws(CeremonyError) {
            transcript = try Transcript.read(path: path)
            verified = try transcript.verify(.init(allowsRehearsal: true), path: path)
        } catch {
            throw CeremonyError(
                .rehearsalRefused, error.subject, "this is no whole rehearsal: \(error.message)",
                hint: error.hint, cause: error.cause)
        }
        guard verified.isRehearsal else {
            throw CeremonyError(
                .rehearsalRefused, path, "is the transcript of a live ceremony, not of a rehearsal")
        }
        guard verified.scriptDigest == script.digest else {
            throw CeremonyError(
                .rehearsalRefused, path,
                "rehearses another script: \(verified.scriptDigest.prefix(16))…, this is \(script.digest.prefix(16))…",
                hint: "Rehearse the script as it is now, to the letter.")
        }
        ceremony = verified.ceremony
        head = verified.head
        var differences = ["origin: \(transcript.lines.first?["origin"]?.text ?? "") → \(site.origin)"]
        let rehearsed = transcript.lines.first?["tokens"]?.items ?? []
        for name in script.tokenNames {
            guard let binding = site.description.tokens[name] else { continue }
            let old = rehearsed.first { $0["name"]?.text == name }
            let pairs = [
                ("serial", old?["serial"]?.text, binding.serial),
                ("label", old?["tokenLabel"]?.text, binding.label),
                ("activation", old?["activation"]?.text, binding.activation.rawValue),
                (
                    "module", old?["moduleDigest"]?.text.map { String($0.prefix(16)) },
                    String(CeremonyRunner.moduleDigest(binding.module).prefix(16))
                ),
            ]
            for (what, before, now) in pairs where before != now {
                differences.append("token \(name), \(what): \(before ?? "none") → \(now)")
            }
        }
        for person in participants {
            let roles = person.roles.map(\.rawValue).joined(separator: ", ")
            differences.append("\(roles): stand-in → \(person.name)")
        }
        self.differences = differences
    }

    func json(script: CeremonyScript) -> JSONValue {
        [
            "ceremony": .string(ceremony), "head": .string(head), "scriptDigest": .string(script.digest),
            "differences": .array(differences.map { .string($0) }),
        ]
    }
}

extension CeremonyScript {
    /// Makes the ceremony's folder, keeps the script in it, and writes the first line; the site's lock is held.
    func begin(
        site: Site, room: any CeremonyRoom, participants: [Participant], rosters: [Roster],
        after: RehearsalReference?
    ) throws(CeremonyError) -> CeremonyRunner {
        let lineage = try Lineage(of: site)
        try lineage.requireKnown(rosters, site: site)
        try lineage.requireClock(at: timestamp(Date()), site: site)
        let name = try makeFolder(site)
        do throws(CeremonyError) {
            try concerning(site.ceremonyFolder(name)) {
                try site.storeDocument(site.ceremonyFolder(name) + "/script.yaml", source)
            }
            let journal = try TranscriptWriter(creating: site.ceremonyFolder(name) + "/transcript.jsonl")
            let runner = CeremonyRunner(
                self, site: site, room: room, participants: participants, rosters: rosters, ceremony: name,
                journal: journal, record: CeremonyRecord())
            try runner.append(
                "begin",
                beginning(
                    name, site: site, lineage: lineage, participants: participants, rosters: rosters,
                    after: after))
            return runner
        } catch {
            // No token has been touched: half a beginning would only stand in the next one's way.
            try? FileManager.default.removeItem(atPath: site.ceremonyFolder(name))
            throw error.adding(hint: "Nothing was done: begin again.")
        }
    }

    private func beginning(
        _ name: String, site: Site, lineage: Lineage, participants: [Participant], rosters: [Roster],
        after: RehearsalReference?
    ) -> [String: JSONValue] {
        var script: [String: JSONValue] = [
            "id": .string(id), "kind": .string(kind.rawValue), "title": .string(title),
            "cp": .string(policy), "digest": .string(digest),
        ]
        if let approval { script["approval"] = .string(approval) }
        var members: [String: JSONValue] = [
            "version": 1, "tool": .string(Release.name), "ceremony": .string(name),
            "rehearsal": .bool(site.isRehearsal), "origin": .string(site.origin),
            "sequence": .integer(lineage.sequence), "previous": lineage.previous,
            "after": after.map { $0.json(script: self) } ?? .null, "script": .object(script),
            "roles": .object(
                Dictionary(uniqueKeysWithValues: roles.map { ($0.role.rawValue, .integer($0.count)) })),
            "conflicts": .array(
                conflicts.map { [.string($0.first.value.rawValue), .string($0.second.value.rawValue)] }),
            "steps": .array(
                steps.map { step in
                    [
                        "id": .string(step.id), "do": .string(step.action.rawValue),
                        "actor": .string(step.actor.rawValue),
                        "witnesses": .array(step.witnesses.map { .string($0.rawValue) }),
                        "irreversible": .bool(step.isIrreversible), "minutes": .integer(step.minutes),
                    ]
                }),
            "tokens": .array(
                tokenNames.compactMap { name in
                    site.description.tokens[name].map { binding in
                        [
                            "name": .string(name), "tokenLabel": .string(binding.label),
                            "serial": .string(binding.serial),
                            "activation": .string(binding.activation.rawValue),
                            "moduleDigest": .string(CeremonyRunner.moduleDigest(binding.module)),
                        ]
                    }
                }),
            "participants": .array(participants.map(\.json)),
            "rosters": .array(rosters.map(\.document)),
        ]
        if let quorum = quorumNeeded {
            members["quorum"] = ["role": .string(quorum.role.rawValue), "needed": .integer(quorum.needed)]
        }
        return members
    }

    /// The first free name among `root-ca`, `root-ca-2`, …: a ceremony that was given up keeps its folder.
    private func makeFolder(_ site: Site) throws(CeremonyError) -> String {
        try concerning(site.path("ceremonies")) {
            try FileManager.default.createDirectory(
                atPath: site.path("ceremonies"), withIntermediateDirectories: true)
        }
        for number in 1...9999 {
            let name = number == 1 ? id : "\(id)-\(number)"
            if mkdir(site.ceremonyFolder(name), 0o755) == 0 { return name }
            guard errno == EEXIST else {
                throw CeremonyError(
                    .cannotCreate, site.ceremonyFolder(name), String(cString: strerror(errno)))
            }
        }
        throw CeremonyError(.cannotCreate, site.ceremonyFolder(id), "no free name is left")
    }

    /// Throws where a fault keeps the script from being followed; no token is touched before the script, the site's
    /// files and its people are in order.
    func requireFollowable(site: Site) throws(CeremonyError) {
        var faults = check(site: site, tokens: false)
        if faults.isEmpty { faults = check(site: site) }
        guard faults.isEmpty else {
            throw CeremonyError(
                .checkFailed, file,
                faults.count == 1
                    ? "a fault keeps the script from being followed"
                    : "\(faults.count) faults keep the script from being followed",
                hint: "Nothing was done. `rootline ceremony check` shows the same.", faults: faults)
        }
    }
}
