import Foundation
import KeyCeremony
import Testing

/// `make expected` writes the expected transcripts anew, after a script or a template was changed on purpose; the
/// change is then reviewed like any other.
@Suite struct ExpectedTranscriptTests {
    /// `root-ca` has `root-ca/expected-transcript.jsonl`, `folder/other` has `folder/other.expected-transcript.jsonl`.
    private func path(_ name: String) -> String {
        Repository.path("Ceremonies/\(name)\(name.contains("/") ? "." : "/")expected-transcript.jsonl")
    }

    private func expected(_ name: String) throws -> String {
        try String(contentsOfFile: path(name), encoding: .utf8)
    }

    @Test("Each script's rehearsal leaves the expected transcript, volatile fields masked")
    func rehearsed() throws {
        let place = try TestSite()
        for name in Repository.ceremonies {
            let masked = VolatileFields.masked(try Transcript.read(path: try place.rehearse(name).transcript))
            if ProcessInfo.processInfo.environment["RECORD_TRANSCRIPTS"] != nil {
                try Data(masked.utf8).write(to: URL(fileURLWithPath: path(name)))
            }
            let expected = try expected(name)
            let pairs = zip(
                masked.split(separator: "\n", omittingEmptySubsequences: false),
                expected.split(separator: "\n", omittingEmptySubsequences: false))
            let difference = pairs.enumerated().first { $0.element.0 != $0.element.1 }
            #expect(
                masked == expected,
                "\(name), line \(difference.map { "\($0.offset + 1): \($0.element.0)" } ?? "that is missing")"
            )
        }
    }

    @Test("The volatile fields are listed where a custodian reads of them, and no others")
    func listed() throws {
        let readme = try String(contentsOfFile: Repository.path("Ceremonies/README.md"), encoding: .utf8)
        let section = try #require(readme.components(separatedBy: "## What a rehearsal leaves\n").last)
        let list = try #require(section.components(separatedBy: "fields are masked:").last)
            .components(separatedBy: "\n\n")[0]
        let words = list.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(
            \.element)
        #expect(Set(words) == VolatileFields.names)
        #expect(words.count == VolatileFields.names.count)
    }

    @Test("The expected transcripts hold no key, signature, digest of the occasion, or time")
    func masks() throws {
        for name in Repository.ceremonies {
            let text = try expected(name)
            for field in VolatileFields.names {
                #expect(
                    !text.contains(try Regex("\"\(field)\":(?!\"\\*\"|null)")),
                    "\(name): \(field) is not masked")
            }
        }
    }

    @Test("Every volatile field is one that a transcript has")
    func needed() throws {
        let all = try Repository.ceremonies.map(expected).joined()
        for field in VolatileFields.names {
            #expect(all.contains("\"\(field)\":\"*\""), "no transcript has \(field)")
        }
    }
}
