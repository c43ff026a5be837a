import COpenSSL
import PKCS11
import SecretSharing

/// The key of an enrolment group, under which each device's registration secret is HMAC-SHA256 of its registration id:
/// as Azure DPS derives a group's device keys, and anybody who has the group's key can.
///
/// It signs by HMAC and does nothing else. DERIVE stays false: derivation functions can cut a key to pieces short enough
/// to be tried out.
public struct RegistrationGroupKey: Sendable {
    public let label: KeyLabel
    /// `CKA_ID`, 16 octets.
    public let id: [UInt8]
    /// Whether the token made the key; one that was imported has been elsewhere, and its attributes say so.
    public let isLocal: Bool
    /// Whether workers may hold copies as session objects, as in ``KeyPolicy/sessionCopies``.
    public let sessionCopies: Bool
    public let readBack: [ReadBackAttribute]
    /// What the token refused when it was tried.
    public let refusals: [ProbeResult]
    /// The first eight octets of HMAC-SHA256 over ``checkText``, by which two who have the key see that it is the same.
    public let checkValue: [UInt8]

    /// No registration id: it has blanks.
    public static let checkText = "rootline registration group check value"

    /// Octets of a key that the token makes: as many as DPS gives its own.
    static let octets = 64
    /// Octets of a key that is imported. RFC 2104 §3 advises against less than the hash's length; a key of more than
    /// its block's length is hashed first, by some modules wrongly.
    public static let acceptedOctets = 32...64

    /// Makes the key in the token; its label must be free.
    public static func make(
        _ label: KeyLabel, sessionCopies: Bool, login: Login
    ) throws(TokenKeyError) -> RegistrationGroupKey {
        try place(label, sessionCopies: sessionCopies, login: login) {
            (session: borrowing Session, attributes: [Attribute]) throws(PKCS11Error) in
            _ = try session.generateKey(
                .plain(.genericSecretKeyGeneration), attributes + [Attribute(.valueLength, UInt(octets))])
        }
        return try examine(label, isLocal: true, sessionCopies: sessionCopies, login: login)
    }

    /// Puts a key that the onboarding service made into the token.
    public static func importing(
        _ secret: SecretBytes, as label: KeyLabel, sessionCopies: Bool, login: Login
    ) throws(TokenKeyError) -> RegistrationGroupKey {
        guard acceptedOctets.contains(secret.count) else {
            throw TokenKeyError(
                .keyMalformed, label.description,
                "a key of \(secret.count) octets; from \(acceptedOctets.lowerBound) to \(acceptedOctets.upperBound) are accepted",
                hint: "Enrolment groups' keys normally have 64 octets, 88 characters of base64.")
        }
        try place(label, sessionCopies: sessionCopies, login: login) {
            (session: borrowing Session, attributes: [Attribute]) throws(PKCS11Error) in
            let template = SecretTemplate(
                attributes + [.objectClass(.secretKey), .keyType(.genericSecret)], octets: secret.count)
            secret.withBytes { template.secret.copyMemory(from: $0) }
            _ = try session.create(template)
        }
        return try examine(label, isLocal: false, sessionCopies: sessionCopies, login: login)
    }

