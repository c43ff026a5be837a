/// Why a transcript is refused, and at which line.
public struct TranscriptRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The specification's codes.
    public enum Code: String, Sendable, CaseIterable {
        case form, chain, time, begin, people, roster, rehearsal, order
        case signOff = "sign-off"
        case effect, policy, certificate, incomplete, head
    }

    public let code: Code
    /// From 1.
    public let line: Int
    public let reason: String

    public init(_ code: Code, _ line: Int, _ reason: String) {
        self.code = code
        self.line = line
        self.reason = reason
    }

    public var description: String { "line \(line): \(reason) [\(code.rawValue)]" }
}

/// What a transcript is held against.
public struct TranscriptExpectations: Sendable {
    /// Whether a rehearsal's transcript will do.
    public var allowsRehearsal: Bool
    /// The digest of the pinned roster, in hexadecimal.
    public var rosterDigest: String?
    /// The head on paper, in hexadecimal.
    public var head: String?

    public init(allowsRehearsal: Bool = false, rosterDigest: String? = nil, head: String? = nil) {
        self.allowsRehearsal = allowsRehearsal
        self.rosterDigest = rosterDigest
        self.head = head
    }
}

/// A transcript that holds.
public struct VerifiedTranscript: Sendable, Hashable {
    public struct Person: Sendable, Hashable {
        public let name: String
        public let roles: [String]
    }

    public let ceremony: String
    public let title: String
    public let isRehearsal: Bool
    public let origin: String
    public let scriptDigest: String
    public let head: String
    public let people: [Person]
    public let signOffs: Int
    public let exceptions: Int
    public let interruptions: Int
    public let artefacts: [CeremonyArtefact]
    /// The digest of the roster that the people stand on, or of the one that the ceremony made; nil in rehearsals without.
    public let rosterDigest: String?
    /// The head of the ceremony before, in hexadecimal; nil for a site's first.
    public let previousHead: String?
    public let lineCount: Int
}
