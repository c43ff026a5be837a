import Crypto
import PKCS11
import Synchronization

/// A signing key that lives on a token, found by its label, with a session of its own.
///
/// Safe to share: calls from several threads take turns.
public final class TokenKey: Sendable {
    public let label: KeyLabel
    public let curve: SigningCurve
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
        do {
            id = try session.attribute(.id, of: object)?.value ?? []
            let publicKey = try session.findOne(
                [.objectClass(.publicKey), Attribute(.label, name), Attribute(.id, bytes: id)], name)
            let parameters = try session.attribute(.ecParameters, of: publicKey)?.value
            let point = try session.attribute(.ecPoint, of: publicKey)?.value ?? []
            guard let curve = SigningCurve.allCases.first(where: { $0.parameters == parameters }) else {
                throw TokenKeyError(.keyMalformed, name, "neither P-256 nor P-384")
            }
            self.curve = curve
            publicKeyInfo = try TokenKey.publicKeyInfo(point: point, curve: curve, name: name)
        } catch let error as PKCS11Error {
            throw TokenKeyError(error, name)
        } catch let error as TokenKeyError {
            throw error
        } catch {
            throw TokenKeyError(.keyMalformed, name, "\(error)")
        }
        self.label = label
        self.object = object
        self.login = login
        slot = login.slot
        self.session = Mutex(session)
    }

    /// The SubjectPublicKeyInfo of `CKA_EC_POINT`'s value, after checking that the point is on the curve.
    ///
    /// The standard says a DER OCTET STRING (PKCS#11 v2.40 §2.3.3); some modules give the bare point.
    static func publicKeyInfo(
        point value: [UInt8], curve: SigningCurve, name: String
    ) throws(TokenKeyError) -> [UInt8] {
        var point = value[...]
        if point.count == curve.pointLength + 2, point.first == 0x04 { point = point.dropFirst(2) }
        do {
            switch curve {
            case .p256: return Array(try P256.Signing.PublicKey(x963Representation: point).derRepresentation)
            case .p384: return Array(try P384.Signing.PublicKey(x963Representation: point).derRepresentation)
            }
        } catch {
            throw TokenKeyError(.keyMalformed, name, "CKA_EC_POINT is no point of \(curve.rawValue)")
        }
    }

    /// Signs `message`, hashed on the host with the curve's hash (SHA-256 or SHA-384), and answers the
    /// DER ECDSA-Sig-Value (RFC 3279 §2.2.3).
    ///
    /// The signature is verified before it is answered.
    public func signature(over message: [UInt8]) throws(TokenKeyError) -> [UInt8] {
        let digest: [UInt8]
        switch curve {
        case .p256: digest = Array(SHA256.hash(data: message))
        case .p384: digest = Array(SHA384.hash(data: message))
        }
        let raw = try session.withLock { (session) throws(TokenKeyError) -> [UInt8] in
            try onToken(label.description) { () throws(PKCS11Error) in
                try session.sign(.plain(.ecdsa), key: object, digest)
            }
        }
        do {
            switch curve {
            case .p256:
                let signature = try P256.Signing.ECDSASignature(rawRepresentation: raw)
                let key = try P256.Signing.PublicKey(derRepresentation: publicKeyInfo)
                if key.isValidSignature(signature, for: SHA256.hash(data: message)) {
                    return Array(signature.derRepresentation)
                }
            case .p384:
                let signature = try P384.Signing.ECDSASignature(rawRepresentation: raw)
                let key = try P384.Signing.PublicKey(derRepresentation: publicKeyInfo)
                if key.isValidSignature(signature, for: SHA384.hash(data: message)) {
                    return Array(signature.derRepresentation)
                }
            }
        } catch {
            throw TokenKeyError(.signatureInvalid, label.description, "a signature of \(raw.count) octets")
        }
        throw TokenKeyError(
            .signatureInvalid, label.description, "the token's signature does not verify",
            hint: "Stop using this token until its maker has explained it.")
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
