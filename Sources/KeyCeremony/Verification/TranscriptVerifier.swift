import CanonicalJSON
import Crypto
import Foundation
import SignedStatements

extension VerifiedTranscript {
    /// Verifies a transcript's octets by every rule of the specification, with nothing else at hand.
    public static func verify(
        _ bytes: [UInt8], _ expectations: TranscriptExpectations = TranscriptExpectations()
    ) throws(TranscriptRefusal) -> VerifiedTranscript {
        var verifier = TranscriptVerifier(expectations)
        var rest = bytes[...]
        if rest.isEmpty { throw TranscriptRefusal(.form, 1, "the file is empty") }
        while !rest.isEmpty {
            guard let end = rest.firstIndex(of: 0x0A) else {
                throw TranscriptRefusal(.form, verifier.number + 1, "the last line has no newline")
            }
            try verifier.take(rest[..<end])
            rest = rest[(end + 1)...]
        }
        return try verifier.finish()
    }
}

extension Transcript {
    /// Verifies a transcript that was read back; `path` names it in messages.
    public func verify(
        _ expectations: TranscriptExpectations, path: String
    ) throws(CeremonyError) -> VerifiedTranscript {
        do throws(TranscriptRefusal) {
            return try VerifiedTranscript.verify(
                Array(FileManager.default.contents(atPath: path) ?? Data()), expectations)
        } catch {
            throw CeremonyError(error, path: path)
        }
    }
}

extension CeremonyError {
    public init(_ refusal: TranscriptRefusal, path: String) {
        let hint: String?
        switch refusal.code {
        case .incomplete: hint = "The ceremony has not come to its end, or the file was cut."
        case .rehearsal: hint = "A rehearsal proves nothing; --allow-rehearsal looks at one all the same."
        case .head: hint = "Compare it with the paper again, digit by digit: lines may be missing at the end."
        default: hint = "Compare with another copy; the head was read aloud and written down."
        }
        self.init(
            refusal.code == .signOff ? .signOffInvalid : .transcriptInvalid, "\(path):\(refusal.line)",
            "\(refusal.reason) [\(refusal.code.rawValue)]", hint: hint, cause: refusal)
    }
}

/// Goes through a transcript line by line, and knows at each what may come next.
struct TranscriptVerifier {
    /// A step as the first line lists it.
    struct Step {
        let id: String
        let action: String
        let actor: String
        let witnesses: [String]
        let isIrreversible: Bool
    }

    struct Person {
        let name: String
        let roles: [String]
        var key: [UInt8]?
    }

    struct Effect {
        let intent: JSONValue
        /// The attempt that first meant it.
        let attempt: Int
        /// The attempt that meant it last.
        let lastAttempt: Int
        var effect: JSONValue?
        var isObserved = false
    }

    let expectations: TranscriptExpectations
    /// How many lines were taken.
    private(set) var number = 0
    private var head = TranscriptWriter.beginning
    private var lastTime = ""
    var begin: JSONValue = .null
    var isRehearsal = false
    var steps: [Step] = []
    var people: [Person] = []
    var rosters: [Roster] = []

    // Where the ceremony stands.
    var stepsDone = 0
    /// Whether a step is begun and not done, and how often it was.
    var isInStep = false
    var attempts = 0
    var stepBegan = ""
    var breakBegan = ""
    /// How many of the step's people have signed this attempt.
    var signed = 0
    /// The exception that the step's people still have to sign, and how many have.
    var openException: (number: Int, signed: Int)?
    var isStopped = false
    /// Whether nothing but a new attempt may come next.
    var isInterrupted = false
    var isOnBreak = false
    /// A comparison or answer that failed, and waits for an exception.
    var hasFailed = false
    var closing: JSONValue?

    // What the step at hand has done.
    var effects: [String: Effect] = [:]
    /// Types of the lines that this attempt has, and effects that were observed in any.
    var events: Set<String> = []
    var observed: Set<String> = []
    var shares: Shares?
    /// Holders who have presented a share since the last token was opened, and the set that the shares are of.
    var presented: [String] = []
    var presentedSet = ""

    struct Shares {
        let set: String
        let needed: Int
        let holders: [String]
        /// How many quorums there are.
        let quorums: Int
        var readBack: [String] = []
        var isTested = false
    }

    // What the ceremony has made.
    var keys: [String: [UInt8]] = [:]
    var policies: [String: DeclaredPolicy] = [:]
    /// Digests by what a read-out names.
    var digests: [String: String] = [:]
    var madeRoster: Roster?
    var signOffs = 0
    var exceptions = 0
    var interruptions = 0
    var inventories: [String: (first: JSONValue, last: JSONValue)] = [:]

    init(_ expectations: TranscriptExpectations) {
        self.expectations = expectations
    }

    func refuse(_ code: TranscriptRefusal.Code, _ reason: String) -> TranscriptRefusal {
        TranscriptRefusal(code, number, reason)
    }

    mutating func take(_ raw: ArraySlice<UInt8>) throws(TranscriptRefusal) {
        number += 1
        guard let line = JSONValue(canonical: raw), let type = line["type"]?.text else {
            throw refuse(.form, "not one JSON object with a `type`, in canonical form (RFC 8785)")
        }
        guard let shape = LineForms.shape(type: type, effect: line["effect"]?.text) else {
            throw refuse(.form, "no line of this type: \(type) \(line["effect"]?.text ?? "")")
        }
        if let fault = shape.fault(line, at: "") {
            throw refuse(.form, "\(fault) is missing, too much, or malformed")
        }
        guard line["prev"]?.text == head else {
            throw refuse(.chain, "`prev` is not the hash of the line before")
        }
        let time = line["time"]?.text ?? ""
        guard time >= lastTime else { throw refuse(.time, "the time goes back: \(time) after \(lastTime)") }
        if number == 1 {
            guard type == "begin" else { throw refuse(.begin, "the first line is not `begin`") }
            try takeBegin(line)
        } else {
            guard type != "begin" else { throw refuse(.begin, "a second `begin`") }
            try takeEvent(type, line)
        }
        lastTime = time
        head = hexadecimal(SHA256.hash(data: Data(raw)))
    }

    func finish() throws(TranscriptRefusal) -> VerifiedTranscript {
        guard let closing, isClosed else {
            throw refuse(.incomplete, "the transcript ends before its last sign-off")
        }
        if let wanted = expectations.head, wanted != head {
            throw refuse(.head, "the head is \(head.prefix(16))…, not \(wanted.prefix(16))…")
        }
        return VerifiedTranscript(
            ceremony: begin["ceremony"]?.text ?? "", title: begin["script"]?["title"]?.text ?? "",
            isRehearsal: isRehearsal, origin: begin["origin"]?.text ?? "",
            scriptDigest: begin["script"]?["digest"]?.text ?? "", head: head,
            people: people.map { VerifiedTranscript.Person(name: $0.name, roles: $0.roles) },
            signOffs: signOffs, exceptions: exceptions, interruptions: interruptions,
            artefacts: (closing["artefacts"]?.items ?? []).map {
                CeremonyArtefact(path: $0["path"]?.text ?? "", digest: $0["fileDigest"]?.text ?? "")
            }, rosterDigest: rosters.first?.digest ?? madeRoster?.digest,
            previousHead: begin["previous"]?["head"]?.text, lineCount: number)
    }
}
