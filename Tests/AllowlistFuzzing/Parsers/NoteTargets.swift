import Crypto
import TransparencyLog

extension FuzzTarget {
    /// `SignedNote` and `Checkpoint` in it: one spelling only, and no text verifies but the one that was
    /// signed.
    static let signedNote = FuzzTarget(
        "signed-note", maximumLength: 700,
        seeds: [SampleNote.note, SampleNote.otherNote, SampleNote.twice]
    ) {
        (input) throws(BrokenProperty) in
        let note: SignedNote
        do throws(TransparencyLogError) {
            note = try SignedNote(parsing: input)
        } catch {
            try hold(error.code == .noteMalformed, "a note is refused as \(error.code.rawValue)")
            return .refused(error.message)
        }
        try hold(note.bytes == input, "an accepted note is not written again with the same bytes")
        try hold(!note.signatures.isEmpty && note.text.last == 0x0a, "a note has a text and a signature")
        var isCheckpoint = false
        if let checkpoint = try? Checkpoint(text: note.text) {
            isCheckpoint = true
            try hold(checkpoint.text == note.text, "a checkpoint has one spelling")
        }
        guard let key = SampleNote.noteKey else { throw BrokenProperty("the sample key is no key") }
        do throws(TransparencyLogError) {
            try note.check(signedBy: key)
        } catch {
            return .refused("\(error.code.rawValue) \(isCheckpoint)")
        }
        try hold(note.text == SampleNote.text, "a text that nobody signed verifies")
        return .accepted
    }

    static let checkpoint = FuzzTarget(
        "checkpoint", maximumLength: 300, seeds: [SampleNote.text, Array("a\n0\n\n".utf8)]
    ) {
        (input) throws(BrokenProperty) in
        guard let checkpoint = try? Checkpoint(text: input) else { return .refused("") }
        try hold(checkpoint.text == input, "a checkpoint has one spelling")
        try hold(NoteKey.isValid(name: checkpoint.origin), "an origin is a key name")
        return .accepted
    }

    /// `Base64` and the hexadecimal digests: decoding and encoding are each other's inverse.
    static let base64 = FuzzTarget(
        "base64", maximumLength: 200,
        seeds: ["", "AA==", "AAE=", "AAEC", "+/+/", "AB==", "A===", "=AAA"].map { Array($0.utf8) }
    ) {
        (input) throws(BrokenProperty) in
        try hold(Base64.decode(Base64.encode(input)) == input, "bytes do not survive base64")
        let text = String(decoding: input, as: UTF8.self)
        if let digest = Digest32(hex: text) {
            try hold(digest.hex == text.lowercased(), "a digest is not written again as it was read")
        }
        guard let bytes = Base64.decode(text) else { return .refused("") }
        try hold(Base64.encode(bytes) == text, "a value has two base64 forms")
        return .accepted
    }

    /// `NoteKey(name:spki:)`: only the one DER form of a P-256 key, since the key id is its digest.
    static let noteKey = FuzzTarget(
        "note-key", maximumLength: 200, seeds: [Array(SampleNote.key.publicKey.derRepresentation)]
    ) {
        (input) throws(BrokenProperty) in
        guard let key = try? NoteKey(name: "log.example", spki: input) else { return .refused("") }
        let head: [UInt8] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
        ]
        try hold(input.count == 91 && input.starts(with: head), "a key has another DER form")
        try hold(key.spki == input, "a key is kept as it was read")
        return .accepted
    }
}

/// A note by a key that is the same on every machine.
enum SampleNote {
    static let origin = "hospital.example/allowlist"
    static let key: P256.Signing.PrivateKey = privateKey(1)
    static let spki = Array(key.publicKey.derRepresentation)
    static let noteKey = try? NoteKey(name: origin, spki: spki)
    static let text = Checkpoint(origin: origin, size: 4321, root: Digest32.sha256([1])).text

    static let note = signed(text, by: [key])
    static let otherNote = signed(text, by: [privateKey(2)])
    static let twice = signed(text, by: [privateKey(2), key])

    /// A key whose number is 32 times this octet.
    static func privateKey(_ octet: UInt8) -> P256.Signing.PrivateKey {
        (try? P256.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: octet, count: 32)))
            ?? P256.Signing.PrivateKey()
    }

    static func signed(_ text: [UInt8], by keys: [P256.Signing.PrivateKey]) -> [UInt8] {
        let signatures = keys.compactMap { key -> SignedNote.Signature? in
            guard let name = try? NoteKey(name: origin, spki: Array(key.publicKey.derRepresentation)),
                let signature = try? key.signature(for: text)
            else { return nil }
            return name.signature(Array(signature.derRepresentation))
        }
        return SignedNote(text: text, signatures: signatures).bytes
    }
}
