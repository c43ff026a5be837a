import Foundation
import Testing

@testable import Certificates

struct TemplateFaultCase: CustomTestStringConvertible {
    var file = "idevid-ec-p256"
    var old: String
    var new: String
    var code: String
    var field: String
    /// The text at whose first place in the edited file the fault has to stand.
    var at: String

    var testDescription: String { "\(code) at \(field): \(new.prefix(40))" }
}

@Suite("Certificate templates")
struct TemplateTests {
    @Test(
        "Every template of the repository loads",
        arguments: ["root-ca", "issuing-ca", "idevid-ec-p256", "tls-client-ec-p256", "signer"])
    func shippedTemplatesLoad(name: String) throws {
        let loaded = try template(name)
        #expect(loaded.digest.count == 32)
        #expect(loaded.neverEnds == (name == "idevid-ec-p256"))
    }

    @Test("A device template lists the columns it needs, the serial first")
    func columns() throws {
        let loaded = try edited("idevid-ec-p256", "\"{product}\"", "\"{column.model} {column.mac}\"")
        #expect(loaded.columns == ["serial", "model", "mac"])
    }

    static let cases: [TemplateFaultCase] = [
        .init(old: "version: 1", new: "version: 2", code: "field.value", field: "version", at: "2\nkind"),
        .init(old: "version: 1", new: "version: \"1\"", code: "field.type", field: "version", at: "\"1\""),
        .init(
            old: "rotates: false", new: "rotates: no", code: "field.type", field: "rotates", at: "no\n\nkey"),
        .init(old: "rotates: false", new: "", code: "field.missing", field: "rotates", at: "version: 1"),
        .init(
            old: "rotates: false", new: "rotats: false", code: "field.unknown", field: "rotats", at: "rotats"),
        .init(old: "kind: device", new: "kind: gadget", code: "field.value", field: "kind", at: "gadget"),
        .init(
            old: "curves: [P-256]", new: "curves: [P-521]", code: "template.p521", field: "key.curves[0]",
            at: "P-521"),
        .init(old: "curves: [P-256]", new: "curves: []", code: "field.value", field: "key.curves", at: "[]"),
        .init(
            old: "curves: [P-256]", new: "curves: [P-256, P-256]", code: "field.repeated",
            field: "key.curves[1]",
            at: "P-256]\n\n# The"),
        .init(old: "type: ec", new: "type: rsa", code: "field.value", field: "key.type", at: "rsa"),
        .init(
            old: "octets: 20", new: "octets: 16", code: "field.value", field: "serialNumber.octets", at: "16"),
        .init(
            old: "notAfter: \"99991231235959Z\"", new: "notAfter: 20 years", code: "field.value",
            field: "validity.notAfter", at: "20 years"),
        .init(
            old: "type: CN, encoding", new: "type: CommonName, encoding", code: "template.oid",
            field: "subject[1].type", at: "CommonName"),
        .init(
            old: "type: CN, encoding", new: "type: 2.5.04.3, encoding", code: "template.oid",
            field: "subject[1].type", at: "2.5.04.3"),
        .init(
            old: "encoding: printable", new: "encoding: utf8", code: "template.encoding",
            field: "subject[2].encoding", at: "utf8, value: \"{serial}\""),
        .init(
            old: "value: \"{serial}\"", new: "value: \"{serial\"", code: "template.placeholder",
            field: "subject[2].value", at: "\"{serial\""),
        .init(
            old: "value: \"{serial}\"", new: "value: \"{serial}_\"", code: "template.text",
            field: "subject[2].value", at: "\"{serial}_\""),
        .init(
            old: "value: \"{serial}\"", new: "value: \"{product}\"", code: "template.subject-not-unique",
            field: "subject", at: "- { type: O"),
        .init(
            old: "{product}", new: "{column.mac} {color}", code: "template.placeholder", field: "",
            at: "version: 1"),
        .init(
            old: "\"Example Manufacturing\"", new: "\"\(String(repeating: "x", count: 65))\"",
            code: "template.text", field: "subject[0].value", at: "\"xxxx"),
        .init(
            old: "\"Example Manufacturing\"", new: "1234", code: "field.type", field: "subject[0].value",
            at: "1234"),
        .init(
            old: "critical: true, usages: [digitalSignature]", new: "critical: true, usages: [keyCertSign]",
            code: "template.leaf-key-usage", field: "extensions.keyUsage",
            at: "{ critical: true, usages: [keyCert"),
        .init(
            old: "usages: [digitalSignature]", new: "usages: [digitalSignature, keyEncipherment]",
            code: "template.key-usage", field: "extensions.keyUsage", at: "{ critical: true, usages: [digital"
        ),
        .init(
            old: "usages: [digitalSignature]", new: "usages: [signing]", code: "field.value",
            field: "extensions.keyUsage.usages[0]", at: "signing]"),
        .init(
            old: "basicConstraints: none",
            new: "basicConstraints: { critical: true, ca: true, pathLength: none }",
            code: "template.leaf-is-ca", field: "extensions.basicConstraints",
            at: "{ critical: true, ca: true"),
        .init(
            old: "basicConstraints: none",
            new: "basicConstraints: { critical: true, ca: false, pathLength: 0 }",
            code: "template.path-length", field: "extensions.basicConstraints.pathLength", at: "0 }"),
        .init(
            old: "authorityKeyIdentifier: { critical: false }", new: "authorityKeyIdentifier: none",
            code: "template.authority-key-identifier", field: "extensions.authorityKeyIdentifier",
            at: "none\n  # Hardware"),
        .init(
            old: "authorityKeyIdentifier: { critical: false }",
            new: "authorityKeyIdentifier: { critical: true }",
            code: "template.critical", field: "extensions.authorityKeyIdentifier",
            at: "{ critical: true }\n  # Hardware"),
        .init(
            old: "other: none", new: "other: [{ oid: 2.5.29.15, critical: true, der: \"0500\" }]",
            code: "template.duplicate-extension", field: "extensions.other[0].oid", at: "2.5.29.15"),
        .init(
            old: "other: none", new: "other: [{ oid: 1.2.3, critical: true, der: \"05\" }]",
            code: "template.der", field: "extensions.other[0].der", at: "\"05\""),
        .init(
            old: "extendedKeyUsage: none", new: "extendedKeyUsage: { critical: false, purposes: [web] }",
            code: "template.oid", field: "extensions.extendedKeyUsage.purposes[0]", at: "web"),
        .init(
            old: "type: \"1.3.6.1.4.1.99999.1.1\"", new: "type: \"3.1\"", code: "template.oid",
            field: "extensions.subjectAltName.names[0].hardwareModuleName.type", at: "\"3.1\""),
        .init(
            old: "kind: device", new: "kind: &k device", code: "yaml.anchor", field: "kind", at: "&k"),
        .init(old: "kind: device", new: "kind: !x device", code: "yaml.tag", field: "kind", at: "!x"),
        .init(
            old: "kind: device", new: "kind: device\nkind: device", code: "yaml.duplicate-key", field: "kind",
            at: "kind: device"),
        .init(old: "kind: device", new: "kind: @device", code: "yaml.syntax", field: "", at: "@device"),
        .init(
            file: "root-ca", old: "ca: true, pathLength: 1", new: "ca: false, pathLength: none",
            code: "template.ca-basic-constraints", field: "extensions.basicConstraints",
            at: "{ critical: true, ca: false"),
        .init(
            file: "root-ca", old: "usages: [keyCertSign, cRLSign]", new: "usages: [cRLSign]",
            code: "template.ca-key-usage", field: "extensions.keyUsage", at: "{ critical: true, usages"),
        .init(
            file: "root-ca", old: "subjectKeyIdentifier: { critical: false, method: sha256-160 }",
            new: "subjectKeyIdentifier: none", code: "template.ca-key-identifier",
            field: "extensions.subjectKeyIdentifier", at: "none\n  authorityKey"),
        .init(
            file: "root-ca", old: "rotates: false", new: "rotates: true", code: "template.rotates",
            field: "rotates", at: "true\n\n# The subject's"),
        .init(
            file: "issuing-ca", old: "notAfter: P10Y", new: "notAfter: \"99991231235959Z\"",
            code: "template.never-ends", field: "validity", at: "notBefore: given"),
        .init(
            file: "issuing-ca", old: "{generation}", new: "{serial}", code: "template.placeholder", field: "",
            at: "version: 1"),
    ]

