import Foundation
import KeyCeremony
import Testing

/// One change to a script that works, and the fault that it must bring.
struct Spoiled: Sendable, CustomTestStringConvertible {
    var code: String
    /// The text to change, and what it becomes; every occurrence is changed.
    var from: String
    var to: String
    /// A text of the changed script on whose first line the fault must be reported.
    var at: String
    var script = "root-ca"

    var testDescription: String { "\(code): \(to.prefix(40))" }

    var text: String {
        get throws {
            let source = try String(contentsOfFile: Repository.script(script), encoding: .utf8)
            try #require(source.contains(from), "the script has no `\(from)`")
            return source.replacingOccurrences(of: from, with: to)
        }
    }

    func line(in text: String) throws -> Int {
        let range = try #require(text.range(of: at))
        return text[..<range.lowerBound].count { $0 == "\n" } + 1
    }
}

@Suite struct ScriptFaultTests {
    static let form = [
        Spoiled(code: "script.unknown-key", from: "title: C", to: "colour: red\ntitle: C", at: "colour"),
        Spoiled(
            code: "script.missing-key", from: "    actor: internal-witness\n", to: "", at: "id: room-sealed"),
        Spoiled(code: "yaml.duplicate-key", from: "title: C", to: "id: again\ntitle: C", at: "id: root-ca"),
        Spoiled(
            code: "yaml.duplicate-key", from: "      name: root\n", to: "      name: root\n      name: two\n",
            at: "name: root"),
        Spoiled(code: "step.unknown", from: "do: record", to: "do: inspect-bag", at: "do: inspect-bag"),
        Spoiled(code: "key.curve", from: "curve: P-384", to: "curve: P-521", at: "curve: P-521"),
        Spoiled(code: "key.curve", from: "curve: P-384", to: "curve: secp256k1", at: "curve: secp"),
        Spoiled(
            code: "role.unknown", from: "actor: crypto-officer", to: "actor: wizard", at: "actor: wizard"),
        Spoiled(
            code: "script.forbidden-key", from: "    token: root\n    text",
            to: "    token: root\n    pin: \"1234\"\n    text", at: "pin:"),
        Spoiled(
            code: "script.forbidden-key", from: "    token: root\n    text",
            to: "    token: root\n    slot: 0\n    text", at: "slot:"),
        Spoiled(
            code: "script.forbidden-key", from: "materials:", to: "materials:\n  module-path: /x.so",
            at: "module-path"),
        Spoiled(
            code: "script.forbidden-key", from: "version: 1", to: "version: 1\ninclude: other.yaml",
            at: "include"),
        Spoiled(
            code: "script.forbidden-key", from: "version: 1", to: "version: 1\nforeach: [1, 2]", at: "foreach"
        ),
        Spoiled(
            code: "yaml.anchor", from: "title: Creation of the root CA", to: "title: &t Creation", at: "&t"),
        Spoiled(code: "yaml.tag", from: "title: Creation of the root CA", to: "title: !x Creation", at: "!x"),
        Spoiled(
            code: "script.type", from: "organization: Example Devices", to: "organization: no",
            at: "organization: no"),
        Spoiled(code: "script.value", from: "version: 1", to: "version: 2", at: "version: 2"),
        Spoiled(code: "script.value", from: "backup: none", to: "backup: usb-stick", at: "usb-stick"),
        Spoiled(code: "script.value", from: "id: root-ca", to: "id: ../root-ca", at: "id: ../root-ca"),
        Spoiled(
            code: "script.secret", from: "  tokens: [root]", to: "  tokens: [\"pkcs11:token=x?pin-value=1\"]",
            at: "pin-value"),
        Spoiled(code: "yaml.control", from: "cp: >-", to: "cp: >-\u{202E}", at: "cp: >-"),
    ]

