import Certificates
import Crypto
import Foundation
import PKCS11
import SecretSharing
import TestTokens
import Testing
import TokenKeys

@Suite("PKCS#12 carries a token-made key under the station's passphrase", .serialized)
struct PKCS12Tests {
    private static let passphrase = "correct horse battery"

    private static func passphrase(_ text: String) throws -> StationPassphrase {
        try StationPassphrase(TestTokens.pin(text))
    }

    @Test(
        "A passphrase has 16 printable ASCII characters at least",
        arguments: [
            ("123456789012345", false), ("1234567890123456", true), ("12345678901234\u{e9}x", false),
            ("1234567890123\t456", false), (" ~ printable to the end ~ ", true),
        ])
    func passphrases(text: String, isAccepted: Bool) {
        #expect(((try? Self.passphrase(text)) != nil) == isAccepted)
    }

    @Test("What leaves the token under a readable transport key is unwrapped to the device's PKCS#8")
    func readableTransportKey() throws {
        let device = try Device()
        let openssl = try OpenSSLProgram()
        try openssl.write(device.privateKey.withBytes { Array($0) }, to: "key.der")
        let text = try openssl.run("pkey", "-inform", "DER", "-in", "key.der", "-pubout")
        #expect(text == pem(device.publicKeyInfo, label: "PUBLIC KEY"))
    }

    @Test("openssl opens it, finds key and chain, and AES-256 under PBKDF2-HMAC-SHA256 with the stated count")
    func opened() throws {
        let device = try Device()
        let message = try PKCS12.encode(
            privateKey: device.privateKey, certificate: device.certificate, chain: [device.issuer],
            friendlyName: "EX-00000001", passphrase: Self.passphrase(Self.passphrase))
        let openssl = try OpenSSLProgram()
        try openssl.write(message, to: "device.p12")
        let info = try openssl.run(
            "pkcs12", "-in", "device.p12", "-passin", "pass:\(Self.passphrase)", "-nodes", "-info", "-out",
            "all")
        #expect(info.contains("MAC: sha256, Iteration \(PKCS12.iterations)"), "\(info)")
        let scheme = "PBES2, PBKDF2, AES-256-CBC, Iteration \(PKCS12.iterations), PRF hmacWithSHA256"
        #expect(info.components(separatedBy: scheme).count == 3, "key and certificates: \(info)")
        let all = String(decoding: try openssl.read("all"), as: UTF8.self)
        #expect(all.contains("friendlyName: EX-00000001"))
        #expect(derBlocks(inPEM: all) == [device.certificate, device.issuer])
        #expect(
            try openssl.run("pkey", "-in", "all", "-pubout") == pem(device.publicKeyInfo, label: "PUBLIC KEY")
        )
    }

    @Test("Another passphrase does not open it")
    func wrongPassphrase() throws {
        let device = try Device()
        let message = try PKCS12.encode(
            privateKey: device.privateKey, certificate: device.certificate, chain: [], friendlyName: "x",
            passphrase: Self.passphrase(Self.passphrase))
        let openssl = try OpenSSLProgram()
        try openssl.write(message, to: "device.p12")
        let (code, output) = try openssl.outcome([
            "pkcs12", "-in", "device.p12", "-passin", "pass:correct horse batterx", "-noout",
        ])
        #expect(code != 0 && output.contains("invalid password"))
    }

    @Test("A key that is not the certificate's is refused")
    func anotherKey() throws {
        let (device, other) = (try Device(), try Device())
        #expect(throws: TokenKeyError.self) {
            _ = try PKCS12.encode(
                privateKey: other.privateKey, certificate: device.certificate, chain: [], friendlyName: "x",
                passphrase: Self.passphrase(Self.passphrase))
        }
    }

    @Test("A wrapped key with one octet changed, and what is no key wrap, are refused")
    func damaged() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        try token.slot.withSession { session in
            let key = try ReadableTransportKey(in: session)
            let wrapped = try session.wrap(
                .plain(.aesKeyWrapPad), key: try Device.generate(session), under: key.object)
            var damaged = wrapped
            damaged[9] ^= 1
            for bytes in [damaged, Array(wrapped.dropLast()), []] {
                bytes.withUnsafeBytes { bytes in
                    _ = #expect(throws: TokenKeyError.self) { _ = try key.unwrap(bytes) }
                }
            }
            #expect(try session.attribute(.value, of: key.object) == nil)
        }
        withExtendedLifetime(login) {}
    }

    /// A device's key made on a token, taken out as a run with PKCS#12 does, and its certificate.
    private struct Device {
        let privateKey: SecretBytes
        let publicKeyInfo: [UInt8]
        let certificate: [UInt8]
        let issuer: [UInt8]

        static func generate(_ session: borrowing Session) throws -> Object { try pair(session).privateKey }

        private static func pair(_ session: borrowing Session) throws -> KeyPair {
            try session.generateKeyPair(
                .plain(.ecKeyPairGeneration),
                publicKey: AttributeTemplate([
                    Attribute(.token, false), Attribute(.isPrivate, false),
                    Attribute(.ecParameters, bytes: [0x06, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7]),
                ]),
                privateKey: AttributeTemplate([
                    Attribute(.token, false), Attribute(.isPrivate, true), Attribute(.sensitive, true),
                    Attribute(.extractable, true), Attribute(.sign, true),
                ]))
        }

        init() throws {
            let token = try TestTokens.make()
            let login = try token.slot.login(pin: token.pin)
            let (key, point) = try token.slot.withSession { session in
                let transport = try ReadableTransportKey(in: session)
                let pair = try Device.pair(session)
                let wrapped = try session.wrap(
                    .plain(.aesKeyWrapPad), key: pair.privateKey, under: transport.object)
                let point = try session.attribute(.ecPoint, of: pair.publicKey)?.value ?? []
                // The array's own closure form does not carry a typed error through.
                return (try wrapped.withUnsafeBytes { try transport.unwrap($0) }, Array(point.dropFirst(2)))
            }
            withExtendedLifetime(login) {}
            privateKey = key
            publicKeyInfo = Array(try P256.Signing.PublicKey(x963Representation: point).derRepresentation)
            // The owner of a test CA: plain OpenSSL.
            let openssl = try OpenSSLProgram()
            try openssl.write(key.withBytes { Array($0) }, to: "key.der")
            try openssl.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key")
            try openssl.run(
                "req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=CA", "-days", "2", "-out", "ca.pem")
            try openssl.run(
                "req", "-new", "-keyform", "DER", "-key", "key.der", "-subj", "/CN=EX-00000001", "-out", "csr"
            )
            try openssl.run(
                "x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "1",
                "-set_serial", "7", "-out", "device.pem")
            func der(_ name: String) throws -> [UInt8] {
                derBlocks(inPEM: String(decoding: try openssl.read(name), as: UTF8.self))?.first ?? []
            }
            certificate = try der("device.pem")
            issuer = try der("ca.pem")
        }
    }
}
