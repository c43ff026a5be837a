import PKCS11

/// How a key may be backed up; a choice made when it is generated, and for good.
public enum KeyBackup: String, Sendable {
    /// Never: the key can leave the token in no form.
    case none
    /// Under a wrapping key that the security officer has marked as trusted, and no other.
    case wrap
}

/// What a signing key may do, declared before it is made and read back afterwards.
public struct KeyPolicy: Sendable, Hashable {
    public let backup: KeyBackup
    /// Whether workers may hold copies as session objects inside the token, which some tokens sign with faster.
    ///
    /// A copy that differs in TOKEN needs COPYABLE and, on SoftHSM, MODIFIABLE: its holder may then rename the key
    /// or give it other uses, though never make it extractable. Each run reads the attributes back again.
    public let sessionCopies: Bool

    public init(backup: KeyBackup = .none, sessionCopies: Bool = false) {
        self.backup = backup
        self.sessionCopies = sessionCopies
    }

    /// The private key's whole template: every usage bit is said, since modules' defaults differ
    /// (SoftHSM's SENSITIVE is false and its DECRYPT, UNWRAP and SIGN_RECOVER are true).
    func privateKeyAttributes(label: KeyLabel, id: [UInt8]) -> [Attribute] {
        [
            Attribute(.token, true), Attribute(.isPrivate, true), Attribute(.label, label.description),
            Attribute(.id, bytes: id),
        ] + usage + [
            Attribute(.modifiable, sessionCopies), Attribute(.copyable, sessionCopies),
        ] + (backup == .wrap ? [Attribute(.wrapWithTrusted, true)] : [])
    }

    private var usage: [Attribute] {
        [
            Attribute(.sensitive, true), Attribute(.extractable, backup == .wrap), Attribute(.sign, true),
            Attribute(.signRecover, false), Attribute(.decrypt, false), Attribute(.unwrap, false),
            Attribute(.derive, false),
        ]
    }

    func publicKeyAttributes(label: KeyLabel, id: [UInt8], type: SigningKeyType) -> [Attribute] {
        [
            Attribute(.token, true), Attribute(.isPrivate, false), Attribute(.label, label.description),
            Attribute(.id, bytes: id),
        ] + type.generationAttributes + [
            Attribute(.verify, true), Attribute(.verifyRecover, false), Attribute(.encrypt, false),
            Attribute(.wrap, false), Attribute(.derive, false), Attribute(.modifiable, false),
        ]
    }

    /// What a truthful token answers of the public key.
    private static let expectedOfPublicKey: [(AttributeType, Bool)] = [
        (.token, true), (.isPrivate, false), (.verify, true), (.verifyRecover, false), (.encrypt, false),
        (.wrap, false), (.derive, false), (.modifiable, false), (.local, true),
    ]

    /// What a truthful token answers of a key made under this policy, the attributes that nobody can
    /// supply included (LOCAL, ALWAYS_SENSITIVE, NEVER_EXTRACTABLE).
    var expected: [(AttributeType, Bool)] {
        usage.compactMap { attribute in attribute.flag.map { (attribute.type, $0) } } + [
            (.token, true), (.isPrivate, true), (.modifiable, sessionCopies), (.copyable, sessionCopies),
            (.local, true), (.alwaysSensitive, true), (.neverExtractable, backup == .none),
        ] + (backup == .wrap ? [(.wrapWithTrusted, true)] : [])
    }
}

/// A boolean attribute as the token answers it; nil where it does not know the attribute.
public struct ReadBackAttribute: Sendable, Hashable {
    public let name: String
    public let value: Bool?

    public init(name: String, value: Bool?) {
        self.name = name
        self.value = value
    }
}

extension KeyPolicy {
    /// Reads every attribute of the policy back and throws at the first that differs.
    public func readBack(
        _ key: Object, label: KeyLabel, in session: borrowing Session
    ) throws(TokenKeyError) -> [ReadBackAttribute] {
        try KeyPolicy.readBack(expected, of: key, label: label, in: session)
    }

    /// The same of the public key, whose attributes are the same under every policy.
    func readBack(
        publicKey key: Object, label: KeyLabel, in session: borrowing Session
    ) throws(TokenKeyError) -> [ReadBackAttribute] {
        try KeyPolicy.readBack(KeyPolicy.expectedOfPublicKey, of: key, label: label, in: session)
    }

    /// Reads these attributes back and throws at the first that is not as it should be.
    public static func readBack(
        _ expected: [(AttributeType, Bool)], of key: Object, label: KeyLabel, in session: borrowing Session
    ) throws(TokenKeyError) -> [ReadBackAttribute] {
        var answers: [ReadBackAttribute] = []
        for (type, wanted) in expected {
            let found: Bool?
            do {
                found = try session.attribute(type, of: key)?.flag
            } catch {
                throw TokenKeyError(error, label.description)
            }
            answers.append(ReadBackAttribute(name: type.description, value: found))
            guard found == wanted else {
                throw TokenKeyError(
                    .policyBroken, label.description,
                    "\(type) is \(found.map { String($0) } ?? "not answered") where the policy demands \(wanted)",
                    hint: "Do not use this key. The token ignores or misreports an attribute.")
            }
        }
        return answers
    }

    /// What the token answers of a key whose policy is not at hand; nothing is demanded.
    public static func answers(
        of key: Object, label: KeyLabel, in session: borrowing Session
    ) throws(TokenKeyError) -> [ReadBackAttribute] {
        var answers: [ReadBackAttribute] = []
        for (type, _) in KeyPolicy().expected {
            do {
                answers.append(
                    ReadBackAttribute(
                        name: type.description, value: try session.attribute(type, of: key)?.flag))
            } catch {
                throw TokenKeyError(error, label.description)
            }
        }
        return answers
    }
}
