import Crypto
import Foundation
import PKCS11
import SecretSharing
import SignedStatements
import TokenKeys

/// The keys of a member on a token of their own.
///
/// Opened for one thing and closed after it: a person says yes with their PIN each time, and a token that is forgotten in
/// its reader signs nothing.
public struct TokenCredential: Credential {
    public let signingKey: [UInt8]
    public let shareKey: [UInt8]
    private let name: String
    private let login: Login
    private let isRehearsal: Bool

    /// Finds the member's keys by the roster's public keys, on a token whose user is logged in.
    public init(of member: Roster.Member, login: Login, rehearsal: Bool) throws(RosterError) {
        name = member.name
        signingKey = member.signingKey
        shareKey = member.shareKey
        self.login = login
        isRehearsal = rehearsal
        let keys = try Self.keys(of: name, login: login, rehearsal: rehearsal)
        guard let keys, keys.signing == signingKey, keys.share == shareKey else {
            throw RosterError(
                keys == nil ? .credentialAbsent : .credentialRefused, name,
                keys == nil
                    ? "the token holds no keys of this person"
                    : "the token holds other keys than the roster says",
                hint: "Use the token with which \(name) was enrolled.")
        }
    }

    /// The two public keys, or nil where the token holds neither.
    public static func keys(
        of name: String, login: Login, rehearsal: Bool
    ) throws(RosterError) -> (signing: [UInt8], share: [UInt8])? {
        try onCredential(name) {
            try login.slot.withSession { session in
                guard let signing = try publicKey(.custodian, name, rehearsal, in: session),
                    let share = try publicKey(.custodianShare, name, rehearsal, in: session)
                else { return nil }
                return (signing, share)
            }
        }
    }

    public func signature(over bytes: [UInt8]) throws(RosterError) -> [UInt8] {
        let digest = Array(SHA256.hash(data: bytes))
        let raw = try onCredential(name) {
            try login.slot.withSession { session in
                let key = try Self.privateKey(.custodian, name, isRehearsal, in: session)
                return try session.sign(.plain(.ecdsa), key: key, digest)
            }
        }
        guard let der = StrictSignature.der(raw: raw),
            StrictSignature.isValid(der, over: bytes, key: signingKey)
        else { throw RosterError(.credentialRefused, name, "the token's signature does not verify") }
        return der
    }

    public func open(_ sealed: SealedShare) throws(RosterError) -> SecretBytes {
        try sealed.open(holder: name) { point throws(RosterError) in
            try onCredential(name) {
                try login.slot.withSession { session in
                    let key = try Self.privateKey(.custodianShare, name, isRehearsal, in: session)
                    // A session object that dies with the session; only its value is of use.
                    let secret = try session.derive(
                        .ecdh1(point: point), from: key,
                        [
                            .objectClass(.secretKey), .keyType(.genericSecret), Attribute(.token, false),
                            Attribute(.sensitive, false), Attribute(.extractable, true),
                            Attribute(.valueLength, 32),
                        ])
                    defer { try? session.destroy(secret) }
                    guard let value = try session.attribute(.value, of: secret)?.value, value.count == 32
                    else {
                        throw RosterError(.shareRefused, name, "the token answers no shared secret")
                    }
                    return value
                }
            }
        } recipient: {
            Array(shareKey.suffix(65))
        }
    }
}

// MARK: Enrolment

/// The state of a person's keys on their token while they are made, which a crash may leave half done.
public struct CredentialKeys: Sendable, Hashable {
    public let signingKey: [UInt8]
    public let shareKey: [UInt8]
    /// As the token answers them, the signing key's first.
    public let attributes: [ReadBackAttribute]
    /// What the token refused, of both keys.
    public let probes: [ProbeResult]
    /// Whether one of them was on the token already, left there by an interrupted attempt.
    public let wereThere: Bool

    public init(
        signingKey: [UInt8], shareKey: [UInt8], attributes: [ReadBackAttribute], probes: [ProbeResult],
        wereThere: Bool = false
    ) {
        self.wereThere = wereThere
        self.signingKey = signingKey
        self.shareKey = shareKey
        self.attributes = attributes
        self.probes = probes
    }
}

extension TokenCredential {
    private static func label(_ role: KeyRole, _ name: String, _ rehearsal: Bool) -> String {
        KeyLabel(role: role, name: name, isRehearsal: rehearsal).description
    }

