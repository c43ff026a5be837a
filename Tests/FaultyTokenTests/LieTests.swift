import Crypto
import FaultyToken
import Foundation
import PKCS11
import TestTokens
import Testing

/// Tests with tokens take turns: the faulty module in this process has one plan, and SoftHSM does not bear
/// several processes that start or log in at once on one store.
@Suite("The lying and failing PKCS#11 module", .serialized)
struct TokenTests {}

extension TokenTests {
    @Suite("Each lie is told, and nothing but that lie", .serialized)
    struct LieTests {
        @Test(
            "Without a plan the module is its real module: keys, attributes, signatures, wrapping, the token")
        func forwards() throws {
            let token = try TestTokens.make()
            let slot = try FaultyModule.slot(of: token)
            #expect(try slot.tokenInfo().serial == token.serial)
            #expect(try FaultyModule.loaded.get().info.description == token.slot.module.info.description)
            #expect(try slot.mechanisms() == token.slot.mechanisms())
            let login = try slot.login(pin: token.pin)
            defer { withExtendedLifetime(login) {} }
            try slot.withSession(readWrite: true) { session in
                let pair = try session.makeKeyPair("forwarded", token: true)
                let digest = SHA256.hash(data: [1, 2, 3])
                let signature = try session.sign(.plain(.ecdsa), key: pair.privateKey, Array(digest))
                let key = try P256.Signing.PublicKey(x963Representation: session.point(of: pair.publicKey))
                #expect(key.isValidSignature(try .init(rawRepresentation: signature), for: digest))
                #expect(try session.attribute(.value, of: pair.privateKey) == nil)
                let wrapping = try session.makeWrappingKey()
                let refusal = #expect(throws: PKCS11Error.self) {
                    try session.wrap(.plain(.aesKeyWrapPad), key: pair.privateKey, under: wrapping)
                }
                #expect(refusal?.returnValue?.description == "CKR_KEY_UNEXTRACTABLE")
                #expect(throws: PKCS11Error.self) {
                    try session.copy(pair.privateKey, [Attribute(.token, false)])
                }
                try token.slot.withSession(readWrite: true) { real in
                    let found = try real.find([Attribute(.label, "forwarded")])
                    #expect(found.count == 2)
                }
                try session.destroy(pair.privateKey)
                #expect(try session.find([Attribute(.label, "forwarded")]) == [pair.publicKey])
            }
        }

        @Test(
            "A flag of a private key is answered falsely, and only that flag",
            arguments: [
                ("extractable", AttributeType.extractable, true),
                ("once-extractable", .neverExtractable, false), ("not-local", .local, false),
            ])
        func flags(_ lie: String, _ type: AttributeType, _ answer: Bool) throws {
            try withFaultySession { session in
                let key = try session.makeKeyPair().privateKey
                let types = [AttributeType.extractable, .neverExtractable, .local, .sensitive, .sign]
                let truth = try types.map { try session.attribute($0, of: key)?.flag }
                #expect(try session.attribute(type, of: key)?.flag == !answer)
                let lies = try following("C_GetAttributeValue=lie:\(lie)") {
                    try types.map { try session.attribute($0, of: key)?.flag }
                }
                for (index, found) in types.enumerated() {
                    #expect(lies[index] == (found == type ? answer : truth[index]), "\(found)")
                }
            }
        }

        @Test(
            "A key is made on another curve than the template says, or said to be on another",
            arguments: [(Curve.p256, Curve.p384), (Curve.p384, Curve.p256)])
        func curves(_ wanted: [UInt8], _ other: [UInt8]) throws {
            try withFaultySession { session in
                let made = try following("C_GenerateKeyPair=lie:curve") {
                    try session.makeKeyPair(curve: wanted)
                }
                #expect(try session.attribute(.ecParameters, of: made.publicKey)?.value == other)
                #expect(try session.point(of: made.publicKey).count == (other == Curve.p256 ? 65 : 97))
                let truthful = try session.makeKeyPair(curve: wanted).publicKey
                let said = try following("C_GetAttributeValue=lie:answers-curve") {
                    try session.attribute(.ecParameters, of: truthful)?.value
                }
                #expect(said == other)
                #expect(try session.attribute(.ecParameters, of: truthful)?.value == wanted)
            }
        }

        @Test("A public point is swapped for another of the curve", arguments: [Curve.p256, Curve.p384])
        func swapsPublic(_ curve: [UInt8]) throws {
            try withFaultySession { session in
                let key = try session.makeKeyPair(curve: curve).publicKey
                let truth = try session.point(of: key)
                let swapped = try following("C_GetAttributeValue=lie:swaps-public") {
                    try session.point(of: key)
                }
                #expect(swapped.count == truth.count && swapped != truth)
                // Both initialisers check that the point is on the curve.
                if curve == Curve.p256 {
                    _ = try P256.Signing.PublicKey(x963Representation: swapped)
                } else {
                    _ = try P384.Signing.PublicKey(x963Representation: swapped)
                }
            }
        }

        @Test("A private key's value is answered; a buffer too small for it is said to be so")
        func revealsValue() throws {
            try withFaultySession { session in
                let key = try session.makeKeyPair().privateKey
                try following("C_GetAttributeValue=lie:reveals-value") {
                    let value = try session.attribute(.value, of: key)?.value
                    #expect(value?.isEmpty == false)
                    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 8)
                    defer { buffer.deallocate() }
                    let error = #expect(throws: PKCS11Error.self) {
                        try session.read(.value, of: key, into: buffer)
                    }
                    #expect(error?.returnValue?.description == "CKR_BUFFER_TOO_SMALL")
                }
            }
        }

        @Test("One call makes two key pairs of one label")
        func duplicateLabel() throws {
            try withFaultySession { session in
                let pair = try following("C_GenerateKeyPair=lie:duplicate-label") {
                    try session.makeKeyPair("twice", token: true)
                }
                let found = try session.find([.objectClass(.privateKey), Attribute(.label, "twice")])
                #expect(found.count == 2 && found.contains(pair.privateKey))
                #expect(try session.find([.objectClass(.publicKey), Attribute(.label, "twice")]).count == 2)
            }
        }

        @Test("A key pair is half written: the public key is there, the private key is not")
        func missingPrivate() throws {
            try withFaultySession { session in
                let pair = try following("C_GenerateKeyPair=lie:missing-private") {
                    try session.makeKeyPair("half", token: true)
                }
                #expect(try session.find([Attribute(.label, "half")]) == [pair.publicKey])
                #expect(throws: PKCS11Error.self) { try session.attribute(.label, of: pair.privateKey) }
            }
        }

        @Test("Destroying a token object does nothing and is said to have worked; a session object goes")
        func destroyNothing() throws {
            try withFaultySession { session in
                let kept = try session.makeKeyPair("kept", token: true)
                let gone = try session.makeKeyPair("gone", token: false)
                try following("C_DestroyObject=lie:destroy-nothing") {
                    try session.destroy(kept.privateKey)
                    try session.destroy(gone.privateKey)
                }
                #expect(try session.find([Attribute(.label, "kept")]).count == 2)
                #expect(try session.find([Attribute(.label, "gone")]) == [gone.publicKey])
            }
        }

        @Test("A signature does not verify, the n-th alone where the plan says so")
        func badSignature() throws {
            try withFaultySession { session in
                let pair = try session.makeKeyPair()
                let key = try P256.Signing.PublicKey(x963Representation: session.point(of: pair.publicKey))
                let digest = SHA256.hash(data: [4, 5, 6])
                let verified = try following("C_Sign:2=lie:bad-signature") {
                    try (1...3).map { _ in
                        let raw = try session.sign(.plain(.ecdsa), key: pair.privateKey, Array(digest))
                        return key.isValidSignature(try .init(rawRepresentation: raw), for: digest)
                    }
                }
                #expect(verified == [true, false, true])
            }
        }

        @Test("A signature formed in parts does not verify either")
        func badSignatureInParts() throws {
            let token = try TestTokens.make()
            #expect(try obey(["mac:message"], on: token, plan: "").output == "mac:message 0x0\n")
            let spoilt = try obey(["mac:message"], on: token, plan: "C_SignFinal=lie:bad-signature")
            #expect(spoilt.output == "mac:message 0xc0\n")
        }

        @Test("An unextractable key is wrapped, one not copyable is copied; the copy may be destroyed")
        func wrapsAndCopies() throws {
            try withFaultySession { session in
                let key = try session.makeKeyPair("precious").privateKey
                let wrapping = try session.makeWrappingKey()
                try following("C_WrapKey=lie:wraps-anything; C_CopyObject=lie:copies-anything") {
                    let wrapped = try session.wrap(.plain(.aesKeyWrapPad), key: key, under: wrapping)
                    #expect(!wrapped.isEmpty)
                    let copy = try session.copy(key, [Attribute(.token, false)])
                    #expect(copy != key)
                    try session.destroy(copy)
                }
                #expect(try session.attribute(.label, of: key)?.text == "precious")
            }
        }

        @Test("The token gives another serial number, each token one of its own")
        func wrongSerial() throws {
            let tokens = [try TestTokens.make(), try TestTokens.make()]
            let slots = try tokens.map { try FaultyModule.slot(of: $0) }
            let serials = try following("C_GetTokenInfo=lie:wrong-serial") {
                try slots.map { try $0.tokenInfo().serial }
            }
            for (token, serial) in zip(tokens, serials) {
                #expect(serial != token.serial && serial.count == token.serial.count)
            }
            #expect(serials[0] != serials[1])
        }

        @Test("A lie under `*` is told where it belongs and harms nothing else")
        func anywhere() throws {
            try withFaultySession { session in
                try following("*=lie:bad-signature; *=lie:not-local") {
                    let key = try session.makeKeyPair().privateKey
                    #expect(try session.attribute(.local, of: key)?.flag == false)
                    #expect(try session.attribute(.sign, of: key)?.flag == true)
                }
            }
        }

        @Test("A changed PIN is forgotten: the token says it worked, and the old one still holds")
        func forgets() throws {
            let token = try TestTokens.make()
            let change = ["pin:another-4711"]
            #expect(
                try obey(change, on: token, plan: "C_SetPIN=lie:forgets").output == "pin:another-4711 0x0\n")
            #expect(try obey([], on: token, plan: "", pin: "another-4711").errors == "C_Login 0xa0\n")
            #expect(try obey(change, on: token, plan: "").code == 0)
            #expect(try obey([], on: token, plan: "", pin: "another-4711").code == 0)
        }
    }
}
