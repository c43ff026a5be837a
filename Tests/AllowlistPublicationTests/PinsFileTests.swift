import Allowlist
import Crypto
import Foundation
import Testing
import TransparencyLog

@Suite("A file of pins") struct PinsFileTests {
    private static let origin = "hospital.example/allowlist"
    private static let key = Base64.encode(Array(P256.Signing.PrivateKey().publicKey.derRepresentation))
    private static let ed25519Key = Result {
        try Ed25519NoteKey(
            name: origin, publicKey: Array(Curve25519.Signing.PrivateKey().publicKey.rawRepresentation)
        ).verifierKey.description
    }
    private static let witness = Result {
        try CosignerKey(
            name: "witness.example",
            publicKey: Array(Curve25519.Signing.PrivateKey().publicKey.rawRepresentation)
        ).verifierKey.description
    }

    private func full() throws -> String {
        """
        {"ed25519Key":"\(try Self.ed25519Key.get())","logKey":"\(Self.key)","maxAge":604800,\
        "origin":"\(Self.origin)","roster":"\(String(repeating: "0a", count: 32))","version":1,\
        "witnesses":{"keys":["\(try Self.witness.get())"],"quorum":1}}

        """
    }

    @Test("What is written reads back, and is canonical JSON with a newline")
    func roundTrip() throws {
        let text = try full()
        let pins = try PinsFile.read(Array(text.utf8))
        #expect(pins.origin == Self.origin)
        #expect(pins.maxAge == 604_800)
        #expect(pins.roster?.bytes == [UInt8](repeating: 10, count: 32))
        #expect(pins.witnesses?.quorum == 1)
        #expect(pins.ed25519Key != nil)
        #expect(!pins.allowRehearsal)
        #expect(String(decoding: PinsFile.write(pins), as: UTF8.self) == text)
    }

    @Test("Members may stand in any order with space between them")
    func edited() throws {
        let text = """
            {
              "version": 1,
              "origin": "\(Self.origin)",
              "logKey": "\(Self.key)"
            }
            """
        let pins = try PinsFile.read(Array(text.utf8))
        #expect(pins.roster == nil && pins.witnesses == nil && pins.maxAge == nil)
    }

    @Test(
        "A member that is unknown, missing, twice or of another type refuses the file",
        arguments: [
            ("\"version\":1", "\"version\":2"), ("\"version\":1", "\"version\":\"1\""),
            ("\"version\":1,", ""), ("\"version\":1", "\"version\":1,\"version\":1"),
            ("\"version\":1", "\"version\":01"), ("\"version\":1", "\"version\":1.0"),
            ("\"maxAge\":604800", "\"maxage\":604800"), ("\"maxAge\":604800", "\"maxAge\":0"),
            ("\"maxAge\":604800", "\"maxAge\":-1"), ("\"maxAge\":604800", "\"maxAge\":3155760001"),
            ("\"maxAge\":604800", "\"maxAge\":\"7d\""), ("\"0a0a", "\"0A0a"), ("\"0a0a", "\"0a"),
            ("hospital.example/", "hospital example/"), ("hospital.example/", "hospital\\u002eexample/"),
            ("\"logKey\":\"", "\"logKey\":\"A"), ("\"quorum\":1", "\"quorum\":2"),
            ("\"quorum\":1", "\"quorum\":1,\"names\":[]"), ("witness.example", "other.example"),
            ("}\n", "}{}\n"), ("}\n", "\n"), ("{", "[{"),
        ])
    func refused(old: String, new: String) throws {
        let text = try full()
        let range = try #require(text.range(of: old))
        let changed = text.replacingCharacters(in: range, with: new)
        let error = #expect(throws: AllowlistError.self) { try PinsFile.read(Array(changed.utf8)) }
        #expect(error?.code == .pins)
    }

    @Test("Truncated or damaged anywhere, it is refused or says something else, and never crashes")
    func damaged() throws {
        let bytes = Array(try full().utf8)
        for count in 0..<(bytes.count - 1) {
            #expect(throws: AllowlistError.self) { try PinsFile.read(Array(bytes[..<count])) }
        }
        for index in bytes.indices {
            for value: UInt8 in [0, 0x22, 0x7B, 0x80, 0xFF] {
                var changed = bytes
                changed[index] = value
                _ = try? PinsFile.read(changed)
            }
        }
    }

    @Test("A pinned Ed25519 key must have signed the checkpoint too")
    func ed25519() throws {
        let log = try TestLog.full(devices: 20)
        let key = Curve25519.Signing.PrivateKey()
        let pinned = try Ed25519NoteKey(
            name: log.origin, publicKey: Array(key.publicKey.rawRepresentation))
        var pins = try log.pins()
        pins.ed25519Key = pinned
        let error = #expect(throws: AllowlistError.self) {
            try BundleVerifier.verify(directory: log.path, pins: pins)
        }
        #expect(error?.code == .checkpointSignature)
        let note = try SignedNote(parsing: log.contents("checkpoint"))
        let signed = note.adding(pinned.signature(Array(try key.signature(for: note.text))))
        try log.write(signed.bytes, to: "checkpoint")
        _ = try BundleVerifier.verify(directory: log.path, pins: pins)
    }
}
