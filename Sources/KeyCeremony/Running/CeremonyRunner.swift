import CanonicalJSON
import Crypto
import Foundation
import Glibc
import Rosters
import SecretSharing
import SignedStatements
import Sites

/// Takes a checked script's steps one by one, and writes what was meant, done and seen into the transcript.
///
/// What has been done it knows from the record of the transcript alone, so that going on after an interruption is the
/// same code as going on after a step. Who takes part, and how they are asked, is the room's.
final class CeremonyRunner {
    let script: CeremonyScript
    let site: Site
    let room: any CeremonyRoom
    let participants: [Participant]
    let rosters: [Roster]
    let journal: TranscriptWriter
    /// The ceremony's folder under `ceremonies/`.
    let ceremony: String

    private(set) var record: CeremonyRecord
    /// Tokens whose user is logged in, and the secret from which their PINs follow where a quorum opened them.
    var tokens: [String: OpenToken] = [:]
    var secrets: [String: SecretBytes] = [:]
    private(set) var step: CeremonyStep?
    private var number = 0
    /// Whether the transcript has its last sign-off already, and only publication is left.
    private let isComplete: Bool

    init(
        _ script: CeremonyScript, site: Site, room: any CeremonyRoom, participants: [Participant],
        rosters: [Roster], ceremony: String, journal: TranscriptWriter, record: CeremonyRecord,
        isComplete: Bool = false
    ) {
        self.isComplete = isComplete
        self.script = script
        self.site = site
        self.room = room
        self.participants = participants
        self.rosters = rosters
        self.ceremony = ceremony
        self.journal = journal
        self.record = record
    }

    /// Follows the script from where the record stands to its end, and publishes what was made.
    func run() throws(CeremonyError) -> CeremonyOutcome {
        do {
            for (index, step) in script.steps.enumerated() where index >= record.stepsDone && !isComplete {
                self.step = step
                number = index + 1
                try perform(step, isLast: index == script.steps.count - 1)
            }
        } catch {
            // The transcript of a ceremony that stopped says where and why. If even that fails, the first reason is
            // the one to report.
            _ = try? append(
                "stopped",
                [
                    "step": .string(step?.id ?? ""), "code": .string(error.code.rawValue),
                    "message": .string(error.message),
                ])
            throw error.adding(hint: nextAction(error))
        }
        tokens = [:]
        secrets = [:]
        do throws(CeremonyError) {
            try publish()
        } catch {
            throw error.adding(hint: nextAction(error))
        }
        return CeremonyOutcome(
            id: ceremony, transcript: journal.path, head: journal.head, artefacts: artefacts(),
            minutes: minutesElapsed + 1, isRehearsal: site.isRehearsal, rosterDigest: try madeRoster()?.digest
        )
    }

    /// Since the first line, also where the ceremony was interrupted meanwhile.
    private var minutesElapsed: Int {
        let began = record.begin?["time"]?.text.flatMap { try? Date($0, strategy: .iso8601) }
        return began.map { Int(Date().timeIntervalSince($0) / 60) } ?? 0
    }

    private func nextAction(_ error: CeremonyError) -> String {
        let resume = "rootline ceremony resume \(ceremony) --site \(site.folder)"
        // A key that was refused once may pass another time; whether it shall is the people's to say.
        return error.code == .keyRefused
            ? "Then: \(resume) examines it again; `rootline ceremony abandon` gives the ceremony up."
            : "Then: \(resume)"
    }

    private func perform(_ step: CeremonyStep, isLast: Bool) throws(CeremonyError) {
        tell(.began, step.text)
        let attempt = record.step == step.id ? record.attempt + 1 : 1
        try note(
            "step",
            [
                "do": .string(step.action.rawValue), "attempt": .integer(attempt),
                "actors": .array(seats([step.actor]).map(\.json)),
                "witnesses": .array(seats(step.witnesses).map(\.json)),
            ])
        // Keys to sign with do not exist before `enrol` has made them.
        if step.isIrreversible && step.action != .enrol {
            try confirm(step)
            try signOff(step.id)
        }
        try follow(step)
        if step.action == .signOff {
            if isLast { try note("closing", closingMembers()) }
            try signOff(step.id)
        }
        if !isLast {
            try noteDuration("done", since: record.stepBegan)
        }
        tell(.ended, "")
    }

