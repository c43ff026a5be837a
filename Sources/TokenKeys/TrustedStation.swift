import Crypto
import PKCS11
import SwiftASN1

/// A programming station's RSA public key, to which a run's transport key is wrapped.
public struct TrustedStation: Sendable, Hashable {
    /// SubjectPublicKeyInfo, DER.
    public let publicKeyInfo: [UInt8]
    let modulus: [UInt8]
    let exponent: [UInt8]

    /// The SHA-256 of the SubjectPublicKeyInfo, which stands in every authorisation.
    public var digest: [UInt8] { Array(SHA256.hash(data: publicKeyInfo)) }

    /// Reads an RSA SubjectPublicKeyInfo; 2048 to 8192 bits are accepted.
    public init(publicKeyInfo der: [UInt8]) throws(TokenKeyError) {
        func malformed(_ message: String) -> TokenKeyError {
            TokenKeyError(
                .keyMalformed, "station key", message,
                hint: "The station's key must be an RSA public key in PEM (`openssl pkey -pubout`).")
        }
        let parts: (modulus: [UInt8], exponent: [UInt8])
        do {
            // RFC 8017 A.1.1 inside RFC 5280 §4.1.2.7.
            let key = try DER.sequence(try DER.parse(der), identifier: .sequence) { nodes in
                _ = nodes.next()
                return try ASN1BitString(derEncoded: &nodes)
            }
            parts = try DER.sequence(try DER.parse(key.bytes), identifier: .sequence) { nodes in
                let modulus = try ArraySlice<UInt8>(derEncoded: &nodes)
                let exponent = try ArraySlice<UInt8>(derEncoded: &nodes)
                return (Array(modulus.drop { $0 == 0 }), Array(exponent.drop { $0 == 0 }))
            }
        } catch {
            throw malformed("not an RSA SubjectPublicKeyInfo")
        }
        let bits = parts.modulus.count * 8
        guard (2048...8192).contains(bits) else { throw malformed("\(bits) bits; 2048 to 8192 are accepted") }
        publicKeyInfo = der
        modulus = parts.modulus
        exponent = parts.exponent
    }

    private var label: KeyLabel { label(.station) }

    private func label(_ role: KeyRole) -> KeyLabel {
        let name = digest.prefix(8).map { hex($0) }.joined()
        return KeyLabel(role: role, name: name, isRehearsal: false)
    }

    /// Imports the key and marks it as trusted, which the token allows its security officer alone.
    ///
    /// `role` is a station's, or that of a token to which backups go.
    public func enrol(securityOfficer login: Login, role: KeyRole = .station) throws(TokenKeyError) {
        let name = label(role).description
        let session = try onToken(name) { () throws(PKCS11Error) in
            try login.slot.openSession(readWrite: true)
        }
        try onToken(name) { () throws(PKCS11Error) in
            _ = try session.create([
                .objectClass(.publicKey), .keyType(.rsa), Attribute(.token, true),
                Attribute(.isPrivate, false),
                Attribute(.label, name), Attribute(.id, bytes: Array(digest.prefix(16))),
                Attribute(.modulus, bytes: modulus), Attribute(.publicExponent, bytes: exponent),
                Attribute(.wrap, true), Attribute(.encrypt, false), Attribute(.verify, false),
                Attribute(.verifyRecover, false), Attribute(.derive, false), Attribute(.trusted, true),
                Attribute(.modifiable, false),
            ])
        }
    }

    /// Throws unless the token holds this key as trusted.
    public func requireEnrolled(login: Login) throws(TokenKeyError) {
        let session = try onToken(label.description) { () throws(PKCS11Error) in
            try login.slot.openSession()
        }
        _ = try find(in: session)
    }

    /// Whether the token holds this key as trusted.
    func isEnrolled(in session: borrowing Session) throws(TokenKeyError) -> Bool {
        do throws(TokenKeyError) {
            _ = try find(in: session)
            return true
        } catch {
            guard error.code == .keyAbsent else { throw error }
            return false
        }
    }

    /// The enrolled key's object; throws where the token does not hold exactly this key as trusted.
    func find(in session: borrowing Session) throws(TokenKeyError) -> Object {
        let name = label.description
        let refusal = TokenKeyError(
            .keyAbsent, name, "the token holds no such trusted station key",
            hint: "The token's security officer enrols the station's key before a run can deliver to it.")
        do {
            // By the key itself: whatever tool enrolled it, its label is the tool's.
            for object in try session.find([
                .objectClass(.publicKey), .keyType(.rsa), Attribute(.modulus, bytes: modulus),
            ])
            where try session.attribute(.publicExponent, of: object)?.value.drop(while: { $0 == 0 })
                == exponent[...]
            {
                if try session.attribute(.trusted, of: object)?.flag == true { return object }
            }
        } catch {
            throw TokenKeyError(error, name)
        }
        throw refusal
    }
}

func hex(_ byte: UInt8) -> String {
    let digits = Array("0123456789abcdef")
    return String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
}
