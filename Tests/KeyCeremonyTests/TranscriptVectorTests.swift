import Foundation
import KeyCeremony
import Sites
import Testing

/// The transcript vectors under Ceremonies/auditor/vectors, by which both verifiers are held to the specification.
@Suite struct TranscriptVectorTests {
    private struct Book: Codable {
        struct Vector: Codable {
            enum Expectation: Codable, Equatable {
                case accepted
                case refused(code: String, line: Int)

                private struct Refusal: Codable {
                    var code: String
                    var line: Int
                }

                init(from decoder: any Decoder) throws {
                    let container = try decoder.singleValueContainer()
                    if let refusal = try? container.decode(Refusal.self) {
                        self = .refused(code: refusal.code, line: refusal.line)
                    } else {
                        guard try container.decode(String.self) == "accepted" else {
                            throw DecodingError.dataCorruptedError(
                                in: container, debugDescription: "accepted, or a refusal")
                        }
                        self = .accepted
                    }
                }

                func encode(to encoder: any Encoder) throws {
                    var container = encoder.singleValueContainer()
                    switch self {
                    case .accepted: try container.encode("accepted")
                    case .refused(let code, let line): try container.encode(Refusal(code: code, line: line))
                    }
                }
            }

            var name: String
            var file: String
            var allowRehearsal: Bool
            var rosterDigest: String?
            var head: String?
            var expect: Expectation
        }
        var version = 1
        var vectors: [Vector]
    }

    private static let folder = Repository.path("Ceremonies/auditor/vectors")

    @Test("Every vector is accepted, or refused with its code at its line")
    func vectors() throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: Self.folder + "/vectors.json"))
        let book = try JSONDecoder().decode(Book.self, from: data)
        #expect(book.vectors.count >= 80)
        for vector in book.vectors {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: Self.folder + "/" + vector.file)))
            #expect(Self.outcome(bytes, vector) == vector.expect, "\(vector.name)")
        }
        // Each code of the specification has a vector.
        let codes = Set(
            book.vectors.compactMap { vector in
                if case .refused(let code, _) = vector.expect { code } else { nil }
            })
        #expect(codes == Set(TranscriptRefusal.Code.allCases.map(\.rawValue)))
    }

    private static func outcome(_ bytes: [UInt8], _ vector: Book.Vector) -> Book.Vector.Expectation {
        do throws(TranscriptRefusal) {
            _ = try VerifiedTranscript.verify(
                bytes,
                .init(
                    allowsRehearsal: vector.allowRehearsal, rosterDigest: vector.rosterDigest,
                    head: vector.head))
            return .accepted
        } catch {
            return .refused(code: error.code.rawValue, line: error.line)
        }
    }

    /// Makes the vectors anew: `ROOTLINE_VECTORS=1 swift test --filter TranscriptVectorTests`. The files of the repository are what counts.
    @Test(
        "The vectors can be made anew, each as it says",
        .enabled(if: ProcessInfo.processInfo.environment["ROOTLINE_VECTORS"] != nil))
    func make() throws {
        let place = try TestSite()
        let script = try CeremonyScript.parse(Array(vectorScript.utf8), file: "vector.yaml")
        let path = try script.rehearse(site: place.site).transcript
        let seed = Array(
            try Data(contentsOf: URL(fileURLWithPath: place.site.path("secrets/stand-ins.seed"))))
        var book = try VectorBook(Array(try Data(contentsOf: URL(fileURLWithPath: path))), seed: seed)
        let whole = try TestSite()
        for name in [
            "root-ca", "issuing-ca", "crl", "custodian-enrolment", "firmware-signer", "backup-and-recovery",
            "activation-data-rekey", "destruction",
        ] {
            let path = try whole.rehearse(name).transcript
            book.add(
                TranscriptVector(
                    name: "good-\(name)", bytes: Array(try Data(contentsOf: URL(fileURLWithPath: path)))))
        }
        let manager = FileManager.default
        try? manager.removeItem(atPath: Self.folder)
        try manager.createDirectory(atPath: Self.folder, withIntermediateDirectories: true)
        var vectors: [Book.Vector] = []
        for vector in book.vectors {
            let file = "\(vector.name).jsonl"
            try Data(vector.bytes).write(to: URL(fileURLWithPath: Self.folder + "/" + file))
            let entry = Book.Vector(
                name: vector.name, file: file, allowRehearsal: vector.allowsRehearsal,
                rosterDigest: vector.rosterDigest, head: vector.head,
                expect: vector.refusal.map { .refused(code: $0.code.rawValue, line: $0.line) } ?? .accepted)
            let found = Self.outcome(vector.bytes, entry)
            #expect(found == entry.expect, "\(vector.name)")
            vectors.append(entry)
        }
        #expect(Set(vectors.map(\.name)).count == vectors.count)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (encoder.encode(Book(vectors: vectors)) + Data("\n".utf8)).write(
            to: URL(fileURLWithPath: Self.folder + "/vectors.json"))
    }
}
