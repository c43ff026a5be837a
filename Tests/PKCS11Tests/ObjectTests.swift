import Foundation
import PKCS11
import TestTokens
import Testing

@Suite("Objects and key operations", .serialized)
struct ObjectTests {
    private static let p256: [UInt8] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]

    private static func keyPair(in session: borrowing Session, extractable: Bool) throws -> KeyPair {
        try session.generateKeyPair(
            .plain(.ecKeyPairGeneration),
            publicKey: AttributeTemplate([
                Attribute(.token, false), Attribute(.ecParameters, bytes: p256), Attribute(.verify, true),
            ]),
            privateKey: AttributeTemplate([
                Attribute(.token, false), Attribute(.isPrivate, true), Attribute(.sensitive, true),
                Attribute(.extractable, extractable), Attribute(.sign, true),
            ]))
    }

    @Test("What is generated with an attribute is found by it, and not after it is destroyed")
    func findAndDestroy() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        defer { withExtendedLifetime(login) {} }
        try token.slot.withSession { session in
            let key = try session.generateKey(
                .plain(.aesKeyGeneration),
                [
                    Attribute(.token, false), Attribute(.valueLength, 32), Attribute(.label, "wanted"),
                    Attribute(.isPrivate, true),
                ])
            #expect(try session.findOne([Attribute(.label, "wanted")], "wanted") == key)
            try session.destroy(key)
            #expect(try session.find([Attribute(.label, "wanted")]).isEmpty)
            let error = #expect(throws: PKCS11Error.self) {
                try session.findOne([Attribute(.label, "wanted")], "wanted")
            }
            #expect(error?.code == .objectAbsent)
        }
    }

    @Test("More than sixty-four objects are all found: the search goes on until the module has no more")
    func manyObjects() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        defer { withExtendedLifetime(login) {} }
        try token.slot.withSession { session in
            for _ in 0..<130 {
                _ = try session.create([
                    .objectClass(.data), Attribute(.token, false), Attribute(.application, "many"),
                    Attribute(.value, bytes: [1]),
                ])
            }
            #expect(try session.find([Attribute(.application, "many")]).count == 130)
            #expect(try session.find([Attribute(.application, "many")], limit: 70).count == 70)
            let error = #expect(throws: PKCS11Error.self) {
                try session.findOne([Attribute(.application, "many")], "many")
            }
            #expect(error?.code == .objectAmbiguous)
        }
    }

    @Test("A sensitive key's value is answered as nil, and its wrapping is refused when it is unextractable")
    func sensitiveKeys() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        defer { withExtendedLifetime(login) {} }
        try token.slot.withSession { session in
            let kept = try Self.keyPair(in: session, extractable: false)
            #expect(try session.attribute(.value, of: kept.privateKey) == nil)
            let wrapping = try session.generateKey(
                .plain(.aesKeyGeneration),
                [
                    Attribute(.token, false), Attribute(.valueLength, 32), Attribute(.wrap, true),
                    Attribute(.isPrivate, true),
                ])
            let refused = #expect(throws: PKCS11Error.self) {
                try session.wrap(.plain(.aesKeyWrapPad), key: kept.privateKey, under: wrapping)
            }
            #expect(refused?.returnValue?.description == "CKR_KEY_UNEXTRACTABLE")
            #expect(refused?.function == "C_WrapKey")
            let given = try Self.keyPair(in: session, extractable: true)
            #expect(
                try session.wrap(.plain(.aesKeyWrapPad), key: given.privateKey, under: wrapping).count > 64)
        }
    }

    @Test("An empty attribute and one longer than its buffer are told apart from good ones")
    func attributeSizes() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        defer { withExtendedLifetime(login) {} }
        try token.slot.withSession { session in
            let data = try session.create([
                .objectClass(.data), Attribute(.token, false), Attribute(.value, bytes: Array(0..<100)),
            ])
            #expect(try session.attribute(.label, of: data)?.value == [])
            #expect(try session.attribute(.value, of: data)?.value == Array(0..<100))
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 8)
            defer { buffer.deallocate() }
            let error = #expect(throws: PKCS11Error.self) {
                try session.read(.value, of: data, into: buffer)
            }
            #expect(error?.returnValue?.description == "CKR_BUFFER_TOO_SMALL")
        }
    }

    @Test("Closing a session says so when it fails; a session out of scope is closed")
    func closing() throws {
        let token = try TestTokens.make()
        for _ in 0..<300 { _ = try token.slot.openSession() }
        try token.slot.withSession { _ in }
        let session = try token.slot.openSession()
        try session.close()
    }

    @Test("Mechanisms are listed in order, with what they can do")
    func mechanisms() throws {
        let token = try TestTokens.make()
        let mechanisms = try token.slot.mechanisms()
        #expect(mechanisms.map(\.rawValue) == mechanisms.map(\.rawValue).sorted())
        #expect(mechanisms.contains(.ecdsa))
        #expect(try token.slot.info(of: .ecdsa)?.canSign == true)
        #expect(try token.slot.info(of: .aesKeyWrapKWP) == nil)
        #expect("\(MechanismType.aesKeyWrapPad)" == "CKM_AES_KEY_WRAP_PAD")
    }
}
