import COpenSSL
import PKCS11
import SecretSharing

/// A transport key that this process knows, for deliveries that have to be made outside the token, as PKCS#12 has.
///
/// A device's key leaves the token wrapped under it and is unwrapped here: unlike ``TransportKey`` it keeps nothing from
/// this process, and only from what looks over its shoulder. It is an object of one session and gone with it.
public final class ReadableTransportKey {
    public let object: Object
    private let key: SecretBytes

    private static let octets = 32

    /// Draws a key from libcrypto's private random generator and puts it into the session; it wraps and does nothing
    /// else.
    public init(in session: borrowing Session) throws(TokenKeyError) {
        let key: SecretBytes
        do {
            key = try SecretBytes.random(count: Self.octets)
        } catch {
            throw TokenKeyError(.libraryFailed, "transport key", "\(error)")
        }
        let template = SecretTemplate(
            [
                .objectClass(.secretKey), .keyType(.aes), Attribute(.token, false),
                Attribute(.isPrivate, true), Attribute(.sensitive, true), Attribute(.extractable, false),
                Attribute(.wrap, true), Attribute(.unwrap, false), Attribute(.encrypt, false),
                Attribute(.decrypt, false), Attribute(.sign, false), Attribute(.verify, false),
                Attribute(.derive, false),
            ], octets: Self.octets)
        key.withBytes { template.secret.copyMemory(from: $0) }
        let object: Object
        do {
            object = try session.create(template)
        } catch {
            throw TokenKeyError(error, "transport key")
        }
        self.key = key
        self.object = object
    }

    /// What was wrapped by RFC 5649; from modules that fill up with zeros, with up to seven zero octets behind, and in
    /// any case followed by zeros to the memory's end.
    public func unwrap(_ wrapped: UnsafeRawBufferPointer) throws(TokenKeyError) -> SecretBytes {
        func failed(_ why: String) -> TokenKeyError { TokenKeyError(.libraryFailed, "wrapped key", why) }
        guard wrapped.count >= 16, wrapped.count % 8 == 0, let length = Int32(exactly: wrapped.count) else {
            throw failed("\(wrapped.count) octets are no key wrap of RFC 5649")
        }
        guard let context = Owned(EVP_CIPHER_CTX_new(), { EVP_CIPHER_CTX_free($0) }) else {
            throw failed(openSSLReason())
        }
        EVP_CIPHER_CTX_set_flags(context.pointer, Int32(EVP_CIPHER_CTX_FLAG_WRAP_ALLOW))
        return try SecretBytes(count: wrapped.count) { (output) throws(TokenKeyError) in
            var written: Int32 = 0
            let isDone = key.withBytes { key in
                EVP_DecryptInit_ex(
                    context.pointer, EVP_aes_256_wrap_pad(), nil,
                    key.baseAddress?.assumingMemoryBound(to: UInt8.self), nil) == 1
                    && EVP_DecryptUpdate(
                        context.pointer, output.baseAddress?.assumingMemoryBound(to: UInt8.self), &written,
                        wrapped.baseAddress?.assumingMemoryBound(to: UInt8.self), length) == 1
            }
            guard isDone, written > 0 else { throw failed(openSSLReason()) }
        }
    }
}
