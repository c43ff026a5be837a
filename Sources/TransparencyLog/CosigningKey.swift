import Crypto

/// A witness's private key: Ed25519, kept as PKCS#8 (RFC 8410 §7).
///
/// Its description never shows the secret, and it cannot be encoded by chance.
public struct CosigningKey: Sendable, CustomStringConvertible {
    /// What verifies this key's cosignatures.
    public let publicKey: CosignerKey
    private let privateKey: Curve25519.Signing.PrivateKey

    private static let label = "PRIVATE KEY"
    /// The one DER form of a PKCS#8 Ed25519 key, up to the 32 octets of its seed (RFC 8410 §7).
    private static let prefix: [UInt8] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ]

    /// Makes a new key.
    public init(generatingFor name: String) throws(TransparencyLogError) {
        try self.init(name: name, privateKey: Curve25519.Signing.PrivateKey())
    }

    /// Reads a PEM file of one unencrypted PKCS#8 Ed25519 key, as `openssl genpkey -algorithm ed25519` writes it.
    public init(name: String, pem: [UInt8]) throws(TransparencyLogError) {
        let refusal = TransparencyLogError(
            .key, "the private key of \(name) is not an unencrypted PKCS#8 Ed25519 key in PEM")
        let lines = pem.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d })
        guard lines.count >= 3, lines.first.map(Array.init) == Array("-----BEGIN \(Self.label)-----".utf8),
            lines.last.map(Array.init) == Array("-----END \(Self.label)-----".utf8)
        else { throw refusal }
        var text = Array(lines[1..<lines.count - 1].joined())
        var der = Base64.decode(String(decoding: text, as: UTF8.self)) ?? []
        defer {
            text.withUnsafeMutableBytes { $0.clear() }
            der.withUnsafeMutableBytes { $0.clear() }
        }
        guard der.count == Self.prefix.count + 32, der.starts(with: Self.prefix),
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: der[Self.prefix.count...])
        else { throw refusal }
        try self.init(name: name, privateKey: key)
    }

    private init(name: String, privateKey: Curve25519.Signing.PrivateKey) throws(TransparencyLogError) {
        self.privateKey = privateKey
        publicKey = try CosignerKey(name: name, publicKey: Array(privateKey.publicKey.rawRepresentation))
    }

    public var description: String { "the private key of \(publicKey.name)" }

    /// The PEM file's bytes; whoever takes them keeps them secret and clears them.
    public var pem: [UInt8] {
        var der = Self.prefix + privateKey.rawRepresentation
        defer { der.withUnsafeMutableBytes { $0.clear() } }
        var bytes = Array("-----BEGIN \(Self.label)-----\n".utf8)
        bytes.reserveCapacity(160)
        der.withUnsafeBytes { Base64.append($0, to: &bytes) }
        bytes += "\n-----END \(Self.label)-----\n".utf8
        return bytes
    }

    /// The signature line over a checkpoint's text at `time` (UTC seconds since 1970).
    ///
    /// Whoever calls has checked the log's signature and that the tree extends all that was cosigned before.
    public func cosign(text: [UInt8], at time: UInt64) throws(TransparencyLogError) -> SignedNote.Signature {
        guard time <= UInt64(Int64.max),
            let signature = try? privateKey.signature(for: Cosignature.message(time: time, text: text))
        else { throw TransparencyLogError(.key, "\(publicKey.name) cannot sign at this time") }
        return publicKey.line(Cosignature(time: time, signature: Array(signature)))
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Overwrites the octets with zeros.
    fileprivate func clear() {
        for index in indices { self[index] = 0 }
    }
}
