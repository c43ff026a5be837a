import Crypto
import Testing
import TransparencyLog

@Suite("Signed notes and checkpoints")
struct SignedNoteTests {
    let privateKey = P256.Signing.PrivateKey()
    let checkpoint = Checkpoint(
        origin: "example.com/behind-the-sofa", size: 20_852_163, root: MemoryTiles.leaf(1))

    func key(_ name: String = "example.com/behind-the-sofa") throws -> NoteKey {
        try NoteKey(name: name, spki: Array(privateKey.publicKey.derRepresentation))
    }

    func signed(_ text: [UInt8]) throws -> SignedNote {
        let signature = try privateKey.signature(for: text)
        return SignedNote(text: text, signatures: [try key().signature(Array(signature.derRepresentation))])
    }

    @Test("A signed checkpoint is read back and verifies over the received bytes")
    func roundTrip() throws {
        let note = try SignedNote(parsing: signed(checkpoint.text).bytes)
        #expect(note.text == checkpoint.text)
        try note.check(signedBy: key())
        #expect(try Checkpoint(text: note.text) == checkpoint)
    }

    @Test("The key id is the first four bytes of the SHA-256 of the SubjectPublicKeyInfo")
    func keyID() throws {
        let spki = Array(privateKey.publicKey.derRepresentation)
        let first = Array(SHA256.hash(data: spki)).prefix(4)
        #expect(try key().id == first.reduce(0) { $0 << 8 | UInt32($1) })
        #expect(try NoteKey(name: "a", pem: privateKey.publicKey.pemRepresentation).spki == spki)
    }

    @Test("A flip of any bit of a signed note makes it unacceptable")
    func flips() throws {
        let bytes = try signed(checkpoint.text).bytes
        let key = try key()
        for position in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[position] ^= 1 << bit
                #expect(throws: TransparencyLogError.self) {
                    try SignedNote(parsing: changed).check(signedBy: key)
                }
            }
        }
    }

    @Test("A note cut anywhere is unacceptable")
    func cuts() throws {
        let bytes = try signed(checkpoint.text).bytes
        let key = try key()
        for length in 0..<bytes.count {
            #expect(throws: TransparencyLogError.self) {
                try SignedNote(parsing: Array(bytes[..<length])).check(signedBy: key)
            }
        }
    }

    @Test("Signatures by unknown keys are ignored, a wrong one by the known key is not")
    func otherSignatures() throws {
        let good = try signed(checkpoint.text)
        let stranger = SignedNote.Signature(keyName: "witness.example", keyID: 7, bytes: [1, 2, 3])
        let known = try key()
        try SignedNote(text: good.text, signatures: [stranger] + good.signatures).check(signedBy: known)
        let only = SignedNote(text: good.text, signatures: [stranger])
        #expect(throws: TransparencyLogError.self) { try only.check(signedBy: known) }
        let forged = SignedNote(
            text: good.text, signatures: good.signatures + [known.signature([0x30, 0x00])])
        #expect(throws: TransparencyLogError.self) { try forged.check(signedBy: known) }
        #expect(throws: TransparencyLogError.self) { try good.check(signedBy: key("example.com/other")) }
    }

    @Test("The text ends at the last blank line")
    func blankLines() throws {
        let text = Array("first\n\nsecond\n".utf8)
        #expect(try SignedNote(parsing: signed(text).bytes).text == text)
    }

    @Test(
        "Text that is not a checkpoint is refused",
        arguments: [
            "", "o\n1\n", "o\n01\n\(root)\n", "o\n+1\n\(root)\n", "o\n-1\n\(root)\n", "\n1\n\(root)\n",
            "o\n1\n\(root)\nextension\n", "o\n1\n\(root.dropLast())\n", "o\n1\nAAAA\n", "o\n1\n\(root)",
            "o p\n1\n\(root)\n", "o+p\n1\n\(root)\n", "o\n18446744073709551616\n\(root)\n",
            "o\n1\n\(stray)\n",
        ])
    func notCheckpoint(text: String) {
        #expect(throws: TransparencyLogError.self) { try Checkpoint(text: Array(text.utf8)) }
    }

    private static let root = MerkleTree.emptyRoot.base64
    /// The same 32 bytes with a bit set that no byte holds.
    private static let stray = root.dropLast(2) + "V="

    @Test(
        "Base64 is that of RFC 4648 and strict",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64(text: String, encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(text.utf8))
    }

    @Test(
        "Other base64 is refused",
        arguments: ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9v", "====", "Z==="])
    func otherBase64(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test("A key that is not P-256 in its usual form is refused")
    func keys() {
        #expect(throws: TransparencyLogError.self) { try NoteKey(name: "a", spki: [1, 2, 3]) }
        let spki = Array(privateKey.publicKey.derRepresentation)
        #expect(throws: TransparencyLogError.self) { try NoteKey(name: "a b", spki: spki) }
        #expect(throws: TransparencyLogError.self) { try NoteKey(name: "", spki: spki) }
        #expect(throws: TransparencyLogError.self) { try NoteKey(name: "a", spki: spki + [0]) }
    }
}
