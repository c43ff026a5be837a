import Rosters
import SignedStatements

/// The members of each type of line, as the specification lists them.
enum LineForms {
    /// What every line has.
    private static let common: [String: Shape] = ["type": .text, "time": .time, "prev": .digest]

    private static let person: Shape = .object(["name": .text, "role": .text])
    private static let objects: Shape = .list(
        .object(["kind": .text, "label": .text, "keyID": .hexadecimal]))
    private static let attributes: Shape = .list(.object(["name": .text, "flag": .optional(.flag)]))
    private static let probes: Shape = .list(.object(["attempt": .text, "tokenAnswer": .text]))
    private static let library: Shape = .object([
        "manufacturer": .text, "description": .text, "version": .text, "cryptoki": .text,
    ])
    private static let verified: Shape = .word(["verified by OpenSSL"])

    static let begin: Shape = .object(
        common.merging([
            "version": .number, "tool": .text, "ceremony": .text, "rehearsal": .flag, "origin": .text,
            "sequence": .number,
            "previous": .optional(.object(["ceremony": .text, "head": .digest])),
            "after": .optional(
                .object([
                    "ceremony": .text, "head": .digest, "scriptDigest": .digest, "differences": .list(.text),
                ])),
            "script": .object(
                ["id": .text, "kind": .text, "title": .text, "cp": .text, "digest": .digest],
                may: ["approval": .text]),
            "roles": .map(.number), "conflicts": .list(.list(.text)),
            "steps": .list(
                .object([
                    "id": .text, "do": .text, "actor": .text, "witnesses": .list(.text),
                    "irreversible": .flag, "minutes": .number,
                ])),
            "tokens": .list(
                .object([
                    "name": .text, "tokenLabel": .text, "serial": .text,
                    "activation": .word(["quorum", "pin-source"]), "moduleDigest": .digest,
                ])),
            "participants": .list(
                .object(["name": .text, "roles": .list(.text)], may: ["publicKey": .octets])),
            "rosters": .list(.document),
        ]) { first, _ in first },
        may: ["quorum": .object(["role": .text, "needed": .number])])

    private static let events: [String: (must: [String: Shape], may: [String: Shape])] = [
        "step": (
            [
                "step": .text, "do": .text, "attempt": .number, "actors": .list(person),
                "witnesses": .list(person),
            ], [:]
        ),
        "done": (["step": .text, "seconds": .number], [:]),
        "sign-off": (["step": .text, "role": .text, "name": .text, "signature": .octets], [:]),
        "answer": (["step": .text, "answer": .text, "by": .text], ["bag": .text]),
        "read-out": (["step": .text, "of": exhibit, "value": .digest], ["subject": .text]),
        "compare": (
            ["step": .text, "of": exhibit, "value": .digest, "takenDown": .text], ["subject": .text]
        ),
        "inventory": (["step": .text, "token": .text, "objects": objects], [:]),
        "printed": (["step": .text, "what": .text, "fileDigest": .digest], [:]),
        "exception": (
            [
                "step": .text, "number": .number, "expected": .text, "happened": .text, "decision": .text,
                "by": .text,
            ], [:]
        ),
        "break": (["step": .text, "by": .text, "reason": .text], [:]),
        "back": (["step": .text, "seconds": .number], [:]),
        "stopped": (["step": .text, "code": .text, "message": .text], [:]),
        "resumed": (["discarded": .number, "tool": .text], [:]),
        "abandoned": (["step": .text, "reason": .text, "by": .text], [:]),
        "closing": (
            [
                "step": .text, "artefacts": .list(.object(["path": .text, "fileDigest": .digest])),
                "exceptions": .number, "interruptions": .number,
                "inventories": .list(.object(["token": .text, "before": .digest, "after": .digest])),
            ], [:]
        ),
        "shares": (
            [
                "step": .text, "token": .text, "set": .hexadecimal, "needed": .number,
                "holders": .list(.object(["name": .text], may: ["fileDigest": .digest])),
                "delivery": .word(["credential", "screen"]),
            ],
            ["groupsNeeded": .number, "groups": .list(.object(["needed": .number, "holders": .number]))]
        ),
        "share-read-back": (["step": .text, "set": .hexadecimal, "name": .text], [:]),
        "share-presented": (["step": .text, "set": .hexadecimal, "name": .text], [:]),
        "quorums-tested": (["step": .text, "set": .hexadecimal, "count": .number], [:]),
    ]

    private static let exhibit: Shape = .word(["head", "key", "certificate", "crl", "roster"])

    private typealias Members = (must: [String: Shape], may: [String: Shape])