    @Test("A script that breaks the form is refused with place and code", arguments: form)
    func breaksTheForm(_ spoiled: Spoiled) throws {
        let text = try spoiled.text
        let error = try #require(throws: CeremonyError.self) {
            try CeremonyScript.parse(Array(text.utf8), file: "script.yaml")
        }
        #expect(error.code == .scriptInvalid)
        let found = error.faults.map { "\($0.line) \($0.code)" }
        #expect(found.contains("\(try spoiled.line(in: text)) \(spoiled.code)"), "\(error)")
    }

    static let states = [
        Spoiled(
            code: "step.duplicate-id", from: "id: verify", to: "id: generate",
            at: "id: generate\n    do: verify-key"),
        Spoiled(
            code: "key.unknown", from: "    minutes: 2\n    key: root", to: "    minutes: 2\n    key: other",
            at: "key: other"),
        Spoiled(
            code: "login.missing", from: "do: login\n", to: "do: inventory\n",
            at: "token: root\n    text: |\n      Both"),
        Spoiled(
            code: "token.unused", from: "tokens: [root]", to: "tokens: [root, line]",
            at: "tokens: [root, line]"),
        Spoiled(
            code: "token.undeclared", from: "      token: root\n    text", to: "      token: other\n    text",
            at: "token: other"),
        Spoiled(code: "sign-off.missing", from: "do: sign-off", to: "do: say", at: "- id: closing"),
        Spoiled(
            code: "role.undeclared", from: "  external-witness: 1\n", to: "",
            at: "- [crypto-officer, external-witness]"),
        Spoiled(code: "step.irreversible", from: "    irreversible: true\n", to: "", at: "- id: generate"),
        Spoiled(
            code: "step.unwitnessed",
            from: "    witnesses: [internal-witness, external-witness]\n    minutes: 3\n    irreversible",
            to: "    minutes: 3\n    irreversible", at: "- id: generate"),
        Spoiled(
            code: "step.self-witness", from: "actor: internal-witness", to: "actor: external-witness",
            at: "witnesses: [external-witness]\n    minutes: 2"),
        Spoiled(
            code: "step.dual-control",
            from: "  - [crypto-officer, internal-witness]\n  - [crypto-officer, external-witness]\n", to: "",
            at:
                "actor: crypto-officer\n    witnesses: [internal-witness, external-witness]\n    minutes: 3\n    irreversible"
        ),
        Spoiled(
            code: "conflict.self", from: "- [internal-witness, external-witness]",
            to: "- [internal-witness, internal-witness]", at: "- [internal-witness, internal-witness]"),
        Spoiled(code: "quorum.short", from: "  needed: 2", to: "  needed: 3", at: "  needed: 3"),
        Spoiled(
            code: "quorum.missing", from: "quorum:\n  role: crypto-officer\n  needed: 2\n", to: "",
            at: "role: root-ca"),
        Spoiled(code: "key.role", from: "role: root-ca", to: "role: issuing-ca", at: "role: issuing-ca"),
        Spoiled(
            code: "key.session-copies", from: "sessionCopies: false", to: "sessionCopies: true",
            at: "sessionCopies: true"),
        Spoiled(code: "key.unverified", from: "do: verify-key", to: "do: say", at: "subjectKey: root"),
        Spoiled(
            code: "inventory.before", from: "  - id: inventory-before\n    do: inventory",
            to: "  - id: inventory-before\n    do: say", at: "      token: root"),
        Spoiled(
            code: "certificate.own-key", from: "      issuer:\n        role: root-ca\n        token: root\n",
            to: "      issuer: self\n", at: "issuer: self", script: "issuing-ca"),
        Spoiled(
            code: "certificate.issuer", from: "issuer: self", to: "issuer: { role: root-ca, token: root }",
            at: "role: root-ca, token"),
        Spoiled(
            code: "certificate.issuer", from: "        role: root-ca\n", to: "        role: issuing-ca\n",
            at: "        role: issuing-ca", script: "issuing-ca"),
    ]

    @Test(
        "A script that cannot be followed is refused with place and code, without a site", arguments: states)
    func cannotBeFollowed(_ spoiled: Spoiled) throws {
        var text = try spoiled.text
        // A record's example is no field of a step that was turned into another.
        for (action, field) in [("say", "token: root\n"), ("say", "key: root\n")] {
            text = Self.dropping(field, fromStepsThat: action, in: text)
        }
        let faults = try CeremonyScript.parse(Array(text.utf8), file: "script.yaml").check()
        let found = faults.map { "\($0.line) \($0.code)" }
        #expect(found.contains("\(try spoiled.line(in: text)) \(spoiled.code)"), "\(faults)")
    }

    private static func dropping(_ field: String, fromStepsThat action: String, in text: String) -> String {
        var parts = text.components(separatedBy: "\n  - id: ")
        for index in parts.indices where parts[index].contains("do: \(action)\n") {
            parts[index] = parts[index].replacingOccurrences(of: "    \(field)", with: "")
        }
        return parts.joined(separator: "\n  - id: ")
    }

    @Test("Every fault is reported at once, in the order of the lines")
    func everyFault() throws {
        var text = try String(contentsOfFile: Repository.script("root-ca"), encoding: .utf8)
        for (from, to) in [
            ("title: C", "colour: red\ntitle: C"), ("do: record", "do: split"),
            ("curve: P-384", "curve: P-521"),
            ("kind: generate-root", "kind: generate-root\nkind: generate-root"),
        ] {
            text = text.replacingOccurrences(of: from, with: to)
        }
        let error = try #require(throws: CeremonyError.self) {
            try CeremonyScript.parse(Array(text.utf8), file: "script.yaml")
        }
        #expect(
            error.faults.map(\.code) == [
                "yaml.duplicate-key", "script.unknown-key", "step.unknown", "key.curve", "step.unknown",
            ])
        #expect(error.faults.map(\.line) == error.faults.map(\.line).sorted())
        #expect(error.description.contains("script.yaml:"))
    }

    @Test("A key that is used before it is generated is told apart from one that nobody generates")
    func usedTooEarly() throws {
        let text = try String(contentsOfFile: Repository.script("root-ca"), encoding: .utf8)
        var parts = text.components(separatedBy: "\n  - id: ")
        let generate = try #require(parts.firstIndex { $0.hasPrefix("generate\n") })
        let verify = try #require(parts.firstIndex { $0.hasPrefix("verify\n") })
        parts.swapAt(generate, verify)
        let swapped = parts.joined(separator: "\n  - id: ")
        let faults = try CeremonyScript.parse(Array(swapped.utf8), file: "script.yaml").check()
        #expect(faults.contains { $0.code == "key.not-yet-generated" })
    }

    @Test("Two keys of one name, and two of one role, are refused")
    func twice() throws {
        let text = try String(contentsOfFile: Repository.script("root-ca"), encoding: .utf8)
        var parts = text.components(separatedBy: "\n  - id: ")
        let generate = try #require(parts.firstIndex { $0.hasPrefix("generate\n") })
        parts.insert("again\n" + parts[generate].dropFirst("generate\n".count), at: generate + 1)
        let doubled = parts.joined(separator: "\n  - id: ")
        let codes = try CeremonyScript.parse(Array(doubled.utf8), file: "script.yaml").check().map(\.code)
        #expect(codes.contains("key.duplicate-name"))
        #expect(codes.contains("key.duplicate-role"))
    }

    @Test("The scripts of the repository have no fault", arguments: RehearsalTests.order)
    func ownScripts(_ name: String) throws {
        #expect(try CeremonyScript.load(path: Repository.script(name)).check() == [])
    }
}
