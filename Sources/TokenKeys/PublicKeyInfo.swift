import COpenSSL
import Crypto
import PKCS11
import SwiftASN1

/// What a token says of a public key, checked: its type and its SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7).
struct PublicKeyFacts {
    let type: SigningKeyType
    let publicKeyInfo: [UInt8]

    /// Reads the public key's numbers, and from the private key that it is of the same type and modulus.
    init(
        publicKey: Object, privateKey: Object, name: String, in session: borrowing Session
    ) throws(TokenKeyError) {
        func malformed(_ message: String) -> TokenKeyError { TokenKeyError(.keyMalformed, name, message) }
        func read(_ type: AttributeType, _ key: Object) throws(TokenKeyError) -> Attribute? {
            do {
                return try session.attribute(type, of: key)
            } catch {
                throw TokenKeyError(error, name)
            }
        }
        let keyType = try read(.keyType, publicKey)?.number
        guard keyType != nil, try read(.keyType, privateKey)?.number == keyType else {
            throw malformed("private and public key are not of one CKA_KEY_TYPE")
        }
        switch keyType {
        case KeyType.ec.rawValue:
            let parameters = try read(.ecParameters, publicKey)?.value
            guard
                let type = SigningKeyType.allCases.first(where: {
                    $0.curveParameters != nil && $0.curveParameters == parameters
                })
            else { throw malformed("an EC key on neither P-256 nor P-384") }
            self.type = type
            publicKeyInfo = try PublicKeyFacts.publicKeyInfo(
                point: try read(.ecPoint, publicKey)?.value ?? [], type: type, name: name)
        case KeyType.rsa.rawValue:
            let modulus = try read(.modulus, publicKey)?.value ?? []
            let exponent = try read(.publicExponent, publicKey)?.value ?? []
            guard let privateModulus = try read(.modulus, privateKey)?.value,
                privateModulus.drop(while: { $0 == 0 }) == modulus.drop(while: { $0 == 0 })
            else { throw malformed("private and public key differ in CKA_MODULUS") }
            (type, publicKeyInfo) = try PublicKeyFacts.rsa(modulus: modulus, exponent: exponent, name: name)
            let bits = try read(.modulusBits, publicKey)?.number
            guard bits == UInt(type.bits) else {
                throw malformed(
                    "CKA_MODULUS_BITS is \(bits.map { String($0) } ?? "not answered") beside a modulus of \(type.bits) bits"
                )
            }
        default:
            throw malformed("neither an EC nor an RSA key")
        }
    }

    /// The SubjectPublicKeyInfo of `CKA_EC_POINT`'s value, after checking that the point is on the curve.
    ///
    /// The standard says a DER OCTET STRING (PKCS#11 v2.40 §2.3.3); some modules give the bare point.
    private static func publicKeyInfo(
        point value: [UInt8], type: SigningKeyType, name: String
    ) throws(TokenKeyError) -> [UInt8] {
        var point = value[...]
        let octets = 1 + 2 * type.bits / 8
        if point.count == octets + 2, point.first == 0x04 { point = point.dropFirst(2) }
        do {
            if type == .p384 {
                return Array(try P384.Signing.PublicKey(x963Representation: point).derRepresentation)
            }
            return Array(try P256.Signing.PublicKey(x963Representation: point).derRepresentation)
        } catch {
            throw TokenKeyError(.keyMalformed, name, "CKA_EC_POINT is no point of \(type.rawValue)")
        }
    }

    /// The type and SubjectPublicKeyInfo of `CKA_MODULUS` and `CKA_PUBLIC_EXPONENT` (RFC 8017 A.1.1, RFC 3279 §2.3.1).
    ///
    /// 3072 or 4096 bits, odd, and the exponent 65537; that libcrypto reads the same key out of it is checked.
    static func rsa(
        modulus value: [UInt8], exponent: [UInt8], name: String
    ) throws(TokenKeyError) -> (SigningKeyType, [UInt8]) {
        func malformed(_ message: String) -> TokenKeyError { TokenKeyError(.keyMalformed, name, message) }
        let modulus = value.drop { $0 == 0 }
        let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
        guard let type = SigningKeyType.allCases.first(where: { $0.isRSA && $0.bits == bits }) else {
            throw malformed("an RSA key of \(bits) bits; 3072 or 4096 are accepted")
        }
        guard modulus.last.map({ $0 & 1 == 1 }) ?? false else { throw malformed("CKA_MODULUS is even") }
        guard exponent.drop(while: { $0 == 0 }).elementsEqual(SigningKeyType.publicExponent) else {
            throw malformed("CKA_PUBLIC_EXPONENT is not 65537")
        }
        var serializer = DER.Serializer()
        do {
            var key = DER.Serializer()
            key.appendConstructedNode(identifier: .sequence) { numbers in
                // A zero before the high bit: an INTEGER is signed.
                numbers.appendPrimitiveNode(identifier: .integer) { $0 += [0] + modulus }
                numbers.appendPrimitiveNode(identifier: .integer) { $0 += SigningKeyType.publicExponent }
            }
            let bitString = ASN1BitString(bytes: key.serializedBytes[...])
            try serializer.appendConstructedNode(identifier: .sequence) { info in
                try info.appendConstructedNode(identifier: .sequence) { algorithm in
                    // rsaEncryption
                    try algorithm.serialize([1, 2, 840, 113_549, 1, 1, 1] as ASN1ObjectIdentifier)
                    try algorithm.serialize(ASN1Null())
                }
                try info.serialize(bitString)
            }
        } catch {
            throw malformed("\(error)")
        }
        let der = serializer.serializedBytes
        let key = try publicKey(der)
        guard TokenKeys.publicKeyInfo(key) == der, EVP_PKEY_get_bits(key.pointer) == Int32(bits) else {
            throw malformed("libcrypto reads another key out of CKA_MODULUS")
        }
        return (type, der)
    }
}
