import PKCS11

/// A signing key that was examined, with the evidence that it is what was asked for.
public struct GeneratedKey: Sendable {
    public let key: TokenKey
    /// The private key's attributes.
    public let readBack: [ReadBackAttribute]
    /// The public key's attributes.
    public let publicReadBack: [ReadBackAttribute]
    /// What makes the key one of its type: `CKA_KEY_TYPE` with `CKA_EC_PARAMS`, or with `CKA_MODULUS_BITS` and
    /// `CKA_PUBLIC_EXPONENT`.
    public let parameters: [KeyParameter]
    /// What the token refused when it was tried, e.g. `wrap under an untrusted key`.
    public let refusals: [ProbeResult]
}

/// A key's parameter as the token answered it, for people: `CKA_MODULUS_BITS` and `3072`.
public struct KeyParameter: Sendable, Hashable {
    public let name: String
    public let value: String
}

/// Makes a signing key as a token object, and examines it as ``examineSigningKey(_:id:type:policy:login:)`` does.
///
/// A label is taken once: SoftHSM and others would make a second key of the same label without a word; so is a
/// `CKA_ID`, 16 octets, drawn from the token where `id` is nil. RSA keys, with the exponent 65537, are for CAs alone.
/// The `TokenKeyError` of a failed check leaves the key on the token, for the ceremony to record and destroy.
public func generateSigningKey(
    _ label: KeyLabel, id: [UInt8]? = nil, type: SigningKeyType, policy: KeyPolicy, login: Login
) throws(TokenKeyError) -> GeneratedKey {
    let name = label.description
    try require(type, id, for: label)
    let session = try onToken(name) { () throws(PKCS11Error) in
        try login.slot.openSession(readWrite: true)
    }
    let id = try onToken(name) { () throws(PKCS11Error) -> [UInt8] in
        if let id { return id }
        return try session.random(count: keyIDLength)
    }
    guard try find([Attribute(.label, name)], name, in: session).isEmpty else {
        throw TokenKeyError(
            .labelTaken, name, "a key of this label is on the token already",
            hint: "Choose another name, or follow the destruction ceremony first.")
    }
    guard try find([Attribute(.id, bytes: id)], name, in: session).isEmpty else {
        throw TokenKeyError(.idTaken, name, "an object with the CKA_ID \(hex(id)) is on the token already")
    }
    _ = try onToken(name) { () throws(PKCS11Error) in
        try session.generateKeyPair(
            .plain(type.generationMechanism),
            publicKey: AttributeTemplate(policy.publicKeyAttributes(label: label, id: id, type: type)),
            privateKey: AttributeTemplate(policy.privateKeyAttributes(label: label, id: id)))
    }
    // What is found, not the handles that were answered: a half or a second pair is named as what it is.
    let pair = try findPair(label, id: id, in: session)
    return try examine(pair, label, type: type, policy: policy, login: login, session: session)
}

/// Finds a key pair by its label, and by its `CKA_ID` where one is given, reads every attribute back, probes it and
/// tests a signature: what generation does with a new key, for one that a crash may have left behind.
///
/// Throws `keyAbsent` where no key has the label, `keyHalf` where one of the two is missing, `keyDuplicate` where
/// there is more than one of either or another object has the id, and `idMismatch` where the key has another id.
public func examineSigningKey(
    _ label: KeyLabel, id: [UInt8]? = nil, type: SigningKeyType, policy: KeyPolicy, login: Login
) throws(TokenKeyError) -> GeneratedKey {
    let name = label.description
    try require(type, id, for: label)
    // Read-write: the probes' objects are of the session, but some tokens want one for C_CopyObject.
    let session = try onToken(name) { () throws(PKCS11Error) in
        try login.slot.openSession(readWrite: true)
    }
    let pair = try findPair(label, id: id, in: session)
    return try examine(pair, label, type: type, policy: policy, login: login, session: session)
}

/// Octets of the `CKA_ID` of our keys.
private let keyIDLength = 16

private func require(
    _ type: SigningKeyType, _ id: [UInt8]?, for label: KeyLabel
) throws(TokenKeyError) {
    guard !type.isRSA || label.role.isCA else {
        throw TokenKeyError(
            .roleRefused, label.description, "a \(label.role.rawValue) key is EC; RSA is for CAs")
    }
    guard id == nil || id?.count == keyIDLength else {
        throw TokenKeyError(
            .keyMalformed, label.description,
            "a CKA_ID of \(id?.count ?? 0) octets where \(keyIDLength) are wanted")
    }
}

