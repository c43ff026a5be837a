import FaultyToken
import PKCS11
import TestTokens
import Testing

/// The faulty module in this process, in front of the SoftHSM of `TestTokens`.
///
/// It is never let go: its C_Finalize would end SoftHSM for every other test.
enum FaultyModule {
    static let loaded = Result {
        _ = try TestTokens.make()
        try FaultyToken.configure(realModule: TestTokens.modulePath, plan: "")
        return try Module.load(path: FaultyToken.module())
    }

    /// The same token, seen through the faulty module.
    static func slot(of token: TestTokens.Token) throws -> Slot {
        try loaded.get().slot(TokenSelector(serial: token.serial, label: token.label))
    }
}

/// Follows a plan while `body` runs, and no longer.
func following<R>(_ plan: String, _ body: () throws -> R) throws -> R {
    try FaultyToken.configure(plan: plan)
    let result = Result { try body() }
    try FaultyToken.configure(plan: "")
    return try result.get()
}

/// A fresh token with its user logged in, and a session through the faulty module.
func withFaultySession<R>(_ body: (borrowing Session) throws -> R) throws -> R {
    let token = try TestTokens.make()
    let login = try token.slot.login(pin: token.pin)
    defer { withExtendedLifetime(login) {} }
    return try FaultyModule.slot(of: token).withSession(readWrite: true, body)
}

enum Curve {
    static let p256: [UInt8] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
    static let p384: [UInt8] = [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22]
}

extension Session {
    /// An EC key pair as the product makes its signing keys: unextractable, not copyable.
    borrowing func makeKeyPair(
        _ label: String = "key", curve: [UInt8] = Curve.p256, token: Bool = false
    ) throws -> KeyPair {
        try generateKeyPair(
            .plain(.ecKeyPairGeneration),
            publicKey: AttributeTemplate([
                Attribute(.token, token), Attribute(.label, label), Attribute(.verify, true),
                Attribute(.ecParameters, bytes: curve),
            ]),
            privateKey: AttributeTemplate([
                Attribute(.token, token), Attribute(.isPrivate, true), Attribute(.label, label),
                Attribute(.sensitive, true), Attribute(.extractable, false), Attribute(.sign, true),
                Attribute(.copyable, false),
            ]))
    }

    borrowing func makeWrappingKey() throws -> Object {
        try generateKey(
            .plain(.aesKeyGeneration),
            [
                Attribute(.token, false), Attribute(.isPrivate, true), Attribute(.valueLength, 32),
                Attribute(.wrap, true),
            ])
    }

    /// The uncompressed point of a public key, without the OCTET STRING around it.
    borrowing func point(of key: Object) throws -> [UInt8] {
        let value = try #require(try attribute(.ecPoint, of: key)).value
        return Array(value.dropFirst(value.count % 32 == 3 ? 2 : 0))
    }
}