    @Test("A template's fault is named with its code, its field and its place", arguments: cases)
    func faults(example: TemplateFaultCase) throws {
        let original = try templateText(example.file)
        let body = original.split(separator: "version: 1", maxSplits: 1)
        try #require(body.count == 2)
        // The comment at the top would hold some of the words that are looked for.
        let text = "version: 1" + body[1]
        try #require(text.contains(example.old))
        let changed = text.replacingOccurrences(of: example.old, with: example.new)
        let error = #expect(throws: CertificatesError.self) {
            try CertificateTemplate.parse(Array(changed.utf8), name: "t.yaml")
        }
        let fault = error?.faults.first { $0.code == example.code && $0.field == example.field }
        let found = try #require(fault, "got \(error?.faults.map(\.description) ?? [])")
        #expect(found.file == "t.yaml")
        let range = try #require(changed.range(of: example.at))
        let before = changed[..<range.lowerBound]
        #expect(found.line == 1 + before.count(where: { $0 == "\n" }))
        #expect(
            found.column == 1
                + (before.split(separator: "\n", omittingEmptySubsequences: false).last?.count ?? 0))
    }

    @Test("All faults are reported at once, a repeated key among them")
    func allAtOnce() throws {
        let text = try templateText("idevid-ec-p256")
            .replacingOccurrences(of: "rotates: false", with: "rotates: maybe\nrotates: false\nextra: 1")
            .replacingOccurrences(of: "octets: 20", with: "octets: 8")
            .replacingOccurrences(of: "type: CN", with: "type: XX")
        let error = #expect(throws: CertificatesError.self) {
            try CertificateTemplate.parse(Array(text.utf8), name: "t")
        }
        #expect(
            error?.faults.map(\.code) == [
                "yaml.duplicate-key", "field.unknown", "field.value", "template.oid",
            ])
        #expect(error?.code == .templateInvalid)
    }

    @Test("Octets that are not UTF-8 are refused with their place")
    func encoding() {
        let error = #expect(throws: CertificatesError.self) {
            try CertificateTemplate.parse(Array("version: 1\nkind: ä".utf8) + [0xFF], name: "t")
        }
        #expect(error?.faults.map(\.code) == ["yaml.encoding"])
        #expect(error?.faults.first?.line == 2)
        #expect(error?.faults.first?.column == 8)
    }

    @Test("A control character is refused with its place")
    func control() {
        let error = #expect(throws: CertificatesError.self) {
            try CertificateTemplate.parse(Array("version: 1\nkind: a\u{1}b\n".utf8), name: "t")
        }
        #expect(error?.faults.map(\.code) == ["yaml.control"])
        #expect(error?.faults.first?.line == 2)
        #expect(error?.faults.first?.column == 8)
    }

    @Test("A byte order mark and CRLF change nothing but the digest")
    func windowsFile() throws {
        let text = try templateText("idevid-ec-p256")
        let windows = [0xEF, 0xBB, 0xBF] + Array(text.replacingOccurrences(of: "\n", with: "\r\n").utf8)
        let loaded = try CertificateTemplate.parse(windows, name: "w")
        #expect(loaded.columns == ["serial"])
        #expect(loaded.digest != (try template("idevid-ec-p256")).digest)
    }

    @Test(
        "Deep nesting, aliases and empty files are refused and never crash",
        arguments: [
            String(repeating: "[", count: 100_000), "", "# nothing", "a: &x 1\nb: *x", "- 1", "? [a, b]\n: 1",
            "\0",
            "a: &a [x]\nb: &b [*a, *a]\n? [*b, *b]\n: 1", "{a: 1, a: 2, a: 3, b: 1, b: 2}",
            "\"a\": 1\n\"a\": 2", "--- 1\n--- 2", ": : :", "%YAML 3.0\n---\na",
        ])
    func hostile(text: String) {
        #expect(throws: CertificatesError.self) {
            try CertificateTemplate.parse(Array(text.utf8), name: "t")
        }
    }

    @Test("A missing file is a refusal of its own")
    func missing() {
        let error = #expect(throws: CertificatesError.self) {
            try CertificateTemplate.load(path: "/nowhere.yaml")
        }
        #expect(error?.code == .templateUnreadable)
    }
}