private func hex(_ bytes: [UInt8]) -> String { bytes.map { hex($0) }.joined() }

private func find(
    _ attributes: [Attribute], _ name: String, in session: borrowing Session
) throws(TokenKeyError) -> [Object] {
    do {
        return try session.find(attributes)
    } catch {
        throw TokenKeyError(error, name)
    }
}

/// The one key pair of this label; copies that sessions hold of it do not count.
private func findPair(
    _ label: KeyLabel, id: [UInt8]?, in session: borrowing Session
) throws(TokenKeyError) -> KeyPair {
    let name = label.description
    func identifier(_ object: Object) throws(TokenKeyError) -> [UInt8] {
        do {
            return try session.attribute(.id, of: object)?.value ?? []
        } catch {
            throw TokenKeyError(error, name)
        }
    }
    func find(_ objectClass: ObjectClass, _ attribute: Attribute) throws(TokenKeyError) -> [Object] {
        try TokenKeys.find(
            [.objectClass(objectClass), Attribute(.token, true), attribute], name, in: session)
    }
    let privateKeys = try find(.privateKey, Attribute(.label, name))
    let publicKeys = try find(.publicKey, Attribute(.label, name))
    guard privateKeys.count <= 1, publicKeys.count <= 1 else {
        throw TokenKeyError(
            .keyDuplicate, name,
            "\(privateKeys.count) private and \(publicKeys.count) public keys have this label",
            hint: "Only one of them can be the ceremony's. Use none of them before that is settled.")
    }
    guard let one = privateKeys.first ?? publicKeys.first else {
        if let id, try !TokenKeys.find([Attribute(.id, bytes: id)], name, in: session).isEmpty {
            throw TokenKeyError(
                .idMismatch, name, "an object with the CKA_ID \(hex(id)) is there under another label")
        }
        throw TokenKeyError(.keyAbsent, name, "no such key on the token")
    }
    let found = try identifier(one)
    if let id, found != id {
        throw TokenKeyError(
            .idMismatch, name, "the key of this label has the CKA_ID \(hex(found)), not \(hex(id))",
            hint: "Another generation made it. Do not use it before it is known which.")
    }
    guard let privateKey = privateKeys.first, let publicKey = publicKeys.first else {
        throw TokenKeyError(
            .keyHalf, name,
            privateKeys.isEmpty
                ? "the public key is there without its private key"
                : "the private key is there without its public key",
            hint: "Generation was cut off. What is there has to be destroyed before the label is used again.")
    }
    guard try identifier(publicKey) == found else {
        throw TokenKeyError(
            .keyHalf, name, "private and public key of this label differ in CKA_ID: they are of two pairs",
            hint: "Generation was cut off. What is there has to be destroyed before the label is used again.")
    }
    let named = try find(.privateKey, Attribute(.id, bytes: found))
    let namedPublic = try find(.publicKey, Attribute(.id, bytes: found))
    guard named == [privateKey], namedPublic == [publicKey] else {
        throw TokenKeyError(.keyDuplicate, name, "keys of other labels have the CKA_ID \(hex(found)) too")
    }
    return KeyPair(publicKey: publicKey, privateKey: privateKey)
}

private func examine(
    _ pair: KeyPair, _ label: KeyLabel, type: SigningKeyType, policy: KeyPolicy, login: Login,
    session: consuming Session
) throws(TokenKeyError) -> GeneratedKey {
    let name = label.description
    let readBack = try policy.readBack(pair.privateKey, label: label, in: session)
    let publicReadBack = try policy.readBack(publicKey: pair.publicKey, label: label, in: session)
    let refusals = try probe(
        pair.privateKey, label: label, secrets: type.secretAttributes, sessionCopies: policy.sessionCopies,
        in: session)
    // Reads the key's numbers and refuses all but those of the four types.
    let key = try TokenKey(label, object: pair.privateKey, login: login, session: session)
    guard key.type == type else {
        throw TokenKeyError(.keyMalformed, name, "the key is \(key.type), not \(type)")
    }
    let test = Array("rootline test signature: \(name)".utf8)
    let signature = try key.signature(over: test)
    try verifyWithOpenSSL(signature: signature, over: test, publicKeyInfo: key.publicKeyInfo, type: type)
    return GeneratedKey(
        key: key, readBack: readBack, publicReadBack: publicReadBack, parameters: type.parameters,
        refusals: refusals)
}
