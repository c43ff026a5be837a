import Crypto

/// A P-256 key that signs notes, as C2SP signed-note type 0x02.
public struct NoteKey: Sendable {
    /// The key name on signature lines; for a log, its origin.
    public let name: String
    /// The first four bytes of the SHA-256 of the DER SubjectPublicKeyInfo, big-endian.
    public let id: UInt32
    /// The DER SubjectPublicKeyInfo.
    public let spki: [UInt8]
    private let publicKey: P256.Signing.PublicKey

    /// A key from its DER SubjectPublicKeyInfo with an uncompressed point, the only form whose digest
    /// is the key id.
    public init(name: String, spki: [UInt8]) throws(TransparencyLogError) {
        guard NoteKey.isValid(name: name) else {
            throw TransparencyLogError(.key, "\"\(name)\" cannot be the name of a note key")
        }
        guard let key = try? P256.Signing.PublicKey(derRepresentation: spki),
            key.derRepresentation.elementsEqual(spki)
        else {
            throw TransparencyLogError(.key, "the key of \(name) is not a P-256 SubjectPublicKeyInfo in DER")
        }
        self.name = name
        self.spki = spki
        publicKey = key
        id = UInt32(truncatingIfNeeded: Digest32.sha256(spki).bigEndianWords.0 >> 32)
    }

    /// A key from the PEM form of its SubjectPublicKeyInfo.
    public init(name: String, pem: String) throws(TransparencyLogError) {
        guard let key = try? P256.Signing.PublicKey(pemRepresentation: pem) else {
            throw TransparencyLogError(.key, "the key of \(name) is not a P-256 public key in PEM")
        }
        try self.init(name: name, spki: Array(key.derRepresentation))
    }

    /// Whether `signature` (DER Ecdsa-Sig-Value) is by this key over SHA-256 of `text`.
    public func isValid(signature: [UInt8], over text: [UInt8]) -> Bool {
        guard let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else {
            return false
        }
        return publicKey.isValidSignature(signature, for: text)
    }

    /// The signature line for a DER signature made over a note's text.
    public func signature(_ bytes: [UInt8]) -> SignedNote.Signature {
        SignedNote.Signature(keyName: name, keyID: id, bytes: bytes)
    }

    /// A note key's name is not empty and has neither Unicode spaces, controls nor a plus.
    public static func isValid(name: String) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy {
                !$0.properties.isWhitespace && $0.properties.generalCategory != .control && $0 != "+"
            }
    }
}
