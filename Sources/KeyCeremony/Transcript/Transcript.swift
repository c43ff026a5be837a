import CanonicalJSON
import Crypto
import Foundation

/// A transcript that was read back and whose chain holds.
///
/// `verify` checks what it says; this type alone only that its lines belong together.
public struct Transcript: Sendable {
    package let lines: [JSONValue]
    /// The SHA-256 of each line without its newline, in hexadecimal.
    let heads: [String]
    /// How many octets its whole lines have, newlines included.
    let octets: Int
    /// Octets behind them, of a line that was cut short.
    let rest: Int

    /// The last line's SHA-256; what is read aloud and written on paper.
    public var head: String { heads.last ?? TranscriptWriter.beginning }
    public var lineCount: Int { lines.count }
    public var ceremony: String? { lines.first?["ceremony"]?.text }
    public var isRehearsal: Bool { lines.first?["rehearsal"] == .bool(true) }
    var sequence: Int? { lines.first?["sequence"]?.number }
    public var scriptDigest: String? { lines.first?["script"]?["digest"]?.text }

    /// The documents of the rosters that the ceremony stood on, and of the one that it made once it is complete.
    var rosters: [JSONValue] {
        let made = lines.last { $0["type"]?.text == "observed" && $0["effect"]?.text == "sign-roster" }?[
            "roster"]
        return (isRehearsal ? [] : lines.first?["rosters"]?.items ?? [])
            + (isComplete && !isRehearsal ? [made].compactMap { $0 } : [])
    }

    /// Whether every step was done and the last one has all its sign-offs.
    public var isComplete: Bool {
        guard rest == 0, let closing = lines.lastIndex(where: { $0["type"]?.text == "closing" }) else {
            return false
        }
        let signers = lines[(closing + 1)...]
        guard let step = lines[..<closing].last(where: { $0["type"]?.text == "step" }) else { return false }
        let wanted = (step["actors"]?.items?.count ?? 0) + (step["witnesses"]?.items?.count ?? 0)
        return signers.count == wanted && signers.allSatisfy { $0["type"]?.text == "sign-off" }
    }
    /// Whether the people gave it up.
    public var isAbandoned: Bool { lines.last?["type"]?.text == "abandoned" }
    /// Whether nothing will be added.
    public var isEnded: Bool { isComplete || isAbandoned }

    /// Reads a transcript and checks its form and its chain.
    public static func read(path: String) throws(CeremonyError) -> Transcript {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CeremonyError(.transcriptInvalid, path, "no such transcript")
        }
        return try Transcript(reading: Array(data), path: path)
    }

    /// Reads a transcript's bytes; `path` names them in messages.
    ///
    /// A line that a crash cut short, at the very end and without its newline, is passed over: nothing depended on it yet.
    public init(reading bytes: [UInt8], path: String) throws(CeremonyError) {
        var lines: [JSONValue] = []
        var heads: [String] = []
        let complete = bytes.lastIndex(of: 0x0A).map { bytes[..<$0] } ?? []
        guard !complete.isEmpty else {
            throw CeremonyError(.transcriptInvalid, path, "the transcript has no line")
        }
        var expected = TranscriptWriter.beginning
        for raw in complete.split(separator: 0x0A, omittingEmptySubsequences: false) {
            let subject = "\(path):\(lines.count + 1)"
            guard let line = JSONValue(canonical: raw) else {
                throw CeremonyError(
                    .transcriptInvalid, subject, "not one JSON object in canonical form (RFC 8785)")
            }
            guard line["prev"]?.text == expected else {
                throw CeremonyError(
                    .transcriptInvalid, subject,
                    "the chain is broken: `prev` is not the hash of the line before",
                    hint: "Compare with another copy; the head was read aloud and written down.")
            }
            expected = hexadecimal(SHA256.hash(data: Data(raw)))
            lines.append(line)
            heads.append(expected)
        }
        self.lines = lines
        self.heads = heads
        octets = complete.count + 1
        rest = bytes.count - octets
    }
}

/// What a participant signs: the head of the transcript, the step, the time, and who they are.
struct SignOffStatement: Sendable {
    var head: String
    var step: String
    var role: String
    var name: String
    /// The line's own time: without it the last line of a transcript could be changed in one member.
    var time: String

    /// The domain tag, then the statement in canonical form.
    ///
    /// A rehearsal's tag differs, so its signatures are worth nothing elsewhere.
    func bytes(rehearsal: Bool) -> [UInt8] {
        let tag = rehearsal ? "rootline/rehearsal/v1\n" : "rootline/transcript/v1\n"
        let statement: JSONValue = [
            "head": .string(head), "step": .string(step), "role": .string(role), "name": .string(name),
            "time": .string(time),
        ]
        return Array(tag.utf8) + statement.canonical
    }
}
