import CanonicalJSON
import Foundation
import Rosters
import Sites

/// Where a ceremony stands in its site's history: each names the one before it and that one's head.
///
/// The first line of a transcript says it, in `sequence` and `previous`, rather than its `prev`: a transcript has to be
/// verifiable with nothing else at hand.
struct Lineage: Sendable {
    let sequence: Int
    let previous: JSONValue
    /// The version of the roster under which the last ceremony was held; 0 before the first.
    let rosterVersion: Int

    /// Throws where the last ceremony has not come to its end: its head would change after it was named.
    init(of site: Site) throws(CeremonyError) {
        var last: (sequence: Int, ceremony: String, transcript: Transcript)?
        for (name, transcript) in try Lineage.transcripts(of: site) {
            guard let sequence = transcript.sequence else {
                throw CeremonyError(.transcriptInvalid, name, "its first line has no `sequence`")
            }
            guard transcript.isEnded else {
                throw CeremonyError(
                    .unfinished, name, "this ceremony has not come to its end",
                    hint:
                        "rootline ceremony resume \(name) --site \(site.folder), or give it up with `ceremony abandon`."
                )
            }
            if sequence > last?.sequence ?? 0 { last = (sequence, name, transcript) }
        }
        sequence = (last?.sequence ?? 0) + 1
        previous =
            last.map { ["ceremony": .string($0.ceremony), "head": .string($0.transcript.head)] } ?? .null
        rosterVersion =
            last?.transcript.lines.first?["rosters"]?.items?.last?["statement"]?["version"]?.number ?? 0
    }

    /// Every transcript of a site, by its ceremony.
    static func transcripts(of site: Site) throws(CeremonyError) -> [(
        ceremony: String, transcript: Transcript
    )] {
        let folder = site.path("ceremonies")
        var transcripts: [(String, Transcript)] = []
        for name in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() {
            let path = site.ceremonyFolder(name) + "/transcript.jsonl"
            guard FileManager.default.fileExists(atPath: path), try hasBegun(path) else { continue }
            transcripts.append((name, try Transcript.read(path: path)))
        }
        return transcripts
    }

    /// Whether the first line is whole; a ceremony that was killed before that has done nothing.
    static func hasBegun(_ path: String) throws(CeremonyError) -> Bool {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CeremonyError(.io, path, "cannot be read")
        }
        return data.contains(0x0A)
    }

    /// The numbers under which bags were sealed last, in the order of the site's ceremonies.
    static func bags(of site: Site, without ceremony: String) throws(CeremonyError) -> [String: String] {
        var bags: [String: String] = [:]
        let ordered = try transcripts(of: site).filter { $0.ceremony != ceremony }
            .sorted { $0.transcript.sequence ?? 0 < $1.transcript.sequence ?? 0 }
        for (_, transcript) in ordered {
            let seals = Set(
                (transcript.lines.first?["steps"]?.items ?? []).filter { $0["do"]?.text == "seal-bag" }
                    .compactMap { $0["id"]?.text })
            for line in transcript.lines where line["type"]?.text == "answer" {
                if let bag = line["bag"]?.text, let answer = line["answer"]?.text,
                    seals.contains(line["step"]?.text ?? "")
                {
                    bags[bag] = answer
                }
            }
        }
        return bags
    }
}
