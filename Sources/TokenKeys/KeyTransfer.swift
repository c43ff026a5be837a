import Foundation
import PKCS11

// A backup: a key leaves its token wrapped, under a key that leaves it wrapped to another token and to nothing else.

/// The RSA key pair of a token to which backups are wrapped; its private half unwraps and does nothing else.
public struct BackupRecipient: Sendable, Hashable {
    /// SubjectPublicKeyInfo, DER.
    public let publicKeyInfo: [UInt8]
    static let bits: UInt = 3072

    /// Finds the token's pair, or makes it where it has none.
    public static func findOrMake(
        _ label: KeyLabel, login: Login
    ) throws(TokenKeyError) -> BackupRecipient {
        let name = label.description
        do {
            let session = try login.slot.openSession(readWrite: true)
            var found = try session.find([.objectClass(.publicKey), Attribute(.label, name)], limit: 2)
            if found.isEmpty {
                let id = try session.random(count: 16)
                let pair = try session.generateKeyPair(
                    .plain(.rsaKeyPairGeneration),
                    publicKey: AttributeTemplate([
                        Attribute(.token, true), Attribute(.isPrivate, false), Attribute(.label, name),
                        Attribute(.id, bytes: id), Attribute(.modulusBits, bits),
                        Attribute(.publicExponent, bytes: [1, 0, 1]), Attribute(.wrap, true),
                        Attribute(.encrypt, false), Attribute(.verify, false),
                        Attribute(.verifyRecover, false),
                        Attribute(.modifiable, false),
                    ]),
                    privateKey: AttributeTemplate(privateAttributes(name, id: id)))
                found = [pair.publicKey]
            }
            guard found.count == 1 else {
                throw TokenKeyError(.keyDuplicate, name, "two keys have this label")
            }
            let privateKey = try session.findOne([.objectClass(.privateKey), Attribute(.label, name)], name)
            _ = try KeyPolicy.readBack(
                [
                    (.unwrap, true), (.decrypt, false), (.sign, false), (.sensitive, true),
                    (.extractable, false),
                    (.local, true), (.alwaysSensitive, true), (.neverExtractable, true),
                ], of: privateKey, label: label, in: session)
            let (_, info) = try PublicKeyFacts.rsa(
                modulus: try session.attribute(.modulus, of: found[0])?.value ?? [],
                exponent: try session.attribute(.publicExponent, of: found[0])?.value ?? [], name: name)
            return BackupRecipient(publicKeyInfo: info)
        } catch let error as TokenKeyError {
            throw error
        } catch let error as PKCS11Error {
            throw TokenKeyError(error, name)
        } catch {
            throw TokenKeyError(.libraryFailed, name, "\(error)")
        }
    }

    private static func privateAttributes(_ name: String, id: [UInt8]) -> [Attribute] {
        [
            Attribute(.token, true), Attribute(.isPrivate, true), Attribute(.label, name),
            Attribute(.id, bytes: id),
            Attribute(.sensitive, true), Attribute(.extractable, false), Attribute(.unwrap, true),
            Attribute(.decrypt, false), Attribute(.sign, false), Attribute(.signRecover, false),
            Attribute(.modifiable, false), Attribute(.copyable, false),
        ]
    }
}

/// A key in the form in which it travels from one token to another.
public struct WrappedKey: Sendable, Hashable {
    /// The key's PKCS#8, wrapped by AES key wrap with padding (RFC 5649) under the transport key.
    public let key: [UInt8]
    /// The transport key, AES-256, wrapped to the recipient by RSA-OAEP (SHA-1, MGF1-SHA-1).
    public let transportKey: [UInt8]
    /// The wrapping mechanism's name.
    public let mechanism: String

    public init(key: [UInt8], transportKey: [UInt8], mechanism: String) {
        self.key = key
        self.transportKey = transportKey
        self.mechanism = mechanism
    }
}

extension WrappedKey {
    /// Wraps a key of `backup: wrap` to a recipient.
    ///
    /// The token lets such a key leave under a trusted key alone (CKA_WRAP_WITH_TRUSTED), and only the security officer can
    /// mark one as trusted. So he imports the recipient's public key and makes the transport key, which lives in one session,
    /// wraps and does nothing else; then the user wraps. `officer` and `user` log in; no other login may be held meanwhile.
    public static func wrap(
        _ label: KeyLabel, to recipient: BackupRecipient, slot: Slot, officer: () throws -> Login,
        user: () throws -> Login
    ) throws -> WrappedKey {
        let name = label.description
        let station = try TrustedStation(publicKeyInfo: recipient.publicKeyInfo)
        // Opened before the first login and kept over the change of logins: the transport key is this session's.
        let session = try slot.openSession(readWrite: true)
        let transport: Object
        do {
            let login = try officer()
            if !(try station.isEnrolled(in: session)) {
                try station.enrol(securityOfficer: login, role: .backupWrapping)
            }
            transport = try session.generateKey(
                .plain(.aesKeyGeneration),
                [
                    Attribute(.token, false), Attribute(.isPrivate, false), Attribute(.valueLength, 32),
                    Attribute(.sensitive, true), Attribute(.extractable, true), Attribute(.trusted, true),
                    Attribute(.wrapWithTrusted, true), Attribute(.wrap, true), Attribute(.unwrap, false),
                    Attribute(.encrypt, false), Attribute(.decrypt, false), Attribute(.sign, false),
                    Attribute(.verify, false), Attribute(.derive, false), Attribute(.copyable, false),
                    Attribute(.modifiable, false),
                ])
            withExtendedLifetime(login) {}
        }
        let login = try user()
        defer { withExtendedLifetime(login) {} }
        let wrapping = try KeyWrapping.prove(login: login)
        defer { try? session.destroy(transport) }
        let key = try session.findOne([.objectClass(.privateKey), Attribute(.label, name)], name)
        let toStation = try station.find(in: session)
        return WrappedKey(
            key: try session.wrap(.plain(wrapping.mechanism), key: key, under: transport),
            transportKey: try session.wrap(.rsaOAEPWithSHA1, key: transport, under: toStation),
            mechanism: wrapping.mechanism.description)
    }