    private func follow(_ step: CeremonyStep) throws(CeremonyError) {
        switch step.content {
        case .say, .signOff: break
        case .check, .record, .choose, .inspectBag, .sealBag: try takeAnswer(step)
        case .readOut(let exhibit): try readOut(step, exhibit)
        case .compare(let exhibit): try compare(step, exhibit)
        case .inventory(let token): try inventory(token.value)
        case .login(let token): try open(token.value)
        case .split(let request): try split(request)
        case .collectShares(let token): try collectShares(token.value)
        case .generateKey(let request): try generate(request)
        case .verifyKey(let key): try verify(key)
        case .signCertificate(let request): try sign(request)
        case .signCRL(let request): try sign(request)
        case .wrap(let key, let token, let to): try wrap(key, from: token.value, to: to.value)
        case .unwrap(let key, let token): try unwrap(key, on: token.value)
        case .destroy(let request): try destroy(request)
        case .enrol: try enrol()
        case .signRoster: try signRoster()
        case .print(let document): try print(document)
        case .pause: try pause(reason: step.text, by: seats([step.actor]).first?.name ?? "")
        }
        if !step.action.takesAnswer && step.action != .signOff && step.action != .pause {
            _ = try ask(.done, step.text)
        }
    }

    // MARK: The transcript

    /// Writes an event that says how many seconds have passed, by the times of the lines themselves.
    func noteDuration(_ type: String, since began: Date?) throws(CeremonyError) {
        let time = try journal.now()
        let now = try? Date(time, strategy: .iso8601)
        let seconds = began.flatMap { from in now.map { Int($0.timeIntervalSince(from)) } } ?? 0
        try append(
            type, ["step": .string(step?.id ?? ""), "seconds": .integer(seconds)], at: time)
    }

    /// Writes an event of the step at hand.
    @discardableResult
    func note(_ type: String, _ members: [String: JSONValue]) throws(CeremonyError) -> JSONValue {
        var members = members
        if members["step"] == nil { members["step"] = .string(step?.id ?? "") }
        return try append(type, members)
    }

    @discardableResult
    func append(
        _ type: String, _ members: [String: JSONValue], at time: String? = nil
    ) throws(CeremonyError) -> JSONValue {
        let line = try journal.append(type, members, at: time)
        record.apply(line)
        return line
    }

    /// An effect's intent: the one that an interrupted attempt has written, word by word, or a new one.
    ///
    /// Nothing is written where the effect itself is in the transcript already.
    func intend(
        _ effect: String, _ subject: String = "", _ members: () throws(CeremonyError) -> [String: JSONValue]
    ) throws(CeremonyError) -> CeremonyRecord.Effect {
        let key = CeremonyRecord.key(effect, subject)
        if let known = record.effects[key], known.effect != nil { return known }
        var intent: [String: JSONValue]
        if let known = record.effects[key]?.intent.members {
            intent = known
            for name in ["type", "prev", "time", "step"] { intent[name] = nil }
        } else {
            intent = try members()
            intent["effect"] = .string(effect)
        }
        try note("intent", intent)
        return record.effects[key] ?? CeremonyRecord.Effect(intent: .object(intent))
    }

    /// Whether an earlier attempt has meant the effect: then it may have happened.
    func wasIntended(_ effect: String, _ subject: String = "") -> Bool {
        record.effects[CeremonyRecord.key(effect, subject)] != nil
    }

    func noteEffect(_ effect: String, _ members: [String: JSONValue], recovered: Bool) throws(CeremonyError) {
        var members = members
        members["effect"] = .string(effect)
        if recovered { members["recovered"] = true }
        try note("effect", members)
    }

    func noteObserved(_ effect: String, _ members: [String: JSONValue]) throws(CeremonyError) {
        var members = members
        members["effect"] = .string(effect)
        try note("observed", members)
    }

    // MARK: What people see

    func show(_ text: String) { tell(.shown, text) }

    func tell(_ phase: CeremonyEvent.Phase, _ text: String) {
        guard let step else { return }
        room.tell(
            CeremonyEvent(
                phase: phase, step: step.id, action: step.action, actor: step.actor,
                people: seats([step.actor]).map(\.name), witnesses: seats(step.witnesses).map(\.name),
                number: number, count: script.steps.count, minutes: step.minutes,
                isIrreversible: step.isIrreversible, minutesElapsed: minutesElapsed,
                minutesExpected: script.steps.prefix(number - 1).reduce(0) { $0 + $1.minutes }, text: text))
    }

    /// Somebody in a role.
    struct Seat {
        let role: CeremonyRole
        let person: Participant

        var name: String { person.name }
        var json: JSONValue { ["role": .string(role.rawValue), "name": .string(person.name)] }
    }

    /// Everybody who holds one of the roles, in the roles' order; who holds two of them is there once.
    func seats(_ roles: [CeremonyRole]) -> [Seat] {
        var seats: [Seat] = []
        for role in roles {
            for person in participants where person.roles.contains(role) {
                if !seats.contains(where: { $0.name == person.name }) {
                    seats.append(Seat(role: role, person: person))
                }
            }
        }
        return seats
    }

    /// A digest in groups of four digits, as it is read aloud.
    static func inGroups(_ digest: String) -> String {
        stride(from: 0, to: digest.count, by: 4).map { String(digest.dropFirst($0).prefix(4)) }
            .joined(separator: " ")
    }
}
