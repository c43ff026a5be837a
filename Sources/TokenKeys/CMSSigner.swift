import CLibP11
import COpenSSL
import Foundation
import PKCS11
import Synchronization

/// Signs CMS messages (RFC 5652) with a key that stays on its token, through libp11 and libcrypto.
public struct CMSSigner: Sendable {
    private let key: TokenKey
    private let certificateDER: [UInt8]

    /// `certificate` is the key's own, in DER; it travels in every message and names the signer.
    ///
    /// An RSA key is refused: those are CAs' keys, which sign certificates and no messages.
    public init(_ key: TokenKey, certificate der: [UInt8]) throws(TokenKeyError) {
        guard !key.type.isRSA else {
            throw TokenKeyError(
                .roleRefused, key.label.description, "messages are signed by EC keys, this is \(key.type)")
        }
        let parsed = try certificate(der)
        guard let subjectKey = Owned(X509_get_pubkey(parsed.pointer), { EVP_PKEY_free($0) }),
            publicKeyInfo(subjectKey) == key.publicKeyInfo
        else {
            throw TokenKeyError(.roleRefused, key.label.description, "the certificate is another key's")
        }
        self.key = key
        certificateDER = der
    }

    /// Has libp11 open its sessions anew at the next signature, of whichever key: after a token went away and came
    /// back, those that it has are dead.
    public static func forgetSessions() {
        LibP11.forget()
    }

    /// A SignedData over exactly `content`, in DER; `detached` leaves the content out.
    ///
    /// One SignerInfo with the signing time, hash SHA-256 for P-256 and SHA-384 for P-384.
    public func sign(_ content: [UInt8], detached: Bool) throws(TokenKeyError) -> [UInt8] {
        let name = key.label.description
        let signerCertificate = try certificate(certificateDER)
        let privateKey = try LibP11.privateKey(of: key)
        guard let input = memoryBIO(content), let output = Owned(BIO_new(BIO_s_mem()), { BIO_free($0) })
        else { throw TokenKeyError(.libraryFailed, name, openSSLReason()) }
        let flags = UInt32(CMS_BINARY | CMS_PARTIAL | (detached ? CMS_DETACHED : 0))
        guard let message = Owned(CMS_sign(nil, nil, nil, input.pointer, flags), { CMS_ContentInfo_free($0) })
        else { throw TokenKeyError(.libraryFailed, name, openSSLReason()) }
        let hash = key.type.isWithSHA384 ? EVP_sha384() : EVP_sha256()
        guard
            CMS_add1_signer(
                message.pointer, signerCertificate.pointer, privateKey.pointer, hash,
                UInt32(CMS_BINARY | CMS_NOSMIMECAP)) != nil,
            CMS_final(message.pointer, input.pointer, nil, flags) == 1,
            i2d_CMS_bio(output.pointer, message.pointer) == 1
        else { throw TokenKeyError(.libraryFailed, name, openSSLReason()) }
        let der = contents(output)
        _ = try verifyCMS(der, detachedContent: detached ? content : nil, signedBy: key.publicKeyInfo)
        return der
    }
}

/// The SubjectPublicKeyInfo of a libcrypto key, in DER.
func publicKeyInfo(_ key: Owned) -> [UInt8] {
    let length = i2d_PUBKEY(key.pointer, nil)
    guard length > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
        var position = buffer.baseAddress
        count = Int(max(0, i2d_PUBKEY(key.pointer, &position)))
    }
}

/// libp11's view of the modules that this process has loaded.
///
/// Its contexts live as long as the process: unloading one calls C_Finalize, which would close every
/// session of ours. It is not safe under concurrent use, so one lock guards it all.
private enum LibP11 {
    // Unchecked: touched under the lock alone.
    private struct Contexts: @unchecked Sendable {
        var byPath: [String: UnsafeMutablePointer<PKCS11_CTX>] = [:]
    }
    private static let contexts = Mutex(Contexts())

    /// Opens everything anew at the next use: sessions do not outlive a token that went away.
    static func forget() {
        // The contexts stay in memory, since unloading one calls C_Finalize.
        contexts.withLock { $0.byPath = [:] }
    }

    static func privateKey(of key: TokenKey) throws(TokenKeyError) -> Owned {
        try contexts.withLock { (contexts) throws(TokenKeyError) -> Owned in
            let name = key.label.description
            let path = key.slot.module.path
            let context: UnsafeMutablePointer<PKCS11_CTX>
            if let known = contexts.byPath[path] {
                context = known
            } else {
                guard let made = PKCS11_CTX_new(), PKCS11_CTX_load(made, path) == 0 else {
                    throw TokenKeyError(
                        .libraryFailed, name, "libp11 cannot load \(path): \(openSSLReason())")
                }
                contexts.byPath[path] = made
                context = made
            }
            return try find(key, in: context)
        }
    }

    private static func find(
        _ key: TokenKey, in context: UnsafeMutablePointer<PKCS11_CTX>
    ) throws(TokenKeyError) -> Owned {
        let name = key.label.description
        var slots: UnsafeMutablePointer<PKCS11_SLOT>?
        var count: UInt32 = 0
        guard PKCS11_enumerate_slots(context, &slots, &count) == 0 else {
            throw TokenKeyError(.libraryFailed, name, openSSLReason())
        }
        // The slots are not released: the keys found in them, and the EVP_PKEY below, point into them.
        for slot in UnsafeMutableBufferPointer(start: slots, count: Int(count))
        where slot.token != nil
            && withUnsafePointer(to: slot, { PKCS11_get_slotid_from_slot(.init(mutating: $0)) })
                == key.slot.id
        {
            var keys: UnsafeMutablePointer<PKCS11_KEY>?
            var keyCount: UInt32 = 0
            guard PKCS11_enumerate_keys(slot.token, &keys, &keyCount) == 0 else {
                throw TokenKeyError(.libraryFailed, name, openSSLReason())
            }
            let list = UnsafeMutableBufferPointer(start: keys, count: Int(keyCount))
            for index in list.indices {
                let id = Array(UnsafeBufferPointer(start: list[index].id, count: list[index].id_len))
                guard id == key.id, String(cString: list[index].label) == name else { continue }
                guard let pointer = list.baseAddress.map({ $0 + index }),
                    let found = Owned(PKCS11_get_private_key(pointer), { EVP_PKEY_free($0) })
                else { throw TokenKeyError(.libraryFailed, name, openSSLReason()) }
                return found
            }
        }
        throw TokenKeyError(.keyAbsent, name, "libp11 does not see the key")
    }
}
