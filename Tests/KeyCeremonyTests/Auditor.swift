import Foundation
import KeyCeremony
import Testing

/// The auditor's verifier (`Ceremonies/auditor`), which shares no code with ours.
enum Auditor {
    struct Absent: Error, CustomStringConvertible {
        let description = "no python3 with `cryptography`: install Debian's python3-cryptography"
    }

    /// The first Python that has the package.
    private static let python = Result {
        for candidate in ["python3", "/usr/bin/python3"]
        where (try? run([candidate, "-c", "import cryptography"]).code) == 0 {
            return candidate
        }
        throw Absent()
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
