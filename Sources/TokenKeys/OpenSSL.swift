import COpenSSL

/// What libcrypto's error queue says, newest reason first; the queue is empty afterwards.
func openSSLReason() -> String {
    var reasons: [String] = []
    while true {
        let code = ERR_get_error()
        if code == 0 { break }
        reasons.append(ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)")
    }
    return reasons.last ?? "no reason given"
}

/// A libcrypto object with the function that frees it.
final class Owned {
    let pointer: OpaquePointer
    private let release: (OpaquePointer) -> Void

    init?(_ pointer: OpaquePointer?, _ release: @escaping (OpaquePointer) -> Void) {
        guard let pointer else { return nil }
        self.pointer = pointer
        self.release = release
    }

    deinit { release(pointer) }
}

/// A memory BIO that holds `bytes`.
func memoryBIO(_ bytes: [UInt8]) -> Owned? {
    guard let bio = Owned(BIO_new(BIO_s_mem()), { BIO_free($0) }) else { return nil }
    let written = BIO_write(bio.pointer, bytes, Int32(bytes.count))
    return written == Int32(bytes.count) ? bio : nil
}

/// Everything that a memory BIO holds.
func contents(_ bio: Owned) -> [UInt8] {
    var start: UnsafeMutablePointer<CChar>?
    let length = rootline_BIO_get_mem_data(bio.pointer, &start)
    guard let start, length > 0 else { return [] }
    return start.withMemoryRebound(to: UInt8.self, capacity: length) {
        Array(UnsafeBufferPointer(start: $0, count: length))
    }
}

func certificate(_ der: [UInt8]) throws(TokenKeyError) -> Owned {
    let parsed = der.withUnsafeBufferPointer { buffer -> OpaquePointer? in
        var position = buffer.baseAddress
        return d2i_X509(nil, &position, buffer.count)
    }
    guard let certificate = Owned(parsed, { X509_free($0) }) else {
        throw TokenKeyError(.libraryFailed, "certificate", openSSLReason())
    }
    return certificate
}

/// A public key out of its SubjectPublicKeyInfo in DER; octets behind it are refused.
func publicKey(_ der: [UInt8]) throws(TokenKeyError) -> Owned {
    let (parsed, used) = der.withUnsafeBufferPointer { buffer -> (OpaquePointer?, Int) in
        var position = buffer.baseAddress
        let key = d2i_PUBKEY(nil, &position, buffer.count)
        let used = buffer.baseAddress.flatMap { start in position.map { $0 - start } } ?? 0
        return (key, used)
    }
    guard let key = Owned(parsed, { EVP_PKEY_free($0) }), used == der.count else {
        throw TokenKeyError(.libraryFailed, "public key", openSSLReason())
    }
    return key
}

/// Verifies a signature with libcrypto, a library that had no part in making it: a DER ECDSA-Sig-Value, or
/// RSASSA-PKCS1-v1_5 for RSA, with the hash that belongs to the type.
///
/// A key of another kind than `type`'s, or of another size, is refused too.
public func verifyWithOpenSSL(
    signature: [UInt8], over message: [UInt8], publicKeyInfo: [UInt8], type: SigningKeyType
) throws(TokenKeyError) {
    let key = try publicKey(publicKeyInfo)
    guard let context = Owned(EVP_MD_CTX_new(), { EVP_MD_CTX_free($0) }) else {
        throw TokenKeyError(.libraryFailed, "public key", openSSLReason())
    }
    // Padding is PKCS#1 v1.5 where nothing else is said (EVP_PKEY_CTX_set_rsa_padding).
    let hash = type.isWithSHA384 ? EVP_sha384() : EVP_sha256()
    guard EVP_PKEY_get_base_id(key.pointer) == (type.isRSA ? EVP_PKEY_RSA : EVP_PKEY_EC),
        EVP_PKEY_get_bits(key.pointer) == Int32(type.bits),
        EVP_DigestVerifyInit(context.pointer, nil, hash, nil, key.pointer) == 1,
        EVP_DigestVerify(context.pointer, signature, signature.count, message, message.count) == 1
    else {
        _ = openSSLReason()
        throw TokenKeyError(.signatureInvalid, "test signature", "OpenSSL does not verify it")
    }
}

/// Verifies a certificate's signature, and that its issuer is the given one, with libcrypto; both in DER.
///
/// With `issuedBy` nil the certificate must have signed itself. Times and revocation are not looked at.
public func verifyCertificate(der: [UInt8], issuedBy issuerDER: [UInt8]?) throws(TokenKeyError) {
    let subject = try certificate(der)
    let issuer = try certificate(issuerDER ?? der)
    // X509_check_issued wants keyCertSign of the issuer, which a signer's self-signed certificate has not.
    let isIssued =
        issuerDER == nil
        ? X509_NAME_cmp(X509_get_issuer_name(subject.pointer), X509_get_subject_name(subject.pointer)) == 0
        : X509_check_issued(issuer.pointer, subject.pointer) == X509_V_OK
    guard let key = Owned(X509_get_pubkey(issuer.pointer), { EVP_PKEY_free($0) }) else {
        throw TokenKeyError(.libraryFailed, "certificate", openSSLReason())
    }
    guard isIssued, X509_verify(subject.pointer, key.pointer) == 1 else {
        _ = openSSLReason()
        throw TokenKeyError(
            .signatureInvalid, "certificate",
            isIssued ? "OpenSSL does not verify its signature" : "OpenSSL says that it has another issuer")
    }
}