    /// Makes the two keys of a person on a token, unless they are there with these identifiers already.
    ///
    /// Both stay: private, sensitive, never extractable, each with its one use. Every attribute is read back, and taking a
    /// key out is tried.
    public static func enrol(
        _ name: String, signingID: [UInt8], shareID: [UInt8], login: Login, rehearsal: Bool
    ) throws(RosterError) -> CredentialKeys {
        try onCredential(name) {
            let session = try login.slot.openSession(readWrite: true)
            var attributes: [ReadBackAttribute] = []
            var probes: [ProbeResult] = []
            var keys: [[UInt8]] = []
            var wereThere = false
            for (role, id) in [(KeyRole.custodian, signingID), (.custodianShare, shareID)] {
                let text = label(role, name, rehearsal)
                let usage = [
                    Attribute(.sign, role == .custodian), Attribute(.derive, role == .custodianShare),
                ]
                let present = try session.find([Attribute(.label, text)])
                if present.isEmpty {
                    _ = try session.generateKeyPair(
                        .plain(.ecKeyPairGeneration),
                        publicKey: AttributeTemplate([
                            Attribute(.token, true), Attribute(.isPrivate, false), Attribute(.label, text),
                            Attribute(.id, bytes: id), Attribute(.ecParameters, bytes: p256),
                            Attribute(.verify, role == .custodian), Attribute(.verifyRecover, false),
                            Attribute(.encrypt, false), Attribute(.wrap, false), Attribute(.derive, false),
                            Attribute(.modifiable, false),
                        ]),
                        privateKey: AttributeTemplate(
                            [
                                Attribute(.token, true), Attribute(.isPrivate, true), Attribute(.label, text),
                                Attribute(.id, bytes: id), Attribute(.sensitive, true),
                                Attribute(.extractable, false), Attribute(.signRecover, false),
                                Attribute(.decrypt, false), Attribute(.unwrap, false),
                                Attribute(.modifiable, false), Attribute(.copyable, false),
                            ] + usage))
                } else {
                    let ids = try Set(present.map { try session.attribute(.id, of: $0)?.value ?? [] })
                    wereThere = true
                    guard present.count == 2, ids == [id] else {
                        throw RosterError(
                            .credentialRefused, name, "the token holds objects labelled \(text) already",
                            hint: "Bring a token without them, or have them destroyed first.")
                    }
                }
                let key = try privateKey(role, name, rehearsal, in: session)
                let expected: [(AttributeType, Bool)] =
                    [
                        (.token, true), (.isPrivate, true), (.sensitive, true), (.extractable, false),
                        (.signRecover, false), (.decrypt, false), (.unwrap, false), (.modifiable, false),
                        (.copyable, false), (.local, true), (.alwaysSensitive, true),
                        (.neverExtractable, true),
                    ] + usage.map { ($0.type, $0.flag == true) }
                attributes += try KeyPolicy.readBack(
                    expected, of: key, label: KeyLabel(role: role, name: name, isRehearsal: rehearsal),
                    in: session)
                guard try session.attribute(.value, of: key) == nil else {
                    throw RosterError(.credentialRefused, name, "the token gives away the key \(text)")
                }
                probes.append(ProbeResult(attempt: "read CKA_VALUE of \(text)", answer: "refused"))
                guard let made = try publicKey(role, name, rehearsal, in: session) else {
                    throw RosterError(.credentialRefused, name, "no public key of \(text) is on the token")
                }
                keys.append(made)
            }
            return CredentialKeys(
                signingKey: keys[0], shareKey: keys[1], attributes: attributes, probes: probes,
                wereThere: wereThere)
        }
    }

    private static var p256: [UInt8] { SigningKeyType.p256.curveParameters ?? [] }

    private static func publicKey(
        _ role: KeyRole, _ name: String, _ rehearsal: Bool, in session: borrowing Session
    ) throws -> [UInt8]? {
        let found = try session.find(
            [.objectClass(.publicKey), Attribute(.label, label(role, name, rehearsal))], limit: 2)
        guard let object = found.first else { return nil }
        guard found.count == 1 else {
            throw RosterError(.credentialRefused, name, "the token holds two keys of one label")
        }
        var point = (try session.attribute(.ecPoint, of: object)?.value ?? [])[...]
        if point.count == 67, point.first == 0x04 { point = point.dropFirst(2) }
        return Array(try P256.Signing.PublicKey(x963Representation: point).derRepresentation)
    }

    private static func privateKey(
        _ role: KeyRole, _ name: String, _ rehearsal: Bool, in session: borrowing Session
    ) throws -> Object {
        let text = label(role, name, rehearsal)
        return try session.findOne([.objectClass(.privateKey), Attribute(.label, text)], text)
    }
}
