import FaultyToken
import Foundation
import Testing

/// A mistake in a script, a template or a site, which an existing tool has signed, or found after the key was made.
struct Mistake: Sendable, CustomTestStringConvertible {
    struct Edit: Sendable {
        let from: String
        let to: String
    }

    let testDescription: String
    /// The code of a fault that must be reported.
    let code: String
    /// The script that is rehearsed, and what is wrong in it.
    let script: String
    var edits: [Edit] = []
    /// A template of the site, and what is wrong in it.
    var template = ""
    var templateEdits: [Edit] = []
    /// What happens to the site before.
    var prepare: @Sendable (Workplace) throws -> Void = { _ in }
}

@Suite struct MistakeTests {
    static let realModule =
        ["/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm"]
        .map { $0 + "/libsofthsm2.so" }.first { FileManager.default.fileExists(atPath: $0) } ?? ""

    private static func edit(_ text: String, _ edits: [Mistake.Edit]) throws -> String {
        try edits.reduce(text) { text, edit in
            try #require(text.contains(edit.from), "there is no `\(edit.from)`")
            return text.replacingOccurrences(of: edit.from, with: edit.to)
        }
    }

    /// A second certificate of a key, in another name, put before the step that reads the first one's digest.
    private static let secondName = Mistake.Edit(
        from: "  - id: compare-key\n",
        to: """
              - id: certify-again
                do: sign-certificate
                actor: crypto-officer
                witnesses: [ceremony-administrator, external-witness]
                minutes: 4
                irreversible: true
                certificate:
                  template: issuing-ca
                  subjectKey: issuing
                  issuer:
                    role: root-ca
                    token: root
                  values:
                    organization: Another Brand
                    generation: G1
                text: |
                  The same key in another name.

              - id: compare-key

            """)

    static let mistakes = [
        Mistake(
            testDescription: "a subordinate with the root's own key", code: "key.unknown",
            script: "issuing-ca",
            edits: [.init(from: "subjectKey: issuing", to: "subjectKey: root")]),
        Mistake(
            testDescription: "a subordinate that outlives its issuer", code: "lint.outlives-issuer",
            script: "issuing-ca", template: "issuing-ca", templateEdits: [.init(from: "P10Y", to: "P40Y")]),
        Mistake(
            testDescription: "a subordinate with its issuer's name", code: "lint.same-name",
            script: "issuing-ca",
            template: "issuing-ca",
            templateEdits: [.init(from: "Device Issuing CA {generation}", to: "Device Root CA {generation}")]),
        Mistake(
            testDescription: "a subordinate with its issuer's name in other case", code: "lint.same-name",
            script: "issuing-ca", template: "issuing-ca",
            templateEdits: [.init(from: "Device Issuing CA {generation}", to: "device ROOT ca {generation}")]),
        Mistake(
            testDescription: "one key under two names", code: "certificate.repeated", script: "issuing-ca",
            edits: [secondName]),
        Mistake(
            testDescription: "a revocation list's number that was used", code: "lint.crl-number",
            script: "crl",
            prepare: { try $0.rehearse("crl") }),
        Mistake(
            testDescription: "a revocation list that skips a number", code: "lint.crl-number", script: "crl",
            edits: [.init(from: "number: 1", to: "number: 3")], prepare: { try $0.rehearse("crl") }),
        Mistake(
            testDescription: "a CA below an issuing CA of path length 0", code: "certificate.issuer",
            script: "issuing-ca",
            edits: [
                .init(from: "role: root-ca\n        token: root", to: "role: issuing-ca\n        token: line")
            ],
            prepare: { try $0.rehearse("issuing-ca") }),
        Mistake(
            testDescription: "a certificate that ends before it begins", code: "field.value",
            script: "issuing-ca",
            template: "issuing-ca", templateEdits: [.init(from: "notAfter: P10Y", to: "notAfter: -P10Y")]),
        Mistake(
            testDescription: "a certificate that lasts no time", code: "field.value", script: "issuing-ca",
            template: "issuing-ca", templateEdits: [.init(from: "notAfter: P10Y", to: "notAfter: P0D")]),
        Mistake(
            testDescription: "a revocation list that ends as it begins", code: "script.value", script: "crl",
            edits: [.init(from: "days: 180", to: "days: 0")]),
        Mistake(
            testDescription: "a key on P-521", code: "key.type", script: "issuing-ca",
            edits: [.init(from: "type: P-256", to: "type: P-521")]),
        Mistake(
            testDescription: "a template that allows P-521", code: "template.p521", script: "issuing-ca",
            template: "issuing-ca", templateEdits: [.init(from: "[P-256, P-384]", to: "[P-256, P-521]")]),
        Mistake(
            testDescription: "a folder that cannot be written", code: "output.unwritable", script: "crl",
            prepare: { try Data().write(to: URL(fileURLWithPath: $0.site + "/crls")) }),
        Mistake(
            testDescription: "a folder of certificates that cannot be written", code: "output.unwritable",
            script: "custodian-enrolment",
            prepare: { place in
                try FileManager.default.moveItem(
                    atPath: place.site + "/certificates", toPath: place.folder + "/away")
                try Data().write(to: URL(fileURLWithPath: place.site + "/certificates"))
            }),
        Mistake(
            testDescription: "a certificate that is there", code: "output.exists", script: "root-ca"),
    ]

    @Test("A mistake is refused before the module is called", arguments: mistakes)
    func mistake(_ mistake: Mistake) throws {
        let place = try Workplace(.founded)
        let site = try String(contentsOfFile: place.site + "/site.yaml", encoding: .utf8)
        try Self.edit(site, [.init(from: Self.realModule, to: try FaultyToken.module())])
            .write(toFile: place.site + "/site.yaml", atomically: true, encoding: .utf8)
        try place.rehearse("root-ca")
        try mistake.prepare(place)
        let made = try FaultyToken.calls(log: place.calls)
        #expect(made.contains { $0.function == "C_GenerateKeyPair" }, "the module's calls are not logged")

        let text = try String(
            contentsOfFile: "\(Repository.root)/Ceremonies/\(mistake.script)/script.yaml", encoding: .utf8)
        let script = place.folder + "/script.yaml"
        try Self.edit(text, mistake.edits).write(toFile: script, atomically: true, encoding: .utf8)
        if !mistake.template.isEmpty {
            let path = "\(place.site)/templates/\(mistake.template).yaml"
            let template = try String(contentsOfFile: path, encoding: .utf8)
            try Self.edit(template, mistake.templateEdits).write(
                toFile: path, atomically: true, encoding: .utf8)
        }
        let before = try FileManager.default.subpathsOfDirectory(atPath: place.site).sorted()
        try Data().write(to: URL(fileURLWithPath: place.calls))

        let outcome = try place.run("rootline ceremony rehearse script.yaml", with: place.faulty)
        #expect(outcome.code == 65, "\(outcome.errors)")
        #expect(outcome.errors.contains("[\(mistake.code)]"), "\(outcome.errors)")
        #expect(try FaultyToken.calls(log: place.calls).map(\.function) == [])
        #expect(try FileManager.default.subpathsOfDirectory(atPath: place.site).sorted() == before)
    }
}

extension Workplace {
    var calls: String { folder + "/calls" }

    /// What a program needs that loads the module which logs its calls.
    var faulty: [String: String] {
        ["FAULTY_TOKEN_MODULE": MistakeTests.realModule, "FAULTY_TOKEN_LOG": calls]
    }

    func rehearse(_ name: String) throws {
        try succeed("rootline ceremony rehearse \"$REPOSITORY/Ceremonies/\(name)/script.yaml\"", with: faulty)
    }
}
