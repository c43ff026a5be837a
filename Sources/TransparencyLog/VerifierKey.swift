/// A verifier key in the text form of C2SP signed-note: `name+id+base64(type || public key)`.
public struct VerifierKey: Hashable, Sendable, CustomStringConvertible {
    /// The signature types of C2SP signed-note that are used here.
    public enum SignatureType: UInt8, Hashable, Sendable, CaseIterable {
        /// Ed25519 over the note's text.
        case ed25519 = 0x01
        /// ECDSA over the note's text; the key is a DER SubjectPublicKeyInfo, whose digest is the id.
        case ecdsa = 0x02
        /// Ed25519 over a time and the note's text (C2SP tlog-cosignature).
        case cosignature = 0x04
    }

    public let name: String
    /// Big-endian value of the four octets that begin each signature.
    public let id: UInt32
    public let type: SignatureType
    /// The public key's octets, whose form depends on the type.
    public let key: [UInt8]

    init(name: String, id: UInt32, type: SignatureType, key: [UInt8]) {
        self.name = name
        self.id = id
        self.type = type
        self.key = key
    }

    /// Reads the text form; the id must be the one that name, type and key give.
    ///
    /// The last part may hold a `+`, because base64 has one; a name never does.
    public init(parsing text: some StringProtocol) throws(TransparencyLogError) {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            throw TransparencyLogError(.key, "a verifier key is a name, an id and a key, with + between them")
        }
        let name = String(parts[0])
        guard NoteKey.isValid(name: name) else {
            throw TransparencyLogError(.key, "\"\(name)\" cannot be the name of a note key")
        }
        guard let value = Base64.decode(parts[2]), let first = value.first else {
            throw TransparencyLogError(.key, "the verifier key of \(name) is not base64")
        }
        guard let type = SignatureType(rawValue: first) else {
            throw TransparencyLogError(.key, "the verifier key of \(name) is of the unknown type \(first)")
        }
        let key = Array(value.dropFirst())
        let id =
            type == .ecdsa
            ? Self.truncated(Digest32.sha256(key)) : Self.keyID(name: name, type: type, key: key)
        guard parts[1] == Self.hexText(id) else {
            throw TransparencyLogError(
                .key, "the verifier key of \(name) has the id \(parts[1]), its key gives \(Self.hexText(id))")
        }
        self.init(name: name, id: id, type: type, key: key)
    }

    public var description: String {
        "\(name)+\(Self.hexText(id))+\(Base64.encode([type.rawValue] + key))"
    }

    /// SHA-256(name || newline || type || key), of which the first four octets are the id.
    static func keyID(name: String, type: SignatureType, key: [UInt8]) -> UInt32 {
        truncated(Digest32.sha256(Array(name.utf8) + [0x0a, type.rawValue] + key))
    }

    private static func truncated(_ digest: Digest32) -> UInt32 {
        UInt32(truncatingIfNeeded: digest.bigEndianWords.0 >> 32)
    }

    private static func hexText(_ id: UInt32) -> String {
        let digits = String(id, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}

extension NoteKey {
    /// The key as other log clients read it, of type 0x02.
    public var verifierKey: VerifierKey { VerifierKey(name: name, id: id, type: .ecdsa, key: spki) }
}
