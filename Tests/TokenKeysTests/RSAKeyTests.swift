import Foundation
import PKCS11
import TestTokens
import Testing

@testable import TokenKeys

@Suite("RSA keys of CAs on a token", .serialized)
struct RSAKeyTests {
    private static func label(_ name: String, _ role: KeyRole = .rootCA) -> KeyLabel {
        KeyLabel(role: role, name: name, isRehearsal: true)
    }

    /// Runs the openssl command and answers its exit code and output.
    private static func openssl(_ arguments: String...) throws -> (code: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    @Test("Modulus bits and exponent are read back, private numbers are refused, and openssl verifies")
    func rsa3072() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        let made = try generateSigningKey(
            Self.label("a"), type: .rsa3072, policy: KeyPolicy(), login: login)
        #expect(
            made.parameters == [
                KeyParameter(name: "CKA_KEY_TYPE", value: "CKK_RSA"),
                KeyParameter(name: "CKA_MODULUS_BITS", value: "3072"),
                KeyParameter(name: "CKA_PUBLIC_EXPONENT", value: "65537"),
            ])
        let refused = made.refusals.map(\.attempt)
        for name in [
            "VALUE", "PRIVATE_EXPONENT", "PRIME_1", "PRIME_2", "EXPONENT_1", "EXPONENT_2", "COEFFICIENT",
        ] {
            #expect(refused.contains("read CKA_\(name)"))
        }
        let publicFlags = Dictionary(uniqueKeysWithValues: made.publicReadBack.map { ($0.name, $0.value) })
        #expect(publicFlags["CKA_ENCRYPT"] == false && publicFlags["CKA_WRAP"] == false)
        #expect(publicFlags["CKA_VERIFY"] == true && publicFlags["CKA_LOCAL"] == true)

        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rsa-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let message = Array("what is signed".utf8)
        let signature = try made.key.signature(over: message)
        #expect(signature.count == 384)
        for (name, bytes) in [
            ("key.der", made.key.publicKeyInfo), ("message", message), ("signature", signature),
        ] {
            try Data(bytes).write(to: folder.appendingPathComponent(name))
        }
        let path = folder.path
        let text = try Self.openssl(
            "pkey", "-pubin", "-inform", "DER", "-in", "\(path)/key.der", "-noout", "-text"
        ).output
        #expect(text.contains("(3072 bit)") && text.contains("Exponent: 65537 (0x10001)"), "\(text)")
        let verified = try Self.openssl(
            "dgst", "-sha256", "-keyform", "DER", "-verify", "\(path)/key.der", "-signature",
            "\(path)/signature", "\(path)/message")
        #expect(verified.code == 0, "\(verified.output)")
    }

    @Test("libcrypto refuses a changed signature, another hash's and another type's key")
    func verification() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        let policy = KeyPolicy(sessionCopies: true)
        let rsa = try generateSigningKey(
            Self.label("v", .issuingCA), type: .rsa3072, policy: policy, login: login
        ).key
        let message = Array("message".utf8)
        let signature = try rsa.signature(over: message)
        func code(_ signature: [UInt8], _ message: [UInt8], _ type: SigningKeyType) -> TokenKeyError.Code? {
            do {
                try verifyWithOpenSSL(
                    signature: signature, over: message, publicKeyInfo: rsa.publicKeyInfo, type: type)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code(signature, message, .rsa3072) == nil)
        var changed = signature
        changed[0] ^= 1
        #expect(code(changed, message, .rsa3072) == .signatureInvalid)
        #expect(code(signature, message + [0], .rsa3072) == .signatureInvalid)
        // The same key, over a DigestInfo of SHA-384.
        let other = try token.slot.withSession { session in
            let object = try session.findOne(
                [.objectClass(.privateKey), Attribute(.label, rsa.label.description)], "key")
            return try session.sign(
                .plain(.rsaPKCS1), key: object, SigningKeyType.rsa4096.signatureInput(message))
        }
        #expect(other.count == 384)
        #expect(code(other, message, .rsa3072) == .signatureInvalid)
        for type in [SigningKeyType.p256, .p384, .rsa4096] {
            #expect(code(signature, message, type) == .signatureInvalid)
        }
    }

    @Test("A run authority, an allowlist signer or a station gets no RSA key, and none is made")
    func roles() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        for role in [KeyRole.runAuthority, .allowlistSigner, .station] {
            let error = #expect(throws: TokenKeyError.self) {
                try generateSigningKey(
                    Self.label("r", role), type: .rsa3072, policy: KeyPolicy(), login: login)
            }
            #expect(error?.code == .roleRefused)
        }
        #expect(try token.slot.withSession { try $0.find([]) }.isEmpty)
    }

    @Test("An RSA key of another size or exponent on the token is refused")
    func foreign() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        for (name, bits, exponent) in [("short", 2048, [1, 0, 1]), ("three", 3072, [3])]
            as [(String, UInt, [UInt8])]
        {
            let label = Self.label(name)
            let policy = KeyPolicy()
            _ = try token.slot.withSession(readWrite: true) { session in
                let id = try session.random(count: 16)
                let like = policy.publicKeyAttributes(label: label, id: id, type: .rsa3072).filter {
                    $0.type != .modulusBits && $0.type != .publicExponent
                }
                return try session.generateKeyPair(
                    .plain(.rsaKeyPairGeneration),
                    publicKey: AttributeTemplate(
                        like + [
                            Attribute(.modulusBits, bits), Attribute(.publicExponent, bytes: exponent),
                        ]),
                    privateKey: AttributeTemplate(policy.privateKeyAttributes(label: label, id: id)))
            }
            let error = #expect(throws: TokenKeyError.self) {
                try examineSigningKey(label, type: .rsa3072, policy: policy, login: login)
            }
            #expect(error?.code == .keyMalformed, "\(String(describing: error))")
            #expect(throws: TokenKeyError.self) { try TokenKey(label, login: login) }
        }
    }

    @Test("A modulus or exponent that is none of ours makes no SubjectPublicKeyInfo")
    func numbers() throws {
        let modulus = [UInt8](repeating: 0xFF, count: 384)
        let exponent: [UInt8] = [1, 0, 1]
        let (type, der) = try PublicKeyFacts.rsa(modulus: modulus, exponent: exponent, name: "k")
        #expect(type == .rsa3072)
        // Some modules write a zero before the number.
        #expect(
            try PublicKeyFacts.rsa(modulus: [0] + modulus, exponent: [0] + exponent, name: "k").1 == der)
        for (badModulus, badExponent) in [
            (Array(modulus.dropLast()), exponent), (modulus + [0xFF], exponent), ([], exponent),
            (modulus.dropLast() + [0xFE], exponent), ([0x7F] + modulus.dropFirst(), exponent),
            (modulus, [3]), (modulus, []), (modulus, [1, 0, 1, 0]),
        ] {
            let error = #expect(throws: TokenKeyError.self) {
                try PublicKeyFacts.rsa(modulus: badModulus, exponent: badExponent, name: "k")
            }
            #expect(error?.code == .keyMalformed)
        }
    }

    @Test("An RSA key signs no CMS messages")
    func messages() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        let key = try generateSigningKey(
            Self.label("m"), type: .rsa3072, policy: KeyPolicy(), login: login
        ).key
        let error = #expect(throws: TokenKeyError.self) { try CMSSigner(key, certificate: []) }
        #expect(error?.code == .roleRefused)
    }
}
