import Foundation
import Testing

@Suite("The whole line, as the demo shows it, holds against tools that are not ours")
struct DemoTests {
    private static let variables = ["DEVICES": "200", "OUT": "out", "ROOTLINE": "bin/rootline"]

    @Test("The demo runs through, and a second time says what is there and touches nothing")
    func demo() throws {
        let place = try Workplace()
        let command = "sh '\(Repository.root)/Tests/Demo/demo.sh'"
        // The demo makes its own site below OUT and is told of no other.
        let variables = Self.variables.merging(["ROOTLINE_SITE": ""]) { $1 }
        let output = try place.succeed(command, with: variables)
        for line in [
            "\nverified  root-ca: Creation of the root CA  (REHEARSAL)\n",
            "verified  rehearsal.invalid/site  (rehearsal)", "200 devices, authorised:", "out/device.pem: OK",
            "the unwrapped private key belongs to the certificate", "  devices       200, made in",
        ] {
            #expect(output.contains(line), "\(line)")
        }
        #expect(
            output.contains("\naccepted: root-ca (a rehearsal)")
                != output.contains("\nleft out  the auditor's verifier"),
            "the second verifier, where there is one")
        func contents() throws -> [String: Data] {
            var files: [String: Data] = [:]
            let names = FileManager.default.enumerator(atPath: place.folder + "/out")
            while let name = names?.nextObject() as? String {
                files[name] = FileManager.default.contents(atPath: place.folder + "/out/" + name) ?? Data()
            }
            return files
        }
        let before = try contents()
        let again = try place.succeed(command, with: variables)
        #expect(again.contains("There is a demo in out already; nothing of it is touched."))
        #expect(again.contains("demo-0001  sealed  200 of 200 released"))
        let after = try contents()
        let changed = Set(after.keys).union(before.keys).filter { after[$0] != before[$0] }
        #expect(changed.isEmpty)
        // What it says to try next works as it stands there.
        let next = output.split(separator: "\n").drop { $0 != "Try next:" }.dropFirst()
        #expect(next.count == 4)
        for line in next { try place.succeed(line.trimmingCharacters(in: .whitespaces), with: variables) }
        try place.succeed("rm -rf site && mv out/site site")
        try place.audit([("demo-0001", Workplace.serials(200))])
    }

    @Test("The demo refuses a number of devices that is none", arguments: ["0", "-3", "many", "1e3", ""])
    func demoArguments(devices: String) throws {
        let place = try Workplace()
        let outcome = try place.run(
            "sh '\(Repository.root)/Tests/Demo/demo.sh'",
            with: Self.variables.merging(["DEVICES": devices]) { $1 })
        #expect(outcome.code != 0 && outcome.errors.contains("DEVICES"))
        #expect(!FileManager.default.fileExists(atPath: place.folder + "/out"))
    }

    @Test("Packages, ledger and log of a run agree, and each device is found by its certificate")
    func books() throws {
        let place = try Workplace(.sealed)
        let status = try place.audit([("first", Workplace.serials(Stage.sealedDevices))])
        #expect(status.first?.burned == 0)
        try place.expectLedgerKnows(Stage.sealedDevices)
        let lines = try place.packages(of: "first")
        for line in [lines[0], lines[149], lines[299]] {
            try write(line, in: place)
            let answer = try place.succeed(
                "rootline allowlist lookup --certificate device.pem --allow-rehearsal --format json")
            let document = try JSONDecoder().decode(LookupDocument.self, from: Data(answer.utf8))
            #expect(document.version == 1 && document.status == "listed" && document.keyChecked)
            #expect(document.serial == line.serial && document.run == "first")
            #expect(document.entryIndex == line.row + 2)
        }
    }

    private struct LookupDocument: Decodable {
        let version: Int
        let status: String
        let keyChecked: Bool
        let serial: String?
        let run: String?
        let entryIndex: Int?
    }

    private func write(_ line: PackageLine, in place: Workplace) throws {
        try line.certificate.write(to: URL(fileURLWithPath: place.folder + "/device.der"))
        try line.wrappedKey.write(to: URL(fileURLWithPath: place.folder + "/wrapped"))
        try place.succeed("openssl x509 -inform DER -in device.der -out device.pem")
    }

    @Test(
        "openssl verifies devices' chains, and refuses them under another root", arguments: [0, 17, 150, 299])
    func chains(row: Int) throws {
        let place = try Workplace(.sealed)
        try write(try place.packages(of: "first")[row], in: place)
        let verified = try place.succeed(
            "openssl verify -x509_strict -CAfile site/certificates/root-ca.pem "
                + "-untrusted site/certificates/issuing-ca.pem device.pem")
        #expect(verified == "device.pem: OK\n")
        let other = try place.run(
            "openssl verify -CAfile site/certificates/run-authority.pem "
                + "-untrusted site/certificates/issuing-ca.pem device.pem")
        #expect(other.code == 2)
        // The run's own copy of the chain serves as well.
        try place.succeed(
            "openssl verify -CAfile site/certificates/root-ca.pem -untrusted site/runs/first/issuers.pem device.pem"
        )
    }

    @Test("A device's certificate has the fields of its template and no others")
    func fields() throws {
        let place = try Workplace(.sealed)
        try write(try place.packages(of: "first")[41], in: place)
        let text = try place.succeed("openssl x509 -in device.pem -noout -text -nameopt RFC2253")
        let lines = text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        for line in [
            "Version: 3 (0x2)", "Signature Algorithm: ecdsa-with-SHA256",
            "Public Key Algorithm: id-ecPublicKey",
            "ASN1 OID: prime256v1", "Not After : Dec 31 23:59:59 9999 GMT", "X509v3 Key Usage: critical",
            "Digital Signature", "X509v3 Authority Key Identifier:", "X509v3 Subject Alternative Name:",
        ] {
            #expect(lines.contains(line), "\(line)\n\(text)")
        }
        #expect(
            lines.contains(
                "Subject: OU=REHEARSAL - NOT FOR PRODUCTION,serialNumber=EX-00000042,CN=Example Sensor,"
                    + "O=Example Manufacturing"), "\(text)")
        #expect(
            lines.filter { $0.hasPrefix("X509v3 ") && !$0.hasSuffix("extensions:") }.count == 3, "\(text)")
        // hardwareModuleName (RFC 4108 §5): type and serial of the module.
        let name = try place.succeed(
            "openssl asn1parse -inform DER -in device.der | grep -A 1 'Subject Alternative Name'")
        #expect(name.uppercased().contains("45582D3030303030303432"), "the serial in its octets: \(name)")
    }

    @Test("openssl verifies the checkpoint's and the authorisation's CMS, and notices another content")
    func signatures() throws {
        let place = try Workplace(.sealed)
        let verify = "openssl cms -verify -binary -inform DER -purpose any"
        let checkpoint =
            verify + " -in site/log/checkpoint.p7s -CAfile site/certificates/allowlist-signer.pem"
        let text = try place.succeed(checkpoint + " -content site/log/checkpoint.txt")
        let lines = text.split(separator: "\n")
        #expect(lines.first == "rehearsal.invalid/site" && lines.dropFirst().first == "304")
        try place.succeed("sed 's/304/305/' site/log/checkpoint.txt >other.txt")
        #expect(try place.run(checkpoint + " -content other.txt").code != 0)
        // The signed note begins with the same text.
        let note = try String(contentsOfFile: place.site + "/log/checkpoint", encoding: .utf8)
        #expect(note.hasPrefix(text + "\n— rehearsal.invalid/site "))

        let names = try FileManager.default.contentsOfDirectory(atPath: place.site + "/log/authorisations")
        try #require(names.count == 1)
        let statement = try place.succeed(
            """
            set -e
            openssl ecparam -name prime256v1 -genkey -noout -out throwaway.key
            openssl x509 -in site/certificates/run-authority.pem -noout -pubkey >0.pub
            grep -o '"signingKey":"[^"]*"' site/log/rosters/1.json | cut -d '"' -f 4 | while read -r key; do
              n=$((n + 1)); echo "$key" | base64 -d | openssl pkey -pubin -inform DER -out $n.pub
            done
            for key in *.pub; do
              digest=$(openssl pkey -pubin -in $key -outform DER | sha256sum | cut -c 1-64)
              printf 'subjectKeyIdentifier=%s\\n' $digest >extensions
              openssl x509 -new -force_pubkey $key -key throwaway.key -subj /CN=$key -extfile extensions
            done >carriers.pem
            openssl cms -verify -binary -inform DER -in site/log/authorisations/\(names[0]) \
              -certfile carriers.pem -noverify
            """)
        #expect(statement.contains("\"quantity\":300") && statement.contains("\"first\""), "\(statement)")
        let digest = try place.succeed("sha256sum site/log/authorisations/\(names[0])").prefix(64)
        #expect(names[0] == digest + ".p7s")
        try place.succeed("cmp site/log/authorisations/\(names[0]) site/runs/first/authorisation.p7s")
    }

    @Test("The station opens every transport key, and the keys in it belong to the certificates")
    func transportKeys() throws {
        let place = try Workplace(.sealed)
        let lines = try place.packages(of: "first")
        let names = try FileManager.default.contentsOfDirectory(
            atPath: place.site + "/runs/first/transport-keys")
        #expect(Set(names) == Set(lines.map { $0.transportKey + ".bin" }))
        for name in names {
            let line = try #require(lines.last { $0.transportKey + ".bin" == name })
            try write(line, in: place)
            try place.succeed(
                """
                set -e
                openssl pkeyutl -decrypt -inkey site/station/station-private.pem -pkeyopt rsa_padding_mode:oaep \
                  -in site/runs/first/transport-keys/\(name) -out transport
                openssl enc -d -id-aes256-wrap-pad -iv A65959A6 -K "$(od -An -v -tx1 transport | tr -d ' \\n')" \
                  -in wrapped -out key.der
                openssl pkey -inform DER -in key.der -pubout -out key.pem
                openssl x509 -in device.pem -noout -pubkey | cmp - key.pem
                """)
        }
        // No key is on the disk in the clear but the station's, which stands in for another machine.
        let clear = try place.run("grep -rl 'PRIVATE KEY' site")
        #expect(clear.output == "site/station/station-private.pem\n")
    }
}
