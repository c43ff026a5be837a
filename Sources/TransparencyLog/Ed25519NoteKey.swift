import Crypto

/// An Ed25519 key that signs notes, as C2SP signed-note type 0x01.
public struct Ed25519NoteKey: NoteVerifier, Hashable {
    public let name: String
    public let id: UInt32
    /// The 32 octets of RFC 8032 §5.1.5.
    public let publicKey: [UInt8]

    public init(name: String, publicKey: [UInt8]) throws(TransparencyLogError) {
        try Ed25519.check(publicKey, name: name)
        self.name = name
        self.publicKey = publicKey
        id = VerifierKey.keyID(name: name, type: .ed25519, key: publicKey)
    }

    /// A key from its text form; another type of key is refused.
    public init(_ key: VerifierKey) throws(TransparencyLogError) {
        guard key.type == .ed25519 else {
            throw TransparencyLogError(.key, "the verifier key of \(key.name) is not an Ed25519 note key")
        }
        try self.init(name: key.name, publicKey: key.key)
    }

    public var verifierKey: VerifierKey {
        VerifierKey(name: name, id: id, type: .ed25519, key: publicKey)
    }

    public func isValid(signature: [UInt8], over text: [UInt8]) -> Bool {
        Ed25519.isValid(signature, over: text, by: publicKey)
    }

    /// The signature line for 64 octets made over a note's text.
    public func signature(_ bytes: [UInt8]) -> SignedNote.Signature {
        SignedNote.Signature(keyName: name, keyID: id, bytes: bytes)
    }
}

/// Ed25519 (RFC 8032) over octets.
enum Ed25519 {
    static let signatureLength = 64

    static func check(_ publicKey: [UInt8], name: String) throws(TransparencyLogError) {
        guard NoteKey.isValid(name: name) else {
            throw TransparencyLogError(.key, "\"\(name)\" cannot be the name of a note key")
        }
        guard (try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey)) != nil else {
            throw TransparencyLogError(.key, "the key of \(name) is not an Ed25519 key of 32 octets")
        }
    }

    static func isValid(_ signature: [UInt8], over message: [UInt8], by publicKey: [UInt8]) -> Bool {
        guard signature.count == signatureLength,
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey)
        else { return false }
        return key.isValidSignature(signature, for: message)
    }
}
