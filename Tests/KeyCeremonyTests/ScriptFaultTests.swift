import Foundation
import KeyCeremony
import Testing

@Suite struct ScriptFaultTests {
    static let keys = [
        Spoiled(code: "script.unknown-key", from: "title: C", to: "colour: red\ntitle: C", at: "colour"),
        // A key has a type; scripts of an older form named a curve.
        Spoiled(code: "script.unknown-key", from: "type: P-384", to: "curve: P-384", at: "curve: P-384"),
        Spoiled(
            code: "script.missing-key", from: "      type: P-384\n", to: "",
            at: "      role: root-ca\n      name"),
        Spoiled(
            code: "script.missing-key",
            from:
                "    do: check\n    actor: external-witness\n    witnesses: [ceremony-administrator]\n    minutes: 3\n    onFailure: exception",
            to:
                "    do: check\n    witnesses: [ceremony-administrator]\n    minutes: 3\n    onFailure: exception",
            at: "id: room"),
        Spoiled(
            code: "script.missing-key", from: "    of: certificate\n    key: root\n",
            to: "    of: certificate\n",
            at: "- id: read-certificate"),
        Spoiled(
            code: "script.missing-key",
            from:
                "    key:\n      role: firmware-signer\n      name: firmware\n    token: firmware\n    text",
            to: "    key:\n      role: firmware-signer\n      name: firmware\n    text", at: "- id: verify",
            script: "backup-and-recovery"),
        Spoiled(
            code: "script.unknown-key", from: "    of: head\n", to: "    of: head\n    key: root\n",
            at: "key: root\n    text: |\n      Read the transcript"),
        Spoiled(
            code: "script.unknown-key", from: "  needed: 2\n\n", to: "  needed: 2\n  of: 3\n\n", at: "  of: 3"
        ),
        Spoiled(code: "yaml.duplicate-key", from: "title: C", to: "id: again\ntitle: C", at: "id: root-ca"),
        Spoiled(
            code: "yaml.duplicate-key", from: "      name: root\n", to: "      name: root\n      name: two\n",
            at: "name: root"),
    ]

    static let forbidden = [
        Spoiled(
            code: "script.forbidden-key", from: "    token: root\n    text",
            to: "    token: root\n    pin: \"1234\"\n    text", at: "pin:"),
        Spoiled(
            code: "script.forbidden-key", from: "    token: root\n    text",
            to: "    token: root\n    slot: 0\n    text", at: "slot:"),
        Spoiled(
            code: "script.forbidden-key", from: "    delivery: credential\n",
            to: "    delivery: credential\n    shares: [abc]\n", at: "shares:"),
        Spoiled(
            code: "script.forbidden-key", from: "    delivery: credential\n",
            to: "    delivery: credential\n    pin-source: x\n", at: "pin-source:"),
        Spoiled(
            code: "script.forbidden-key", from: "materials:", to: "materials:\n  module-path: /x.so",
            at: "module-path"),
        Spoiled(
            code: "script.forbidden-key", from: "version: 1", to: "version: 1\ninclude: other.yaml",
            at: "include"),
        Spoiled(
            code: "script.forbidden-key", from: "version: 1", to: "version: 1\nforeach: [1, 2]", at: "foreach"
        ),
        // A token's serial number is the site's to say; a revoked certificate's has one place, and no other.
        Spoiled(
            code: "script.forbidden-key", from: "    token: root\n    text",
            to: "    token: root\n    serial: \"01\"\n    text", at: "serial:"),
        Spoiled(
            code: "script.forbidden-key", from: "      number: 1\n",
            to: "      number: 1\n      serial: \"01\"\n",
            at: "serial: \"01\"", script: "crl"),
        Spoiled(
            code: "script.forbidden-key", from: "      revoked: []\n",
            to: "      revoked: [[{ serial: \"01\" }]]\n",
            at: "revoked: [[", script: "crl"),
        Spoiled(
            code: "script.forbidden-key", from: "      revoked: []\n",
            to:
                "      revoked:\n        - { serial: \"01\", slot: 1, reason: superseded, date: \"2026-01-31\" }\n",
            at: "slot: 1", script: "crl"),
        Spoiled(
            code: "script.secret", from: "  tokens: [root]", to: "  tokens: [\"pkcs11:token=x?pin-value=1\"]",
            at: "pin-value"),
    ]

