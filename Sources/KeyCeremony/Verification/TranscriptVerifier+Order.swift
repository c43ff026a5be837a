import CanonicalJSON
import Crypto
import Foundation
import SignedStatements

// What may come next: steps in their order, who signs when, exceptions, breaks and interruptions.
extension TranscriptVerifier {
    /// Somebody of the step, in the role in which it lists them.
    struct Seat: Hashable {
        let name: String
        let role: String
    }

    var step: Step? { stepsDone < steps.count ? steps[stepsDone] : nil }
    private var isLastStep: Bool { stepsDone == steps.count - 1 }
    /// Whether the last sign-off stands there.
    var isClosed: Bool { closing != nil && signed == seats().count && openException == nil && !isInterrupted }

    /// Who acts in the step at hand, then its witnesses; whoever is both is there once.
    func seats() -> [Seat] {
        guard let step else { return [] }
        return seats([step.actor] + step.witnesses)
    }

    private func seats(_ roles: [String]) -> [Seat] {
        var seats: [Seat] = []
        for role in roles {
            for person in people where person.roles.contains(role) {
                if !seats.contains(where: { $0.name == person.name }) {
                    seats.append(Seat(name: person.name, role: role))
                }
            }
        }
        return seats
    }

    mutating func takeEvent(_ type: String, _ line: JSONValue) throws(TranscriptRefusal) {
        guard !isClosed else { throw refuse(.order, "nothing follows the last sign-off") }
        switch type {
        case "stopped":
            guard !isStopped else { throw refuse(.order, "it has stopped already") }
            interrupt()
            isStopped = true
            return
        case "resumed":
            interruptions += 1
            interrupt()
            return
        case "abandoned": throw refuse(.incomplete, "the ceremony was given up")
        default: break
        }
        guard !isStopped else { throw refuse(.order, "after `stopped` comes `resumed`") }
        if type == "step" { return try takeStep(line) }
        guard isInStep, let step, !isInterrupted else { throw refuse(.order, "a step has to begin here") }
        let statement = line["step"]?.text ?? ""
        guard statement == step.id || type == "sign-off" else {
            throw refuse(.order, "the step at hand is \(step.id)")
        }
        if let exception = openException, type != "sign-off" {
            throw refuse(.signOff, "exception \(exception.number) is not signed by everybody")
        }
        guard !isOnBreak || type == "back" else { throw refuse(.order, "the break is not over") }
        guard closing == nil || type == "sign-off" else {
            throw refuse(.order, "only sign-offs follow `closing`")
        }
        switch type {
        case "done": try takeDone(line, step)
        case "sign-off": try takeSignOff(line, step)
        case "exception":
            guard line["number"]?.number == exceptions + 1 else {
                throw refuse(.order, "exceptions are numbered from 1")
            }
            try requirePerson(line["by"])
            exceptions += 1
            openException = (exceptions, 0)
            hasFailed = false
        case "break":
            try requirePerson(line["by"])
            isOnBreak = true
            breakBegan = line["time"]?.text ?? ""
        case "back":
            guard isOnBreak else { throw refuse(.order, "no break has begun") }
            isOnBreak = false
            try requireSeconds(line, since: breakBegan)
            events.insert(type)
        case "closing": try takeClosing(line, step)
        default:
            guard !hasFailed else { throw refuse(.order, "what failed waits for an exception") }
            try takeContent(type, line, step)
        }
    }

    private mutating func interrupt() {
        isStopped = false
        isInterrupted = true
        isInStep = false
        isOnBreak = false
        hasFailed = false
        openException = nil
        closing = nil
        signed = 0
        presented = []
        events = []
    }

    private mutating func takeStep(_ line: JSONValue) throws(TranscriptRefusal) {
        guard !isInStep, let step else { throw refuse(.order, "a step is not done yet, or no step is left") }
        guard line["step"]?.text == step.id, line["do"]?.text == step.action else {
            throw refuse(.order, "the next step is \(step.id), a \(step.action)")
        }
        guard line["attempt"]?.number == attempts + 1 else {
            throw refuse(.order, "this is attempt \(attempts + 1) of the step")
        }
        func names(_ member: String) -> [Seat] {
            (line[member]?.items ?? []).map {
                Seat(name: $0["name"]?.text ?? "", role: $0["role"]?.text ?? "")
            }
        }
        guard names("actors") == seats([step.actor]), names("witnesses") == seats(step.witnesses) else {
            throw refuse(.people, "actors and witnesses are not those who hold the step's roles")
        }
        attempts += 1
        stepBegan = line["time"]?.text ?? ""
        isInStep = true
        isInterrupted = false
        signed = 0
        events = []
    }

