import Foundation
import Glibc
import Testing

@Suite("Devices that made their keys get certificates for them, and nothing else leaves")
struct DeviceKeyTests {
    /// A line of a package of such a run.
    private struct Line: Decodable {
        let row: Int
        let serial: String
        let certificate: Data
        let wrappedKey: String?
        let transportKey: String?
    }

    private func lines(_ place: Workplace, _ run: String) throws -> [Line] {
        let folder = place.site + "/runs/\(run)/packages"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        return try names.filter { $0.hasSuffix(".jsonl") && !$0.hasPrefix(".") }.sorted().flatMap { name in
            try String(contentsOfFile: folder + "/" + name, encoding: .utf8).split(separator: "\n").map {
                try JSONDecoder().decode(Line.self, from: Data($0.utf8))
            }
        }
    }

    /// Every row has its certificate, which openssl verifies, for the key that its device holds.
    private func audit(_ place: Workplace, _ run: String, devices: Int) throws {
        let lines = try lines(place, run)
        #expect(lines.map(\.row) == Array(0..<devices))
        #expect(lines.map(\.serial) == Workplace.serials(devices))
        let scratch = place.folder + "/issued"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        for line in lines {
            #expect(line.wrappedKey == nil && line.transportKey == nil)
            try line.certificate.write(to: URL(fileURLWithPath: "\(scratch)/\(line.serial).der"))
        }
        let different = try place.succeed(
            """
            cd issued && for c in *.der; do s=${c%.der}
            openssl x509 -inform DER -in $c -out $s.pem
            openssl verify -CAfile ../site/runs/\(run)/issuers.pem $s.pem > verified || echo $s does not verify
            openssl x509 -in $s.pem -noout -pubkey > certified
            openssl pkey -in ../\(run)/keys/$s.pem -pubout | cmp - certified || echo $s has another key
            openssl x509 -in $s.pem -noout -subject | grep -q "serialNumber = $s" || echo $s has another subject
            done; rm -r ../issued
            """)
        #expect(different == "")
        let verification = try place.verification()
        #expect(verification.verified && verification.devices == devices && verification.warnings.isEmpty)
        let record = try #require(try place.status().first { $0.run == run })
        #expect(record.state == "sealed" && record.released == devices && record.outstanding == 0)
        #expect(record.reserved == record.released + record.scrapped + record.burned)
    }

    @Test(
        "From requests in any form to certificates that openssl verifies for the devices' keys",
        arguments: ["csv", "jsonl", "folder"])
    func wholeRun(form: String) throws {
        let place = try Workplace()
        try place.succeed("make-device-run batch 12 \(form)")
        let check = try place.succeed("rootline run check batch/manifest.yaml")
        #expect(check.contains("requests  12, each proven by its own key"), "\(check)")
        #expect(check.contains("note: 12 requests have another common name") == (form == "jsonl"), "\(check)")
        try place.succeed("rootline run approve batch/manifest.yaml")
        try place.succeed("rootline run start batch/manifest.yaml")
        try audit(place, "batch", devices: 12)
        let delivery = try place.succeed("cat site/runs/batch/delivery.json")
        #expect(
            delivery.contains("\"keyOrigin\" : \"device\"") && !delivery.contains("station"), "\(delivery)")
        #expect(!FileManager.default.fileExists(atPath: place.site + "/runs/batch/transport-keys"))
    }

    @Test("Requests on P-384 give certificates on P-384")
    func p384() throws {
        let place = try Workplace()
        try place.succeed("sed -i 's/curves: .*/curves: [P-256, P-384]/' site/templates/idevid-ec-p256.yaml")
        try place.succeed("make-device-run batch 3 csv secp384r1")
        #expect(
            try place.run("rootline run check batch/manifest.yaml").errors.contains("[request.public-key]"))
        try place.succeed("sed -i 's/^keyType: .*/keyType: ec-p384/' batch/manifest.yaml")
        try place.succeed("rootline run approve batch/manifest.yaml")
        try place.succeed("rootline run start batch/manifest.yaml")
        try audit(place, "batch", devices: 3)
    }

    @Test("A run killed in the middle is resumed, and every device has one certificate", arguments: [1, 20])
    func interrupted(packages: Int) throws {
        let place = try Workplace()
        try place.succeed("make-device-run batch 60")
        try place.succeed("rootline run approve batch/manifest.yaml --spoilage 4")
        let program = try place.start("exec rootline run start batch/manifest.yaml --workers 2")
        try #require(Instant.packages(packages).wait(for: program, in: place.site + "/runs/batch"))
        kill(program.process, SIGKILL)
        #expect(try program.wait().code == 128 + SIGKILL)
        let books = try place.books()
        // Resuming takes the digest for the proofs: whoever changes a request in between is met.
        try place.succeed("cp batch/devices.csv kept.csv && sed -i '$s/,MI/,MJ/' batch/devices.csv")
        let refused = try place.run("rootline run resume batch")
        #expect(refused.code == 65, "\(refused.errors)")
        #expect(try place.books() == books)
        try place.succeed("mv kept.csv batch/devices.csv && rootline run resume batch")
        try audit(place, "batch", devices: 60)
    }

    @Test("A key that an earlier run has certified is refused before anything is signed")
    func knownKey() throws {
        let place = try Workplace()
        try place.succeed("make-device-run batch 3")
        try place.succeed(
            "rootline run approve batch/manifest.yaml && rootline run start batch/manifest.yaml")
        try place.succeed(
            "mkdir again && sed 's/^run: .*/run: again/' batch/manifest.yaml > again/manifest.yaml")
        try place.succeed(
            """
            openssl req -new -key batch/keys/EX-00000002.pem -subj /CN=device -outform DER | base64 -w0 > csr
            sed -e 's/^quantity: .*/quantity: 1/' -i again/manifest.yaml
            printf 'serial,mac,csr\\nEX-00000009,1,%s\\n' "$(cat csr)" > again/devices.csv
            """)
        let books = try place.books()
        let outcome = try place.run("rootline run check again/manifest.yaml")
        #expect(outcome.code == 65)
        #expect(outcome.errors.contains("again/devices.csv:2:15: csr: "), "\(outcome.errors)")
        #expect(outcome.errors.contains("[request.key-known]"), "\(outcome.errors)")
        #expect(try place.books() == books)
    }
}
