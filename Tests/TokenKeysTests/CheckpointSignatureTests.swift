import Allowlist
import Crypto
import Foundation
import Testing
import TokenKeys

/// `checkpoint.p7s` before two readers: the consumer's, in Swift, and libcrypto.
@Suite("A checkpoint's CMS signature") struct CheckpointSignatureTests {
    private static let text = Array("log.example/1\n300\nq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\n".utf8)

    private func time(_ der: [UInt8], _ key: [UInt8]) -> UInt64? {
        try? CheckpointSignature(der, over: Self.text, by: key).signingTime
    }

    private func openSSLAccepts(_ der: [UInt8], _ key: [UInt8]) -> Bool {
        (try? verifyCMS(der, detachedContent: Self.text, signedBy: key)) != nil
    }

    /// A key with a certificate that it signed itself, and what `openssl cms -sign` makes with them.
    private func signed(_ program: OpenSSLProgram, curve: String = "P-256", _ options: String...) throws -> (
        der: [UInt8], key: [UInt8]
    ) {
        try program.write(Self.text, to: "checkpoint.txt")
        try program.run(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:\(curve)", "-nodes", "-sha256",
            "-keyout", "log.key", "-out", "log.pem", "-subj", "/O=Line/CN=Log", "-days", "3650")
        try program.run("pkey", "-in", "log.key", "-pubout", "-outform", "DER", "-out", "log.der")
        let (code, output) = try program.outcome(
            [
                "cms", "-sign", "-binary", "-in", "checkpoint.txt", "-signer", "log.pem", "-inkey", "log.key",
                "-outform", "DER", "-out", "checkpoint.p7s",
            ] + options)
        #expect(code == 0, "\(output)")
        return (try program.read("checkpoint.p7s"), try program.read("log.der"))
    }

    @Test(
        "What openssl makes with a key on P-256 is accepted, and its time read",
        arguments: [[], ["-nosmimecap"]])
    func openSSL(options: [String]) throws {
        let program = try OpenSSLProgram()
        let before = UInt64(Date().timeIntervalSince1970)
        let (der, key) =
            try options.isEmpty ? signed(program) : signed(program, curve: "P-256", options[0])
        let signed = try #require(time(der, key))
        #expect((before...UInt64(Date().timeIntervalSince1970)).contains(signed))
        #expect(openSSLAccepts(der, key))
    }

    @Test("What the library makes with a key in software, openssl accepts")
    func software() throws {
        let key = try SoftwareLogKey()
        let der = try key.checkpointSignature(over: Self.text, at: 1_800_000_000)
        #expect(time(der, key.publicKeyInfo) == 1_800_000_000)
        #expect(openSSLAccepts(der, key.publicKeyInfo))
        let program = try OpenSSLProgram()
        try program.write(der, to: "checkpoint.p7s")
        try program.write(Self.text, to: "checkpoint.txt")
        try program.run(
            "cms", "-verify", "-binary", "-inform", "DER", "-in", "checkpoint.p7s", "-content",
            "checkpoint.txt", "-noverify", "-out", "verified.txt")
        #expect(try program.read("verified.txt") == Self.text)
    }

    @Test("Whatever bit of whatever octet is flipped, both refuse it", arguments: [false, true])
    func flipped(capabilities: Bool) throws {
        let (der, key): ([UInt8], [UInt8])
        if capabilities {
            (der, key) = try signed(OpenSSLProgram())
        } else {
            let software = try SoftwareLogKey()
            der = try software.checkpointSignature(over: Self.text, at: 1_800_000_000)
            key = software.publicKeyInfo
        }
        for index in der.indices {
            for bit in 0..<8 {
                var changed = der
                changed[index] ^= 1 << bit
                #expect(time(changed, key) == nil, "bit \(bit) of octet \(index)")
                #expect(!openSSLAccepts(changed, key), "openssl: bit \(bit) of octet \(index)")
            }
        }
    }

    @Test("Cut off anywhere, or with octets behind it, both refuse it")
    func lengths() throws {
        let software = try SoftwareLogKey()
        let der = try software.checkpointSignature(over: Self.text, at: 1_800_000_000)
        for changed in der.indices.map({ Array(der[..<$0]) }) + [der + [0], der + der] {
            #expect(time(changed, software.publicKeyInfo) == nil)
            #expect(!openSSLAccepts(changed, software.publicKeyInfo))
        }
    }

    @Test("Another key's, over another text, or with the text in it, both refuse")
    func foreign() throws {
        let (key, other) = (try SoftwareLogKey(), try SoftwareLogKey())
        let foreign = try other.checkpointSignature(over: Self.text, at: 1)
        let elsewhere = try key.checkpointSignature(over: Self.text + [0x0A], at: 1)
        for der in [foreign, elsewhere] {
            #expect(time(der, key.publicKeyInfo) == nil)
            #expect(!openSSLAccepts(der, key.publicKeyInfo))
        }
        let (attached, attachedKey) = try signed(OpenSSLProgram(), curve: "P-256", "-nodetach")
        #expect(time(attached, attachedKey) == nil)
        #expect(!openSSLAccepts(attached, attachedKey))
    }

    @Test(
        "Forms that a log's signer does not make are refused, although they would verify",
        arguments: [["-keyid"], ["-nocerts"], ["-noattr"], ["-md", "sha512"], ["-cades"]])
    func otherForms(options: [String]) throws {
        let program = try OpenSSLProgram()
        let (der, key) =
            try options.count == 1
            ? signed(program, curve: "P-256", options[0])
            : signed(program, curve: "P-256", options[0], options[1])
        #expect(time(der, key) == nil)
    }

    @Test("A key on another curve is refused")
    func otherCurve() throws {
        let (der, key) = try signed(OpenSSLProgram(), curve: "P-384")
        #expect(time(der, key) == nil)
    }
}
