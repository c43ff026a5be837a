import CanonicalJSON
import Crypto
import Foundation

/// A transcript that was read back and whose chain holds.
public struct Transcript: Sendable {
    let lines: [JSONValue]
    /// The SHA-256 of each line without its newline, in hexadecimal.
    let heads: [String]

    /// The last line's SHA-256; what is read aloud and written on paper.
    public var head: String { heads.last ?? TranscriptWriter.beginning }
    public var lineCount: Int { lines.count }
    public var ceremony: String? { lines.first?["ceremony"]?.text }
    public var isRehearsal: Bool { lines.first?["rehearsal"] == .bool(true) }
    /// Whether it has its last line: a ceremony that stopped has not.
    public var isComplete: Bool { lines.last?["type"]?.text == "end" }
    var sequence: Int? { lines.first?["sequence"]?.number }

    /// Reads a transcript and checks its form and its chain.
    ///
    /// A line that a crash cut short, at the very end and without its newline, is passed over: nothing
    /// depended on it yet.
    public static func read(path: String) throws(CeremonyError) -> Transcript {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CeremonyError(.transcriptInvalid, path, "no such transcript")
        }
        return try Transcript(reading: Array(data), path: path)
    }

    /// Reads a transcript's bytes; `path` names them in messages.
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
    }

    /// Verifies every sign-off with the key that its signer brought, and answers how many there are.
    ///
    /// A role and name that the first line does not list, a key that signs for two people, and a signature
    /// that does not verify are refused.
    public func verifySignOffs() throws(CeremonyError) -> Int {
        var keys: [[String]: String] = [:]
        for participant in lines.first?["participants"]?.items ?? [] {
            guard let role = participant["role"]?.text, let name = participant["name"]?.text,
                let key = participant["publicKey"]?.text
            else { throw CeremonyError(.transcriptInvalid, "participants", "one is malformed") }
            guard !keys.values.contains(key) else {
                throw CeremonyError(.signOffInvalid, name, "signs with the key of another participant")
            }
            keys[[role, name]] = key
        }
        var count = 0
        for line in lines where line["type"]?.text == "sign-off" {
            guard let role = line["role"]?.text, let name = line["name"]?.text, let step = line["step"]?.text,
                let head = line["prev"]?.text, let signature = line["signature"]?.text
            else { throw CeremonyError(.transcriptInvalid, "a sign-off", "is malformed") }
            guard let key = keys[[role, name]].flatMap({ Data(base64Encoded: $0) }),
                let bytes = Data(base64Encoded: signature)
            else { throw CeremonyError(.signOffInvalid, "step \(step)", "\(name) took no part as \(role)") }
            let statement = SignOffStatement(head: head, step: step, role: role, name: name)
            guard
                SignOffStatement.isValid(
                    signature: Array(bytes), over: statement.bytes(rehearsal: isRehearsal), key: Array(key))
            else {
                throw CeremonyError(.signOffInvalid, "step \(step)", "\(name)'s signature does not verify")
            }
            count += 1
        }
        return count
    }
}

/// What a participant signs: the head of the transcript, the step, and who they are.
struct SignOffStatement: Sendable {
    var head: String
    var step: String
    var role: String
    var name: String

    /// The domain tag, then the statement in canonical form (ARCHITECTURE, "Transcript").
    ///
    /// A rehearsal's tag differs, so its signatures are worth nothing elsewhere.
    func bytes(rehearsal: Bool) -> [UInt8] {
        let tag = rehearsal ? "rootline/rehearsal/v1\n" : "rootline/transcript/v1\n"
        let statement: JSONValue = [
            "head": .string(head), "step": .string(step), "role": .string(role), "name": .string(name),
        ]
        return Array(tag.utf8) + statement.canonical
    }

    /// ECDSA with SHA-256 in DER, by a P-256 key given as SubjectPublicKeyInfo.
    static func isValid(signature: [UInt8], over bytes: [UInt8], key: [UInt8]) -> Bool {
        guard let key = try? P256.Signing.PublicKey(derRepresentation: key),
            let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature)
        else { return false }
        return key.isValidSignature(signature, for: bytes)
    }
}
