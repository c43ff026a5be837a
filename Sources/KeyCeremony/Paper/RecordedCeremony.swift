import CanonicalJSON
import Crypto
import PrintedHTML

/// What a transcript's lines say, sorted for a report.
///
/// It takes lines as they come and refuses none: what is missing stays empty, and lines of a type that it
/// does not know are kept apart. Whether a transcript holds is the verifier's to say.
struct RecordedCeremony: Sendable {
    struct Line: Sendable {
        /// From 1.
        let number: Int
        let value: JSONValue

        var type: String { value.word("type") }
        var step: String { value.word("step") }
        /// Seconds since 1970 (UTC); nil where the line has no time of the transcript's form.
        var seconds: Int? { value["time"]?.text.flatMap(UTCTime.seconds) }
    }

    /// One go at a step, from its `step` line to `done`, to an interruption, or to the end.
    struct Attempt: Sendable {
        let opening: Line
        var lines: [Line] = []
        var done: Line?
        /// The last line that belongs to it.
        var last: Line

        var step: String { opening.step }
        var number: Int { opening.value["attempt"]?.number ?? 1 }
        /// Seconds from its first line to its last; nil where a time is missing.
        var duration: Int? {
            if let seconds = done?.value["seconds"]?.number { return seconds }
            guard let start = opening.seconds, let end = last.seconds else { return nil }
            return end - start
        }
    }

    /// A time in which nothing was done.
    struct Pause: Sendable {
        let isBreak: Bool
        let from: Line
        /// Nil where the ceremony did not go on.
        var until: Line?
        let reason: String

        var duration: Int? {
            guard let start = from.seconds, let end = until?.seconds else { return nil }
            return end - start
        }
    }

    struct Exception: Sendable {
        let line: Line
        var signOffs: [Line] = []
    }

    /// What was done to a token: the intent's, the effect's and the observation's members together.
    struct Effect: Sendable {
        let name: String
        let step: String
        var lines: [Line]
        var isObserved: Bool { lines.last?.type == "observed" }
    }

    let lines: [Line]
    /// The SHA-256 of the last line in canonical form.
    let head: PaperDigest
    private(set) var attempts: [Attempt] = []
    private(set) var pauses: [Pause] = []
    private(set) var exceptions: [Exception] = []
    private(set) var effects: [Effect] = []
    private(set) var unknown: [Line] = []

    /// The first line, or an empty object where it is not a ceremony's beginning.
    var begin: JSONValue {
        lines.first.flatMap { $0.type == "begin" ? $0.value : nil } ?? .object([:])
    }
    var isRehearsal: Bool { begin["rehearsal"] == .bool(true) }
    var closing: Line? { lines.last { $0.type == "closing" } }
    var abandoned: Line? { lines.last { $0.type == "abandoned" } }
    /// The script's steps, as the first line lists them.
    var plannedSteps: [JSONValue] { begin["steps"]?.items ?? [] }

    func all(_ type: String) -> [Line] { lines.filter { $0.type == type } }
    func attempts(of step: String) -> [Attempt] { attempts.filter { $0.step == step } }

    private static let passive: Set<String> = [
        "sign-off", "answer", "read-out", "compare", "inventory", "printed", "closing", "shares",
        "share-read-back", "quorums-tested", "share-presented",
    ]

    init(_ values: [JSONValue]) {
        lines = values.enumerated().map { Line(number: $0 + 1, value: $1) }
        head = PaperDigest(SHA256.hash(data: values.last?.canonical ?? []))
        var previous: Line?
        for line in lines {
            sort(line, after: previous)
            previous = line
        }
    }

    private mutating func sort(_ line: Line, after previous: Line?) {
        switch line.type {
        case "begin" where line.number == 1: return
        case "step":
            attempts.append(Attempt(opening: line, last: line))
            return
        case "done":
            if !attempts.isEmpty { attempts[attempts.count - 1].done = line }
        case "intent", "effect", "observed": sortEffect(line)
        case "exception": exceptions.append(Exception(line: line))
        case "break", "stopped":
            let reason = line.type == "break" ? line.value.word("reason") : line.value.word("message")
            pauses.append(Pause(isBreak: line.type == "break", from: line, reason: reason))
        case "back":
            if let index = pauses.lastIndex(where: { $0.isBreak && $0.until == nil }) {
                pauses[index].until = line
            }
        case "resumed":
            // A machine that lost power wrote no `stopped`: its last line is where the interruption began.
            if previous?.type == "stopped", !pauses.isEmpty {
                pauses[pauses.count - 1].until = line
            } else if let previous {
                pauses.append(
                    Pause(isBreak: false, from: previous, until: line, reason: "without a `stopped` line"))
            }
            return
        case "abandoned": return
        case let type where Self.passive.contains(type):
            if type == "sign-off", let index = exceptions.lastIndex(where: { Self.covers(line, $0) }) {
                exceptions[index].signOffs.append(line)
            }
        default: unknown.append(line)
        }
        if !attempts.isEmpty {
            attempts[attempts.count - 1].lines.append(line)
            attempts[attempts.count - 1].last = line
        }
    }

    private static func covers(_ signOff: Line, _ exception: Exception) -> Bool {
        signOff.step == "exception-\(exception.line.value["number"]?.number ?? 0)"
    }

    /// An effect goes on in a later attempt where an interruption cut it.
    private mutating func sortEffect(_ line: Line) {
        let name = line.value.word("effect")
        let open = effects.lastIndex { $0.name == name && $0.step == line.step && !$0.isObserved }
        if let open {
            effects[open].lines.append(line)
        } else {
            effects.append(Effect(name: name, step: line.step, lines: [line]))
        }
    }
}

extension JSONValue {
    /// A member's text, or nothing.
    func word(_ member: String) -> String { self[member]?.text ?? "" }

    /// The texts of a member that is a list.
    func words(_ member: String) -> [String] { (self[member]?.items ?? []).compactMap(\.text) }

    /// The members in the order of their names; none of a value that is no object.
    var sortedMembers: [(name: String, value: JSONValue)] {
        guard case .object(let members) = self else { return [] }
        return members.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    }

    /// The SHA-256 of the value in canonical form.
    var digest: PaperDigest { PaperDigest(SHA256.hash(data: canonical)) }
}
