import Foundation
import KeyCeremony
import Testing

/// `RECORD_TRANSCRIPTS=1 swift test --filter ExpectedTranscriptTests` writes the expected transcripts anew,
/// after a script or a template was changed on purpose; the change is then reviewed like any other.
@Suite struct ExpectedTranscriptTests {
    @Test("Each script's rehearsal leaves the expected transcript, volatile fields masked")
    func expected() throws {
        let place = try TestSite()
        for name in RehearsalTests.order {
            let transcript = try Transcript.read(path: try place.rehearse(name).transcript)
            let masked = VolatileFields.masked(transcript)
            let path = Repository.path("Ceremonies/\(name)/expected-transcript.jsonl")
            if ProcessInfo.processInfo.environment["RECORD_TRANSCRIPTS"] != nil {
                try Data(masked.utf8).write(to: URL(fileURLWithPath: path))
            }
            let expected = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
            let pairs = zip(
                masked.split(separator: "\n", omittingEmptySubsequences: false),
                expected.split(separator: "\n", omittingEmptySubsequences: false))
            for (index, (found, wanted)) in pairs.enumerated() {
                #expect(found == wanted, "\(name), line \(index + 1)")
            }
            #expect(masked == expected, "\(name)")
        }
    }

    @Test("The volatile fields are listed where a custodian reads of them")
    func listed() throws {
        let readme = try String(
            contentsOfFile: Repository.path("Ceremonies/root-ca/README.md"), encoding: .utf8)
        for name in VolatileFields.names { #expect(readme.contains("`\(name)`"), "\(name) is not listed") }
    }

    @Test("A masked transcript holds no key, signature, digest of the occasion, or time")
    func masks() throws {
        let text = String(
            decoding: try Data(
                contentsOf: URL(
                    fileURLWithPath: Repository.path("Ceremonies/root-ca/expected-transcript.jsonl"))),
            as: UTF8.self)
        for name in VolatileFields.names {
            #expect(!text.contains(try Regex("\"\(name)\":(?!\"\\*\")")), "\(name) is not masked")
        }
    }
}
