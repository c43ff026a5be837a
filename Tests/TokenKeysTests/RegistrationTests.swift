import Foundation
import PKCS11
import SecretSharing
import TestTokens
import Testing
import TokenKeys

@Suite("Registration secrets are derived under a group's key that never leaves the token", .serialized)
struct RegistrationTests {
    private static let label = KeyLabel(role: .registrationGroup, name: "sensors", isRehearsal: false)
    /// 64 octets, as DPS gives them.
    private static let known = (0..<64).map { UInt8($0 * 3 & 0xFF) }

    private static func login() throws -> Login {
        let token = try TestTokens.make()
        return try token.slot.login(pin: token.pin)
    }

    private static func secret(_ bytes: [UInt8]) -> SecretBytes {
        var bytes = bytes
        return SecretBytes(consuming: &bytes)
    }

    @Test("A key made in the token signs by HMAC and does nothing else, and the token has made it itself")
    func made() throws {
        let key = try RegistrationGroupKey.make(Self.label, sessionCopies: false, login: Self.login())
        let attributes = Dictionary(key.readBack.map { ($0.name, $0.value) }) { $1 }
        for (name, value) in [
            ("CKA_SENSITIVE", true), ("CKA_EXTRACTABLE", false), ("CKA_SIGN", true), ("CKA_VERIFY", false),
            ("CKA_ENCRYPT", false), ("CKA_DECRYPT", false), ("CKA_WRAP", false), ("CKA_UNWRAP", false),
            ("CKA_DERIVE", false), ("CKA_MODIFIABLE", false), ("CKA_COPYABLE", false), ("CKA_LOCAL", true),
            ("CKA_ALWAYS_SENSITIVE", true), ("CKA_NEVER_EXTRACTABLE", true),
        ] { #expect(attributes[name] == value, "\(name)") }
        #expect(key.isLocal && key.id.count == 16 && key.checkValue.count == 8)
        #expect(key.refusals.map(\.attempt) == ["read CKA_VALUE", "wrap under an untrusted key", "copy"])
    }

    @Test("An imported key says that it has been outside, and cannot leave either")
    func imported() throws {
        let key = try RegistrationGroupKey.importing(
            Self.secret(Self.known), as: Self.label, sessionCopies: false, login: Self.login())
        let attributes = Dictionary(key.readBack.map { ($0.name, $0.value) }) { $1 }
        for name in ["CKA_LOCAL", "CKA_ALWAYS_SENSITIVE", "CKA_NEVER_EXTRACTABLE", "CKA_EXTRACTABLE"] {
            #expect(attributes[name] == false, "\(name)")
        }
        let openssl = try OpenSSLProgram()
        try openssl.write(Array(RegistrationGroupKey.checkText.utf8), to: "text")
        let answer = try openssl.run(
            "dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:\(hexText(Self.known))", "text")
        #expect(answer.contains("= \(hexText(key.checkValue))"))
    }

    @Test("A label is taken once")
    func labelTaken() throws {
        let login = try Self.login()
        _ = try RegistrationGroupKey.make(Self.label, sessionCopies: false, login: login)
        for again in [
            { try RegistrationGroupKey.make(Self.label, sessionCopies: false, login: login) },
            {
                try RegistrationGroupKey.importing(
                    Self.secret(Self.known), as: Self.label, sessionCopies: false, login: login)
            },
        ] {
            let error = #expect(throws: TokenKeyError.self) { _ = try again() }
            #expect(error?.code == .labelTaken)
        }
    }

    @Test(
        "A key that is no registration group's, and one that was imported and is said to be made, are refused"
    )
    func lies() throws {
        let login = try Self.login()
        let role = #expect(throws: TokenKeyError.self) {
            _ = try RegistrationGroupKey.make(
                KeyLabel(role: .issuingCA, name: "x", isRehearsal: false), sessionCopies: false, login: login)
        }
        #expect(role?.code == .roleRefused)
        _ = try RegistrationGroupKey.importing(
            Self.secret(Self.known), as: Self.label, sessionCopies: false, login: login)
        let lie = #expect(throws: TokenKeyError.self) {
            _ = try RegistrationGroupKey.examine(
                Self.label, isLocal: true, sessionCopies: false, login: login)
        }
        #expect(lie?.code == .policyBroken)
    }

    @Test(
        "A group's key is one line of base64 of 32 to 64 octets",
        arguments: [
            ("AAAA", false), ("", false), ("!!!!", false), ("not base64 at all", false),
            (Data(repeating: 1, count: 31).base64EncodedString(), false),
            (Data(repeating: 1, count: 32).base64EncodedString(), true),
            (Data(repeating: 1, count: 64).base64EncodedString(), true),
            (Data(repeating: 1, count: 65).base64EncodedString(), false),
            (Data(repeating: 1, count: 64).base64EncodedString().dropLast() + "", false),
        ])
    func base64(text: String, isAccepted: Bool) throws {
        let login = try Self.login()
        func take() throws -> RegistrationGroupKey {
            let secret = try RegistrationGroupKey.secret(base64: TestTokens.pin(text))
            return try RegistrationGroupKey.importing(
                secret, as: Self.label, sessionCopies: false, login: login)
        }
        if isAccepted {
            _ = try take()
        } else {
            #expect(throws: TokenKeyError.self) { _ = try take() }
        }
    }

    @Test(
        "The station unwraps with plain OpenSSL exactly the HMAC that OpenSSL computes under the same key",
        arguments: [false, true])
    func unwrapped(sessionCopies: Bool) throws {
        let token = try TestTokens.make()
        let station = try DemoStation.make()
        do {
            let officer = try token.slot.login(.securityOfficer, pin: token.securityOfficerPIN)
            try station.key.enrol(securityOfficer: officer)
            withExtendedLifetime(officer) {}
        }
        let login = try token.slot.login(pin: token.pin)
        _ = try RegistrationGroupKey.importing(
            Self.secret(Self.known), as: Self.label, sessionCopies: sessionCopies, login: login)
        let wrapping = try KeyWrapping.prove(login: login)
        let id = "sensor-ex-00000001"
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
        defer { buffer.deallocate() }
        let (wrapped, transportKey, left) = try token.slot.withSession { session in
            let transport = try TransportKey(for: station.key, in: session)
            let secrets = try RegistrationSecrets(
                Self.label, sessionCopies: sessionCopies, wrapMechanism: wrapping.mechanism, in: session)
            let before = try session.find([.objectClass(.secretKey)]).count
            let count = try secrets.wrap(id, under: transport.object, in: session, into: buffer)
            #expect(throws: TokenKeyError.self) {
                try secrets.wrap(
                    String(repeating: "a", count: 129), under: transport.object, in: session, into: buffer)
            }
            let after = try session.find([.objectClass(.secretKey)]).count
            return (Array(buffer[..<count]), transport.wrapped, after - before)
        }
        #expect(wrapped.count == RegistrationSecrets.wrappedOctets)
        #expect(left == 0, "no secret stays behind as an object")

        let openssl = try OpenSSLProgram()
        try openssl.write(Array(station.privateKeyPEM.utf8), to: "station.pem")
        try openssl.write(transportKey, to: "transport-key.bin")
        try openssl.write(wrapped, to: "wrapped")
        try openssl.write(Array(id.utf8), to: "id")
        try openssl.run(
            "pkeyutl", "-decrypt", "-inkey", "station.pem", "-pkeyopt", "rsa_padding_mode:oaep", "-in",
            "transport-key.bin", "-out", "transport-key")
        try openssl.run(
            "enc", "-d", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K",
            hexText(try openssl.read("transport-key")),
            "-in", "wrapped", "-out", "secret")
        let secret = try openssl.read("secret")
        #expect(secret.count == 32)
        let expected = try openssl.run(
            "dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:\(hexText(Self.known))", "id")
        #expect(expected.contains("= \(hexText(secret))\n"))
    }
}
