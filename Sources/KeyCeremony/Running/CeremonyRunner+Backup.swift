import CanonicalJSON
import Crypto
import Foundation
import PKCS11
import SecretSharing
import Sites
import TokenKeys

// Backups: a key travels wrapped from its token to another, and is proven by signing there.
extension CeremonyRunner {
    private func recipientLabel(_ token: String) -> KeyLabel {
        KeyLabel(role: .backupWrapping, name: token, isRehearsal: site.isRehearsal)
    }

    func wrap(_ reference: KeyReference, from: String, to: String) throws(CeremonyError) {
        let (_, label, role, _) = try place(of: reference)
        let name = label.description
        let target = try token(to)
        let recipient = try concerning(to) {
            try BackupRecipient.findOrMake(recipientLabel(to), login: target.login)
        }
        let key = try concerning(name) { () throws -> (info: [UInt8], id: [UInt8]) in
            let key = try TokenKey(label, login: try token(from).login)
            try key.require(role, rehearsal: site.isRehearsal)
            return (key.publicKeyInfo, key.id)
        }
        let effect = try intend("wrap", name) { () throws(CeremonyError) in
            [
                "token": .string(from), "label": .string(name), "to": .string(to),
                "keyID": .string(hexadecimal(key.id)), "subjectPublicKeyInfo": .base64(key.info),
                "wrappingKey": .string(hexadecimal(SHA256.hash(data: recipient.publicKeyInfo))),
            ]
        }
        if effect.observed != nil { return }
        let wrapped: WrappedKey
        if let done = effect.effect, let keyBytes = done["wrappedKey"]?.octets,
            let transport = done["wrappedTransportKey"]?.octets
        {
            wrapped = WrappedKey(
                key: keyBytes, transportKey: transport, mechanism: done["mechanism"]?.text ?? "")
        } else {
            wrapped = try wrapOnToken(label, from: from, to: recipient)
            try noteEffect(
                "wrap",
                [
                    "label": .string(name), "wrappedKey": .base64(wrapped.key),
                    "wrappedTransportKey": .base64(wrapped.transportKey),
                    "mechanism": .string(wrapped.mechanism),
                ], recovered: false)
        }
        let backup = BackupFile(
            label: name, id: key.id, publicKeyInfo: key.info, recipient: recipient.publicKeyInfo,
            wrapped: wrapped)
        let path = BackupFile.path(label)
        try concerning(path) { try site.storeBackup(site.path(path), backup.bytes) }
        show("The backup is in \(path); token \(to) alone can open it.")
        try noteObserved(
            "wrap",
            [
                "label": .string(name), "path": .string(path),
                "fileDigest": .string(hexadecimal(SHA256.hash(data: backup.bytes))),
            ])
    }

    /// Wraps with the security officer's login first and the user's then; the token is closed after it.
    private func wrapOnToken(
        _ label: KeyLabel, from: String, to recipient: BackupRecipient
    ) throws(CeremonyError) -> WrappedKey {
        let officerPIN = try pin(of: from, .securityOfficer)
        let userPIN = try pin(of: from, .user)
        let secret = secrets[from]
        tokens[from] = nil
        let slot = try concerning(from) { try site.slot(from) }
        let wrapped = try concerning(label.description) {
            try WrappedKey.wrap(
                label, to: recipient, slot: slot,
                officer: { try site.login(slot, .securityOfficer, pin: officerPIN) },
                user: { try site.login(slot, pin: userPIN) })
        }
        secrets[from] = secret
        return wrapped
    }

    /// A PIN of a token that is open: from the quorum's secret, its pin-source, or whoever knows it.
    private func pin(of name: String, _ user: UserType) throws(CeremonyError) -> PIN {
        if let secret = secrets[name] { return ActivationPIN.make(user, from: secret) }
        let binding = try concerning(name) { try site.token(name) }
        if let source = user == .user ? binding.pinSource : binding.officerPinSource {
            return try concerning(name) { try PIN.read(file: site.pinFile(source)) }
        }
        return try room.pin(.initial(token: name, user: user), refusal: nil)
    }

