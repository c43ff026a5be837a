import CCryptoki

/// A public and a private key made together.
public struct KeyPair: Sendable {
    public let publicKey: Object
    public let privateKey: Object

    public init(publicKey: Object, privateKey: Object) {
        self.publicKey = publicKey
        self.privateKey = privateKey
    }
}

// Key management and signing (PKCS#11 v2.40 §5.11 and §5.13). The forms that take buffers are the hot path
// of a run: they allocate nothing and call the module once.
extension Session {
    @inline(__always)
    public func generateKeyPair(
        _ mechanism: Mechanism, publicKey: AttributeTemplate, privateKey: AttributeTemplate
    ) throws(PKCS11Error) -> KeyPair {
        var publicHandle: CK_OBJECT_HANDLE = 0
        var privateHandle: CK_OBJECT_HANDLE = 0
        let answer = mechanism.withMechanism {
            functions.pointee.C_GenerateKeyPair(
                handle, $0, publicKey.pointer, UInt(publicKey.count), privateKey.pointer,
                UInt(privateKey.count), &publicHandle, &privateHandle)
        }
        try check(answer, "C_GenerateKeyPair")
        return KeyPair(
            publicKey: Object(handle: publicHandle), privateKey: Object(handle: privateHandle))
    }

    public func generateKey(
        _ mechanism: Mechanism, _ attributes: [Attribute]
    ) throws(PKCS11Error) -> Object {
        let template = AttributeTemplate(attributes)
        defer { withExtendedLifetime(template) {} }
        var key: CK_OBJECT_HANDLE = 0
        let answer = mechanism.withMechanism {
            functions.pointee.C_GenerateKey(handle, $0, template.pointer, UInt(template.count), &key)
        }
        try check(answer, "C_GenerateKey")
        return Object(handle: key)
    }

    /// Signs `data` and writes the signature, as the mechanism forms it, into `buffer`.
    ///
    /// ECDSA answers r‖s, each half as long as the curve's order (PKCS#11 v2.40 §2.3.1).
    @inline(__always)
    public func sign(
        _ mechanism: Mechanism, key: Object, _ data: UnsafeRawBufferPointer,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(PKCS11Error) -> Int {
        let begun = mechanism.withMechanism { functions.pointee.C_SignInit(handle, $0, key.handle) }
        try check(begun, "C_SignInit")
        var length = UInt(buffer.count)
        let input = UnsafeMutablePointer(mutating: data.bindMemory(to: UInt8.self).baseAddress)
        let output = buffer.bindMemory(to: UInt8.self).baseAddress
        try check(
            functions.pointee.C_Sign(handle, input, UInt(data.count), output, &length), "C_Sign")
        guard length <= UInt(buffer.count) else {
            throw PKCS11Error(.malformedAnswer, subject: "a signature longer than its buffer")
        }
        return Int(length)
    }

    /// Signs `data`; at most 1 024 octets of signature.
    public func sign(_ mechanism: Mechanism, key: Object, _ data: [UInt8]) throws(PKCS11Error) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1024)
        // The array's own closure forms do not carry a typed error through.
        let length = data.withUnsafeBytes { input in
            buffer.withUnsafeMutableBytes { output in
                Result { () throws(PKCS11Error) in try sign(mechanism, key: key, input, into: output) }
            }
        }
        return Array(buffer[..<(try length.get())])
    }

    /// Wraps `key` under `wrappingKey` and writes it into `buffer`, which must be large enough:
    /// asking for the size first does the work twice.
    @inline(__always)
    public func wrap(
        _ mechanism: Mechanism, key: Object, under wrappingKey: Object,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(PKCS11Error) -> Int {
        var length = UInt(buffer.count)
        let output = buffer.bindMemory(to: UInt8.self).baseAddress
        let answer = mechanism.withMechanism {
            functions.pointee.C_WrapKey(handle, $0, wrappingKey.handle, key.handle, output, &length)
        }
        try check(answer, "C_WrapKey")
        guard length <= UInt(buffer.count) else {
            throw PKCS11Error(.malformedAnswer, subject: "a wrapped key longer than its buffer")
        }
        return Int(length)
    }

    /// Wraps `key`; at most 4 096 octets come out.
    public func wrap(
        _ mechanism: Mechanism, key: Object, under wrappingKey: Object
    ) throws(PKCS11Error) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = buffer.withUnsafeMutableBytes { output in
            Result { () throws(PKCS11Error) in
                try wrap(mechanism, key: key, under: wrappingKey, into: output)
            }
        }
        return Array(buffer[..<(try length.get())])
    }

    public func unwrap(
        _ mechanism: Mechanism, _ wrapped: [UInt8], under key: Object, _ attributes: [Attribute]
    ) throws(PKCS11Error) -> Object {
        let template = AttributeTemplate(attributes)
        defer { withExtendedLifetime(template) {} }
        var bytes = wrapped
        var object: CK_OBJECT_HANDLE = 0
        let answer = mechanism.withMechanism {
            functions.pointee.C_UnwrapKey(
                handle, $0, key.handle, &bytes, UInt(bytes.count), template.pointer, UInt(template.count),
                &object)
        }
        try check(answer, "C_UnwrapKey")
        return Object(handle: object)
    }

    /// Derives a key from `key` (`C_DeriveKey`).
    public func derive(
        _ mechanism: Mechanism, from key: Object, _ attributes: [Attribute]
    ) throws(PKCS11Error) -> Object {
        let template = AttributeTemplate(attributes)
        defer { withExtendedLifetime(template) {} }
        var derived: CK_OBJECT_HANDLE = 0
        let answer = mechanism.withMechanism {
            functions.pointee.C_DeriveKey(
                handle, $0, key.handle, template.pointer, UInt(template.count), &derived)
        }
        try check(answer, "C_DeriveKey")
        return Object(handle: derived)
    }
}
