import Allowlist
import Foundation
import Testing
import TransparencyLog

@Suite("The worked examples of the pages")
struct ExampleTests {
    /// The fenced blocks of a page of the documentation behind a heading.
    static func blocks(of page: String, behind heading: String) throws -> [[UInt8]] {
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let url = repository.appendingPathComponent("Sources/Allowlist/Allowlist.docc/\(page)")
        let text = try String(contentsOf: url, encoding: .utf8)
        let rest = try #require(text.range(of: heading)).upperBound
        let parts = text[rest...].components(separatedBy: "```\n")
        return parts.enumerated().filter { $0.offset % 2 == 1 }.map { Array($0.element.utf8) }
    }

    @Test("The receipt and the proof of absence on their page verify by the key that stands there")
    func receipts() throws {
        let blocks = try Self.blocks(of: "Receipts.md", behind: "## An example")
        try #require(blocks.count == 3)
        let pins = try Pins(
            origin: "example.com/allowlist", logKeyPEM: String(decoding: blocks[0], as: UTF8.self))
        let device = PresentedDevice(
            key: TestLog.digest(2, 1), certificate: TestLog.digest(2, 2), serial: "SN-2", product: "pump")
        let receipt = try Receipt(parsing: blocks[1])
        let answer = try receipt.verify(pins: pins, device: device)
        #expect(answer.entryIndex == 2)
        #expect(answer.checkpoint.size == 5)
        // The block ends in a newline, the document does not.
        let absence = try AbsenceProof(parsing: Array(blocks[2].dropLast()))
        let absent = PresentedDevice(key: TestLog.digest(9, 1), serial: "SN-9")
        #expect(try absence.verify(pins: pins, device: absent).deviceChecked)
    }

    @Test("The cosigned checkpoint on its page verifies by the witnesses that stand there")
    func witnesses() throws {
        let blocks = try Self.blocks(of: "Witnesses.md", behind: "## An example")
        try #require(blocks.count == 2)
        let note = try SignedNote(parsing: blocks[0])
        let keys = try String(decoding: blocks[1], as: UTF8.self).split(separator: "\n").map {
            (line) throws in
            try VerifierKey(parsing: line)
        }
        try note.check(signedBy: Ed25519NoteKey(#require(keys.first)))
        let witnesses = try keys.dropFirst().map { (key) throws in try CosignerKey(key) }
        let quorum = try WitnessQuorum(witnesses.count, of: witnesses)
        #expect(try quorum.check(note).newestTime == 1_779_573_024)
    }
}
