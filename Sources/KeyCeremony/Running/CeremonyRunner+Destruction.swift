import CanonicalJSON
import Foundation
import PKCS11
import Sites
import TokenKeys

// Destruction: destroy, scan again, and say what becomes of every known copy.
extension CeremonyRunner {
    func destroy(_ request: DestructionRequest) throws(CeremonyError) {
        let token = try token(request.token.value)
        let (_, label, role, _) = try place(of: request.key)
        let name = label.description
        let mayBeGone = wasIntended("destroy", name)
        let effect = try intend("destroy", name) { () throws(CeremonyError) in
            let key = try concerning(name) { () throws -> TokenKey in
                let key = try TokenKey(label, login: token.login)
                try key.require(role, rehearsal: site.isRehearsal)
                return key
            }
            return [
                "token": .string(token.name), "label": .string(name), "keyID": .string(hexadecimal(key.id)),
                "subjectPublicKeyInfo": .base64(key.publicKeyInfo),
                "copies": .array(
                    request.copies.map {
                        ["where": .string($0.place), "disposition": .string($0.disposition)]
                    }),
            ]
        }
        if effect.observed != nil { return }
        let id = hexadecimalOctets(effect.intent["keyID"]?.text ?? "")
        if effect.effect == nil {
            let found = try concerning(name) {
                try token.slot.withSession(readWrite: true) { session in
                    let objects = try session.find([Attribute(.token, true), Attribute(.id, bytes: id)])
                    for object in objects { try session.destroy(object) }
                    return objects.count
                }
            }
            try noteEffect("destroy", ["label": .string(name)], recovered: mayBeGone && found == 0)
        }
        // By another login and another search than those that destroyed it.
        tokens[token.name] = nil
        let again = try self.token(token.name)
        let inventory = try TokenInventory(of: again)
        guard !inventory.entries.contains(where: { $0.label == name || $0.id == id }) else {
            throw CeremonyError(
                .keyRefused, name, "the token said that it has destroyed the key, and still shows it",
                hint: "Do not rely on this token: have its maker explain it, or destroy it physically.")
        }
        for copy in request.copies { show("Copy: \(copy.place): \(copy.disposition)") }
        show("\(name) is gone; token \(token.name) shows \(inventory.entries.count) objects.")
        try noteObserved("destroy", ["label": .string(name), "objects": inventory.json])
    }
}
