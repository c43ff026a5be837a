import Foundation
import RunLedger
import Testing

/// A line of a package in every form that a station may get.
private struct DeliveredLine: Decodable {
    let row: Int
    let serial: String
    let certificate: Data
    let wrappedKey: Data?
    let transportKey: String?
    let pkcs12: Data?
    let registrationId: String?
    let wrappedRegistrationSecret: Data?
}

private struct Delivery: Decodable {
    struct Registration: Decodable {
        let group: String
        let groupKeyCheckValue: String
        let groupKeyMadeInToken: Bool
    }
    let delivery: String
    let keysPassedThroughHost: Bool
    let keyWrapping: String?
    let pkcs12: String?
    let registration: Registration?
}

extension Workplace {
    fileprivate func lines(of run: String) throws -> [DeliveredLine] {
        let text = try succeed("cat site/runs/\(run)/packages/*.jsonl")
        return try text.split(separator: "\n").map {
            try JSONDecoder().decode(DeliveredLine.self, from: Data($0.utf8))
        }
    }

    fileprivate func delivery(of run: String) throws -> Delivery {
        try JSONDecoder().decode(
            Delivery.self, from: Data(try succeed("cat site/runs/\(run)/delivery.json").utf8))
    }

    /// The indented commands of an extracted package's README, as a person would paste them.
    fileprivate func commands(ofREADME path: String) throws -> String {
        try String(contentsOfFile: folder + "/" + path, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }.joined(separator: "\n")
    }

    /// A manifest of so many devices with more lines at its end, approved; its template rotates and allows PKCS#12.
    fileprivate func approve(_ run: String, devices: Int, delivery: String, adding text: String = "") throws {
        try succeed(
            """
            sed -i 's/^rotates: false/rotates: true/; s/^delivery: .*/delivery: [wrapped, pkcs12]/' \
              site/templates/idevid-ec-p256.yaml
            make-run \(run) \(devices)
            sed -i 's/^delivery: .*/delivery: \(delivery)/' \(run)/manifest.yaml
            """)
        let manifest = folder + "/\(run)/manifest.yaml"
        let old = try String(contentsOfFile: manifest, encoding: .utf8)
        try (old + text).write(toFile: manifest, atomically: true, encoding: .utf8)
        try succeed("rootline run approve \(run)/manifest.yaml")
    }
}

@Suite("Registration secrets reach the station and nobody else")
struct RegistrationRunTests {
    private static let registration = "registration:\n  group: sensors\n  id: \"sensor-{serial}\"\n"

    @Test(
        "Each device's secret is the HMAC of its registration id under the group's key, and its entry rotates"
    )
    func secrets() throws {
        let place = try Workplace()
        try place.succeed(
            """
            openssl rand 64 > raw && openssl base64 -A -in raw -out key && chmod 600 key
            rootline key registration-group sensors --import file:key
            """)
        try place.approve("batch", devices: 30, delivery: "wrapped", adding: Self.registration)
        try place.succeed("rootline run start batch/manifest.yaml")
        try place.audit([("batch", Workplace.serials(30))])

        let lines = try place.lines(of: "batch")
        #expect(lines.map(\.registrationId) == Workplace.serials(30).map { "sensor-" + $0.lowercased() })
        #expect(Set(lines.compactMap(\.wrappedRegistrationSecret)).count == 30)
        for serial in ["EX-00000001", "EX-00000030"] {
            try place.succeed("rootline run extract \(serial)")
            try place.succeed("cp site/station/station-private.pem \(serial)/")
            try place.succeed("cd \(serial)\n" + place.commands(ofREADME: serial + "/README.txt"))
            let expected = try place.succeed(
                """
                printf '%s' "$(cat \(serial)/registration-id.txt)" | openssl dgst -sha256 -mac HMAC \
                  -macopt hexkey:$(od -An -v -tx1 raw | tr -d ' \\n') -binary | od -An -v -tx1
                """)
            #expect(try place.succeed("od -An -v -tx1 \(serial)/registration-secret") == expected)
            #expect(
                try place.succeed("openssl pkey -inform DER -in \(serial)/device-key.der -pubout")
                    == place.succeed("openssl x509 -in \(serial)/certificate.pem -noout -pubkey"))
        }
        let answer = try place.succeed(
            "rootline allowlist lookup EX-00000030 --allow-rehearsal --format json")
        #expect(answer.contains("\"rotates\" : true"))
        let delivery = try place.delivery(of: "batch")
        #expect(delivery.registration?.group == "sensors")
        #expect(delivery.registration?.groupKeyMadeInToken == false && !delivery.keysPassedThroughHost)
    }

    @Test(
        "A group's key that was made in the token serves as well, with session copies too",
        arguments: ["", "--session-copies"])
    func made(option: String) throws {
        let place = try Workplace()
        try place.succeed("rootline key registration-group sensors \(option)")
        try place.approve("batch", devices: 4, delivery: "wrapped", adding: Self.registration)
        try place.succeed("rootline run start batch/manifest.yaml")
        let lines = try place.lines(of: "batch")
        #expect(lines.count == 4 && lines.allSatisfy { $0.wrappedRegistrationSecret?.count == 40 })
        #expect(try place.delivery(of: "batch").registration?.groupKeyMadeInToken == true)
    }

    @Test("A run refuses a group's key that is not the one of its record")
    func replaced() throws {
        let place = try Workplace()
        try place.succeed("rootline key registration-group sensors")
        try place.approve("batch", devices: 4, delivery: "wrapped", adding: Self.registration)
        try place.succeed(
            "sed -i 's/\"checkValue\" : \"../\"checkValue\" : \"zz/' site/certificates/registration-groups/sensors.json"
        )
        let before = try place.books()
        let outcome = try place.run("rootline run start batch/manifest.yaml")
        #expect(outcome.code == 77, "\(outcome.errors)")
        #expect(outcome.errors.contains("is not the one of the group's record"))
        #expect(try place.books().difference(from: before) == nil)
    }
}

