import CanonicalJSON
import Foundation
import Sites

/// Where a ceremony stands in its site's history: each names the one before it and that one's head.
///
/// The first line of a transcript says it, in `sequence` and `previous`, rather than its `prev`: a transcript
/// has to be verifiable with nothing else at hand.
struct Lineage: Sendable {
    let sequence: Int
    let previous: JSONValue

    init(of site: Site) throws(CeremonyError) {
        let folder = site.path("ceremonies")
        var last: (sequence: Int, ceremony: String, head: String)?
        for name in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() {
            let path = site.ceremonyFolder(name) + "/transcript.jsonl"
            guard FileManager.default.fileExists(atPath: path) else { continue }
            let transcript = try Transcript.read(path: path)
            guard let sequence = transcript.sequence else {
                throw CeremonyError(.transcriptInvalid, path, "its first line has no `sequence`")
            }
            if sequence > last?.sequence ?? 0 { last = (sequence, name, transcript.head) }
        }
        sequence = (last?.sequence ?? 0) + 1
        previous = last.map { ["ceremony": .string($0.ceremony), "head": .string($0.head)] } ?? .null
    }
}
