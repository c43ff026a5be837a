import Allowlist
import Crypto
import Foundation
import Testing
import TransparencyLog

@Suite("Hashed serials")
struct SerialKeyTests {
    static let octets = [UInt8](0..<32)

    private func key(_ bytes: [UInt8] = octets) throws -> SerialKey {
        try #require(bytes.withUnsafeBytes { SerialKey($0) })
    }

    private func key(file: String) -> SerialKey? {
        Array(file.utf8).withUnsafeBytes { SerialKey(file: $0) }
    }

    @Test("The hash is HMAC-SHA-256 over the tag and the serial", arguments: ["S", "SN-1é", "x\u{1F600}"])
    func hash(serial: String) throws {
        let expected = HMAC<SHA256>.authenticationCode(
            for: Data("rootline/allowlist/serial/v1\n\(serial)".utf8),
            using: SymmetricKey(data: Self.octets))
        #expect(try key().hash(of: serial).bytes == Array(expected))
        // Computed by another implementation: Python's hmac module.
        if serial == "S" {
            #expect(
                try key().hash(of: serial).hex
                    == "9b4c579714bec0b104e4973b855e23f6536e15142cf4127d7af8fd59f178d0c7")
        }
    }

    @Test("One key hashes many serials, each as if it were the first")
    func repeated() throws {
        let key = try key()
        let first = key.hash(of: "S-1")
        #expect(key.hash(of: "S-2") != first)
        #expect(key.hash(of: "S-1") == first)
        var other = Self.octets
        other[31] ^= 1
        #expect(try self.key(other).hash(of: "S-1") != first)
    }

    @Test("The key's file is 64 hexadecimal digits and a newline, and is read back")
    func file() throws {
        let key = try key()
        let file = key.withFile { String(decoding: $0, as: UTF8.self) }
        #expect(file == Self.octets.map { String(format: "%02x", $0) }.joined() + "\n")
        for form in [file, String(file.dropLast()), file.uppercased()] {
            #expect(self.key(file: form)?.hash(of: "S") == key.hash(of: "S"))
        }
    }

    @Test(
        "A file that is no key is refused",
        arguments: [
            "", "\n", String(repeating: "0", count: 63), String(repeating: "0", count: 65),
            String(repeating: "0", count: 64) + "\n\n", String(repeating: "0", count: 64) + "\r\n",
            String(repeating: "0", count: 63) + "g", " " + String(repeating: "0", count: 63),
        ])
    func badFile(file: String) {
        #expect(key(file: file) == nil)
    }

    @Test("A key of another length is refused")
    func lengths() {
        for count in [0, 16, 31, 33, 64] {
            #expect([UInt8](repeating: 1, count: count).withUnsafeBytes { SerialKey($0) } == nil)
        }
    }

    @Test("A key prints as redacted, by every way of printing")
    func redacted() throws {
        let key = try key()
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), String(describing: Optional(key)), dumped] {
            #expect(text.contains("redacted"))
            #expect(!text.contains("0001020304") && !text.contains("0, 1, 2"))
        }
        #expect(!(key as Any is any Encodable))
    }

    @Test("Two new keys differ")
    func new() {
        #expect(SerialKey().hash(of: "S") != SerialKey().hash(of: "S"))
    }
}
