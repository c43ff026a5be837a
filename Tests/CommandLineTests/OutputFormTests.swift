import Foundation
import Testing

@Suite("What programs read of the command line is a promise")
struct OutputFormTests {
    /// The commands that answer a question, with the keys that stay.
    private static let documents: [(command: String, code: Int32, keys: Set<String>)] = [
        (
            "init made --hsm softhsm --demo", 0,
            ["version", "site", "rehearsal", "origin", "module", "tokens", "station"]
        ),
        ("doctor", 0, ["version", "site", "checks"]),
        ("key list", 0, ["version", "keys"]),
        ("key show rehearsal/root-ca:root", 0, ["version", "key"]),
        (
            "ceremony check $REPOSITORY/Ceremonies/root-ca/script.yaml --site made", 0,
            ["version", "script", "title", "digest", "steps", "expectedMinutes", "site", "faults"]
        ),
        (
            "ceremony rehearse $REPOSITORY/Ceremonies/root-ca/script.yaml --site made", 0,
            ["version", "ceremony", "rehearsal", "transcript", "head", "minutes", "artefacts"]
        ),
        (
            "ceremony verify site/ceremonies/root-ca/transcript.jsonl --allow-rehearsal", 0,
            [
                "version", "ceremony", "title", "rehearsal", "origin", "scriptDigest", "head", "people",
                "signOffs",
                "exceptions", "interruptions", "artefacts", "rosterPinned", "headCompared",
            ]
        ),
        ("run status", 0, ["version", "runs"]),
        (
            "run check batch/manifest.yaml", 0,
            [
                "version", "run", "product", "quantity", "template", "manifestDigest", "templateDigest",
                "stationDigest", "keyOrigin",
            ]
        ),
        (
            "run approve batch/manifest.yaml", 0,
            [
                "version", "run", "quantity", "spoilage", "notBefore", "notAfter", "treeSize",
                "manifestDigest", "approval",
                "authorisation", "authorisationDigest",
            ]
        ),
        (
            "run approve-crl", 0,
            [
                "version", "spanDays", "notBefore", "notAfter", "issuer", "approval", "authorisation",
                "authorisationDigest",
            ]
        ),
        (
            "run start batch/manifest.yaml", 0,
            [
                "version", "run", "quantity", "released", "burned", "made", "seconds", "makingSeconds",
                "devicesPerSecond", "peakMemoryBytes", "folder", "treeSize", "checkpoint", "delivery",
                "packageIndexDigest", "warnings",
            ]
        ),
        (
            "run verify-packages batch", 0,
            ["version", "run", "packageIndexDigest", "files", "devices", "faults"]
        ),
        (
            "run extract EX-00000001", 0,
            ["version", "run", "file", "row", "serial", "certificate", "wrappedKey", "transportKey"]
        ),
        ("key registration-group sensors", 0, ["version", "record", "path"]),
        (
            "allowlist verify --allow-rehearsal", 0,
            [
                "version", "verified", "origin", "rehearsal", "treeSize", "root", "authorised", "devices",
                "entries", "runs", "warnings", "approval", "signedAt", "time", "age",
            ]
        ),
        (
            "allowlist lookup EX-00000001 --allow-rehearsal", 0,
            [
                "version", "status", "keyChecked", "serialChecked", "serial", "product", "run", "entryIndex",
                "keyDigest",
                "certificateDigest", "rotates", "treeSize",
            ]
        ),
        (
            "allowlist pack --out list.tar --allow-rehearsal", 0,
            ["version", "archive", "sha256", "bytes", "files", "treeSize", "root"]
        ),
        (
            "allowlist lookup EX-99999999 --allow-rehearsal", 1,
            ["version", "status", "keyChecked", "serialChecked", "serial", "treeSize"]
        ),
    ]

