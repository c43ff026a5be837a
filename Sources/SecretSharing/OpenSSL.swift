import COpenSSL

/// Fills the buffer from libcrypto's generator for private values.
func fillWithRandomOctets(_ buffer: UnsafeMutableRawBufferPointer) throws(SecretSharingError) {
    guard let start = buffer.baseAddress, !buffer.isEmpty else { return }
    guard let length = Int32(exactly: buffer.count), RAND_priv_bytes(start.assumingBytes, length) == 1 else {
        throw .libraryFailed("RAND_priv_bytes")
    }
}

/// HMAC-SHA256 (RFC 2104): 32 octets.
func hmacSHA256(key: SecretBytes, _ data: SecretBytes) throws(SecretSharingError) -> SecretBytes {
    try SecretBytes(count: 32) { (output) throws(SecretSharingError) in
        var length = 0
        let done = key.withBytes { key in
            data.withBytes { data in
                EVP_Q_mac(
                    nil, "HMAC", nil, "SHA256", nil, key.baseAddress, key.count,
                    data.baseAddress?.assumingBytes,
                    data.count, output.baseAddress?.assumingBytes, output.count, &length) != nil
            }
        }
        guard done, length == output.count else { throw .libraryFailed("EVP_Q_mac") }
    }
}

/// PBKDF2 with HMAC-SHA256 (RFC 8018 §5.2): `count` octets.
func pbkdf2SHA256(
    password: SecretBytes, salt: SecretBytes, iterations: Int32, count: Int
) throws(SecretSharingError) -> SecretBytes {
    guard let passwordLength = Int32(exactly: password.count), let saltLength = Int32(exactly: salt.count),
        let length = Int32(exactly: count)
    else { throw .libraryFailed("PKCS5_PBKDF2_HMAC") }
    return try SecretBytes(count: count) { (output) throws(SecretSharingError) in
        let done = password.withBytes { password in
            salt.withBytes { salt in
                PKCS5_PBKDF2_HMAC(
                    password.baseAddress?.assumingMemoryBound(to: CChar.self), passwordLength,
                    salt.baseAddress?.assumingBytes, saltLength, iterations, EVP_sha256(), length,
                    output.baseAddress?.assumingBytes)
            }
        }
        guard done == 1 else { throw .libraryFailed("PKCS5_PBKDF2_HMAC") }
    }
}

extension SecretSharingError {
    fileprivate static func libraryFailed(_ function: String) -> SecretSharingError {
        SecretSharingError(.libraryFailed, function, "libcrypto refused the call")
    }
}

extension UnsafeRawPointer {
    fileprivate var assumingBytes: UnsafePointer<UInt8> { assumingMemoryBound(to: UInt8.self) }
}

extension UnsafeMutableRawPointer {
    fileprivate var assumingBytes: UnsafeMutablePointer<UInt8> { assumingMemoryBound(to: UInt8.self) }
}
