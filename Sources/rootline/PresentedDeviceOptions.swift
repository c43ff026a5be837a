import Allowlist
import ArgumentParser
import Certificates
import Glibc
import Sites
import TransparencyLog

/// A device's certificate as a command was given it.
struct DeviceCertificateFile {
    /// SHA-256 of the DER.
    let digest: Digest32
    /// SHA-256 of its SubjectPublicKeyInfo.
    let key: Digest32

    init(_ path: String) throws {
        let text = String(decoding: try readFile(path), as: UTF8.self)
        guard let der = derBlocks(inPEM: text)?.first else {
            throw SiteError(.notASite, path, "holds no certificate in PEM")
        }
        digest = Digest32.sha256(der)
        key = Digest32.sha256(try ReceivedCertificate(der: der).subjectPublicKeyInfo)
    }
}

/// `--key`: 64 hexadecimal digits.
func keyDigest(_ text: String) throws -> Digest32 {
    guard let digest = Digest32(hex: text) else { throw ValidationError("--key is 64 hexadecimal digits.") }
    return digest
}

/// The secret of a log that lists hashed serials.
struct SerialKeyFileOptions: ParsableArguments {
    @Option(name: .long, help: "The file with the log's serial key, where it lists hashed serials.")
    var serialKey: String?

    func read() throws -> SerialKey? {
        guard let serialKey else { return nil }
        var bytes = try readFile(serialKey)
        defer {
            bytes.withUnsafeMutableBytes { buffer in
                if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) }
            }
        }
        guard let key = bytes.withUnsafeBytes({ SerialKey(file: $0) }) else {
            throw SiteError(.malformed, serialKey, "is not a serial key: 64 hexadecimal digits")
        }
        return key
    }
}
