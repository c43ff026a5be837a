import PKCS11

/// A run's AES-256 key, generated in the token, under which its device keys leave.
///
/// It can be wrapped by a trusted station key and by nothing else (WRAP_WITH_TRUSTED), and wraps only:
/// a key that could also decrypt would turn every wrapped key into a readable one.
public struct RunTransportKey: Sendable {
    public let label: KeyLabel
    let object: Object

    private static func attributes(_ label: KeyLabel) -> [Attribute] {
        [
            Attribute(.token, true), Attribute(.isPrivate, true), Attribute(.label, label.description),
            Attribute(.valueLength, 32), Attribute(.sensitive, true), Attribute(.extractable, true),
            Attribute(.wrapWithTrusted, true), Attribute(.wrap, true), Attribute(.unwrap, false),
            Attribute(.encrypt, false), Attribute(.decrypt, false), Attribute(.sign, false),
            Attribute(.verify, false), Attribute(.derive, false), Attribute(.copyable, true),
            Attribute(.modifiable, false),
        ]
    }

    public static func label(run: String, rehearsal: Bool) -> KeyLabel {
        KeyLabel(role: .runTransport, name: run, isRehearsal: rehearsal)
    }

    /// Makes the key, or finds the one that an interrupted run left.
    public static func make(_ label: KeyLabel, login: Login) throws(TokenKeyError) -> RunTransportKey {
        if let known = try find(label, login: login) { return known }
        return try onToken(label.description) { () throws(PKCS11Error) in
            let session = try login.slot.openSession(readWrite: true)
            let object = try session.generateKey(.plain(.aesKeyGeneration), attributes(label))
            return RunTransportKey(label: label, object: object)
        }
    }

    public static func find(_ label: KeyLabel, login: Login) throws(TokenKeyError) -> RunTransportKey? {
        let name = label.description
        return try onToken(name) { () throws(PKCS11Error) in
            let session = try login.slot.openSession()
            let found = try session.find([.objectClass(.secretKey), Attribute(.label, name)], limit: 2)
            if found.count > 1 {
                throw PKCS11Error(.objectAmbiguous, subject: "\(name): more than one on the token")
            }
            return found.first.map { RunTransportKey(label: label, object: $0) }
        }
    }

    /// Destroys the key of this label where it is on the token; a second call finds nothing and is done.
    public static func destroy(_ label: KeyLabel, login: Login) throws(TokenKeyError) {
        let name = label.description
        try onToken(name) { () throws(PKCS11Error) in
            let session = try login.slot.openSession(readWrite: true)
            for object in try session.find([.objectClass(.secretKey), Attribute(.label, name)]) {
                try session.destroy(object)
            }
        }
    }

    /// The key wrapped to the station with RSA-OAEP (SHA-1, MGF1-SHA-1).
    ///
    /// The station opens it with `openssl pkeyutl -decrypt -pkeyopt rsa_padding_mode:oaep`.
    public func wrapped(to station: TrustedStation, login: Login) throws(TokenKeyError) -> [UInt8] {
        let session = try onToken(label.description) { () throws(PKCS11Error) in
            try login.slot.openSession()
        }
        let stationObject = try station.find(in: session)
        return try onToken(label.description) { () throws(PKCS11Error) in
            try session.wrap(.rsaOAEPWithSHA1, key: object, under: stationObject)
        }
    }
}

/// Which mechanism wraps device keys on a token: RFC 5649, AES key wrap with padding.
public enum KeyWrapping {
    /// RFC 5649 §6, first example: key-encryption key, key data, and what they must give.
    private static let vector = (
        kek: bytes("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"),
        data: bytes("c37b7e6492584340bed12207808941155068f738"),
        wrapped: bytes("138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a")
    )

    /// Chooses the token's mechanism: `CKM_AES_KEY_WRAP_KWP` where there is one, else
    /// `CKM_AES_KEY_WRAP_PAD` if it gives RFC 5649's published result. Modules differ in that padding.
    public static func mechanism(login: Login) throws(TokenKeyError) -> MechanismType {
        let slot = login.slot
        return try onToken("key wrapping") { () throws(PKCS11Error) in
            if try slot.info(of: .aesKeyWrapKWP)?.canWrap == true { return .aesKeyWrapKWP }
            guard try slot.info(of: .aesKeyWrapPad)?.canWrap == true else {
                throw PKCS11Error(
                    .mechanismMissing, subject: "no AES key wrap with padding (RFC 5649) on this token",
                    hint: "Device keys made on this token could not leave it; use device-made keys.")
            }
            let session = try slot.openSession()
            let kek = try session.create([
                .objectClass(.secretKey), .keyType(.aes), Attribute(.token, false),
                Attribute(.isPrivate, true), Attribute(.value, bytes: vector.kek), Attribute(.wrap, true),
            ])
            defer { try? session.destroy(kek) }
            let data = try session.create([
                .objectClass(.secretKey), .keyType(.genericSecret), Attribute(.token, false),
                Attribute(.isPrivate, true), Attribute(.value, bytes: vector.data),
                Attribute(.extractable, true), Attribute(.sensitive, false),
            ])
            defer { try? session.destroy(data) }
            guard try session.wrap(.plain(.aesKeyWrapPad), key: data, under: kek) == vector.wrapped else {
                throw PKCS11Error(
                    .mechanismMissing, subject: "CKM_AES_KEY_WRAP_PAD of this token is not RFC 5649",
                    hint: "A station could not open the keys with standard tools; use device-made keys.")
            }
            return .aesKeyWrapPad
        }
    }

    private static func bytes(_ hex: String) -> [UInt8] {
        stride(from: 0, to: hex.utf8.count, by: 2).compactMap { offset in
            let start = hex.index(hex.startIndex, offsetBy: offset)
            return UInt8(hex[start..<hex.index(start, offsetBy: 2)], radix: 16)
        }
    }
}
