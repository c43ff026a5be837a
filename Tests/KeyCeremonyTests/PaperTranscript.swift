import Crypto
import Foundation

/// A transcript that was made up for its report: chained and in canonical form, its signatures mere octets.
struct PaperTranscript {
    private(set) var lines: [String] = []
    private var seconds = 0
    /// When the step that is being done began.
    private var begun = 0

    var bytes: [UInt8] { Array(lines.map { $0 + "\n" }.joined().utf8) }
    var head: String { Self.sha256(lines.last ?? "") }

    static func sha256(_ text: String) -> String {
        SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
    }

    /// Appends a line, `after` seconds later than the one before.
    mutating func add(_ type: String, after: Int = 0, _ members: [String: Any] = [:]) {
        seconds += after
        var members = members
        members["type"] = type
        members["prev"] = lines.isEmpty ? String(repeating: "0", count: 64) : head
        let start = Date(timeIntervalSince1970: 1_767_342_600)  // 2026-01-02T08:30:00Z
        members["time"] = start.addingTimeInterval(Double(seconds)).formatted(.iso8601)
        lines.append(Self.canonical(members))
    }

    /// RFC 8785 for what these lines hold.
    static func canonical(_ value: Any) -> String {
        switch value {
        case let text as String:
            let escaped = text.replacingOccurrences(of: "\\", with: "\\\\")
                .replacingOccurrences(of: "\"", with: "\\\"").replacingOccurrences(of: "\n", with: "\\n")
            return "\"\(escaped)\""
        case let flag as Bool: return flag ? "true" : "false"
        case let number as Int: return String(number)
        case let list as [Any]: return "[" + list.map(canonical).joined(separator: ",") + "]"
        case let object as [String: Any]:
            let members = object.sorted { $0.key < $1.key }
            return "{" + members.map { canonical($0.key) + ":" + canonical($0.value) }.joined(separator: ",")
                + "}"
        default: return "null"
        }
    }

    // MARK: The example

    static let people: [(name: String, role: String)] = [
        ("Amira Haddad", "ceremony-administrator"), ("Bo Lindqvist", "crypto-officer"),
        ("Chinwe Okafor", "crypto-officer"), ("Dagny Holm", "internal-witness"),
        ("Emil Sato", "external-witness"),
    ]

    static func holders(_ role: String) -> [[String: Any]] {
        people.filter { $0.role == role }.map { ["name": $0.name, "role": $0.role] }
    }

    private static let planned: [(id: String, action: String, actor: String, minutes: Int)] = [
        ("opening", "say", "ceremony-administrator", 5), ("room-sealed", "check", "internal-witness", 2),
        ("open-bag", "inspect-bag", "crypto-officer", 3), ("open-root-token", "login", "crypto-officer", 5),
        ("inventory-before", "inventory", "ceremony-administrator", 2),
        ("generate", "generate-key", "crypto-officer", 4), ("pause", "break", "ceremony-administrator", 15),
        ("read-key", "read-out", "ceremony-administrator", 3),
        ("certify", "sign-certificate", "crypto-officer", 3),
        ("compare-key", "compare", "external-witness", 3),
        ("inventory-after", "inventory", "ceremony-administrator", 2),
        ("seal-bag", "seal-bag", "crypto-officer", 3),
        ("closing", "sign-off", "ceremony-administrator", 5),
    ]

    private static func publicKey(_ number: UInt8) -> String {
        let raw = Data(repeating: number, count: 32)
        return (try? P256.Signing.PrivateKey(rawRepresentation: raw))?.publicKey.derRepresentation
            .base64EncodedString() ?? ""
    }

