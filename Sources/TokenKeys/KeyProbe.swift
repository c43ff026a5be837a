import PKCS11

/// One thing tried with a key that its policy forbids, and how the token refused it.
public struct ProbeResult: Sendable, Hashable {
    public let attempt: String
    public let answer: String

    public init(attempt: String, answer: String) {
        self.attempt = attempt
        self.answer = answer
    }
}

/// Tries what the policy forbids; anything that the token allows throws.
///
/// `secrets` are the attributes that hold the key.
func probe(
    _ key: Object, label: KeyLabel, secrets: [AttributeType], sessionCopies: Bool,
    in session: borrowing Session
) throws(TokenKeyError) -> [ProbeResult] {
    let name = label.description
    var results: [ProbeResult] = []

    for secret in secrets {
        let value: Attribute?
        do {
            value = try session.attribute(secret, of: key)
        } catch {
            throw TokenKeyError(error, name)
        }
        guard value == nil else {
            throw TokenKeyError(.probeFailed, name, "the token answered \(secret) of a sensitive key")
        }
        results.append(ProbeResult(attempt: "read \(secret)", answer: "refused"))
    }

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
    } catch let error as PKCS11Error {
        results.append(
            ProbeResult(attempt: "wrap under an untrusted key", answer: try refusal(error, name)))
    } catch let error as TokenKeyError {
        throw error
    } catch {
        throw TokenKeyError(.probeFailed, name, "\(error)")
    }

    if !sessionCopies {
        do {
            let copy = try session.copy(key, [Attribute(.token, false)])
            try? session.destroy(copy)
            throw TokenKeyError(.probeFailed, name, "the token copied a key that is not COPYABLE")
        } catch let error as PKCS11Error {
            results.append(ProbeResult(attempt: "copy", answer: try refusal(error, name)))
        } catch let error as TokenKeyError {
            throw error
        } catch {
            throw TokenKeyError(.probeFailed, name, "\(error)")
        }
    }
    return results
}

/// The token's answer where it has refused; a token that failed instead has not shown that it would refuse.
private func refusal(_ error: PKCS11Error, _ name: String) throws(TokenKeyError) -> String {
    guard let value = error.returnValue, value.isRefusal else { throw TokenKeyError(error, name) }
    return "\(value)"
}
