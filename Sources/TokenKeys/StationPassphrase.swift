import PKCS11
import SecretSharing

/// The passphrase under which a station gets PKCS#12: 16 to 255 printable ASCII characters, held like a PIN.
///
/// PKCS#12 hashes the passphrase as UTF-16 for its MAC and PBES2 takes its octets as they are: beyond ASCII, programs
/// differ.
public final class StationPassphrase: Sendable {
    /// The characters and a zero behind them, as libcrypto wants it.
    private let text: SecretBytes

    public static let fewestCharacters = 16

    public init(_ source: PIN) throws(TokenKeyError) {
        let count = Int(source.count)
        guard count >= Self.fewestCharacters else {
            throw TokenKeyError(
                .passphraseRefused, "passphrase",
                "it has \(count) characters; \(Self.fewestCharacters) at least are wanted",
                hint: "Draw one, for example: openssl rand -base64 24")
        }
        var isPrintable = true
        text = SecretBytes(count: count + 1) { buffer in
            source.withBytes { octets, _ in
                for index in 0..<count {
                    let octet = octets?[index] ?? 0
                    isPrintable = isPrintable && 0x20...0x7E ~= octet
                    buffer[index] = octet
                }
            }
        }
        guard isPrintable else {
            throw TokenKeyError(
                .passphraseRefused, "passphrase", "it has a character that is not printable ASCII")
        }
    }

    /// Calls `body` with the octets, without the zero.
    public func withBytes<R, E>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try text.withBytes { (bytes) throws(E) -> R in
            try body(UnsafeRawBufferPointer(rebasing: bytes.dropLast()))
        }
    }

    func withCString<R>(_ body: (UnsafePointer<CChar>?) -> R) -> R {
        text.withBytes { body($0.baseAddress?.assumingMemoryBound(to: CChar.self)) }
    }
}
