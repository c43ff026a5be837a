import Allowlist
import Foundation
import Testing
import TransparencyLog

@Suite("The specification's vectors")
struct VectorTests {
    /// Whether the vectors are made anew. Signatures differ each time, so this is done only where the format changes.
    static let isRecording = ProcessInfo.processInfo.environment["RECORD_VECTORS"] == "1"

    static func read<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(
            Value.self, from: Data(contentsOf: Vector.folder.appendingPathComponent(name)))
    }

    /// The names of the vectors that lie in the folder.
    static let committed: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: Vector.folder.path)) ?? []
        return names.filter { $0.hasSuffix(".json") && $0 != "entries.json" }.map { String($0.dropLast(5)) }
            .sorted()
    }()

    @Test("The library answers each vector as it demands", .enabled(if: !isRecording), arguments: committed)
    func vector(name: String) throws {
        let vector = try Self.read("\(name).json", as: Vector.self)
        #expect(vector.name == name)
        #expect(vector.version == 1 && vector.pins.version == 1)
        #expect(try vector.answer() == vector.expected, "\(vector.what)")
    }

    @Test("The library takes and refuses each entry of the table as it demands", .enabled(if: !isRecording))
    func entries() throws {
        let table = try Self.read("entries.json", as: [EntryVector].self)
        #expect(table.count > 100)
        for entry in table {
            let answer = EntryVector.answer(try #require(bytes(entry.hex)))
            #expect(answer.kind == entry.kind && answer.refused == entry.refused, "\(entry.name)")
        }
    }

    @Test("Every vector of the generator is there, and no other", .enabled(if: !isRecording))
    func complete() throws {
        #expect(Self.committed == VectorCase.all.map(\.name).sorted())
        #expect(Set(Self.committed).count == VectorCase.all.count)
        // Entries have no signatures, so their table is the same each time.
        #expect(try Self.read("entries.json", as: [EntryVector].self) == EntryVector.made())
        let codes = try Self.committed.map { try Self.read("\($0).json", as: Vector.self) }
        for vector in codes {
            #expect(vector.expected.code == VectorCase.all.first { $0.name == vector.name }?.code?.rawValue)
        }
    }

    @Test("The vectors stay small", .enabled(if: !isRecording))
    func size() throws {
        let files = try FileManager.default.contentsOfDirectory(
            at: Vector.folder, includingPropertiesForKeys: [.fileSizeKey])
        let bytes = try files.reduce(0) {
            try $0 + ($1.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0)
        }
        #expect(bytes < 3 << 20)
    }

    @Test("Vectors are made anew where RECORD_VECTORS=1 says so", .enabled(if: isRecording))
    func record() throws {
        let folder = Vector.folder
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            try FileManager.default.removeItem(at: folder.appendingPathComponent(name))
        }
        for vector in VectorCase.all {
            do { try vector.record() } catch { Issue.record(error, "\(vector.name)") }
        }
        try Vector.encoded(try EntryVector.made()).write(to: folder.appendingPathComponent("entries.json"))
    }

    private func bytes(_ hex: String) -> [UInt8]? {
        let digits = Array(hex.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16) ?? 0
        }
    }
}
