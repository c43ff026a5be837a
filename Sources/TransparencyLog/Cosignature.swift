/// A witness's signature over a time and a checkpoint (C2SP tlog-cosignature, Ed25519, type 0x04).
///
/// It says that at this time the checkpoint was the largest one of its log that the witness had seen, and
/// that it extends all that the witness saw before.
public struct Cosignature: Hashable, Sendable {
    /// UTC seconds since 1970, at most 2^63 - 1.
    public let time: UInt64
    /// 64 octets of Ed25519.
    public let signature: [UInt8]

    /// Octets of a cosignature after its key id.
    public static let byteCount = 8 + Ed25519.signatureLength

    private static let latestTime = UInt64(Int64.max)

    init(time: UInt64, signature: [UInt8]) {
        self.time = time
        self.signature = signature
    }

    /// Reads a `timestamped_signature`: the time in big-endian order, then the signature.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        let time = bytes[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard time <= Self.latestTime else { return nil }
        self.init(time: time, signature: Array(bytes[8...]))
    }

    public var bytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: time >> (56 - 8 * UInt64($0))) } + signature
    }

    /// What is signed: a header line, a line with the time, and the note's whole text.
    static func message(time: UInt64, text: [UInt8]) -> [UInt8] {
        Array("cosignature/v1\ntime \(time)\n".utf8) + text
    }
}

/// A witness's public key, as C2SP signed-note type 0x04.
public struct CosignerKey: NoteVerifier, Hashable {
    public let name: String
    public let id: UInt32
    /// The 32 octets of RFC 8032 §5.1.5.
    public let publicKey: [UInt8]

    public init(name: String, publicKey: [UInt8]) throws(TransparencyLogError) {
        try Ed25519.check(publicKey, name: name)
        self.name = name
        self.publicKey = publicKey
        id = VerifierKey.keyID(name: name, type: .cosignature, key: publicKey)
    }

    /// A key from its text form; another type of key is refused.
    public init(_ key: VerifierKey) throws(TransparencyLogError) {
        guard key.type == .cosignature else {
            throw TransparencyLogError(
                .key, "the verifier key of \(key.name) is not a witness's, which begins with 0x04")
        }
        try self.init(name: key.name, publicKey: key.key)
    }

    public var verifierKey: VerifierKey {
        VerifierKey(name: name, id: id, type: .cosignature, key: publicKey)
    }

    public func isValid(signature: [UInt8], over text: [UInt8]) -> Bool {
        guard let cosignature = Cosignature(signature) else { return false }
        return isValid(cosignature, over: text)
    }

    public func isValid(_ cosignature: Cosignature, over text: [UInt8]) -> Bool {
        let message = Cosignature.message(time: cosignature.time, text: text)
        return Ed25519.isValid(cosignature.signature, over: message, by: publicKey)
    }

    /// This key's cosignatures of a note in the order of their lines; none where it has no line.
    ///
    /// A line that claims to be by this key and does not verify makes the note invalid.
    public func cosignatures(of note: SignedNote) throws(TransparencyLogError) -> [Cosignature] {
        var found: [Cosignature] = []
        for line in note.signatures where isNamed(by: line) {
            guard let cosignature = Cosignature(line.bytes), isValid(cosignature, over: note.text) else {
                throw TransparencyLogError(
                    .noteSignature, "the cosignature by \(name) does not verify over the note's text")
            }
            found.append(cosignature)
        }
        return found
    }

    /// The signature line of a cosignature.
    public func line(_ cosignature: Cosignature) -> SignedNote.Signature {
        SignedNote.Signature(keyName: name, keyID: id, bytes: cosignature.bytes)
    }
}
