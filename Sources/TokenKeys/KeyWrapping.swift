import PKCS11

/// How device keys are wrapped on a token: RFC 5649, AES key wrap with padding.
public struct KeyWrapping: Sendable, Hashable {
    /// What a module makes of a key whose length is no multiple of eight octets.
    public enum Form: String, Sendable {
        /// As RFC 5649 has it: unwrapping gives exactly the key.
        case exact
        /// The key is filled up with zeros before it is wrapped: unwrapping gives it with up to seven zero octets
        /// behind. DER ends where its outermost length says, so a PKCS#8 stays readable. SoftHSM does this.
        case zeroExtended
    }

    public let mechanism: MechanismType
    public let form: Form

    /// RFC 5649 §6, first example, and the same data with four zero octets behind (computed with OpenSSL).
    private static let keyEncryptionKey = bytes("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
    private static let keyData = bytes("c37b7e6492584340bed12207808941155068f738")
    private static let wrapped: [Form: [UInt8]] = [
        .exact: bytes("138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"),
        .zeroExtended: bytes("cf1e485360e1a8126f524d01771677f9400edb4d074f14116988d71e1588e367"),
    ]

    /// Chooses the token's mechanism, `CKM_AES_KEY_WRAP_KWP` or `CKM_AES_KEY_WRAP_PAD`, and proves by a published
    /// vector what it does: modules differ in their padding. One that gives neither result is refused.
    public static func prove(login: Login) throws(TokenKeyError) -> KeyWrapping {
        let slot = login.slot
        return try onToken("key wrapping") { () throws(PKCS11Error) in
            let mechanism: MechanismType
            if try slot.info(of: .aesKeyWrapKWP)?.canWrap == true {
                mechanism = .aesKeyWrapKWP
            } else if try slot.info(of: .aesKeyWrapPad)?.canWrap == true {
                mechanism = .aesKeyWrapPad
            } else {
                throw PKCS11Error(
                    .mechanismMissing, subject: "no AES key wrap with padding (RFC 5649) on this token",
                    hint: "Device keys made on this token could not leave it; use device-made keys.")
            }
            let session = try slot.openSession()
            let kek = try session.create([
                .objectClass(.secretKey), .keyType(.aes), Attribute(.token, false),
                Attribute(.isPrivate, true),
                Attribute(.value, bytes: keyEncryptionKey), Attribute(.wrap, true),
            ])
            defer { try? session.destroy(kek) }
            let data = try session.create([
                .objectClass(.secretKey), .keyType(.genericSecret), Attribute(.token, false),
                Attribute(.isPrivate, true), Attribute(.value, bytes: keyData),
                Attribute(.extractable, true), Attribute(.sensitive, false),
            ])
            defer { try? session.destroy(data) }
            let answer = try session.wrap(.plain(mechanism), key: data, under: kek)
            guard let form = wrapped.first(where: { $0.value == answer })?.key else {
                throw PKCS11Error(
                    .mechanismMissing, subject: "\(mechanism) of this token is not RFC 5649",
                    hint: "A station could not open the keys with standard tools; use device-made keys.")
            }
            return KeyWrapping(mechanism: mechanism, form: form)
        }
    }

    private static func bytes(_ hex: String) -> [UInt8] {
        stride(from: 0, to: hex.utf8.count, by: 2).compactMap { offset in
            let start = hex.index(hex.startIndex, offsetBy: offset)
            return UInt8(hex[start..<hex.index(start, offsetBy: 2)], radix: 16)
        }
    }
}
