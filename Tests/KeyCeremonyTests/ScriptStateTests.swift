import Foundation
import KeyCeremony
import Testing

@Suite struct ScriptStateTests {
    private static let key = "key: { role: firmware-signer, name: firmware }"
    private static let list = """
        crl:
          name: root-crl
          issuer: { role: root-ca, token: root }
          number: 1
          days: 1
          revoked: []
        """

    static let people = [
        Spoiled(
            code: "step.duplicate-id", from: "id: verify", to: "id: generate",
            at: "id: generate\n    do: verify-key"),
        Spoiled(code: "sign-off.missing", from: "do: sign-off", to: "do: say", at: "- id: closing"),
        Spoiled(
            code: "sign-off.alone",
            from: "    witnesses: [crypto-officer, external-witness]\n    minutes: 8\n",
            to: "    minutes: 8\n",
            at: "- id: closing"),
        Spoiled(
            code: "role.undeclared", from: "  external-witness: 1\n", to: "",
            at: "- [ceremony-administrator, external-witness]"),
        Spoiled(
            code: "role.undeclared", from: "  role: share-holder\n", to: "  role: auditor\n",
            at: "role: auditor"),
        Spoiled(
            code: "role.undeclared", from: "holders: share-holder", to: "holders: auditor",
            at: "holders: auditor"),
        Spoiled(code: "step.irreversible", from: "    irreversible: true\n", to: "", at: "- id: generate"),
        Spoiled(code: "step.irreversible", from: "    irreversible: true\n", to: "", at: "- id: split-root"),
        Spoiled(
            code: "step.irreversible", from: "    irreversible: true\n", to: "", at: "- id: destroy\n",
            script: "destruction"),
        Spoiled(
            code: "step.unwitnessed",
            from:
                "    witnesses: [ceremony-administrator, external-witness]\n    minutes: 4\n    irreversible",
            to: "    minutes: 4\n    irreversible", at: "- id: generate"),
        Spoiled(
            code: "step.self-witness", from: "witnesses: [ceremony-administrator, external-witness]",
            to: "witnesses: [ceremony-administrator, crypto-officer]",
            at: "witnesses: [ceremony-administrator, crypto-officer]"),
        Spoiled(
            code: "step.dual-control",
            from:
                "  - [ceremony-administrator, crypto-officer]\n  - [ceremony-administrator, external-witness]\n"
                + "  - [crypto-officer, external-witness]\n",
            to: "  - [ceremony-administrator, external-witness]\n",
            at:
                "actor: crypto-officer\n    witnesses: [ceremony-administrator, external-witness]\n    minutes: 15"
        ),
        Spoiled(
            code: "conflict.self", from: "- [crypto-officer, external-witness]",
            to: "- [crypto-officer, crypto-officer]", at: "- [crypto-officer, crypto-officer]"),
        Spoiled(code: "quorum.short", from: "  needed: 2\n\n", to: "  needed: 4\n\n", at: "  needed: 4"),
        Spoiled(code: "quorum.short", from: "    needed: 2\n", to: "    needed: 4\n", at: "    needed: 4"),
        Spoiled(
            code: "quorum.large", from: "share-holder: 3", to: "share-holder: 17", at: "holders: share-holder"
        ),
        Spoiled(code: "quorum.differs", from: "    needed: 2\n", to: "    needed: 3\n", at: "    needed: 3"),
        Spoiled(
            code: "quorum.differs", from: "quorum:\n  role: share-holder",
            to: "quorum:\n  role: crypto-officer",
            at: "    needed: 2"),
        Spoiled(
            code: "quorum.missing", from: "quorum:\n  role: share-holder\n  needed: 2\n", to: "",
            at: "      role: root-ca\n      name"),
    ]

