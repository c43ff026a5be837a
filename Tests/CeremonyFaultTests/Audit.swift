import Foundation

/// What must hold when a disturbed ceremony has come to its end after all.
struct Audit {
    /// Whether the auditor's own verifier has to agree, too.
    static let asksAuditor = true

    let place: Place
    /// What the tokens held before.
    private let untouched: [String: [String]]
    private let before: [String]
    private let certificates: Set<String>
    private let ceremonies: Set<String>

    /// Looks at a site before its ceremony.
    init(_ place: Place) throws {
        self.place = place
        before = try place.objects(on: place.ceremony.token)
        untouched =
            place.ceremony.name == "issuing-ca" ? ["root": try place.objects(on: "root")] : [:]
        certificates = Audit.files(place.site + "/certificates")
        ceremonies = Audit.files(place.site + "/ceremonies")
    }

    private static func files(_ folder: String) -> Set<String> {
        Set((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
    }

    /// A transcript's lines.
    static func lines(_ path: String) throws -> [[String: Any]] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
        }
    }

    /// Everything that is not as it should be.
    func findings() throws -> [String] {
        var findings: [String] = []
        let made = Audit.files(place.site + "/ceremonies").subtracting(ceremonies).sorted()
        // One that was killed before its first line was whole has done nothing; its folder stays.
        let begun = made.filter {
            FileManager.default.contents(atPath: place.transcript(of: $0))?.contains(0x0A) == true
        }
        guard begun.count == 1, let name = begun.first else {
            return ["transcripts: \(begun), folders: \(made)"]
        }
        let transcript = place.transcript(of: name)
        let verified = try place.run(["ceremony", "verify", transcript, "--allow-rehearsal"])
        if verified.code != 0 {
            findings.append("verify: exit \(verified.code): \(verified.errors)\(verified.output)")
        }
        if Audit.asksAuditor, let refusal = try auditorsRefusal(of: transcript) { findings.append(refusal) }
        findings += try keyFindings()
        findings += try certificateFindings(try Audit.lines(transcript))
        findings += leftovers()
        return findings
    }

    /// What the auditor's own verifier has against a transcript; nil where it accepts it.
    func auditorsRefusal(of transcript: String) throws -> String? {
        // With the Python of whoever runs the tests: it needs a package that is not Python's own.
        let own = ProcessInfo.processInfo.environment.filter { ["PATH", "HOME"].contains($0.key) }
        let command = """
            python=$("$0/Tests/Tools/auditor-python") || exit
            exec "$python" "$0/Ceremonies/auditor/verify_transcript.py" "$1" --allow-rehearsal
            """
        let outcome = try Program(
            command, [Repository.root, transcript], in: place.folder, place.environment.merging(own) { $1 }
        ).wait()
        return outcome.code == 0 ? nil : "the auditor's verifier: \(outcome.output)\(outcome.errors)"
    }

    private func keyFindings() throws -> [String] {
        var findings: [String] = []
        let new = try place.objects(on: place.ceremony.token).filter { !before.contains($0) }
        let identifiers = Set(new.map { $0.split(separator: " ").dropFirst().joined(separator: " ") })
        if new.count != 2 || identifiers.count != 1
            || identifiers.first?.hasSuffix(" " + place.ceremony.label) != true
            || Set(new.compactMap(\.first)) != ["2", "3"]
        {
            findings.append("not one key pair of the label: \(new)")
        }
        for (token, objects) in untouched where try place.objects(on: token) != objects {
            findings.append("token \(token) was changed")
        }
        return findings
    }

    private func certificateFindings(_ lines: [[String: Any]]) throws -> [String] {
        var findings: [String] = []
        let role = place.ceremony.role
        let published = Audit.files(place.site + "/certificates")
        if published.subtracting(certificates) != ["\(role).pem", "\(role).json"]
            || !published.isSuperset(of: certificates)
        {
            findings.append("certificates: \(published.sorted())")
        }
        let intents = lines.filter {
            $0["type"] as? String == "intent" && $0["effect"] as? String == "sign-certificate"
        }
        let serial = try place.tool([
            "openssl", "x509", "-noout", "-serial", "-in", place.site + "/certificates/\(role).pem",
        ]).trimmingCharacters(in: .newlines).lowercased()
        let meant = Set(intents.compactMap { $0["toBeSigned"] as? String })
        if meant.count != 1 { findings.append("\(meant.count) different certificates were meant") }
        if serial != "serial=\(intents.first?["certificateSerial"] as? String ?? "")" {
            findings.append("\(serial) is not the first intent's")
        }
        return findings
    }

    /// Files that were begun and never came to their place, and shares of no token.
    private func leftovers() -> [String] {
        var findings: [String] = []
        let walk = FileManager.default.enumerator(atPath: place.site)
        while let name = walk?.nextObject() as? String {
            if name.contains(".new-") { findings.append("left over: \(name)") }
        }
        for token in Audit.files(place.site + "/activation") {
            let sets = Audit.files(place.site + "/activation/\(token)").subtracting(["current"])
            if sets.count != 1 { findings.append("activation/\(token) has \(sets.count) sets of shares") }
        }
        return findings
    }
}
