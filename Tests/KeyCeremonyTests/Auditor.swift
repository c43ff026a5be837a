import Foundation
import KeyCeremony
import Testing

/// The auditor's verifier (`Ceremonies/auditor`), which shares no code with ours.
enum Auditor {
    struct Absent: Error, CustomStringConvertible {
        let description: String
    }

    private static let python = Result {
        let found = try run([Repository.path("Tests/Tools/auditor-python")])
        guard found.code == 0 else { throw Absent(description: found.output) }
        return found.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Verifies a rehearsal's transcript; answers what it prints.
    static func verify(_ transcript: String, head: String) throws -> (code: Int32, output: String) {
        try run([
            try python.get(), Repository.path("Ceremonies/auditor/verify_transcript.py"), transcript,
            "--allow-rehearsal", "--head", head,
        ])
    }
}

/// Expects both verifiers to accept the transcript of a rehearsal.
func expectVerified(_ outcome: CeremonyOutcome) throws {
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: outcome.transcript)))
    #expect(throws: Never.self, "\(outcome.id)") {
        try VerifiedTranscript.verify(bytes, .init(allowsRehearsal: true, head: outcome.head))
    }
    let auditor = try Auditor.verify(outcome.transcript, head: outcome.head)
    #expect(auditor.code == 0, "\(outcome.id): \(auditor.output)")
}