    private static func base64(_ text: String, _ count: Int) -> String {
        Data((0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + text.utf8.count) }).base64EncodedString()
    }

    private mutating func signOff(_ step: String, _ name: String, _ role: String) {
        add(
            "sign-off", after: 11,
            ["step": step, "name": name, "role": role, "signature": Self.base64(name, 70)])
    }

    private mutating func step(_ id: String, attempt: Int = 1, after: Int = 6) {
        let plan = Self.planned.first { $0.id == id } ?? (id, "say", "auditor", 1)
        add(
            "step", after: after,
            [
                "step": id, "do": plan.action, "attempt": attempt, "actors": Self.holders(plan.actor),
                "witnesses": ["internal-witness", "external-witness"].filter { $0 != plan.actor }
                    .flatMap(Self.holders),
            ])
        begun = seconds
    }

    private mutating func everyoneSigns(_ step: String, _ actor: String) {
        for role in [actor, "internal-witness", "external-witness"] {
            for person in Self.people where person.role == role { signOff(step, person.name, role) }
        }
    }

    private mutating func done(_ step: String, after: Int) {
        add("done", after: after, ["step": step, "seconds": seconds + after - begun])
    }

    private mutating func begin(rehearsal: Bool, title: String) {
        let script = Self.sha256("script")
        let roster: [String: Any] = [
            "statement": [
                "version": 2, "origin": "log.example.com/devices", "rehearsal": false,
                "previous": Self.sha256("roster 1"), "conflicts": [["crypto-officer", "internal-witness"]],
                "quorums": ["roster": 3, "approval": 2, "recovery": 3],
                "members": Self.people.enumerated().map { index, person in
                    [
                        "name": person.name, "roles": [person.role],
                        "signingKey": Self.publicKey(UInt8(index + 1)),
                        "shareKey": Self.publicKey(UInt8(index + 40)),
                        "token": ["serial": "c0ffee0\(index)", "tokenLabel": "custodian"],
                    ] as [String: Any]
                },
            ] as [String: Any],
            "signatures": Self.people.prefix(4).map {
                ["name": $0.name, "signature": Self.base64($0.name, 70)]
            },
        ]
        add(
            "begin",
            [
                "version": 1, "tool": "rootline 0.9.0", "ceremony": "2026-01-02-root-ca",
                "rehearsal": rehearsal,
                "origin": rehearsal ? "rehearsal.invalid/devices" : "log.example.com/devices", "sequence": 2,
                "previous": ["ceremony": "2025-12-01-enrol-custodians", "head": Self.sha256("previous")],
                "after": rehearsal
                    ? NSNull()
                    : [
                        "ceremony": "2025-12-19-root-ca", "head": Self.sha256("rehearsal"),
                        "scriptDigest": script,
                        "differences": [
                            "token root: serial number 1f2e3d4c instead of 00aa11bb",
                            "participants: five people instead of stand-ins",
                        ],
                    ] as [String: Any],
                "script": [
                    "id": "root-ca", "kind": "generate-root", "title": title, "digest": script,
                    "cp": "Example Devices CP 1.4, clauses 6.1.1 and 6.2; CA/Browser Forum BR 6.1.1.1",
                    "approval": "Policy authority, 2025-12-12, minute 7",
                ],
                "roles": [
                    "ceremony-administrator": 1, "crypto-officer": 2, "internal-witness": 1,
                    "external-witness": 1,
                ],
                "conflicts": [
                    ["crypto-officer", "internal-witness"], ["crypto-officer", "external-witness"],
                ],
                "quorum": ["role": "crypto-officer", "needed": 2],
                "steps": Self.planned.map {
                    [
                        "id": $0.id, "do": $0.action, "actor": $0.actor, "minutes": $0.minutes,
                        "witnesses": ["internal-witness", "external-witness"],
                        "irreversible": ["generate", "certify"].contains($0.id),
                    ] as [String: Any]
                },
                "tokens": [
                    [
                        "name": "root", "tokenLabel": "example-root", "serial": "1f2e3d4c",
                        "activation": "quorum",
                        "moduleDigest": Self.sha256("module"),
                    ]
                ],
                "participants": Self.people.enumerated().map { index, person in
                    [
                        "name": person.name, "roles": [person.role],
                        "publicKey": Self.publicKey(UInt8(index + 1)),
                    ]
                        as [String: Any]
                },
                "rosters": rehearsal ? [] : [roster],
            ])
    }

    /// A ceremony with an exception, a break, and an interruption in the middle of a key generation.
    static func example(rehearsal: Bool = false, title: String = "Creation of the root CA") -> PaperTranscript
    {
        var transcript = PaperTranscript()
        transcript.begin(rehearsal: rehearsal, title: title)
        transcript.arrive()
        transcript.generate()
        transcript.certify()
        transcript.close()
        return transcript
    }

    private static var objects: [[String: Any]] {
        [
            ["kind": "private key", "label": "root-ca/root", "keyID": "9b7a01"],
            ["kind": "public key", "label": "root-ca/root", "keyID": "9b7a01"],
        ]
    }

    private static var attributes: [[String: Any]] {
        [
            ("CKA_TOKEN", true), ("CKA_PRIVATE", true), ("CKA_SENSITIVE", true), ("CKA_SIGN", true),
            ("CKA_SIGN_RECOVER", false), ("CKA_DECRYPT", false), ("CKA_UNWRAP", false), ("CKA_DERIVE", false),
            ("CKA_LOCAL", true), ("CKA_ALWAYS_SENSITIVE", true), ("CKA_EXTRACTABLE", false),
            ("CKA_NEVER_EXTRACTABLE", true), ("CKA_MODIFIABLE", false), ("CKA_COPYABLE", false),
        ].map { ["name": $0.0, "flag": $0.1] }
    }

    private mutating func arrive() {
        step("opening", after: 20)
        done("opening", after: 410)
        step("room-sealed")
        add("answer", after: 70, ["step": "room-sealed", "answer": "yes", "by": "Dagny Holm"])
        done("room-sealed", after: 12)
        step("open-bag")
        add(
            "answer", after: 95,
            ["step": "open-bag", "answer": "TE-004417", "by": "Bo Lindqvist", "bag": "hsm"])
        add(
            "exception", after: 130,
            [
                "step": "open-bag", "number": 1,
                "expected": "The bag's number is TE-004471, as the last transcript says.",
                "happened":
                    "The bag's number is TE-004417. The custody log has the same, signed by two people.",
                "decision": "Two digits were swapped in the last transcript. The bag is untouched; we go on.",
                "by": "Amira Haddad",
            ])
        everyoneSigns("exception-1", "crypto-officer")
        done("open-bag", after: 30)
        step("open-root-token")
        add("intent", after: 15, ["step": "open-root-token", "effect": "login", "token": "root"])
        add("share-presented", after: 40, ["step": "open-root-token", "set": "3c1d", "name": "Bo Lindqvist"])
        add(
            "share-presented", after: 45, ["step": "open-root-token", "set": "3c1d", "name": "Chinwe Okafor"])
        add(
            "observed", after: 3,
            [
                "step": "open-root-token", "effect": "login", "moduleDigest": Self.sha256("module"),
                "opened": "quorum", "holders": ["Bo Lindqvist", "Chinwe Okafor"],
                "token": [
                    "name": "root", "tokenLabel": "example-root", "serial": "1f2e3d4c",
                    "manufacturer": "Example HSM",
                    "model": "Vault 7", "firmware": "7.4", "hardware": "2.1", "activation": "quorum",
                    "certification": "FIPS 140-3 level 3, certificate 4999", "mode": "FIPS approved",
                    "library": [
                        "manufacturer": "Example HSM", "description": "Vault PKCS#11", "version": "7.4",
                        "cryptoki": "3.0",
                    ],
                ],
            ])
        done("open-root-token", after: 8)
        step("inventory-before")
        add("inventory", after: 30, ["step": "inventory-before", "token": "root", "objects": [] as [Any]])
        done("inventory-before", after: 20)
    }

    private mutating func generate() {
        let intent: [String: Any] = [
            "step": "generate", "effect": "generate-key", "token": "root", "label": "root-ca/root",
            "keyType": "P-384", "keyID": "9b7a01", "backup": "none", "sessionCopies": false,
            "objects": [] as [Any],
        ]
        step("generate")
        everyoneSigns("generate", "crypto-officer")
        add("intent", after: 5, intent)
        add(
            "stopped", after: 45,
            [
                "step": "generate", "code": "ceremony-token",
                "message": "C_GenerateKeyPair: CKR_DEVICE_REMOVED",
            ])
        add("resumed", after: 2_700, ["discarded": 0, "tool": "rootline 0.9.0"])
        step("generate", attempt: 2)
        everyoneSigns("generate", "crypto-officer")
        add("intent", after: 4, intent)
        add(
            "effect", after: 6,
            [
                "step": "generate", "effect": "generate-key", "label": "root-ca/root", "keyID": "9b7a01",
                "subjectPublicKeyInfo": Self.base64("key", 120),
            ])
        add(
            "observed", after: 3,
            [
                "step": "generate", "effect": "generate-key", "label": "root-ca/root",
                "attributes": Self.attributes,
                "probes": [
                    ["attempt": "read CKA_VALUE", "tokenAnswer": "CKR_ATTRIBUTE_SENSITIVE"],
                    ["attempt": "wrap under an untrusted key", "tokenAnswer": "CKR_KEY_UNEXTRACTABLE"],
                    ["attempt": "copy", "tokenAnswer": "CKR_ACTION_PROHIBITED"],
                ],
                "testSignature": "verified by OpenSSL", "attestation": "none",
            ])
        done("generate", after: 140)
        step("pause")
        add(
            "break", after: 10,
            ["step": "pause", "by": "Amira Haddad", "reason": "Coffee; the room stays sealed."])
        add("back", after: 1_020, ["step": "pause", "seconds": 1_020])
        done("pause", after: 5)
    }

    private mutating func certify() {
        let key = Self.sha256("key")
        step("read-key")
        add("read-out", after: 150, ["step": "read-key", "of": "key", "subject": "root", "value": key])
        done("read-key", after: 25)
        step("certify")
        everyoneSigns("certify", "crypto-officer")
        add(
            "intent", after: 4,
            [
                "step": "certify", "effect": "sign-certificate", "subjectKey": "root",
                "issuerKey": "root-ca/root",
                "template": "root-ca", "templateDigest": Self.sha256("template"),
                "values": ["organization": "Example Devices", "generation": "G1"],
                "certificateSerial": "5e0c1b7a9d", "notBefore": "2026-01-02T00:00:00Z",
                "toBeSigned": Self.base64("tbs", 420), "toBeSignedDigest": Self.sha256("tbs"),
            ])
        add(
            "effect", after: 2,
            [
                "step": "certify", "effect": "sign-certificate", "toBeSignedDigest": Self.sha256("tbs"),
                "signature": Self.base64("signature", 103),
            ])
        add(
            "observed", after: 1,
            [
                "step": "certify", "effect": "sign-certificate",
                "certificate": Self.base64("certificate", 560),
                "certificateDigest": Self.sha256("certificate"), "toBeSignedDigest": Self.sha256("tbs"),
                "notBefore": "2026-01-02T00:00:00Z", "notAfter": "2056-01-02T00:00:00Z",
                "subject": "CN=Example Devices Root CA G1,O=Example Devices",
                "verification": "verified by OpenSSL",
            ])
        done("certify", after: 40)
        step("compare-key")
        add(
            "compare", after: 190,
            ["step": "compare-key", "of": "key", "subject": "root", "value": key, "takenDown": key])
        done("compare-key", after: 10)
    }

    private mutating func close() {
        step("inventory-after")
        add("inventory", after: 30, ["step": "inventory-after", "token": "root", "objects": Self.objects])
        done("inventory-after", after: 35)
        step("seal-bag")
        add(
            "answer", after: 140,
            ["step": "seal-bag", "answer": "TE-004502", "by": "Chinwe Okafor", "bag": "hsm"])
        done("seal-bag", after: 20)
        step("closing")
        add(
            "closing", after: 60,
            [
                "step": "closing", "exceptions": 1, "interruptions": 1,
                "artefacts": [
                    ["path": "certificates/root-ca-root.pem", "fileDigest": Self.sha256("certificate file")],
                    [
                        "path": "ceremonies/2026-01-02-root-ca/script.html",
                        "fileDigest": Self.sha256("printed"),
                    ],
                ],
                "inventories": [
                    [
                        "token": "root", "before": Self.sha256("[]"),
                        "after": Self.sha256(Self.canonical(Self.objects)),
                    ]
                ],
            ])
        for person in Self.people { signOff("closing", person.name, person.role) }
    }
}
