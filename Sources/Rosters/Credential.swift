import Crypto
import SecretSharing
import SignedStatements

/// The two keys of a person: one that signs, one to which shares are encrypted.
///
/// One key, one role: the signing key never decrypts.
public protocol Credential: Sendable {
    /// SubjectPublicKeyInfo in DER, on P-256.
    var signingKey: [UInt8] { get }
    /// SubjectPublicKeyInfo in DER, on P-256.
    var shareKey: [UInt8] { get }
    /// ECDSA with SHA-256 in the form of ``StrictSignature``.
    func signature(over bytes: [UInt8]) throws(RosterError) -> [UInt8]
    /// Opens what was sealed to the share key.
    func open(_ sealed: SealedShare) throws(RosterError) -> SecretBytes
}

/// A stand-in for a person, in rehearsals: its keys are derived from a seed of the rehearsal site, so that the same
/// role of the same site is the same stand-in in every rehearsal, and after an interruption.
public struct StandInCredential: Credential {
    private let signing: P256.Signing.PrivateKey
    private let agreement: P256.KeyAgreement.PrivateKey
    private let name: String

    /// `seed` has 32 octets; `name` tells stand-ins apart.
    public init(name: String, seed: [UInt8]) throws(RosterError) {
        self.name = name
        let signing = StandInCredential.derive(seed, "signing/" + name) {
            try? P256.Signing.PrivateKey(rawRepresentation: $0)
        }
        let agreement = StandInCredential.derive(seed, "share/" + name) {
            try? P256.KeyAgreement.PrivateKey(rawRepresentation: $0)
        }
        guard let signing, let agreement
        else { throw RosterError(.credentialRefused, name, "no key can be derived for the stand-in") }
        self.signing = signing
        self.agreement = agreement
    }

    /// Of 2^32 strings one is no scalar of P-256; the next is then tried.
    private static func derive<Key>(_ seed: [UInt8], _ info: String, _ make: ([UInt8]) -> Key?) -> Key? {
        for attempt in 0..<8 {
            let bytes = HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: seed),
                info: Array("rootline stand-in \(attempt) \(info)".utf8),
                outputByteCount: 32)
            if let key = bytes.withUnsafeBytes({ make(Array($0)) }) { return key }
        }
        return nil
    }

    public var signingKey: [UInt8] { Array(signing.publicKey.derRepresentation) }
    public var shareKey: [UInt8] { Array(agreement.publicKey.derRepresentation) }

    public func signature(over bytes: [UInt8]) throws(RosterError) -> [UInt8] {
        guard let signature = try? signing.signature(for: bytes),
            let der = StrictSignature.der(raw: Array(signature.rawRepresentation))
        else { throw RosterError(.credentialRefused, name, "the stand-in cannot sign") }
        return der
    }

    public func open(_ sealed: SealedShare) throws(RosterError) -> SecretBytes {
        try sealed.open(holder: name) { point throws(RosterError) in
            guard let other = try? P256.KeyAgreement.PublicKey(x963Representation: point),
                let shared = try? agreement.sharedSecretFromKeyAgreement(with: other)
            else {
                throw RosterError(.shareRefused, name, "the share's encapsulated key is no point of P-256")
            }
            return shared.withUnsafeBytes { Array($0) }
        } recipient: {
            Array(agreement.publicKey.x963Representation)
        }
    }
}
