import Crypto
import Foundation
import Testing
import TransparencyLog

@Suite("Witness cosignatures and verifier keys")
struct CosignatureTests {
    let text = Checkpoint(origin: "example.com/log", size: 7, root: MemoryTiles.leaf(3)).text
    let logKey = P256.Signing.PrivateKey()

    func note() throws -> SignedNote {
        let key = try NoteKey(name: "example.com/log", spki: Array(logKey.publicKey.derRepresentation))
        let signature = try logKey.signature(for: text)
        return SignedNote(text: text, signatures: [key.signature(Array(signature.derRepresentation))])
    }

    @Test("A cosignature that Python's cryptography made verifies here")
    func fromPython() throws {
        let printed = try Python.run("cosign.py", ["make", "witness.example/w1", "1679315147"], input: text)
        let lines = printed.split(separator: "\n", maxSplits: 2).map(String.init)
        let key = try CosignerKey(VerifierKey(parsing: lines[0]))
        let note = try SignedNote(parsing: note().bytes + Array("\(lines[1])\n".utf8))
        #expect(try key.cosignatures(of: note).map(\.time) == [1_679_315_147])
        let privateKey = try CosigningKey(name: "witness.example/w1", pem: Array(lines[2].utf8))
        #expect(privateKey.publicKey == key)
        // Ed25519 is deterministic (RFC 8032 §5.1.6): the same line comes out here.
        #expect(try privateKey.cosign(text: text, at: 1_679_315_147).line == lines[1])
        #expect(String(decoding: privateKey.pem, as: UTF8.self) == lines[2])
    }

    @Test("A cosignature made here verifies by Python's cryptography, and so does the key's file")
    func toPython() throws {
        let key = try CosigningKey(generatingFor: "witness.example/w2")
        let cosigned = try note().adding(key.cosign(text: text, at: 1_700_000_000))
        let time = try Python.run(
            "cosign.py", ["check", "\(key.publicKey.verifierKey)"], input: cosigned.bytes)
        #expect(time == "1700000000\n")
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("key-\(UUID().uuidString)")
        try Data(key.pem).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let half = try Python.run("cosign.py", ["public", file.path])
        #expect(half == Base64.encode(key.publicKey.publicKey) + "\n")
    }

    @Test("A flip of any bit of a cosignature makes the note unacceptable to who knows the witness")
    func flips() throws {
        let key = try CosigningKey(generatingFor: "w")
        let line = try key.cosign(text: text, at: 9)
        for position in line.bytes.indices {
            for bit in 0..<8 {
                var bytes = line.bytes
                bytes[position] ^= 1 << bit
                let changed = SignedNote.Signature(keyName: line.keyName, keyID: line.keyID, bytes: bytes)
                #expect(throws: TransparencyLogError.self) {
                    try key.publicKey.cosignatures(of: note().adding(changed))
                }
            }
        }
    }

    @Test("A cosignature is of its text: over another checkpoint, or as a log's signature, it is none")
    func otherText() throws {
        let key = try CosigningKey(generatingFor: "w")
        let other = Checkpoint(origin: "example.com/log", size: 8, root: MemoryTiles.leaf(3)).text
        let line = try key.cosign(text: other, at: 9)
        #expect(throws: TransparencyLogError.self) {
            try key.publicKey.cosignatures(of: note().adding(line))
        }
        let plain = try Ed25519NoteKey(name: "w", publicKey: key.publicKey.publicKey)
        #expect(plain.id != key.publicKey.id)
        #expect(!plain.isValid(signature: Array(line.bytes.dropFirst(8)), over: other))
    }

    @Test("A line of another name or another id is another key's, and ignored")
    func strangers() throws {
        let key = try CosigningKey(generatingFor: "w")
        let line = try key.cosign(text: text, at: 9)
        let renamed = SignedNote.Signature(keyName: "v", keyID: line.keyID, bytes: [1, 2, 3])
        let reissued = SignedNote.Signature(keyName: "w", keyID: line.keyID ^ 1, bytes: [1, 2, 3])
        let mixed = try note().adding(renamed).adding(reissued).adding(line)
        #expect(mixed.signatures.count == 4)
        #expect(try key.publicKey.cosignatures(of: mixed).count == 1)
        #expect(try key.publicKey.cosignatures(of: note()).isEmpty)
    }

    @Test("A witness's new line takes the place of its old ones; all else stays")
    func replaced() throws {
        let (one, two) = (try CosigningKey(generatingFor: "a"), try CosigningKey(generatingFor: "b"))
        let first = try note()
        let old = try one.cosign(text: text, at: 1)
        let doubled = SignedNote(text: text, signatures: first.signatures + [old, old])
        let other = try two.cosign(text: text, at: 2)
        let newest = try one.cosign(text: text, at: 3)
        let note = doubled.adding(other).adding(newest)
        #expect(note.signatures == first.signatures + [newest, other])
        #expect(note.text == text)
        #expect(try SignedNote(parsing: note.bytes) == note)
    }

    static let refusedKeys = [
        "", "w", "w+00000000", "w+00000000+", "w+00000000+BA==", "+00000000+BA==",
        // The C2SP example with another id, a capital, another type, a cut key, a space in its name.
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv",
        "example.com /foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
    ]

    @Test("Other text is no verifier key", arguments: refusedKeys)
    func refusedKey(text: String) {
        #expect(throws: TransparencyLogError.self) { try VerifierKey(parsing: text) }
    }

    @Test("A key of one type does not serve as one of another")
    func types() throws {
        let log = try VerifierKey(
            parsing: "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
        #expect(throws: TransparencyLogError.self) { try CosignerKey(log) }
        let witness = try CosigningKey(generatingFor: "w").publicKey.verifierKey
        #expect(throws: TransparencyLogError.self) { try Ed25519NoteKey(witness) }
        #expect(throws: TransparencyLogError.self) { try CosignerKey(name: "w", publicKey: [1, 2, 3]) }
        #expect(throws: TransparencyLogError.self) {
            try CosignerKey(name: "a b", publicKey: [UInt8](repeating: 1, count: 32))
        }
    }

    @Test("The verifier key of a P-256 log carries its SubjectPublicKeyInfo, as Rekor's does")
    func ecdsa() throws {
        let rekor =
            "rekor.sigstore.dev+c0d23d6a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvXwBcK5AW"
            + "5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc="
        let key = try VerifierKey(parsing: rekor)
        #expect(key.type == .ecdsa)
        let note = try NoteKey(name: key.name, spki: key.key)
        #expect(note.id == key.id)
        #expect("\(note.verifierKey)" == rekor)
    }

    @Test("A private key's file that is not one PKCS#8 Ed25519 key is refused, and never shown")
    func privateKeys() throws {
        let key = try CosigningKey(generatingFor: "w")
        let pem = String(decoding: key.pem, as: UTF8.self)
        #expect("\(key)" == "the private key of w")
        #expect(try CosigningKey(name: "w", pem: Array(pem.utf8)).publicKey == key.publicKey)
        let other = P256.Signing.PrivateKey().pemRepresentation
        let encrypted = pem.replacing("PRIVATE", with: "ENCRYPTED PRIVATE")
        for text in ["", other, encrypted, pem + pem, pem.replacing("MC4", with: "MC5"), "x\n" + pem] {
            #expect(throws: TransparencyLogError.self) { try CosigningKey(name: "w", pem: Array(text.utf8)) }
        }
    }
}
