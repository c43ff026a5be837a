import CanonicalJSON
import Crypto
import Foundation
import PKCS11
import Sites
import TokenKeys

// What a ceremony does with keys. Each effect is three lines: the intent, on disk before the token is called; what the
// token answered; and what was then seen on it. Whoever resumes knows from the last of them where the token stands.
extension CeremonyRunner {
    /// The label of a key that the script makes.
    func label(of name: String) throws(CeremonyError) -> String {
        guard let request = script.keyRequest(name) else {
            throw CeremonyError(.token, name, "no step makes a key of this name")
        }
        return request.label(rehearsal: site.isRehearsal).description
    }

    /// The token, label and declared policy of a key that a step names.
    func place(
        of reference: KeyReference
    ) throws(CeremonyError) -> (token: String, label: KeyLabel, role: KeyRole, request: KeyRequest?) {
        switch reference {
        case .made(let name):
            guard let request = script.keyRequest(name.value) else {
                throw CeremonyError(.token, name.value, "no step makes a key of this name")
            }
            return (
                request.token.value, request.label(rehearsal: site.isRehearsal), request.role.value.keyRole,
                request
            )
        case .earlier(let role, let name, let token):
            let label = KeyLabel(role: role.value.keyRole, name: name.value, isRehearsal: site.isRehearsal)
            return (token?.value ?? "", label, role.value.keyRole, nil)
        }
    }

    // MARK: Generation

    func generate(_ request: KeyRequest) throws(CeremonyError) {
        let token = try token(request.token.value)
        let label = request.label(rehearsal: site.isRehearsal)
        let name = label.description
        let mayExist = wasIntended("generate-key", name)
        let effect = try intend("generate-key", name) { () throws(CeremonyError) in
            let id = try concerning(name) { try token.slot.withSession { try $0.random(count: 16) } }
            return [
                "token": .string(token.name), "label": .string(name),
                "keyType": .string(request.type.value.rawValue), "keyID": .string(hexadecimal(id)),
                "backup": .string(request.backup.value.rawValue),
                "sessionCopies": .bool(request.sessionCopies.value),
                "objects": try TokenInventory(of: token).json,
            ]
        }
        if effect.observed != nil { return }
        let id = hexadecimalOctets(effect.intent["keyID"]?.text ?? "")
        let (made, recovered) = try makeOrFind(request, id: id, on: token, mayExist: mayExist)
        if effect.effect == nil {
            try noteEffect(
                "generate-key",
                [
                    "label": .string(name), "keyID": .string(hexadecimal(made.key.id)),
                    "subjectPublicKeyInfo": .base64(made.key.publicKeyInfo),
                ], recovered: recovered)
        }
        guard record.keys[name]?.publicKeyInfo == made.key.publicKeyInfo else {
            throw CeremonyError(.keyRefused, name, "the key on the token is not the one that was generated")
        }
        try requireNothingElse(token, before: effect.intent["objects"], label: name, id: id)
        for attribute in made.readBack {
            show("\(attribute.name) \(attribute.value.map { String($0) } ?? "not answered")")
        }
        for refusal in made.refusals { show("\(refusal.attempt): \(refusal.answer)") }
        try noteObserved(
            "generate-key",
            [
                "label": .string(name), "attributes": Self.json(made.readBack),
                "probes": Self.json(made.refusals), "testSignature": "verified by OpenSSL",
                "attestation": "none",
            ])
    }

    /// Makes the key pair; after an interruption the one that is there already, and a half of one only after the people
    /// have agreed to destroy it.
    private func makeOrFind(
        _ request: KeyRequest, id: [UInt8], on token: OpenToken, mayExist: Bool
    ) throws(CeremonyError) -> (made: GeneratedKey, recovered: Bool) {
        let label = request.label(rehearsal: site.isRehearsal)
        let name = label.description
        if mayExist {
            do {
                let found = try examineSigningKey(
                    label, id: id, type: request.type.value, policy: request.policy, login: token.login)
                return (found, true)
            } catch {
                switch error.code {
                case .keyAbsent: break
                case .keyHalf:
                    try recordException(
                        expected: "no object labelled \(name), or a whole key pair",
                        happened: "half of a key pair, left behind by an interruption",
                        decision: "the half is destroyed and the key pair is generated anew")
                    try destroyRemnants(of: name, id: id, on: token)
                default: throw CeremonyError(error, name)
                }
            }
        }
        let made = try concerning(name) {
            try generateSigningKey(
                label, id: id, type: request.type.value, policy: request.policy, login: token.login)
        }
        return (made, false)
    }

