import CanonicalJSON
import PKCS11
import Sites

/// What is on a token: every token object that a logged-in user sees.
struct TokenInventory: Sendable, Hashable {
    struct Entry: Sendable, Hashable {
        let kind: String
        let label: String
        let id: [UInt8]
    }
    /// By kind, label and id.
    let entries: [Entry]

    init(of token: OpenToken) throws(CeremonyError) {
        entries = try concerning("token \(token.name)") {
            try token.slot.withSession { session in
                try session.find([Attribute(.token, true)]).map { object in
                    let type = try session.attribute(.objectClass, of: object)?.number
                    return Entry(
                        kind: type.flatMap(ObjectClass.init(rawValue:)).map(TokenInventory.name)
                            ?? "class \(type.map { String($0) } ?? "unknown")",
                        label: try session.attribute(.label, of: object)?.text ?? "",
                        id: try session.attribute(.id, of: object)?.value ?? [])
                }.sorted {
                    ($0.kind, $0.label, hexadecimal($0.id)) < ($1.kind, $1.label, hexadecimal($1.id))
                }
            }
        }
    }

    private static func name(_ type: ObjectClass) -> String {
        switch type {
        case .data: "data"
        case .certificate: "certificate"
        case .publicKey: "public-key"
        case .privateKey: "private-key"
        case .secretKey: "secret-key"
        }
    }

    var json: JSONValue {
        .array(
            entries.map {
                ["kind": .string($0.kind), "label": .string($0.label), "keyID": .string(hexadecimal($0.id))]
            })
    }
}

extension OpenToken {
    /// What the token and its module say of themselves.
    func json() throws(CeremonyError) -> JSONValue {
        let info = try concerning("token \(name)") { try slot.tokenInfo() }
        let module = slot.module.info
        return [
            "name": .string(name), "tokenLabel": .string(info.label), "serial": .string(info.serial),
            "manufacturer": .string(info.manufacturer), "model": .string(info.model),
            "firmware": .string(info.firmwareVersion), "hardware": .string(info.hardwareVersion),
            "activation": .string(binding.activation.rawValue),
            "certification": .string(binding.certification ?? "not stated"),
            "mode": .string(binding.mode ?? "not stated"),
            "library": [
                "manufacturer": .string(module.manufacturer), "description": .string(module.description),
                "version": .string(module.version), "cryptoki": .string(module.cryptokiVersion),
            ],
        ]
    }
}