    static let tokens = [
        Spoiled(
            code: "login.missing", from: "do: collect-shares\n    actor: crypto-officer",
            to: "do: inventory\n    actor: crypto-officer",
            at: "token: root\n    onFailure: >-\n      A share"),
        .adding("login.repeated", "login", "token: root", at: "token: root\n  - id: closing"),
        // A split closes its token: the old PIN opens it no more.
        .adding(
            "login.missing", "split", "token: root\nholders: share-holder\nneeded: 2\ndelivery: screen",
            before: "inventory-after",
            at: "token: root\n    text: |\n      Read aloud what is on the token now"),
        .adding("login.missing", "break", before: "verify", at: "key: root\n    text: |\n      Find the key"),
        Spoiled(
            code: "token.unused", from: "tokens: [root]", to: "tokens: [root, line]",
            at: "tokens: [root, line]"),
        Spoiled(
            code: "token.repeated", from: "tokens: [root]", to: "tokens: [root, root]",
            at: "tokens: [root, root]"),
        Spoiled(
            code: "token.undeclared", from: "      token: root\n    text", to: "      token: other\n    text",
            at: "token: other"),
        .adding("token.undeclared", "login", "token: other", at: "token: other"),
        .adding(
            "token.undeclared", "split", "token: other\nholders: share-holder\nneeded: 2\ndelivery: screen",
            at: "token: other"),
        .adding(
            "inventory.after", "split", "token: root\nholders: share-holder\nneeded: 2\ndelivery: screen",
            at: "tokens: [root]"),
        Spoiled(
            code: "inventory.before", from: "  - id: inventory-before\n    do: inventory",
            to: "  - id: inventory-before\n    do: say", at: "      token: root"),
        .adding("bag.undeclared", "inspect-bag", "bag: other\nexample: X", at: "bag: other"),
        .adding("bag.undeclared", "seal-bag", "bag: other\nexample: X", at: "bag: other"),
        .adding(
            "bag.open", "inspect-bag", "bag: hsm-root\nexample: X", before: "ready",
            at: "bag: hsm-root\n    example: X"),
        .adding("bag.open", "inspect-bag", "bag: hsm-root\nexample: X", at: "bag: hsm-root\n    example: X"),
    ]

    static let certificates = [
        Spoiled(
            code: "key.unknown", from: "    minutes: 3\n    key: root", to: "    minutes: 3\n    key: other",
            at: "key: other"),
        Spoiled(code: "key.role", from: "role: root-ca", to: "role: issuing-ca", at: "role: issuing-ca"),
        Spoiled(
            code: "key.session-copies", from: "sessionCopies: false", to: "sessionCopies: true",
            at: "sessionCopies: true"),
        Spoiled(
            code: "key.successor", from: "sessionCopies: false",
            to: "sessionCopies: false\n      successor: true", at: "successor: true"),
        Spoiled(code: "key.unverified", from: "do: verify-key", to: "do: say", at: "subjectKey: root"),
        Spoiled(
            code: "certificate.own-key", from: "      issuer:\n        role: root-ca\n        token: root\n",
            to: "      issuer: self\n", at: "issuer: self", script: "issuing-ca"),
        Spoiled(
            code: "certificate.issuer", from: "issuer: self", to: "issuer: { role: root-ca, token: root }",
            at: "role: root-ca, token"),
        Spoiled(
            code: "certificate.issuer", from: "        role: root-ca\n", to: "        role: issuing-ca\n",
            at: "        role: issuing-ca", script: "issuing-ca"),
        .adding(
            "certificate.repeated", "sign-certificate",
            "certificate:\n  template: root-ca\n  subjectKey: root\n  issuer: self",
            before: "inventory-after",
            at: "subjectKey: root\n      issuer: self\n  - id"),
        .adding(
            "certificate.missing", "read-out", "of: certificate\nkey: root", before: "certify",
            at: "key: root\n  - id"),
        .adding(
            "certificate.missing", "generate-key",
            "key:\n  role: root-ca\n  name: two\n  type: P-256\n  backup: none\n  sessionCopies: false\n  token: root",
            before: "inventory-after", at: "role: root-ca\n      name: two"),
    ]