    private func requireSeconds(_ line: JSONValue, since began: String) throws(TranscriptRefusal) {
        guard let from = try? Date(began, strategy: .iso8601),
            let to = line["time"]?.text.flatMap({ try? Date($0, strategy: .iso8601) }),
            line["seconds"]?.number == Int(to.timeIntervalSince(from))
        else { throw refuse(.time, "`seconds` is not the time that has passed") }
    }

    private mutating func takeDone(_ line: JSONValue, _ step: Step) throws(TranscriptRefusal) {
        try requireSeconds(line, since: stepBegan)
        guard !isLastStep else { throw refuse(.order, "the last step has no `done`") }
        guard !hasFailed else { throw refuse(.order, "what failed waits for an exception") }
        if (step.isIrreversible && step.action != "enrol") || step.action == "sign-off" {
            guard signed == seats().count else {
                throw refuse(.signOff, "not everybody of the step has signed")
            }
        }
        if let open = effects.first(where: { !$0.value.isObserved }) {
            throw refuse(.effect, "\(open.key) was not observed")
        }
        try requireContent(step)
        stepsDone += 1
        isInStep = false
        attempts = 0
        effects = [:]
        observed = []
        events = []
        shares = nil
        presented = []
    }

    private mutating func takeClosing(_ line: JSONValue, _ step: Step) throws(TranscriptRefusal) {
        guard isLastStep, signed == 0 else {
            throw refuse(.order, "`closing` opens the sign-offs of the last step")
        }
        guard line["exceptions"]?.number == exceptions, line["interruptions"]?.number == interruptions else {
            throw refuse(.order, "exceptions or interruptions are miscounted")
        }
        let wanted: [JSONValue] = inventories.sorted { $0.key < $1.key }.map { token, objects in
            [
                "token": .string(token), "before": .string(digest(objects.first)),
                "after": .string(digest(objects.last)),
            ]
        }
        guard line["inventories"]?.items == wanted else {
            throw refuse(.order, "the inventories are not those of the transcript")
        }
        closing = line
    }

    private func digest(_ value: JSONValue) -> String { hexadecimal(SHA256.hash(data: value.canonical)) }

    private func requirePerson(_ name: JSONValue?) throws(TranscriptRefusal) {
        guard people.contains(where: { $0.name == name?.text }) else {
            throw refuse(.people, "\(name?.text ?? "nobody") takes no part")
        }
    }

    // MARK: Sign-offs

    private mutating func takeSignOff(_ line: JSONValue, _ step: Step) throws(TranscriptRefusal) {
        let all = seats()
        let statement: String
        let turn: Int
        if let exception = openException {
            statement = "exception-\(exception.number)"
            turn = exception.signed
        } else {
            statement = step.id
            turn = signed
            let isWanted = step.action == "sign-off" ? (!isLastStep || closing != nil) : step.isIrreversible
            guard isWanted, step.action != "enrol", observedNothing else {
                throw refuse(.signOff, "no sign-off stands here")
            }
        }
        guard turn < all.count, line["step"]?.text == statement, line["name"]?.text == all[turn].name,
            line["role"]?.text == all[turn].role
        else {
            throw refuse(
                .signOff,
                "it is the turn of \(turn < all.count ? all[turn].name : "nobody"), for \(statement)")
        }
        guard let key = people.first(where: { $0.name == all[turn].name })?.key else {
            throw refuse(.signOff, "\(all[turn].name) has no key yet")
        }
        let signature = line["signature"]?.octets ?? []
        let bytes = SignOffStatement(
            head: line["prev"]?.text ?? "", step: statement, role: all[turn].role, name: all[turn].name,
            time: line["time"]?.text ?? ""
        ).bytes(rehearsal: isRehearsal)
        guard StrictSignature.isValid(signature, over: bytes, key: key) else {
            throw refuse(.signOff, "\(all[turn].name)'s signature does not verify")
        }
        signOffs += 1
        if let exception = openException {
            openException = exception.signed + 1 == all.count ? nil : (exception.number, exception.signed + 1)
        } else {
            signed += 1
        }
    }

    /// Whether no intent stands in this attempt: sign-offs come first.
    private var observedNothing: Bool { !events.contains("intent") }
}
