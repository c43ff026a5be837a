import COpenSSL

/// Verifies a certificate revocation list's signature, and that its issuer is the given one, with libcrypto; both
/// in DER.
///
/// The issuer's name, its key identifier where both have one, and cRLSign where it has a keyUsage have to fit
/// (RFC 5280 section 6.3.3). Times and entries are not looked at. Bytes around the list and encodings other than
/// DER are refused.
public func verifyRevocationList(der: [UInt8], issuedBy issuerDER: [UInt8]) throws(TokenKeyError) {
    let list = try revocationList(der)
    let issuer = try certificate(issuerDER)
    guard let key = Owned(X509_get_pubkey(issuer.pointer), { EVP_PKEY_free($0) }) else {
        throw TokenKeyError(.libraryFailed, "certificate", openSSLReason())
    }
    guard isIssuer(issuer, of: list) else {
        throw TokenKeyError(
            .signatureInvalid, "revocation list", "OpenSSL says that it has another issuer")
    }
    // A certificate without keyUsage may do everything, and this call answers every bit for it.
    guard X509_get_key_usage(issuer.pointer) & UInt32(KU_CRL_SIGN) != 0 else {
        throw TokenKeyError(.signatureInvalid, "revocation list", "the issuer may not sign lists")
    }
    guard X509_CRL_verify(list.pointer, key.pointer) == 1 else {
        _ = openSSLReason()
        throw TokenKeyError(.signatureInvalid, "revocation list", "OpenSSL does not verify its signature")
    }
}

private func revocationList(_ der: [UInt8]) throws(TokenKeyError) -> Owned {
    let parsed = der.withUnsafeBufferPointer { buffer -> OpaquePointer? in
        var position = buffer.baseAddress
        return d2i_X509_CRL(nil, &position, buffer.count)
    }
    guard let list = Owned(parsed, { X509_CRL_free($0) }) else {
        throw TokenKeyError(.libraryFailed, "revocation list", openSSLReason())
    }
    // The parser stops behind the list and takes BER; what it writes is the list alone, and the outer part in DER.
    guard encoded(list) == der else {
        throw TokenKeyError(.signatureInvalid, "revocation list", "this is not one DER revocation list")
    }
    return list
}

/// The list as libcrypto writes it.
private func encoded(_ list: Owned) -> [UInt8] {
    let count = i2d_X509_CRL(list.pointer, nil)
    guard count > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, written in
        var position = buffer.baseAddress
        written = max(0, Int(i2d_X509_CRL(list.pointer, &position)))
    }
}

private func isIssuer(_ issuer: Owned, of list: Owned) -> Bool {
    // libcrypto compares the key identifier that it keeps beside the certificate, which this call puts there.
    guard X509_check_purpose(issuer.pointer, -1, 0) == 1 else { return false }
    let (name, subject) = (X509_CRL_get_issuer(list.pointer), X509_get_subject_name(issuer.pointer))
    guard X509_NAME_cmp(name, subject) == 0 else { return false }
    guard let raw = X509_CRL_get_ext_d2i(list.pointer, NID_authority_key_identifier, nil, nil) else {
        return true
    }
    let identifier = raw.assumingMemoryBound(to: AUTHORITY_KEYID.self)
    defer { AUTHORITY_KEYID_free(identifier) }
    return X509_check_akid(issuer.pointer, identifier) == X509_V_OK
}
