import Foundation
import KeyCeremony
import PKCS11
import Sites
import TestTokens

/// Where the repository's own scripts and templates are.
enum Repository {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func path(_ relative: String) -> String { folder.appendingPathComponent(relative).path }

    /// A folder under Ceremonies for its `script.yaml`, or `folder/file` for another script in it.
    static func script(_ name: String) -> String {
        path("Ceremonies/\(name.contains("/") ? name : name + "/script").yaml")
    }

    static func scriptText(_ name: String) throws -> String {
        try String(contentsOfFile: script(name), encoding: .utf8)
    }

    /// Every script under Ceremonies, in an order in which one site can hold them.
    static let ceremonies = [
        "root-ca", "issuing-ca", "run-authority", "allowlist-signer", "firmware-signer", "crl",
        "custodian-enrolment", "backup-and-recovery", "backup-and-recovery/recover", "activation-data-rekey",
        "destruction", "allowlist-signer/successor",
    ]
}

/// A site in a temporary folder, with fresh SoftHSM tokens; removed with this value.
final class TestSite {
    let site: Site
    let tokens: [String: TestTokens.Token]

    init(rehearsal: Bool = true, activation: String = "pin-source") throws {
        let manager = FileManager.default
        let folder = manager.temporaryDirectory.appendingPathComponent("rootline-site-\(UUID().uuidString)")
            .path
        for name in ["certificates", "ceremonies", "secrets"] {
            try manager.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        try manager.copyItem(atPath: Repository.path("Templates/certificates"), toPath: "\(folder)/templates")
        var tokens: [String: TestTokens.Token] = [:]
        var yaml = "version: 1\nrehearsal: \(rehearsal)\n"
        yaml += "origin: \(rehearsal ? Site.rehearsalOriginPrefix : "log.example.com/")test\ntokens:\n"
        for name in ["authority", "backup", "firmware", "line", "root"] {
            let token = try TestTokens.make()
            tokens[name] = token
            for (file, pin) in [
                ("\(name).pin", token.pinText), ("\(name).so.pin", token.securityOfficerPINText),
            ] {
                let path = "\(folder)/secrets/\(file)"
                try Data(pin.utf8).write(to: URL(fileURLWithPath: path))
                try manager.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            }
            yaml += "  \(name):\n    module: \(TestTokens.modulePath)\n    serial: \"\(token.serial)\"\n"
            yaml += "    label: \(token.label)\n    activation: \(activation)\n"
            if activation == "pin-source" { yaml += "    pinSource: secrets/\(name).pin\n" }
            if rehearsal { yaml += "    officerPinSource: secrets/\(name).so.pin\n" }
        }
        try Data(yaml.utf8).write(to: URL(fileURLWithPath: folder + "/site.yaml"))
        site = try Site(opening: folder)
        self.tokens = tokens
    }

    deinit { try? FileManager.default.removeItem(atPath: site.folder) }

    /// Rehearses one of the repository's scripts.
    @discardableResult
    func rehearse(_ name: String, answers: CeremonyAnswers = .expected) throws -> CeremonyOutcome {
        try CeremonyScript.load(path: Repository.script(name)).rehearse(site: site, answers: answers)
    }

    /// The same site after a change to its `site.yaml`.
    func reopened(_ from: String, _ to: String) throws -> Site {
        let path = site.path("site.yaml")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try Data(text.replacingOccurrences(of: from, with: to).utf8).write(to: URL(fileURLWithPath: path))
        return try Site(opening: site.folder)
    }

    /// Answers to be given in a rehearsal: a YAML map of step ids to answers.
    func answers(_ yaml: String) throws -> CeremonyAnswers {
        let path = site.path("answers.yaml")
        try Data(yaml.utf8).write(to: URL(fileURLWithPath: path))
        return try CeremonyAnswers.load(path: path)
    }

    func transcript(_ ceremony: String) throws -> String {
        try String(contentsOfFile: site.ceremonyFolder(ceremony) + "/transcript.jsonl", encoding: .utf8)
    }

    /// The labels of a token's objects that anybody sees.
    func publicLabels(_ token: String) throws -> [String] {
        guard let slot = tokens[token]?.slot else { return [] }
        return try slot.withSession { session in
            try session.find([]).compactMap { try session.attribute(.label, of: $0)?.text }.sorted()
        }
    }

    /// The names of everything in a folder of the site.
    func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: site.path(folder)).sorted()
    }
}

/// Runs a program of the PATH and answers its exit code and output.
func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
}

/// Runs the openssl command and answers its exit code and output.
func openssl(_ arguments: String...) throws -> (code: Int32, output: String) {
    try run(["openssl"] + arguments)
}
