import Crypto
import PKCS11

/// A signing key just made, with the evidence that it is what was asked for.
public struct GeneratedKey: Sendable {
    public let key: TokenKey
    public let readBack: [ReadBackAttribute]
    /// What the token refused when it was tried, e.g. `wrap under an untrusted key`.
    public let refusals: [ProbeResult]
}

/// One thing tried with a key that its policy forbids, and how the token refused it.
public struct ProbeResult: Sendable, Hashable {
    public let attempt: String
    public let answer: String
}

/// Makes an EC signing key as a token object, reads its attributes back, probes it and tests a signature.
///
/// A label is taken once: SoftHSM and others would make a second key of the same label without a word.
/// The `TokenKeyError` of a failed check leaves the key on the token, for the ceremony to record and destroy.
public func generateSigningKey(
    _ label: KeyLabel, curve: SigningCurve, policy: KeyPolicy, login: Login
) throws(TokenKeyError) -> GeneratedKey {
    let name = label.description
    let session = try onToken(name) { () throws(PKCS11Error) in
        try login.slot.openSession(readWrite: true)
    }
    let (pair, id) = try onToken(name) { () throws(PKCS11Error) -> (KeyPair?, [UInt8]) in
        if try !session.find([Attribute(.label, name)], limit: 1).isEmpty { return (nil, []) }
        let id = try session.random(count: 16)
        let pair = try session.generateKeyPair(
            .plain(.ecKeyPairGeneration),
            publicKey: AttributeTemplate(policy.publicKeyAttributes(label: label, id: id, curve: curve)),
            privateKey: AttributeTemplate(policy.privateKeyAttributes(label: label, id: id)))
        return (pair, id)
    }
    guard let pair else {
        throw TokenKeyError(
            .labelTaken, name, "a key of this label is on the token already",
            hint: "Choose another name, or follow the destruction ceremony first.")
    }
    let readBack = try policy.readBack(pair.privateKey, label: label, in: session)
    let refusals = try probe(pair.privateKey, label: label, policy: policy, in: session)
    let key = try TokenKey(label, object: pair.privateKey, login: login, session: session)
    guard key.curve == curve, key.id == id else {
        throw TokenKeyError(.keyMalformed, name, "the token made another key than \(curve.rawValue)")
    }
    let test = Array("rootline test signature: \(name)".utf8)
    let signature = try key.signature(over: test)
    try verifyWithOpenSSL(signature: signature, over: test, publicKeyInfo: key.publicKeyInfo, curve: curve)
    return GeneratedKey(key: key, readBack: readBack, refusals: refusals)
}

/// Tries what the policy forbids; anything that the token allows throws.
private func probe(
    _ key: Object, label: KeyLabel, policy: KeyPolicy, in session: borrowing Session
) throws(TokenKeyError) -> [ProbeResult] {
    let name = label.description
    var results: [ProbeResult] = []

    let value: Attribute?
    do {
        value = try session.attribute(.value, of: key)
    } catch {
        throw TokenKeyError(error, name)
    }
    guard value == nil else {
        throw TokenKeyError(.probeFailed, name, "the token answered CKA_VALUE of a sensitive key")
    }
    results.append(ProbeResult(attempt: "read CKA_VALUE", answer: "refused"))

    let wrapping = try onToken(name) { () throws(PKCS11Error) in
        try session.generateKey(
            .plain(.aesKeyGeneration),
            [
                Attribute(.token, false), Attribute(.valueLength, 32), Attribute(.wrap, true),
                Attribute(.unwrap, false), Attribute(.encrypt, false), Attribute(.decrypt, false),
                Attribute(.sensitive, true), Attribute(.extractable, false),
            ])
    }
    defer { try? session.destroy(wrapping) }
    do {
        _ = try session.wrap(.plain(.aesKeyWrapPad), key: key, under: wrapping)
        throw TokenKeyError(.probeFailed, name, "the token wrapped the key under an untrusted key")
    } catch let refusal as PKCS11Error {
        results.append(
            ProbeResult(
                attempt: "wrap under an untrusted key",
                answer: refusal.returnValue.map { "\($0)" } ?? "refused"))
    } catch let error as TokenKeyError {
        throw error
    } catch {
        throw TokenKeyError(.probeFailed, name, "\(error)")
    }

    if !policy.sessionCopies {
        do {
            let copy = try session.copy(key, [Attribute(.token, false)])
            try? session.destroy(copy)
            throw TokenKeyError(.probeFailed, name, "the token copied a key that is not COPYABLE")
        } catch let refusal as PKCS11Error {
            results.append(
                ProbeResult(attempt: "copy", answer: refusal.returnValue.map { "\($0)" } ?? "refused"))
        } catch let error as TokenKeyError {
            throw error
        } catch {
            throw TokenKeyError(.probeFailed, name, "\(error)")
        }
    }
    return results
}