@Suite("PKCS#12 goes out under the station's passphrase, where the template allows it")
struct PKCS12RunTests {
    private static let registration = "registration:\n  group: sensors\n  id: \"{serial}\"\n"

    @Test(
        "openssl opens each with its key and chain, the warning is said and recorded, and no file has a key")
    func run() throws {
        let place = try Workplace()
        try place.succeed("openssl rand -base64 24 > passphrase && chmod 600 passphrase")
        try place.succeed("rootline key registration-group sensors")
        try place.approve("batch", devices: 12, delivery: "pkcs12", adding: Self.registration)
        let outcome = try place.run(
            "rootline run start batch/manifest.yaml --passphrase-source file:passphrase --format json")
        #expect(outcome.code == 0, "\(outcome.output)\(outcome.errors)")
        #expect(
            outcome.errors.contains("WARNING: delivery is pkcs12: each device's private key passes through"))
        #expect(outcome.output.contains("\"delivery\" : \"pkcs12\""))
        #expect(outcome.output.contains("\"WARNING: delivery is pkcs12"))
        let delivery = try place.delivery(of: "batch")
        #expect(delivery.delivery == "pkcs12" && delivery.keysPassedThroughHost)
        #expect(delivery.pkcs12?.contains("10000 iterations") == true && delivery.keyWrapping == nil)

        let lines = try place.lines(of: "batch")
        #expect(lines.map(\.serial) == Workplace.serials(12))
        #expect(lines.allSatisfy { $0.wrappedKey == nil && $0.wrappedRegistrationSecret != nil })
        for line in lines {
            try #require(line.pkcs12).write(to: URL(fileURLWithPath: place.folder + "/device.p12"))
            try line.certificate.write(to: URL(fileURLWithPath: place.folder + "/device.der"))
            try place.succeed("openssl pkcs12 -in device.p12 -passin file:passphrase -nodes -out all.pem")
            #expect(
                try place.succeed("openssl pkey -in all.pem -pubout")
                    == place.succeed("openssl x509 -inform DER -in device.der -noout -pubkey"))
            #expect(try place.succeed("grep -c 'BEGIN CERTIFICATE' all.pem") == "3\n")
            // The private number alone, as it would stand in any form of the key.
            let text = try place.succeed("openssl pkey -in all.pem -noout -text")
            let digits =
                text.components(separatedBy: "priv:").last?.components(separatedBy: "pub:").first ?? ""
            let key = digits.split { $0 == ":" || $0.isWhitespace }.compactMap { UInt8($0, radix: 16) }
                .suffix(32)
            try #require(key.count == 32)
            try place.expectNowhere(Data(key))
        }
        let passphrase = try place.succeed("cat passphrase").trimmingCharacters(in: .newlines)
        #expect(try place.run("grep -rlF '\(passphrase)' site").output.isEmpty)

        try place.succeed("rootline run extract EX-00000003")
        let files = try place.succeed("ls EX-00000003")
        #expect(files.contains("device.p12") && !files.contains("wrapped-key.bin"))
    }

    @Test("An interrupted run wants the passphrase again, and no process shows it")
    func resumed() throws {
        let place = try Workplace()
        try place.succeed("openssl rand -base64 24 > passphrase && chmod 600 passphrase")
        try place.approve("batch", devices: 400, delivery: "pkcs12")
        let program = try place.start(
            "exec rootline run start batch/manifest.yaml --passphrase-source fd:3 3< passphrase")
        try #require(Instant.packages(1).wait(for: program, in: place.site + "/runs/batch"))
        let passphrase = Data(
            try place.succeed("cat passphrase").trimmingCharacters(in: .newlines).utf8)
        for process in [program.process] + program.children {
            for file in ["cmdline", "environ"] {
                let bytes = FileManager.default.contents(atPath: "/proc/\(process)/\(file)") ?? Data()
                #expect(bytes.range(of: passphrase) == nil)
            }
        }
        kill(program.process, SIGTERM)
        #expect(try program.wait().code == 75)
        let refused = try place.run("rootline run resume batch")
        #expect(refused.code == 77 && refused.errors.contains("the station's passphrase is not given"))
        try place.succeed("rootline run resume batch --passphrase-source file:passphrase")
        #expect(try place.lines(of: "batch").map(\.serial) == Workplace.serials(400))
    }

    @Test("A passphrase that has no use is refused")
    func useless() throws {
        let place = try Workplace()
        try place.succeed("openssl rand -base64 24 > passphrase && chmod 600 passphrase")
        try place.approve("batch", devices: 2, delivery: "wrapped")
        let outcome = try place.run(
            "rootline run start batch/manifest.yaml --passphrase-source file:passphrase")
        #expect(outcome.code == 77 && outcome.errors.contains("needs none"))
    }
}

