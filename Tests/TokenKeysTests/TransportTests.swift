import Foundation
import PKCS11
import TestTokens
import Testing
import TokenKeys

@Suite("Device keys leave the token only under a transport key", .serialized)
struct TransportTests {
    @Test(
        "SoftHSM's key wrap is RFC 5649 over a key that it fills up with zeros: the vectors tell the two apart"
    )
    func vector() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        let wrapping = try KeyWrapping.prove(login: login)
        #expect(wrapping.mechanism == .aesKeyWrapPad)
        #expect(wrapping.form == .zeroExtended)
    }

    private struct Line {
        let token: TestTokens.Token
        let station: DemoStation
        let login: Login

        /// A token whose security officer has enrolled one station.
        init() throws {
            token = try TestTokens.make()
            station = try DemoStation.make()
            do {
                let officer = try token.slot.login(.securityOfficer, pin: token.securityOfficerPIN)
                try station.key.enrol(securityOfficer: officer)
                withExtendedLifetime(officer) {}
            }
            login = try token.slot.login(pin: token.pin)
        }
    }

    @Test("It goes to the station that the security officer has enrolled, which opens it with plain OpenSSL")
    func enrolledStation() throws {
        let line = try Line()
        let wrapped = try line.token.slot.withSession {
            try TransportKey(for: line.station.key, in: $0).wrapped
        }
        #expect(wrapped.count == 384)
        #expect(try Self.opened(wrapped, with: line.station.privateKeyPEM).count == 32)
    }

    @Test("It goes to no other station")
    func stranger() throws {
        let line = try Line()
        let stranger = try DemoStation.make()
        let error = #expect(throws: TokenKeyError.self) {
            try line.token.slot.withSession { _ = try TransportKey(for: stranger.key, in: $0) }
        }
        #expect(error?.code == .keyAbsent)
    }

    @Test(
        "An attacker with the user's PIN can neither enrol a station, nor take the key out, nor give it a use"
    )
    func attacker() throws {
        let line = try Line()
        let own = try DemoStation.make()
        #expect(throws: TokenKeyError.self) { try own.key.enrol(securityOfficer: line.login) }
        try line.token.slot.withSession(readWrite: true) { session in
            let transport = try TransportKey(for: line.station.key, in: session).object
            let wrapping = try session.generateKey(
                .plain(.aesKeyGeneration),
                [
                    Attribute(.token, false), Attribute(.valueLength, 32), Attribute(.wrap, true),
                    Attribute(.isPrivate, true), Attribute(.extractable, true), Attribute(.sensitive, false),
                ])
            #expect(throws: PKCS11Error.self) { try session.set([Attribute(.trusted, true)], on: wrapping) }
            let refused = #expect(throws: PKCS11Error.self) {
                try session.wrap(.plain(.aesKeyWrapPad), key: transport, under: wrapping)
            }
            #expect(refused?.returnValue?.description == "CKR_KEY_NOT_WRAPPABLE")
            #expect(try session.attribute(.value, of: transport) == nil)
            for change in [
                Attribute(.unwrap, true), Attribute(.decrypt, true), Attribute(.wrapWithTrusted, false),
                Attribute(.sensitive, false), Attribute(.modifiable, true), Attribute(.derive, true),
            ] {
                #expect(throws: PKCS11Error.self) { try session.set([change], on: transport) }
            }
            #expect(throws: PKCS11Error.self) { try session.copy(transport, [Attribute(.modifiable, true)]) }
        }
    }

    @Test("It is gone with its session, and no other session's search finds it by a label")
    func lifetime() throws {
        let line = try Line()
        try line.token.slot.withSession { _ = try TransportKey(for: line.station.key, in: $0) }
        let left = try line.token.slot.withSession { try $0.find([.objectClass(.secretKey)]) }
        #expect(left.isEmpty)
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
