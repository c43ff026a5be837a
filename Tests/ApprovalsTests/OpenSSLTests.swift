import Crypto
import Foundation
import Rosters
import SignedStatements
import Testing

@testable import Approvals

/// An independent verifier: openssl's command line, which is told of the roster's keys and of nothing else.
@Suite("An authorisation before openssl") struct OpenSSLTests {
    private static func run(_ command: String, in folder: String) throws -> (code: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command + " 2>&1"]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// As `Authorisation.md` shows it: openssl knows certificates alone, so each key gets one, signed by nobody in
    /// particular and trusted for nothing; its identifier is the key's digest.
    private static let carriers = """
        set -e
        openssl ecparam -name prime256v1 -genkey -noout -out throwaway.key
        for key in *.pub.pem; do
          digest=$(openssl pkey -pubin -in $key -outform DER | sha256sum | cut -c 1-64)
          printf 'subjectKeyIdentifier=%s\\n' $digest >extensions
          openssl x509 -new -force_pubkey $key -key throwaway.key -subj /CN=$key -extfile extensions
        done >carriers.pem
        """
    private static let verify = """
        openssl cms -verify -binary -inform DER -in authorisation.p7s -certfile carriers.pem -noverify \
          -out statement.json
        """

    @Test(
        "openssl verifies every signature with the keys alone and gives out the statement",
        arguments: [256, 384])
    func verifies(bits: Int) throws {
        let scene = try ApprovalScene(
            authority: bits == 256 ? P256.Signing.PrivateKey() : P384.Signing.PrivateKey())
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("rootline-openssl-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func write(_ bytes: [UInt8], _ name: String) throws {
            try Data(bytes).write(to: URL(fileURLWithPath: folder + "/" + name))
        }
        func writeKey(_ spki: [UInt8], _ name: String) throws {
            let text = Data(spki).base64EncodedString(options: [
                .lineLength64Characters, .endLineWithLineFeed,
            ])
            try write(
                Array("-----BEGIN PUBLIC KEY-----\n\(text)\n-----END PUBLIC KEY-----\n".utf8),
                name + ".pub.pem")
        }
        for name in ["alice", "bob"] { try writeKey(scene.credentials[name]?.signingKey ?? [], name) }
        try writeKey(scene.authority.publicKeyInfo, "authority")
        let message = try scene.countersigned(try scene.approved(by: "alice", "bob"))
        try write(try message.der(), "authorisation.p7s")
        let made = try Self.run(Self.carriers, in: folder)
        #expect(made.code == 0, "\(made.output)")
        let verified = try Self.run(Self.verify, in: folder)
        #expect(verified.code == 0, "\(verified.output)")
        #expect(
            FileManager.default.contents(atPath: folder + "/statement.json") == Data(message.content))

        // Another octet of the statement, and openssl says no.
        var changed = try message.der()
        let place = try #require(changed.firstRange(of: Array("\"span\":86400".utf8))).upperBound - 1
        changed[place] = UInt8(ascii: "1")
        try write(changed, "authorisation.p7s")
        #expect(try Self.run(Self.verify, in: folder).code != 0)

        // A member's key that is another: openssl says no.
        try write(try message.der(), "authorisation.p7s")
        try writeKey(scene.credentials["carol"]?.signingKey ?? [], "bob")
        #expect(try Self.run(Self.carriers, in: folder).code == 0)
        #expect(try Self.run(Self.verify, in: folder).code != 0)
    }

    @Test("openssl reads times up to and after 2049 as they were signed")
    func times() throws {
        for (seconds, text) in [
            (Int64(0), "700101000000Z"), (2_524_607_999, "491231235959Z"), (2_524_608_000, "20500101000000Z"),
            (1_709_210_096, "240229123456Z"),
        ] {
            let der = try SigningTime.der(seconds)
            #expect(String(decoding: der.dropFirst(2), as: UTF8.self) == text)
        }
    }
}