    static let words = [
        Spoiled(code: "step.unknown", from: "do: print", to: "do: photograph", at: "do: photograph"),
        Spoiled(code: "key.type", from: "type: P-384", to: "type: P-521", at: "type: P-521"),
        Spoiled(code: "key.type", from: "type: P-384", to: "type: secp256k1", at: "type: secp"),
        Spoiled(code: "key.type", from: "type: P-384", to: "type: RSA-2048", at: "type: RSA"),
        Spoiled(
            code: "role.unknown", from: "actor: crypto-officer", to: "actor: wizard", at: "actor: wizard"),
        Spoiled(
            code: "role.unknown", from: "holders: share-holder", to: "holders: everybody",
            at: "holders: everybody"),
        Spoiled(
            code: "yaml.anchor", from: "title: Creation of the root CA", to: "title: &t Creation", at: "&t"),
        Spoiled(code: "yaml.tag", from: "title: Creation of the root CA", to: "title: !x Creation", at: "!x"),
        Spoiled(code: "yaml.control", from: "cp: >-", to: "cp: >-\u{202E}", at: "cp: >-"),
        Spoiled(
            code: "script.type", from: "organization: Example Devices", to: "organization: no",
            at: "organization: no"),
        Spoiled(code: "script.value", from: "version: 1", to: "version: 2", at: "version: 2"),
        Spoiled(code: "script.value", from: "kind: generate-root", to: "kind: party", at: "kind: party"),
        Spoiled(code: "script.value", from: "backup: none", to: "backup: usb-stick", at: "usb-stick"),
        Spoiled(code: "script.value", from: "id: root-ca", to: "id: ../root-ca", at: "id: ../root-ca"),
        Spoiled(code: "script.value", from: "- id: ready", to: "- id: exception-1", at: "- id: exception-1"),
        Spoiled(code: "script.value", from: "    minutes: 15", to: "    minutes: 481", at: "minutes: 481"),
        Spoiled(
            code: "script.value", from: "- [crypto-officer, external-witness]",
            to: "- [crypto-officer, external-witness, auditor]",
            at: "- [crypto-officer, external-witness, auditor]"),
        Spoiled(code: "script.value", from: "    needed: 2", to: "    needed: 1", at: "    needed: 1"),
        Spoiled(code: "script.value", from: "    needed: 2", to: "    needed: 17", at: "    needed: 17"),
        Spoiled(
            code: "script.value", from: "delivery: credential", to: "delivery: email", at: "delivery: email"),
        Spoiled(code: "script.value", from: "issuer: self", to: "issuer: nobody", at: "issuer: nobody"),
        Spoiled(code: "script.value", from: "what: certificate", to: "what: share", at: "what: share"),
        Spoiled(
            code: "script.value", from: "  bags: [hsm-root]",
            to: "  bags: [hsm-root]\n  software: { a.tar: abc }",
            at: "software"),
        Spoiled(
            code: "script.value", from: "    example: back into the safe, for another key",
            to: "    example: onto the roof", at: "example: onto", script: "destruction"),
        Spoiled(
            code: "script.value", from: "      - zeroised by its maker's procedure, then shredded\n", to: "",
            at: "      - back into", script: "destruction"),
        Spoiled(
            code: "script.missing-key", from: "        disposition: shredded in this ceremony\n", to: "",
            at: "- where: the two media", script: "destruction"),
    ]

    static let lists = [
        Spoiled(code: "script.value", from: "number: 1\n", to: "number: 0\n", at: "number: 0", script: "crl"),
        Spoiled(code: "script.value", from: "days: 180", to: "days: 0", at: "days: 0", script: "crl"),
        Spoiled(
            code: "script.value", from: "revoked: []",
            to: "revoked:\n        - { serial: \"4F\", reason: superseded, date: \"2026-01-31\" }", at: "4F",
            script: "crl"),
        Spoiled(
            code: "script.value", from: "revoked: []",
            to: "revoked:\n        - { serial: \"4f0\", reason: superseded, date: \"2026-01-31\" }",
            at: "4f0",
            script: "crl"),
        Spoiled(
            code: "script.value", from: "revoked: []",
            to:
                "revoked:\n        - { serial: \"\(String(repeating: "4f", count: 21))\", reason: superseded, "
                + "date: \"2026-01-31\" }", at: "4f4f", script: "crl"),
        Spoiled(
            code: "script.value", from: "revoked: []",
            to: "revoked:\n        - { serial: \"4f\", reason: superseded, date: \"2026-02-29\" }",
            at: "2026-02-29",
            script: "crl"),
        Spoiled(
            code: "script.missing-key", from: "revoked: []",
            to: "revoked:\n        - { serial: \"4f\", reason: superseded }", at: "- { serial", script: "crl"),
    ]

    @Test(
        "A script that breaks the form is refused with place and code",
        arguments: keys + forbidden + words + lists)
    func breaksTheForm(_ spoiled: Spoiled) throws {
        let text = try spoiled.text
        let error = try #require(throws: CeremonyError.self) {
            try CeremonyScript.parse(Array(text.utf8), file: "script.yaml")
        }
        #expect(error.code == .scriptInvalid)
        try spoiled.expect(among: error.faults, of: text)
    }

    @Test("Every fault is reported at once, in the order of the lines")
    func everyFault() throws {
        var text = try Repository.scriptText("root-ca")
        for (from, to) in [
            ("title: C", "colour: red\ntitle: C"), ("do: print", "do: photograph"),
            ("type: P-384", "type: P-521"),
            ("kind: generate-root", "kind: generate-root\nkind: generate-root"),
        ] {
            text = text.replacingOccurrences(of: from, with: to)
        }
        let error = try #require(throws: CeremonyError.self) {
            try CeremonyScript.parse(Array(text.utf8), file: "script.yaml")
        }
        #expect(
            error.faults.map(\.code) == [
                "yaml.duplicate-key", "script.unknown-key", "key.type", "step.unknown",
            ])
        #expect(error.faults.map(\.line) == error.faults.map(\.line).sorted())
        #expect(error.description.contains("script.yaml:"))
    }

    @Test("The scripts of the repository have no fault", arguments: Repository.ceremonies)
    func ownScripts(_ name: String) throws {
        #expect(try CeremonyScript.load(path: Repository.script(name)).check() == [])
    }
}
