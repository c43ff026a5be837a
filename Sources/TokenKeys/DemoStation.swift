import COpenSSL

/// A stand-in for a programming station, for demos: its RSA-3072 key is made by libcrypto, in files.
public struct DemoStation: Sendable {
    public let privateKeyPEM: String
    public let publicKeyPEM: String
    public let key: TrustedStation

    public static func make() throws(TokenKeyError) -> DemoStation {
        func failed() -> TokenKeyError { TokenKeyError(.libraryFailed, "demo station", openSSLReason()) }
        guard let context = Owned(EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nil), { EVP_PKEY_CTX_free($0) }),
            EVP_PKEY_keygen_init(context.pointer) == 1,
            EVP_PKEY_CTX_set_rsa_keygen_bits(context.pointer, 3072) == 1
        else { throw failed() }
        var made: OpaquePointer?
        guard EVP_PKEY_keygen(context.pointer, &made) == 1, let pair = Owned(made, { EVP_PKEY_free($0) }),
            let privateBIO = Owned(BIO_new(BIO_s_mem()), { BIO_free($0) }),
            let publicBIO = Owned(BIO_new(BIO_s_mem()), { BIO_free($0) }),
            PEM_write_bio_PrivateKey(privateBIO.pointer, pair.pointer, nil, nil, 0, nil, nil) == 1,
            PEM_write_bio_PUBKEY(publicBIO.pointer, pair.pointer) == 1
        else { throw failed() }
        return DemoStation(
            privateKeyPEM: String(decoding: contents(privateBIO), as: UTF8.self),
            publicKeyPEM: String(decoding: contents(publicBIO), as: UTF8.self),
            key: try TrustedStation(publicKeyInfo: TokenKeys.publicKeyInfo(pair)))
    }
}
