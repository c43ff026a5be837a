import Foundation
import PKCS11
import TestTokens
import Testing
import TokenKeys

@Suite("Device keys leave the token only under the run's transport key", .serialized)
struct TransportTests {
    private static let label = RunTransportKey.label(run: "run-1", rehearsal: true)

    @Test("SoftHSM's key wrap with padding is RFC 5649: its published vector comes out")
    func vector() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        #expect(try KeyWrapping.mechanism(login: login) == .aesKeyWrapPad)
    }

    @Test("The transport key is made once a run, and is gone after it is destroyed")
    func once() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        _ = try RunTransportKey.make(Self.label, login: login)
        _ = try RunTransportKey.make(Self.label, login: login)
        #expect(try RunTransportKey.find(Self.label, login: login) != nil)
        try RunTransportKey.destroy(Self.label, login: login)
        #expect(try RunTransportKey.find(Self.label, login: login) == nil)
        try RunTransportKey.destroy(Self.label, login: login)
    }

    @Test("It goes to no station that the security officer has not enrolled, and opens at the one he has")
    func stations() throws {
        let token = try TestTokens.make()
        let pair = try DemoStation.make()
        let stranger = try DemoStation.make()
        do {
            let officer = try token.slot.login(.securityOfficer, pin: token.securityOfficerPIN)
            try pair.key.enrol(securityOfficer: officer)
            withExtendedLifetime(officer) {}
        }
        let login = try token.slot.login(pin: token.pin)
        let key = try RunTransportKey.make(Self.label, login: login)
        let error = #expect(throws: TokenKeyError.self) {
            try key.wrapped(to: stranger.key, login: login)
        }
        #expect(error?.code == .keyAbsent)
        let wrapped = try key.wrapped(to: pair.key, login: login)
        #expect(wrapped.count == 384)
        #expect(try Self.opened(wrapped, with: pair.privateKeyPEM).count == 32)
    }

    @Test("An attacker with the user's PIN cannot enrol a station of his own as trusted")
    func selfEnrolled() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        let attacker = try DemoStation.make()
        #expect(throws: TokenKeyError.self) { try attacker.key.enrol(securityOfficer: login) }
        // Nor wrap the transport key under a wrapping key of his own.
        _ = try RunTransportKey.make(Self.label, login: login)
        try token.slot.withSession(readWrite: true) { session in
            let own = try session.generateKey(
                .plain(.aesKeyGeneration),
                [
                    Attribute(.token, false), Attribute(.valueLength, 32), Attribute(.wrap, true),
                    Attribute(.isPrivate, true), Attribute(.extractable, true), Attribute(.sensitive, false),
                ])
            let transport = try session.findOne([Attribute(.label, Self.label.description)], "transport key")
            let refused = #expect(throws: PKCS11Error.self) {
                try session.wrap(.plain(.aesKeyWrapPad), key: transport, under: own)
            }
            #expect(refused?.returnValue?.description == "CKR_KEY_NOT_WRAPPABLE")
            #expect(try session.attribute(.value, of: transport) == nil)
        }
    }

    /// What `openssl pkeyutl` makes of it, as the station would run it.
    private static func opened(_ wrapped: [UInt8], with privateKeyPEM: String) throws -> Data {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("station-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try privateKeyPEM.write(
            to: folder.appendingPathComponent("key.pem"), atomically: true, encoding: .utf8)
        try Data(wrapped).write(to: folder.appendingPathComponent("wrapped"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.currentDirectoryURL = folder
        process.arguments = [
            "pkeyutl", "-decrypt", "-inkey", "key.pem", "-pkeyopt", "rsa_padding_mode:oaep", "-in", "wrapped",
            "-out", "opened",
        ]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try Data(contentsOf: folder.appendingPathComponent("opened"))
    }
}
