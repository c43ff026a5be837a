import Crypto
import Foundation
import Glibc

/// How the site's log names its devices. A choice for good: a log has one form.
public enum SerialListing: String, Codable, Sendable, CaseIterable {
    /// By their serials: whoever has the list can read which devices there are.
    case plain
    /// By hashes under a secret that the site keeps in `serial.key` and hands to its consumers.
    case hashed
}

extension Site {
    /// How the log names its devices.
    public var serials: SerialListing { description.serials ?? .plain }

    /// The file of the serial key: 64 hexadecimal digits and a newline, mode 600.
    public var serialKeyPath: String { path(Site.serialKeyFile) }

    static let serialKeyFile = "serial.key"

    /// Throws where what `site.yaml` says about serials does not fit together.
    func requireConsistentSerials(_ path: String) throws(SiteError) {
        let digest = description.serialKeyDigest
        guard serials == .hashed else {
            guard digest == nil else {
                throw SiteError(.malformed, path, "`serialKeyDigest` is for a site with `serials: hashed`")
            }
            return
        }
        guard let digest, digest.utf8.count == 64, digest.allSatisfy(\.isHexDigit)
        else {
            throw SiteError(
                .malformed, path, "`serials: hashed` needs `serialKeyDigest`, the SHA-256 of the serial key",
                hint: "`rootline init --serials hashed` makes both; nothing changes the form later.")
        }
    }

    /// Makes a random serial key in a new file, and answers its SHA-256 in hexadecimal.
    static func makeSerialKey(at path: String) throws(SiteError) -> String {
        func failure() -> SiteError { SiteError(.cannotCreate, path, String(cString: strerror(errno))) }
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure() }
        defer { Glibc.close(descriptor) }
        let key = SymmetricKey(size: .bits256)
        let (digest, isWritten) = key.withUnsafeBytes { bytes in
            let digits = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * bytes.count + 1, alignment: 1)
            defer {
                if let start = digits.baseAddress { explicit_bzero(start, digits.count) }
                digits.deallocate()
            }
            let alphabet = Array("0123456789abcdef".utf8)
            for (position, byte) in bytes.enumerated() {
                digits[2 * position] = alphabet[Int(byte >> 4)]
                digits[2 * position + 1] = alphabet[Int(byte & 15)]
            }
            digits[2 * bytes.count] = 0x0A
            let written = Glibc.write(descriptor, digits.baseAddress, digits.count)
            var hasher = SHA256()
            hasher.update(bufferPointer: bytes)
            return (hasher.finalize(), written == digits.count)
        }
        guard isWritten, fsync(descriptor) == 0 else { throw failure() }
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
