import Crypto
import PKCS11

/// An AES-256 key under which device keys leave the token, generated there as an object of one session.
///
/// Each session of a run has its own: no other process can see it, it is gone with its session, and nobody can give it
/// another use (MODIFIABLE is false). It wraps only, since a key that could also unwrap or decrypt would turn every
/// wrapped key into a readable one; and only a station's key that the security officer trusts can take it out
/// (WRAP_WITH_TRUSTED).
public struct TransportKey: Sendable {
    public let object: Object
    /// The key wrapped to the station with RSA-OAEP (SHA-1, MGF1-SHA-1).
    ///
    /// The station opens it with `openssl pkeyutl -decrypt -pkeyopt rsa_padding_mode:oaep`.
    public let wrapped: [UInt8]

    /// Generates a key in `session` and wraps it to the station, which the token must hold as trusted.
    public init(for station: TrustedStation, in session: borrowing Session) throws(TokenKeyError) {
        let stationObject = try station.find(in: session)
        let key: Object
        do {
            key = try session.generateKey(
                .plain(.aesKeyGeneration),
                [
                    Attribute(.token, false), Attribute(.isPrivate, true), Attribute(.valueLength, 32),
                    Attribute(.sensitive, true), Attribute(.extractable, true),
                    Attribute(.wrapWithTrusted, true), Attribute(.wrap, true), Attribute(.unwrap, false),
                    Attribute(.encrypt, false), Attribute(.decrypt, false), Attribute(.sign, false),
                    Attribute(.verify, false), Attribute(.derive, false), Attribute(.copyable, false),
                    Attribute(.modifiable, false),
                ])
            object = key
            wrapped = try session.wrap(.rsaOAEPWithSHA1, key: key, under: stationObject)
        } catch {
            throw TokenKeyError(error, "transport key")
        }
    }

    /// The name by which packages cite a wrapped key: the first 16 hexadecimal digits of its SHA-256.
    public static func name(of wrapped: [UInt8]) -> String {
        SHA256.hash(data: wrapped).prefix(8).map { hex($0) }.joined()
    }
}