    static let others = [
        .adding("crl.missing", "read-out", "of: crl\nkey: other", at: "key: other", script: "crl"),
        .adding("crl.duplicate-name", "sign-crl", list, at: "name: root-crl\n      issuer: {", script: "crl"),
        .adding("step.kind", "sign-crl", list, at: "name: root-crl"),
        Spoiled(
            code: "crl.issuer", from: "        role: root-ca\n", to: "        role: run-authority\n",
            at: "role: run-authority", script: "crl"),
        Spoiled(
            code: "crl.reason", from: "revoked: []",
            to: "revoked:\n        - { serial: \"4f\", reason: boredom, date: \"2026-01-31\" }",
            at: "boredom",
            script: "crl"),
        Spoiled(
            code: "crl.serial", from: "revoked: []",
            to: "revoked:\n        - { serial: \"4f\", reason: superseded, date: \"2026-01-31\" }\n"
                + "        - { serial: \"4f\", reason: keyCompromise, date: \"2026-01-31\" }",
            at: "keyCompromise, date",
            script: "crl"),
        Spoiled(
            code: "backup.same-token", from: "    to: backup\n", to: "    to: firmware\n", at: "to: firmware",
            script: "backup-and-recovery"),
        .adding(
            "backup.policy", "wrap", "key: root\ntoken: root\nto: root",
            at: "key: root\n    token: root\n    to"),
        .adding(
            "step.kind", "wrap", "key: root\ntoken: root\nto: root", at: "key: root\n    token: root\n    to"),
        .adding("step.kind", "unwrap", key + "\ntoken: root", at: key),
        .adding(
            "backup.key", "unwrap", "key: root\ntoken: root",
            at: "key: root\n    token: root\n  - id: closing"),
        .adding(
            "step.kind", "destroy", key + "\ntoken: root\ncopies: [{ where: a, disposition: b }]", at: key),
        .adding(
            "destroy.new-key", "destroy", "key: root\ntoken: root\ncopies: [{ where: a, disposition: b }]",
            at: "key: root\n    token: root\n    copies"),
        .adding(
            "destroy.copies", "destroy", key + "\ntoken: firmware\ncopies: []", at: key, script: "destruction"
        ),
        .adding("step.kind", "enrol", at: "- id: added"),
        .adding("step.kind", "sign-roster", at: "- id: added"),
        .adding("enrol.repeated", "enrol", at: "- id: added", script: "custodian-enrolment"),
        .adding(
            "roster.early", "sign-roster", before: "enrol", at: "- id: added", script: "custodian-enrolment"),
        Spoiled(
            code: "roster.unsigned", from: "do: sign-roster", to: "do: say", at: "kind: enrol-custodian",
            script: "custodian-enrolment"),
        Spoiled(
            code: "kind.empty", from: "kind: rekey-activation-data", to: "kind: destroy", at: "kind: destroy",
            script: "activation-data-rekey"),
    ]

    @Test(
        "A script that cannot be followed is refused with place and code, without a site",
        arguments: people + tokens + certificates + others)
    func cannotBeFollowed(_ spoiled: Spoiled) throws {
        var text = try spoiled.text
        // A field of a step that was turned into another is none of the new one's.
        for field in ["token: root\n", "key: root\n"] {
            text = Self.dropping(field, fromStepsThat: "say", in: text)
        }
        try spoiled.expect(
            among: try CeremonyScript.parse(Array(text.utf8), file: "script.yaml").check(), of: text)
    }

    private static func dropping(_ field: String, fromStepsThat action: String, in text: String) -> String {
        var parts = text.components(separatedBy: "\n  - id: ")
        for index in parts.indices where parts[index].contains("do: \(action)\n") {
            parts[index] = parts[index].replacingOccurrences(of: "    \(field)", with: "")
        }
        return parts.joined(separator: "\n  - id: ")
    }

    @Test("A key that is used before it is generated is told apart from one that nobody generates")
    func usedTooEarly() throws {
        var parts = try Repository.scriptText("root-ca").components(separatedBy: "\n  - id: ")
        let generate = try #require(parts.firstIndex { $0.hasPrefix("generate\n") })
        let verify = try #require(parts.firstIndex { $0.hasPrefix("verify\n") })
        parts.swapAt(generate, verify)
        let swapped = parts.joined(separator: "\n  - id: ")
        let faults = try CeremonyScript.parse(Array(swapped.utf8), file: "script.yaml").check()
        #expect(faults.contains { $0.code == "key.not-yet-generated" })
    }

    @Test("Two keys of one name, and two of one role, are refused")
    func twice() throws {
        var parts = try Repository.scriptText("root-ca").components(separatedBy: "\n  - id: ")
        let generate = try #require(parts.firstIndex { $0.hasPrefix("generate\n") })
        parts.insert("again\n" + parts[generate].dropFirst("generate\n".count), at: generate + 1)
        let doubled = parts.joined(separator: "\n  - id: ")
        let codes = try CeremonyScript.parse(Array(doubled.utf8), file: "script.yaml").check().map(\.code)
        #expect(codes.contains("key.duplicate-name"))
        #expect(codes.contains("key.duplicate-role"))
    }

    @Test("A bag that is opened has to be sealed again, and its place is where it was opened")
    func bagNeverSealed() throws {
        let parts = try Repository.scriptText("root-ca").components(separatedBy: "\n  - id: ")
        let text = parts.filter { !$0.hasPrefix("seal-hsm-root\n") }.joined(separator: "\n  - id: ")
        let faults = try CeremonyScript.parse(Array(text.utf8), file: "script.yaml").check()
        #expect(faults.map(\.code) == ["bag.open"])
        #expect(faults.map(\.field) == ["steps[3].bag"])
    }
}
