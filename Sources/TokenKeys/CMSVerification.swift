import COpenSSL

/// Verifies a CMS SignedData in DER and answers its content.
///
/// Trust comes from the key alone: one SignerInfo, whose certificate holds exactly `publicKeyInfo`, which
/// the caller knows from elsewhere. No chain is built, no store is asked.
public func verifyCMS(
    _ der: [UInt8], detachedContent: [UInt8]?, signedBy publicKeyInfo: [UInt8]
) throws(TokenKeyError) -> [UInt8] {
    func invalid(_ message: String) -> TokenKeyError { TokenKeyError(.cmsInvalid, "CMS", message) }
    let parsed = der.withUnsafeBufferPointer { buffer -> (OpaquePointer?, Int) in
        var position = buffer.baseAddress
        let message = d2i_CMS_ContentInfo(nil, &position, buffer.count)
        let used = buffer.baseAddress.flatMap { start in position.map { $0 - start } } ?? 0
        return (message, used)
    }
    guard let message = Owned(parsed.0, { CMS_ContentInfo_free($0) }), parsed.1 == der.count else {
        _ = openSSLReason()
        throw invalid("not one DER SignedData")
    }
    // The parser takes more than DER, such as a SET that is not marked as constructed.
    let encoded = [UInt8](unsafeUninitializedCapacity: der.count + 64) { buffer, count in
        var position = buffer.baseAddress
        guard i2d_CMS_ContentInfo(message.pointer, nil) == der.count else { return }
        count = Int(i2d_CMS_ContentInfo(message.pointer, &position))
    }
    guard encoded == der else { throw invalid("not one DER SignedData") }
    let empty = memoryBIO(detachedContent ?? [])
    guard let empty, let output = Owned(BIO_new(BIO_s_mem()), { BIO_free($0) }) else {
        throw TokenKeyError(.libraryFailed, "CMS", openSSLReason())
    }
    let flags = UInt32(CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY)
    let isDetached = CMS_get0_content(message.pointer).map { $0.pointee == nil } ?? true
    guard isDetached == (detachedContent != nil) else {
        throw invalid(isDetached ? "it carries no content" : "it carries content where none is expected")
    }
    guard
        CMS_verify(
            message.pointer, nil, nil, isDetached ? empty.pointer : nil, output.pointer, flags) == 1
    else { throw invalid("the signature does not verify: \(openSSLReason())") }
    guard let signers = CMS_get0_signers(message.pointer) else { throw invalid("it names no signer") }
    defer { OPENSSL_sk_free(signers) }
    guard OPENSSL_sk_num(signers) == 1, let raw = OPENSSL_sk_value(signers, 0) else {
        throw invalid("it has \(OPENSSL_sk_num(signers)) signers where one is expected")
    }
    guard let key = Owned(X509_get_pubkey(OpaquePointer(raw)), { EVP_PKEY_free($0) }),
        TokenKeys.publicKeyInfo(key) == publicKeyInfo
    else { throw invalid("it is signed by another key than the one expected") }
    guard CMSForm.isStrict(der) else { throw invalid("it is not in the form that RFC 5652 gives it") }
    // The certificate, which ceremonies have the key sign itself, only carries the key; but nothing in it may have
    // been changed either.
    guard X509_verify(OpaquePointer(raw), key.pointer) == 1 else {
        throw invalid("the signer's certificate does not verify: \(openSSLReason())")
    }
    return contents(output)
}