    /// Destroys every object of this label and identifier, and no other.
    func destroyRemnants(of name: String, id: [UInt8], on token: OpenToken) throws(CeremonyError) {
        try concerning(name) {
            try token.slot.withSession(readWrite: true) { session in
                let wanted = [Attribute(.token, true), Attribute(.label, name), Attribute(.id, bytes: id)]
                for object in try session.find(wanted) { try session.destroy(object) }
                guard try session.find(wanted).isEmpty else {
                    throw CeremonyError(
                        .keyRefused, name,
                        "the token said that it has destroyed an object, and still shows it")
                }
            }
        }
    }

    /// Throws unless the pair is all that is new on the token.
    private func requireNothingElse(
        _ token: OpenToken, before: JSONValue?, label: String, id: [UInt8]
    ) throws(CeremonyError) {
        let now = Set(try TokenInventory(of: token).json.items ?? [])
        let new = now.subtracting(before?.items ?? [])
        let expected: Set<JSONValue> = Set(
            ["private-key", "public-key"].map {
                ["kind": .string($0), "label": .string(label), "keyID": .string(hexadecimal(id))]
            })
        guard new == expected else {
            throw CeremonyError(
                .keyRefused, label,
                "the token shows \(new.count) new objects where a key pair of this label is expected",
                hint: "Do not use this key.")
        }
    }

    static func json(_ attributes: [ReadBackAttribute]) -> JSONValue {
        .array(
            attributes.map {
                ["name": .string($0.name), "flag": $0.value.map { .bool($0) } ?? .null]
            })
    }

    static func json(_ probes: [ProbeResult]) -> JSONValue {
        .array(probes.map { ["attempt": .string($0.attempt), "tokenAnswer": .string($0.answer)] })
    }

    // MARK: Verification

    /// Finds the key anew by its label, reads it back again and has it sign something fresh.
    func verify(_ reference: KeyReference) throws(CeremonyError) {
        let (tokenName, label, role, request) = try place(of: reference)
        let token = try token(tokenName)
        let name = label.description
        _ = try intend("test-signature", name) { () throws(CeremonyError) in ["label": .string(name)] }
        let known = record.keys[name]
        let (key, readBack) = try concerning(name) { () throws -> (TokenKey, [ReadBackAttribute]) in
            let found = try TokenKey(label, login: token.login)
            try found.require(role, rehearsal: site.isRehearsal)
            if let known, found.publicKeyInfo != known.publicKeyInfo || found.id != known.id {
                throw CeremonyError(
                    .keyRefused, name, "the key found by its label is not the one that this ceremony made")
            }
            let message = Array("rootline test signature: \(name) ".utf8) + Array(UUID().uuidString.utf8)
            let signature = try found.signature(over: message)
            try verifyWithOpenSSL(
                signature: signature, over: message, publicKeyInfo: found.publicKeyInfo, type: found.type)
            let readBack = try token.slot.withSession { session in
                let object = try session.findOne(
                    [.objectClass(.privateKey), Attribute(.label, name)], name)
                if let request { return try request.policy.readBack(object, label: label, in: session) }
                return try KeyPolicy.answers(of: object, label: label, in: session)
            }
            return (found, readBack)
        }
        let digest = hexadecimal(SHA256.hash(data: key.publicKeyInfo))
        show("SHA-256 of the public key: \(Self.inGroups(digest))")
        try noteObserved(
            "test-signature",
            [
                "label": .string(name), "attributes": Self.json(readBack),
                "testSignature": "verified by OpenSSL",
            ])
    }
}
