import Foundation
import PKCS11
import Testing

/// NSS softokn: another module altogether, which wants its parameters in C_Initialize's reserved argument and
/// shows its tokens on fixed slots.
@Suite("The driver works on a second, unlike module (NSS softokn)", .serialized)
struct SecondModuleTests {
    private static func load() throws -> Module {
        let paths = [
            "/usr/lib/x86_64-linux-gnu/libsoftokn3.so", "/usr/lib/x86_64-linux-gnu/nss/libsoftokn3.so",
        ]
        let path = try #require(
            paths.first { FileManager.default.fileExists(atPath: $0) }, "libnss3 is not installed")
        return try Module.load(
            path: path,
            parameters:
                "configdir='' certPrefix='' keyPrefix='' secmod='' flags=readOnly,noCertDB,noModDB,forceOpen,optimizeSpace"
        )
    }

    @Test("It loads with its parameters and names itself")
    func loads() throws {
        let module = try Self.load()
        #expect(module.info.description.contains("NSS"))
        #expect(!(try module.slots().isEmpty))
    }

    @Test("It makes a P-256 key pair, signs, and gives the point that the key has")
    func signs() throws {
        let module = try Self.load()
        let slot = try #require(
            try module.slots().first { try $0.info(of: .ecKeyPairGeneration)?.canGenerateKeyPair == true })
        #expect(try slot.mechanisms().contains(.ecdsa))
        try slot.withSession(readWrite: true) { session in
            let p256: [UInt8] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
            let pair = try session.generateKeyPair(
                .plain(.ecKeyPairGeneration),
                publicKey: AttributeTemplate([
                    Attribute(.token, false), Attribute(.ecParameters, bytes: p256), Attribute(.verify, true),
                ]),
                privateKey: AttributeTemplate([
                    Attribute(.token, false), Attribute(.sign, true), Attribute(.sensitive, true),
                ]))
            let point = try #require(try session.attribute(.ecPoint, of: pair.publicKey)).value
            #expect(point.count == 67 || point.count == 65)
            let signature = try session.sign(
                .plain(.ecdsa), key: pair.privateKey, [UInt8](repeating: 0x5A, count: 32))
            #expect(signature.count == 64)
            try session.destroy(pair.privateKey)
            try session.destroy(pair.publicKey)
        }
    }

    @Test("A mechanism that it does not have is answered as nil, not as an error")
    func absentMechanism() throws {
        let module = try Self.load()
        let slot = try #require(try module.slots().first)
        #expect(try slot.info(of: MechanismType(rawValue: 0x7FFF_0001)) == nil)
    }
}