    func unwrap(_ reference: KeyReference, on tokenName: String) throws(CeremonyError) {
        let (_, label, _, _) = try place(of: reference)
        let name = label.description
        let token = try token(tokenName)
        let path = BackupFile.path(label)
        let bytes = Array(FileManager.default.contents(atPath: site.path(path)) ?? Data())
        guard let backup = BackupFile(reading: bytes), backup.label == name else {
            throw CeremonyError(.io, path, "is missing, or is no backup of \(name)")
        }
        let mayExist = wasIntended("unwrap", name)
        let effect = try intend("unwrap", name) { () throws(CeremonyError) in
            [
                "token": .string(tokenName), "label": .string(name), "keyID": .string(hexadecimal(backup.id)),
                "fileDigest": .string(hexadecimal(SHA256.hash(data: bytes))),
            ]
        }
        if effect.observed != nil { return }
        guard effect.intent["fileDigest"]?.text == hexadecimal(SHA256.hash(data: bytes)) else {
            throw CeremonyError(.io, path, "is not the backup that was announced")
        }
        let (restored, recovered) = try restore(backup, label, on: token, mayExist: mayExist)
        if effect.effect == nil {
            try noteEffect(
                "unwrap",
                [
                    "label": .string(name), "keyID": .string(hexadecimal(restored.key.id)),
                    "subjectPublicKeyInfo": .base64(restored.key.publicKeyInfo),
                ], recovered: recovered)
        }
        for attribute in restored.readBack {
            show("\(attribute.name) \(attribute.value.map { String($0) } ?? "not answered")")
        }
        try noteObserved(
            "unwrap",
            [
                "label": .string(name), "attributes": Self.json(restored.readBack),
                "testSignature": "verified by OpenSSL", "policy": "restored",
            ])
    }

    /// Restores the key, or finds it where an interrupted attempt has restored it; a half of it is destroyed first.
    private func restore(
        _ backup: BackupFile, _ label: KeyLabel, on token: OpenToken, mayExist: Bool
    ) throws(CeremonyError) -> (RestoredKey, recovered: Bool) {
        let name = label.description
        if mayExist {
            let count = try concerning(name) {
                try token.slot.withSession { session in
                    try session.find([Attribute(.token, true), Attribute(.label, name)]).count
                }
            }
            if count == 2 {
                let found = try concerning(name) {
                    try RestoredKey(
                        label, id: backup.id, publicKeyInfo: backup.publicKeyInfo, login: token.login)
                }
                return (found, true)
            }
            if count > 0 {
                try recordException(
                    expected: "no object labelled \(name), or a whole key pair",
                    happened: "half of a key pair, left behind by an interruption",
                    decision: "the half is destroyed and the key is restored anew")
                try destroyRemnants(of: name, id: backup.id, on: token)
            }
        }
        let type = try concerning(name) { try SigningKeyType(publicKeyInfo: backup.publicKeyInfo) }
        let restored = try concerning(name) {
            try backup.wrapped.unwrap(
                label, id: backup.id, type: type, publicKeyInfo: backup.publicKeyInfo,
                recipient: recipientLabel(token.name), login: token.login)
        }
        return (restored, false)
    }
}

/// A key's backup as a file under the site's `backups`: one JSON object in canonical form.
struct BackupFile: Sendable, Hashable {
    let label: String
    let id: [UInt8]
    let publicKeyInfo: [UInt8]
    /// The public key of the token that can open it.
    let recipient: [UInt8]
    let wrapped: WrappedKey

    static func path(_ label: KeyLabel) -> String { "backups/\(label.role.rawValue)-\(label.name).json" }

    init(label: String, id: [UInt8], publicKeyInfo: [UInt8], recipient: [UInt8], wrapped: WrappedKey) {
        self.label = label
        self.id = id
        self.publicKeyInfo = publicKeyInfo
        self.recipient = recipient
        self.wrapped = wrapped
    }

    var bytes: [UInt8] {
        JSONValue.object([
            "version": 1, "label": .string(label), "keyID": .string(hexadecimal(id)),
            "subjectPublicKeyInfo": .base64(publicKeyInfo), "recipient": .base64(recipient),
            "wrappedKey": .base64(wrapped.key), "wrappedTransportKey": .base64(wrapped.transportKey),
            "mechanism": .string(wrapped.mechanism),
        ]).canonical
    }

    init?(reading bytes: [UInt8]) {
        guard let value = JSONValue(canonical: bytes), value["version"] == 1,
            let label = value["label"]?.text,
            let id = value["keyID"]?.text, let info = value["subjectPublicKeyInfo"]?.octets,
            let recipient = value["recipient"]?.octets, let key = value["wrappedKey"]?.octets,
            let transport = value["wrappedTransportKey"]?.octets, let mechanism = value["mechanism"]?.text
        else { return nil }
        self.init(
            label: label, id: hexadecimalOctets(id), publicKeyInfo: info, recipient: recipient,
            wrapped: WrappedKey(key: key, transportKey: transport, mechanism: mechanism))
    }
}
