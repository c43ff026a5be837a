import Crypto
import Foundation
import PKCS11
import SwiftASN1
import X509

/// A token key as swift-certificates' private key, so that `Certificate` and CSR initialisers sign with it.
public struct TokenIssuerKey: CustomPrivateKey {
    private let key: TokenKey
    public let publicKey: Certificate.PublicKey

    public init(_ key: TokenKey) throws(TokenKeyError) {
        self.key = key
        do {
            publicKey = try Certificate.PublicKey(derEncoded: key.publicKeyInfo)
        } catch {
            throw TokenKeyError(.keyMalformed, key.label.description, "\(error)")
        }
    }

    public var defaultSignatureAlgorithm: Certificate.SignatureAlgorithm {
        switch key.type {
        case .p256: .ecdsaWithSHA256
        case .p384: .ecdsaWithSHA384
        case .rsa3072: .sha256WithRSAEncryption
        case .rsa4096: .sha384WithRSAEncryption
        }
    }

    public var supportedSignatureAlgorithms: [Certificate.SignatureAlgorithm] { [defaultSignatureAlgorithm] }

    public func signSynchronously(
        bytes: some DataProtocol, signatureAlgorithm: Certificate.SignatureAlgorithm
    ) throws -> Certificate.Signature {
        guard signatureAlgorithm == defaultSignatureAlgorithm else {
            throw TokenKeyError(.roleRefused, key.label.description, "does not sign \(signatureAlgorithm)")
        }
        let signature = try key.signature(over: Array(bytes))
        return try Certificate.Signature(
            signatureAlgorithm: signatureAlgorithm, signatureBytes: ASN1BitString(bytes: signature[...]))
    }

    public static func == (left: TokenIssuerKey, right: TokenIssuerKey) -> Bool {
        left.publicKey == right.publicKey && left.key.label == right.key.label
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(publicKey)
    }

    public static var defaultPEMDiscriminator: String { "PUBLIC KEY" }

    /// Writes the public key: the private one has no encoding, it never leaves the token.
    public func serialize(into coder: inout DER.Serializer) throws {
        coder.serializeRawBytes(key.publicKeyInfo)
    }
}