    /// Intent, effect and observation of each effect; nil where there is no such line.
    private static let effects: [String: (intent: Members, effect: Members?, observed: Members)] = [
        "login": (
            (["token": .text], [:]), nil,
            (
                [
                    "token": .object([
                        "name": .text, "tokenLabel": .text, "serial": .text, "manufacturer": .text,
                        "model": .text, "firmware": .text, "hardware": .text, "activation": .text,
                        "certification": .text, "mode": .text, "library": library,
                    ]),
                    "moduleDigest": .digest, "opened": .word(["pin-source", "initial-pin", "quorum"]),
                    "holders": .list(.text),
                ], [:]
            )
        ),
        "set-activation": (
            (["token": .text, "set": .hexadecimal, "needed": .number, "holders": .list(.text)], [:]),
            (["token": .text, "set": .hexadecimal], ["recovered": .flag]),
            (["token": .text, "set": .hexadecimal, "answer": .text], [:])
        ),
        "generate-key": (
            (
                [
                    "token": .text, "label": .text, "keyType": .text, "keyID": .hexadecimal,
                    "backup": .word(["none", "wrap"]), "sessionCopies": .flag, "objects": objects,
                ], [:]
            ),
            (
                ["label": .text, "keyID": .hexadecimal, "subjectPublicKeyInfo": .octets],
                ["recovered": .flag]
            ),
            (
                [
                    "label": .text, "attributes": attributes, "probes": probes, "testSignature": verified,
                    "attestation": .text,
                ], [:]
            )
        ),
        "test-signature": (
            (["label": .text], [:]), nil,
            (["label": .text, "attributes": attributes, "testSignature": verified], [:])
        ),
        "sign-certificate": (
            (
                [
                    "subjectKey": .text, "issuerKey": .text, "template": .text, "templateDigest": .digest,
                    "values": .map(.text), "certificateSerial": .hexadecimal, "notBefore": .time,
                    "toBeSigned": .octets, "toBeSignedDigest": .digest,
                ], ["issuerCertificate": .octets]
            ),
            (["toBeSignedDigest": .digest, "signature": .octets], [:]),
            (
                [
                    "certificate": .octets, "certificateDigest": .digest, "toBeSignedDigest": .digest,
                    "notBefore": .time, "notAfter": .time, "subject": .text, "verification": verified,
                ], [:]
            )
        ),
        "sign-crl": (
            (
                [
                    "issuerKey": .text, "issuerCertificate": .octets, "number": .number, "thisUpdate": .time,
                    "nextUpdate": .time,
                    "revoked": .list(
                        .object(["certificateSerial": .hexadecimal, "revokedAt": .time, "reason": .text])),
                    "toBeSigned": .octets, "toBeSignedDigest": .digest,
                ], ["previousNumber": .number]
            ),
            (["toBeSignedDigest": .digest, "signature": .octets], [:]),
            (
                [
                    "crl": .octets, "crlDigest": .digest, "toBeSignedDigest": .digest, "number": .number,
                    "verification": verified,
                ], [:]
            )
        ),
        "wrap": (
            (
                [
                    "token": .text, "label": .text, "to": .text, "wrappingKey": .digest,
                    "keyID": .hexadecimal,
                    "subjectPublicKeyInfo": .octets,
                ], [:]
            ),
            (
                ["label": .text, "wrappedKey": .octets, "wrappedTransportKey": .octets, "mechanism": .text],
                [:]
            ),
            (["label": .text, "fileDigest": .digest, "path": .text], [:])
        ),
        "unwrap": (
            (["token": .text, "label": .text, "keyID": .hexadecimal, "fileDigest": .digest], [:]),
            (
                ["label": .text, "keyID": .hexadecimal, "subjectPublicKeyInfo": .octets],
                ["recovered": .flag]
            ),
            (
                [
                    "label": .text, "attributes": attributes, "testSignature": verified,
                    "policy": .word(["restored"]),
                ], [:]
            )
        ),
        "destroy": (
            (
                [
                    "token": .text, "label": .text, "keyID": .hexadecimal, "subjectPublicKeyInfo": .octets,
                    "copies": .list(.object(["where": .text, "disposition": .text])),
                ], [:]
            ),
            (["label": .text], ["recovered": .flag]), (["label": .text, "objects": objects], [:])
        ),
        "enrol-credential": (
            (
                [
                    "name": .text, "token": .object(["serial": .text, "tokenLabel": .text]),
                    "keyIDs": .list(.hexadecimal),
                ], [:]
            ),
            (["name": .text, "signingKey": .octets, "shareKey": .octets], ["recovered": .flag]),
            (["name": .text, "attributes": attributes, "probes": probes], [:])
        ),
        "sign-roster": (
            (["statement": .document], [:]), nil,
            (["roster": .document, "rosterDigest": .digest], [:])
        ),
    ]

    /// The shape of a line; nil for a type, or an effect, that the specification does not have.
    static func shape(type: String, effect: String?) -> Shape? {
        if type == "begin" { return begin }
        var members: Members
        switch type {
        case "intent", "effect", "observed":
            guard let effect, let forms = effects[effect] else { return nil }
            let found = type == "intent" ? forms.intent : type == "effect" ? forms.effect : forms.observed
            guard let found else { return nil }
            members = found
            members.must["step"] = .text
            members.must["effect"] = .text
        default:
            guard let found = events[type] else { return nil }
            members = found
        }
        return .object(members.must.merging(common) { first, _ in first }, may: members.may)
    }

    /// Whether an effect has a line of its own for what the token answered.
    static func hasEffectLine(_ effect: String) -> Bool { effects[effect]?.effect != nil }
}
