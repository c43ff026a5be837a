import Foundation
import Testing
import TransparencyLog

@Suite("Published notes, keys and cosignatures")
struct WitnessVectorTests {
    static func bytes(_ name: String) throws -> [UInt8] {
        let url = try #require(Bundle.module.url(forResource: "Vectors/\(name)", withExtension: nil))
        return Array(try Data(contentsOf: url))
    }

    static func keys(_ name: String) throws -> [VerifierKey] {
        try String(decoding: bytes(name), as: UTF8.self).split(separator: "\n").map { (line) throws in
            try VerifierKey(parsing: line)
        }
    }

    @Test("The Ed25519 notes of C2SP and of Go verify", arguments: ["signed-note", "go-note"])
    func notes(name: String) throws {
        let bytes = try Self.bytes("\(name).note")
        let key = try Ed25519NoteKey(try #require(try Self.keys("\(name).vkeys").first))
        let note = try SignedNote(parsing: bytes)
        try note.check(signedBy: key)
        #expect(note.bytes == bytes)
        for position in note.text.indices {
            var changed = bytes
            changed[position] ^= 1
            guard let other = try? SignedNote(parsing: changed) else { continue }
            #expect(throws: TransparencyLogError.self) { try other.check(signedBy: key) }
        }
    }

    @Test(
        "Verifier keys are written as they were read", arguments: ["signed-note", "go-note", "arche2025h1"])
    func verifierKeys(name: String) throws {
        let text = String(decoding: try Self.bytes("\(name).vkeys"), as: UTF8.self)
        let keys = try Self.keys("\(name).vkeys")
        #expect(keys.map { "\($0)\n" }.joined() == text)
    }

    @Test("A witnessed public checkpoint verifies by its log and by each of its four witnesses")
    func witnessed() throws {
        let note = try SignedNote(parsing: Self.bytes("arche2025h1.note"))
        #expect(try Checkpoint(text: note.text).size == 1_432_088_532)
        let keys = try Self.keys("arche2025h1.vkeys")
        try note.check(signedBy: Ed25519NoteKey(#require(keys.first)))
        let witnesses = try keys.dropFirst().map { (key) throws in try CosignerKey(key) }
        #expect(witnesses.count == 4)
        for witness in witnesses {
            let cosignatures = try witness.cosignatures(of: note)
            #expect(cosignatures.map(\.time) == [0x6a12_2120])
            #expect(
                cosignatures.map { witness.line($0) } == note.signatures.filter { witness.isNamed(by: $0) })
        }
        let other = SignedNote(text: note.text.map { $0 == 0x32 ? 0x33 : $0 }, signatures: note.signatures)
        for witness in witnesses {
            #expect(throws: TransparencyLogError.self) { try witness.cosignatures(of: other) }
        }
    }

    @Test("The cosigned checkpoint in the text of tlog-cosignature is read, with its time")
    func example() throws {
        let note = try SignedNote(parsing: Self.bytes("tlog-cosignature.note"))
        #expect(try Checkpoint(text: note.text).origin == "example.com/behind-the-sofa")
        #expect(Cosignature(try #require(note.signatures.last).bytes)?.time == 1_679_315_147)
        #expect(note.signatures.first?.bytes.count == 64)
    }
}