    private func object(_ text: String) throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
        return try #require(value as? [String: Any], "no JSON object: \(text)")
    }

    @Test("With --format json each command prints one document of version 1 with its keys, and nothing else")
    func documents() throws {
        let place = try Workplace(.sealed)
        try place.succeed("make-run batch 4 1000")
        for (command, code, keys) in Self.documents {
            let outcome = try place.run("rootline \(command) --format json")
            #expect(outcome.code == code, "\(command): \(outcome.errors)\(outcome.output)")
            let document = try object(outcome.output)
            #expect(document["version"] as? Int == 1, "\(command)")
            let missing = keys.subtracting(document.keys)
            #expect(missing.isEmpty, "\(command) lacks \(missing)")
        }
    }

    @Test("The documents' lists have the keys that programs count with")
    func lists() throws {
        let place = try Workplace(.sealed)
        func first(_ command: String, _ list: String) throws -> Set<String> {
            let document = try object(try place.succeed("rootline \(command) --format json"))
            let items = try #require(document[list] as? [[String: Any]])
            return Set(try #require(items.first).keys)
        }
        #expect(
            try first("run status", "runs").isSuperset(of: [
                "run", "product", "state", "quantity", "spoilage", "reserved", "released", "scrapped",
                "burned",
                "outstanding", "openedAt", "sealedAt",
            ]))
        #expect(
            try first("allowlist verify --allow-rehearsal", "runs").isSuperset(of: [
                "run", "product", "quantity", "spoilage", "reserved", "released", "scrapped", "burned",
                "sealed",
                "activation",
            ]))
        #expect(
            try first("key list", "keys").isSuperset(of: [
                "label", "role", "rehearsal", "token", "type", "id", "attributes", "publicKey",
            ]))
        #expect(try first("doctor", "checks").isSuperset(of: ["subject", "outcome", "message"]))
    }

    @Test(
        "An error, too, is one document, with its code, message, next action and exit code",
        arguments: [
            ("run check nowhere.yaml", 66, "manifest.unreadable"),
            ("run status nowhere", 66, "ledger-run-unknown"),
            ("run resume nowhere", 66, "ledger-run-unknown"),
            ("run resume first", 65, "run-wrong-state"), ("run status --site nowhere", 66, "site-missing"),
            ("run check first/manifest.yaml", 73, "ledger-run-exists"),
            ("key show rehearsal/nothing:here", 69, "key-absent"),
            ("init site --hsm softhsm --demo", 73, "site-exists"),
            ("ceremony check nowhere.yaml", 66, nil),
            ("ceremony verify site/ceremonies/root-ca/transcript.jsonl", 1, "transcript-invalid"),
            ("allowlist verify", 1, "allowlist-rehearsal"),
            ("key list --token line --pin-source line=file:nowhere", 77, nil),
        ] as [(String, Int32, String?)])
    func errors(command: String, code: Int32, word: String?) throws {
        let place = try Workplace(.sealed)
        let outcome = try place.run("rootline \(command) --format json")
        #expect(outcome.code == code, "\(outcome.output)")
        #expect(outcome.errors.isEmpty, "\(outcome.errors)")
        let document = try object(outcome.output)
        #expect(document["version"] as? Int == 1)
        let error = try #require(document["error"] as? [String: Any])
        #expect(error["exitCode"] as? Int == Int(code))
        #expect((error["message"] as? String)?.isEmpty == false)
        #expect((error["hint"] as? String)?.isEmpty == false, "what to do next is said")
        if let word { #expect(error["code"] as? String == word) }
    }

    @Test(
        "Every command explains itself with --help",
        arguments: [
            "", "init", "doctor", "ceremony", "ceremony check", "ceremony rehearse",
            "ceremony perform", "ceremony resume", "ceremony abandon", "ceremony verify", "ceremony report",
            "ceremony print", "run", "run check",
            "run approve", "run approve-crl", "run start", "run resume", "run status", "run report",
            "run scrap", "run rework", "run close", "run crl", "run extract", "run verify-packages", "ledger",
            "ledger check", "ledger backup", "allowlist", "allowlist verify",
            "allowlist lookup", "allowlist pack", "allowlist pins", "allowlist serial-key",
            "allowlist revoke", "allowlist replace", "allowlist rotate-signer",
            "allowlist rotate-signer approve", "allowlist rotate-signer perform", "key", "key list",
            "key show", "key registration-group",
        ])
    func help(command: String) throws {
        let place = try Workplace()
        let outcome = try place.run("rootline \(command) --help")
        #expect(outcome.code == 0 && outcome.errors.isEmpty)
        #expect(outcome.output.hasPrefix("OVERVIEW: ") && outcome.output.contains("USAGE: rootline"))
    }

    @Test("The help names every command of this version, and no other")
    func commands() throws {
        let place = try Workplace()
        func names(_ command: String) throws -> [String] {
            let lines = try place.succeed("rootline \(command) --help").split(separator: "\n")
            return lines.drop { $0 != "SUBCOMMANDS:" }.dropFirst()
                .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  See ") }
                .compactMap { $0.split(separator: " ").first.map(String.init) }
        }
        #expect(try names("") == ["init", "doctor", "ceremony", "run", "allowlist", "key", "ledger"])
        #expect(
            try names("ceremony") == [
                "check", "print", "rehearse", "perform", "resume", "abandon", "verify", "report",
            ])
        #expect(
            try names("run") == [
                "check", "approve", "approve-crl", "start", "resume", "status", "report", "scrap", "rework",
                "close", "crl", "extract", "verify-packages",
            ])
        #expect(try names("ledger") == ["check", "backup"])
        #expect(
            try names("allowlist") == [
                "verify", "lookup", "pack", "prove", "verify-receipt", "diff", "apply", "journal", "cosign",
                "witness-key", "pins", "serial-key", "revoke", "replace",
                "rotate-signer",
            ])
        #expect(try names("allowlist rotate-signer") == ["approve", "perform"])
        #expect(try names("key") == ["list", "show", "registration-group"])
    }

    @Test("Errors are coloured on a terminal, and not with NO_COLOR or anywhere else")
    func colour() throws {
        let place = try Workplace()
        // `script` gives the command a terminal.
        let command = "script -qec 'rootline run status nowhere' /dev/null"
        let terminal = ["TERM": "xterm"]
        #expect(try place.run(command, with: terminal).output.contains("\u{1B}[1mrootline:\u{1B}[0m"))
        let plain = try place.run(command, with: terminal.merging(["NO_COLOR": "1"]) { $1 })
        #expect(plain.output.contains("rootline: ") && !plain.output.contains("\u{1B}"))
        #expect(try !place.run("rootline run status nowhere", with: terminal).errors.contains("\u{1B}"))
        #expect(try !place.run(command, with: ["TERM": "dumb"]).output.contains("\u{1B}"))
    }

    @Test("A run shows a bar on a terminal and plain lines elsewhere; results alone go to standard output")
    func progress() throws {
        let place = try Workplace()
        try place.approve("batch", devices: 40)
        let bar = try place.run("script -qec 'rootline run start batch/manifest.yaml' /dev/null")
        #expect(bar.code == 0 && bar.output.contains("█") && bar.output.contains("40 of 40 devices"))
        try place.approve("other", devices: 4, first: 1000)
        let plain = try place.run("rootline run start other/manifest.yaml")
        #expect(plain.errors.hasSuffix("4 of 4 devices\n") || plain.errors.contains("4 of 4 devices, "))
        #expect(!plain.errors.contains("█") && !plain.output.contains("4 of 4"))
        #expect(plain.output.hasPrefix("sealed  run other: 4 devices released, 0 burned\n"))
    }

    @Test("A PIN is asked for on the terminal, without an echo")
    func prompt() throws {
        let place = try Workplace()
        try place.succeed("sed -i '/pinSource/d' site/site.yaml")
        let outcome = try place.run(
            "(sleep 0.5; cat site/secrets/root.pin; echo) | script -qec 'rootline key list --token root' /dev/null"
        )
        #expect(outcome.code == 0 && outcome.output.contains("PIN of token root"), "\(outcome.output)")
        #expect(outcome.output.contains("rehearsal/root-ca:root"))
        let pin = try String(contentsOfFile: place.site + "/secrets/root.pin", encoding: .utf8)
            .trimmingCharacters(in: .newlines)
        #expect(pin.count >= 4 && !outcome.output.contains(pin))
    }

    @Test("No PIN is in the arguments or the environment of a run's processes")
    func hiddenPIN() throws {
        let place = try Workplace()
        try place.approve("batch", devices: 120)
        let pin = try String(contentsOfFile: place.site + "/secrets/line.pin", encoding: .utf8)
            .trimmingCharacters(in: .newlines)
        let program = try place.start("exec rootline run start batch/manifest.yaml")
        try #require(Instant.packages(3).wait(for: program, in: place.site + "/runs/batch"))
        let processes = [program.process] + program.children
        #expect(processes.count >= 2)
        for process in processes {
            for file in ["cmdline", "environ"] {
                let bytes = FileManager.default.contents(atPath: "/proc/\(process)/\(file)") ?? Data()
                // Nobody but root may read the environment of a process that forbids its being traced.
                #expect(!bytes.isEmpty || file == "environ", "a live process has a \(file)")
                #expect(bytes.range(of: Data(pin.utf8)) == nil)
            }
        }
        #expect(try program.wait().code == 0)
        // Nor in anything that the run has left.
        #expect(try place.run("grep -rlF '\(pin)' site --exclude=line.pin").output.isEmpty)
    }
}
