import COpenSSL
import SecretSharing

/// A device's key with its certificates under a passphrase (RFC 7292).
///
/// Key and certificates are encrypted by AES-256-CBC under PBKDF2-HMAC-SHA256 (PBES2, RFC 8018 §6.2), the whole carries
/// an HMAC-SHA256 (RFC 7292 appendix B).
public enum PKCS12 {
    /// Iterations of each of the three key derivations. What protects is the passphrase's randomness, and a device's
    /// three derivations take some milliseconds already.
    public static let iterations: Int32 = 10_000

    /// Puts a key, its certificate and the certificates above into one PKCS#12, in DER.
    ///
    /// `privateKey` is PKCS#8 (RFC 5208) with nothing but zeros behind. A key that is not the certificate's is refused.
    /// libcrypto's copies of the key are in its heap, which is not locked, and are zeroed when they go.
    public static func encode(
        privateKey: SecretBytes, certificate der: [UInt8], chain: [[UInt8]], friendlyName: String,
        passphrase: StationPassphrase
    ) throws(TokenKeyError) -> [UInt8] {
        func failed() -> TokenKeyError {
            TokenKeyError(.libraryFailed, "PKCS#12 of \(friendlyName)", openSSLReason())
        }
        let own = try certificate(der)
        guard let key = parse(privateKey), let above = Owned(OPENSSL_sk_new_null(), { OPENSSL_sk_free($0) })
        else { throw failed() }
        // The stack does not own them: they live until it is used.
        var issuers: [Owned] = []
        for der in chain {
            let issuer = try certificate(der)
            issuers.append(issuer)
            guard OPENSSL_sk_push(above.pointer, UnsafeRawPointer(issuer.pointer)) > 0 else { throw failed() }
        }
        let made = passphrase.withCString { text in
            withExtendedLifetime(issuers) {
                // No MAC yet (-1): its hash is said below and not left to the version's default.
                PKCS12_create(
                    text, friendlyName, key.pointer, own.pointer, above.pointer, NID_aes_256_cbc,
                    NID_aes_256_cbc, iterations, -1, 0)
            }
        }
        guard let message = Owned(made, { PKCS12_free($0) }),
            passphrase.withCString({
                PKCS12_set_mac(message.pointer, $0, -1, nil, 0, iterations, EVP_sha256())
            }) == 1
        else { throw failed() }
        let length = i2d_PKCS12(message.pointer, nil)
        guard length > 0 else { throw failed() }
        return [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
            var position = buffer.baseAddress
            count = Int(max(0, i2d_PKCS12(message.pointer, &position)))
        }
    }

    private static func parse(_ privateKey: SecretBytes) -> Owned? {
        let parsed = privateKey.withBytes { bytes in
            var position = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return d2i_PKCS8_PRIV_KEY_INFO(nil, &position, bytes.count)
        }
        guard let info = Owned(parsed, { PKCS8_PRIV_KEY_INFO_free($0) }) else { return nil }
        return Owned(EVP_PKCS82PKEY(info.pointer), { EVP_PKEY_free($0) })
    }
}
