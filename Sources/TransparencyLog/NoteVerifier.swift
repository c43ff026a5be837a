/// A public key that verifies signature lines of notes (C2SP signed-note).
///
/// Name and id together say which lines are the key's; every other line is ignored.
public protocol NoteVerifier: Sendable {
    /// The key name on signature lines.
    var name: String { get }
    /// The first four octets of a signature, big-endian.
    var id: UInt32 { get }

    /// Whether the octets after the key id are this key's signature over a note's text.
    func isValid(signature: [UInt8], over text: [UInt8]) -> Bool
}

extension NoteVerifier {
    /// Whether a line claims to be by this key.
    public func isNamed(by signature: SignedNote.Signature) -> Bool {
        signature.keyID == id && signature.keyName.isSpelled(name)
    }
}

extension NoteKey: NoteVerifier {}