    /// Restores the key on the recipient's token, as a token object that signs and can leave it in no form.
    ///
    /// `publicKeyInfo` is the key's, from its backup; the restored key is checked against it.
    public func unwrap(
        _ label: KeyLabel, id: [UInt8], type: SigningKeyType, publicKeyInfo: [UInt8], recipient: KeyLabel,
        login: Login
    ) throws -> RestoredKey {
        let name = label.description
        let session = try login.slot.openSession(readWrite: true)
        guard try session.find([Attribute(.token, true), Attribute(.label, name)], limit: 1).isEmpty else {
            throw TokenKeyError(.labelTaken, name, "a key of this label is on the token already")
        }
        let wrapping = try KeyWrapping.prove(login: login)
        let opener = try session.findOne(
            [.objectClass(.privateKey), Attribute(.label, recipient.description)], recipient.description)
        let transport = try session.unwrap(
            .rsaOAEPWithSHA1, transportKey, under: opener,
            [
                .objectClass(.secretKey), .keyType(.aes), Attribute(.token, false),
                Attribute(.isPrivate, true),
                Attribute(.sensitive, true), Attribute(.extractable, false), Attribute(.unwrap, true),
                Attribute(.wrap, false), Attribute(.encrypt, false), Attribute(.decrypt, false),
            ])
        defer { try? session.destroy(transport) }
        _ = try session.unwrap(
            .plain(wrapping.mechanism), key, under: transport,
            [
                .objectClass(.privateKey), .keyType(type.keyType), Attribute(.token, true),
                Attribute(.isPrivate, true), Attribute(.label, name), Attribute(.id, bytes: id),
                Attribute(.sensitive, true), Attribute(.extractable, false), Attribute(.sign, true),
                Attribute(.signRecover, false), Attribute(.decrypt, false), Attribute(.unwrap, false),
                Attribute(.derive, false), Attribute(.copyable, false),
                // Last: SoftHSM takes no further attribute of an unwrapped key that is not modifiable.
                Attribute(.modifiable, false),
            ])
        _ = try session.create(
            try publicKeyAttributes(of: publicKeyInfo, type: type) + [
                .objectClass(.publicKey), .keyType(type.keyType), Attribute(.token, true),
                Attribute(.isPrivate, false), Attribute(.label, name), Attribute(.id, bytes: id),
                Attribute(.verify, true), Attribute(.verifyRecover, false), Attribute(.encrypt, false),
                Attribute(.wrap, false), Attribute(.derive, false), Attribute(.modifiable, false),
            ])
        return try RestoredKey(label, id: id, publicKeyInfo: publicKeyInfo, login: login)
    }
}

/// A restored key, examined: LOCAL, ALWAYS_SENSITIVE and NEVER_EXTRACTABLE are false, as a truthful token answers, its
/// public key is the one of the backup, and a test signature verifies with it.
public struct RestoredKey: Sendable {
    public let key: TokenKey
    public let readBack: [ReadBackAttribute]

    public init(
        _ label: KeyLabel, id: [UInt8], publicKeyInfo: [UInt8], login: Login
    ) throws {
        let name = label.description
        key = try TokenKey(label, login: login)
        guard key.publicKeyInfo == publicKeyInfo, key.id == id else {
            throw TokenKeyError(.keyMalformed, name, "the restored key is not the one that was backed up")
        }
        readBack = try login.slot.withSession { session in
            let object = try session.findOne(
                [.objectClass(.privateKey), Attribute(.label, name), Attribute(.id, bytes: id)], name)
            return try KeyPolicy.readBack(
                [
                    (.token, true), (.isPrivate, true), (.sensitive, true), (.extractable, false),
                    (.sign, true),
                    (.signRecover, false), (.decrypt, false), (.unwrap, false), (.derive, false),
                    (.modifiable, false), (.copyable, false), (.local, false), (.alwaysSensitive, false),
                    (.neverExtractable, false),
                ], of: object, label: label, in: session)
        }
        let test = Array("rootline restored key: \(name)".utf8)
        let signature = try key.signature(over: test)
        try verifyWithOpenSSL(
            signature: signature, over: test, publicKeyInfo: publicKeyInfo, type: key.type)
    }
}

/// What the object of a public key says of the key itself.
private func publicKeyAttributes(of info: [UInt8], type: SigningKeyType) throws(TokenKeyError) -> [Attribute]
{
    guard let curve = type.curveParameters else {
        let numbers = try TrustedStation(publicKeyInfo: info)
        return [
            Attribute(.modulus, bytes: numbers.modulus), Attribute(.publicExponent, bytes: numbers.exponent),
        ]
    }
    // The uncompressed point ends the SubjectPublicKeyInfo; CKA_EC_POINT has it in a DER OCTET STRING.
    let point = info.suffix(1 + 2 * type.bits / 8)
    return [
        Attribute(.ecParameters, bytes: curve),
        Attribute(.ecPoint, bytes: [0x04, UInt8(point.count)] + point),
    ]
}
