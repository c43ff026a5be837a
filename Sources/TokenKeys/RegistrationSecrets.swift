import PKCS11

/// Derives devices' registration secrets in one session and wraps them; on the hot path of a run, one caller at a time.
///
/// The HMAC is computed in the token, and its result comes out of C_Sign: for some microseconds it stands in this
/// process's locked memory, until it is back in the token as an object that C_WrapKey takes. PKCS#11 v3.0 could keep it
/// inside: CKM_HKDF_DERIVE that only extracts, with the group's key as the salt, is the same HMAC (RFC 5869 §2.2) and
/// makes an object. No v2.40 token has it, SoftHSM 2.6 among them, and it wants DERIVE on the group's key. The KDFs of
/// SP 800-108 give other values than DPS's, and building HMAC out of CKM_XOR_BASE_AND_DATA, CKM_CONCATENATE_* and
/// CKM_SHA256_KEY_DERIVATION would allow the same functions to take the group's key apart.
public final class RegistrationSecrets {
    private let key: Object
    private let template: SecretTemplate
    private let wrapMechanism: Mechanism
    private let label: String
    private let idBuffer: UnsafeMutableRawBufferPointer

    /// Octets of a secret.
    public static let octets = 32
    /// The most octets of a wrapped one (RFC 5649 §4.1).
    public static let wrappedOctets = 40
    private static let mostIDOctets = 128

    /// Finds the group's key, and copies it into the session where `sessionCopies` says so.
    public init(
        _ label: KeyLabel, sessionCopies: Bool, wrapMechanism: MechanismType, in session: borrowing Session
    ) throws(TokenKeyError) {
        let found = try RegistrationGroupKey.find(label, in: session)
        let key: Object
        do {
            key = sessionCopies ? try session.copy(found, [Attribute(.token, false)]) : found
        } catch {
            throw TokenKeyError(error, label.description)
        }
        self.key = key
        self.label = label.description
        self.wrapMechanism = .plain(wrapMechanism)
        template = SecretTemplate(
            [
                .objectClass(.secretKey), .keyType(.genericSecret), Attribute(.token, false),
                Attribute(.isPrivate, true), Attribute(.sensitive, true), Attribute(.extractable, true),
                Attribute(.sign, false), Attribute(.verify, false), Attribute(.encrypt, false),
                Attribute(.decrypt, false), Attribute(.wrap, false), Attribute(.unwrap, false),
                Attribute(.derive, false),
            ], octets: Self.octets)
        idBuffer = .allocate(byteCount: Self.mostIDOctets, alignment: 8)
    }

    deinit { idBuffer.deallocate() }

    /// The secret of a registration id of at most 128 octets, wrapped under the transport key into `buffer`.
    public func wrap(
        _ registrationID: String, under transportKey: Object, in session: borrowing Session,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(TokenKeyError) -> Int {
        let count = registrationID.utf8.count
        guard (1...Self.mostIDOctets).contains(count) else {
            throw TokenKeyError(.roleRefused, label, "a registration id of \(count) octets")
        }
        idBuffer.copyBytes(from: registrationID.utf8)
        defer { template.wipe() }
        do {
            let length = try session.sign(
                .plain(.sha256HMAC), key: key, UnsafeRawBufferPointer(rebasing: idBuffer[..<count]),
                into: template.secret)
            guard length == Self.octets else {
                throw TokenKeyError(.keyMalformed, label, "CKM_SHA256_HMAC gave \(length) octets")
            }
            let secret = try session.create(template)
            template.wipe()
            let wrapped = Result { () throws(PKCS11Error) in
                try session.wrap(wrapMechanism, key: secret, under: transportKey, into: buffer)
            }
            try session.destroy(secret)
            return try wrapped.get()
        } catch let error as TokenKeyError {
            throw error
        } catch let error as PKCS11Error {
            throw TokenKeyError(error, label)
        } catch {
            throw TokenKeyError(.libraryFailed, label, "\(error)")
        }
    }
}
