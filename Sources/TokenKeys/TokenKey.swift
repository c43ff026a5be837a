import Crypto
import PKCS11
import Synchronization

/// A signing key that lives on a token, found by its label, with a session of its own.
///
/// Safe to share: calls from several threads take turns.
public final class TokenKey: Sendable {
    public let label: KeyLabel
    public let type: SigningKeyType
    /// `CKA_ID`, which private and public key share.
    public let id: [UInt8]
    /// The SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7).
    public let publicKeyInfo: [UInt8]
    public let slot: Slot
    // Kept so that the login outlives every use of the key.
    let login: Login
    private let session: Mutex<Session>
    private let object: Object

    /// Finds the key with this label; `login` must be the user's on the same slot.
    public convenience init(_ label: KeyLabel, login: Login) throws(TokenKeyError) {
        let name = label.description
        let session = try onToken(name) { () throws(PKCS11Error) in try login.slot.openSession() }
        let key: Object
        do {
            key = try session.findOne([.objectClass(.privateKey), Attribute(.label, name)], name)
        } catch  where error.code == .objectAbsent {
            throw TokenKeyError(
                .keyAbsent, name, "no such key on the token",
                hint: "`rootline key list` shows the keys; the ceremony of that role makes one.")
        } catch {
            throw TokenKeyError(error, name)
        }
        try self.init(label, object: key, login: login, session: session)
    }

    init(
        _ label: KeyLabel, object: Object, login: Login, session: consuming Session
    ) throws(TokenKeyError) {
        let name = label.description
        let publicKey: Object
        do {
            id = try session.attribute(.id, of: object)?.value ?? []
            publicKey = try session.findOne(
                [.objectClass(.publicKey), Attribute(.label, name), Attribute(.id, bytes: id)], name)
        } catch {
            throw TokenKeyError(error, name)
        }
        let facts = try PublicKeyFacts(
            publicKey: publicKey, privateKey: object, name: name, in: session)
        type = facts.type
        publicKeyInfo = facts.publicKeyInfo
        self.label = label
        self.object = object
        self.login = login
        slot = login.slot
        self.session = Mutex(session)
    }

    /// Signs `message`, hashed on the host with the type's hash (SHA-256 or SHA-384), and answers the DER
    /// ECDSA-Sig-Value (RFC 3279 §2.2.3), or for RSA the RSASSA-PKCS1-v1_5 signature (RFC 8017 §8.2).
    ///
    /// The signature is verified before it is answered.
    public func signature(over message: [UInt8]) throws(TokenKeyError) -> [UInt8] {
        let input = type.signatureInput(message)
        let raw = try session.withLock { (session) throws(TokenKeyError) -> [UInt8] in
            try onToken(label.description) { () throws(PKCS11Error) in
                try session.sign(.plain(type.signatureMechanism), key: object, input)
            }
        }
        guard let signature = verified(raw, over: message) else {
            throw TokenKeyError(
                .signatureInvalid, label.description,
                "the token's signature of \(raw.count) octets does not verify",
                hint: "Stop using this token until its maker has explained it.")
        }
        return signature
    }

    /// A signature of the token in the form that is answered; nil where it does not verify.
    private func verified(_ raw: [UInt8], over message: [UInt8]) -> [UInt8]? {
        switch type {
        case .p256:
            guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: raw),
                let key = try? P256.Signing.PublicKey(derRepresentation: publicKeyInfo),
                key.isValidSignature(signature, for: SHA256.hash(data: message))
            else { return nil }
            return Array(signature.derRepresentation)
        case .p384:
            guard let signature = try? P384.Signing.ECDSASignature(rawRepresentation: raw),
                let key = try? P384.Signing.PublicKey(derRepresentation: publicKeyInfo),
                key.isValidSignature(signature, for: SHA384.hash(data: message))
            else { return nil }
            return Array(signature.derRepresentation)
        case .rsa3072, .rsa4096:
            do {
                try verifyWithOpenSSL(
                    signature: raw, over: message, publicKeyInfo: publicKeyInfo, type: type)
                return raw
            } catch {
                return nil
            }
        }
    }

    /// Whether the key's policy lets workers sign with copies of it as session objects.
    public func isCopyable() throws(TokenKeyError) -> Bool {
        try session.withLock { (session) throws(TokenKeyError) -> Bool in
            try onToken(label.description) { () throws(PKCS11Error) in
                try session.attribute(.copyable, of: object)?.flag == true
            }
        }
    }

    /// Throws unless the token still answers every attribute as the policy has it.
    public func requirePolicy(_ policy: KeyPolicy) throws(TokenKeyError) {
        try session.withLock { (session) throws(TokenKeyError) in
            _ = try policy.readBack(object, label: label, in: session)
        }
    }

    /// Throws unless the key has this role, and is a rehearsal's exactly where the site is.
    public func require(_ role: KeyRole, rehearsal: Bool) throws(TokenKeyError) {
        guard label.role == role else {
            throw TokenKeyError(.roleRefused, label.description, "is no \(role.rawValue) key")
        }
        guard label.isRehearsal == rehearsal else {
            throw TokenKeyError(
                .rehearsalMixed, label.description,
                rehearsal
                    ? "a live key is refused in a rehearsal site"
                    : "a rehearsal's key is refused in a live site")
        }
    }
}
