import CanonicalJSON
import Foundation
import SignedStatements
import Sites

/// Where a ceremony stands in its site's history: each names the one before it and that one's head.
///
/// The first line of a transcript says it, in `sequence` and `previous`, rather than its `prev`: a transcript has to be
/// verifiable with nothing else at hand.
struct Lineage: Sendable {
    let sequence: Int
    let previous: JSONValue
    /// The rosters that earlier ceremonies stood on or made, by version: documents in canonical form.
    private let rosters: [Int: JSONValue]
    /// The time of the last line that was written, of whichever ceremony; nil before the first.
    private let lastTime: String?

    /// Throws where the last ceremony has not come to its end: its head would change after it was named.
    init(of site: Site) throws(CeremonyError) {
        var last: (sequence: Int, ceremony: String, transcript: Transcript)?
        var rosters: [Int: JSONValue] = [:]
        var lastTime: String?
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
            for document in transcript.rosters {
                if let version = document["statement"]?["version"]?.number { rosters[version] = document }
            }
            if let time = transcript.lines.last?["time"]?.text { lastTime = max(lastTime ?? "", time) }
        }
        sequence = (last?.sequence ?? 0) + 1
        previous =
            last.map { ["ceremony": .string($0.ceremony), "head": .string($0.transcript.head)] } ?? .null
        self.rosters = rosters
        self.lastTime = lastTime
    }

    /// Throws unless a live site's rosters are all that its ceremonies know, and the same.
    ///
    /// Whoever can write into the site could otherwise bring a version back that somebody has left, or begin anew with
    /// people of their own.
    func requireKnown(_ rosters: [Roster], site: Site) throws(CeremonyError) {
        for (version, document) in self.rosters.sorted(by: { $0.key < $1.key }) {
            guard let roster = rosters.first(where: { $0.version == version }) else {
                throw CeremonyError(
                    .rosterRefused, site.folder,
                    "an earlier ceremony stood on version \(version) of the roster, or made it, and it is missing",
                    hint: "Put it back under rosters/, or resume the enrolment that made it.")
            }
            guard roster.document == document else {
                throw CeremonyError(
                    .rosterRefused, site.rosterPath(version),
                    "is not the roster that an earlier ceremony of this site stood on or made",
                    hint: "Compare with the digest on paper from the enrolment ceremony.")
            }
        }
    }

    /// Throws where the clock stands before the last line of an earlier ceremony.
    func requireClock(at time: String, site: Site) throws(CeremonyError) {
        guard let lastTime, time < lastTime else { return }
        throw CeremonyError(
            .clock, site.folder,
            "the machine's clock says \(time), and an earlier ceremony's last line was written at \(lastTime)",
            hint: "Set the clock right.")
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