    /// A group's key as services give it: one line of base64 (RFC 4648 §4).
    public static func secret(base64 text: PIN) throws(TokenKeyError) -> SecretBytes {
        let malformed = TokenKeyError(
            .keyMalformed, "group key", "it is not base64",
            hint: "Give the key as the onboarding service shows it, and nothing else.")
        let count = Int(text.count)
        guard count > 0, count % 4 == 0 else { throw malformed }
        var length: Int32 = 0
        var padding = 0
        let decoded = SecretBytes(count: count / 4 * 3) { output in
            text.withBytes { characters, _ in
                padding = (0..<2).prefix { characters?[count - 1 - $0] == UInt8(ascii: "=") }.count
                length = EVP_DecodeBlock(
                    output.baseAddress?.assumingMemoryBound(to: UInt8.self), characters, Int32(count))
            }
        }
        // Shorter where blanks were passed over.
        guard Int(length) == decoded.count else { throw malformed }
        return SecretBytes(count: decoded.count - padding) { output in
            decoded.withBytes {
                output.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0.dropLast(padding)))
            }
        }
    }

    /// Finds the key of this label, reads its attributes back, and tries what they forbid.
    ///
    /// `isLocal` and `sessionCopies` are what its record says; a token that answers otherwise is refused.
    public static func examine(
        _ label: KeyLabel, isLocal: Bool, sessionCopies: Bool, login: Login
    ) throws(TokenKeyError) -> RegistrationGroupKey {
        let name = label.description
        let session = try onToken(name) { () throws(PKCS11Error) in
            try login.slot.openSession(readWrite: true)
        }
        let object = try find(label, in: session)
        let readBack = try KeyPolicy.readBack(
            usage.map { ($0.type, $0.flag == true) } + [
                (.token, true), (.isPrivate, true), (.modifiable, sessionCopies), (.copyable, sessionCopies),
                (.local, isLocal), (.alwaysSensitive, isLocal), (.neverExtractable, isLocal),
            ], of: object, label: label, in: session)
        let refusals = try probe(
            object, label: label, secrets: [.value], sessionCopies: sessionCopies, in: session)
        do {
            return RegistrationGroupKey(
                label: label, id: try session.attribute(.id, of: object)?.value ?? [], isLocal: isLocal,
                sessionCopies: sessionCopies, readBack: readBack, refusals: refusals,
                checkValue: Array(
                    try session.sign(.plain(.sha256HMAC), key: object, Array(checkText.utf8)).prefix(8)))
        } catch {
            throw TokenKeyError(error, name)
        }
    }

    /// The token's key of this label.
    static func find(_ label: KeyLabel, in session: borrowing Session) throws(TokenKeyError) -> Object {
        do {
            // Copies of other sessions have the same label.
            return try session.findOne(
                [.objectClass(.secretKey), Attribute(.token, true), Attribute(.label, label.description)],
                label.description)
        } catch  where error.code == .objectAbsent {
            throw TokenKeyError(
                .keyAbsent, label.description, "no such key on the token",
                hint: "`rootline key registration-group \(label.name)` makes or imports it.")
        } catch {
            throw TokenKeyError(error, label.description)
        }
    }

    private static let usage = [
        Attribute(.sensitive, true), Attribute(.extractable, false), Attribute(.sign, true),
        Attribute(.verify, false), Attribute(.encrypt, false), Attribute(.decrypt, false),
        Attribute(.wrap, false), Attribute(.unwrap, false), Attribute(.derive, false),
    ]

    private static func place(
        _ label: KeyLabel, sessionCopies: Bool, login: Login,
        _ body: (borrowing Session, [Attribute]) throws(PKCS11Error) -> Void
    ) throws(TokenKeyError) {
        let name = label.description
        guard label.role == .registrationGroup else {
            throw TokenKeyError(.roleRefused, name, "is no registration-group key")
        }
        do {
            guard try login.slot.info(of: .sha256HMAC)?.canSign == true else {
                throw TokenKeyError(
                    .token, name, "the token has no CKM_SHA256_HMAC, by which the secrets are derived")
            }
            let session = try login.slot.openSession(readWrite: true)
            guard try session.find([Attribute(.token, true), Attribute(.label, name)], limit: 1).isEmpty
            else {
                throw TokenKeyError(
                    .labelTaken, name, "a key of this label is on the token already",
                    hint: "A group's key is made once; choose another name for another key.")
            }
            try body(
                session,
                [
                    Attribute(.token, true), Attribute(.isPrivate, true), Attribute(.label, name),
                    Attribute(.id, bytes: try session.random(count: 16)),
                    Attribute(.modifiable, sessionCopies), Attribute(.copyable, sessionCopies),
                ] + usage)
        } catch let error as TokenKeyError {
            throw error
        } catch let error as PKCS11Error {
            throw TokenKeyError(error, name)
        } catch {
            throw TokenKeyError(.libraryFailed, name, "\(error)")
        }
    }
}