@Suite("One device's package is found through the ledger")
struct ExtractTests {
    @Test("A scrapped device's package is refused with its reason, and given to whoever insists")
    func scrapped() throws {
        let place = try Workplace(.sealed)
        // Closed before the command opens it.
        do {
            let ledger = try SQLiteLedger(path: place.site + "/ledger.sqlite", creating: false)
            try ledger.scrap(
                serial: "EX-00000007", product: "Example Sensor", reason: "housing cracked", at: 1_795_000_000
            )
        }
        let refused = try place.run("rootline run extract EX-00000007")
        #expect(refused.code == 1)
        #expect(refused.errors.contains("EX-00000007: was scrapped at 2026-11-18T"), "\(refused.errors)")
        #expect(refused.errors.contains("housing cracked"))
        #expect(!FileManager.default.fileExists(atPath: place.folder + "/EX-00000007"))
        try place.succeed("rootline run extract EX-00000007 --scrapped")
        try place.succeed("rootline run extract EX-00000008")
    }

    @Test("The line that is found is the device's own: certificate and wrapped key belong together")
    func own() throws {
        let place = try Workplace(.sealed)
        for serial in ["EX-00000001", "EX-00000157", "EX-00000300"] {
            try place.succeed("rootline run extract \(serial)")
            try place.succeed("cp site/station/station-private.pem \(serial)/")
            try place.succeed("cd \(serial)\n" + place.commands(ofREADME: serial + "/README.txt"))
            #expect(
                try place.succeed("openssl pkey -inform DER -in \(serial)/device-key.der -pubout")
                    == place.succeed("openssl x509 -in \(serial)/certificate.pem -noout -pubkey"))
            let subject = try place.succeed("openssl x509 -in \(serial)/certificate.pem -noout -subject")
            #expect(subject.contains(serial))
        }
    }
}

extension Workplace {
    /// No file of the site has these octets, raw, in hexadecimal or in base64 at any of its three alignments.
    fileprivate func expectNowhere(_ secret: Data) throws {
        var forms = [secret]
        let hex = secret.map { String(format: "%02x", $0) }.joined()
        forms += [Data(hex.utf8), Data(hex.uppercased().utf8)]
        for offset in 0..<3 {
            // The characters that depend on nothing but the secret.
            let text = (Data(repeating: 0, count: offset) + secret).base64EncodedString()
            forms.append(Data(text.dropFirst((offset * 8 + 5) / 6).prefix(40).utf8))
        }
        let names = FileManager.default.enumerator(atPath: site)
        var count = 0
        while let name = names?.nextObject() as? String {
            guard let bytes = FileManager.default.contents(atPath: site + "/" + name) else { continue }
            count += 1
            for form in forms { #expect(bytes.range(of: form) == nil, "\(name) has a device's key") }
        }
        #expect(count > 20)
    }
}
