import Foundation
import GRDB
import Testing

/// `run scrap --format json`.
struct ScrapDocument: Decodable {
    struct Device: Decodable {
        let serial: String
        let product: String
        let run: String
        let certificateSerial: String
        let earlier: Bool
        let published: Bool
    }
    let version: Int
    let revocationReason: String
    let devices: [Device]
    let treeSize: Int
}

extension Workplace {
    @discardableResult
    func scrap(_ arguments: String) throws -> ScrapDocument {
        let text = try succeed("rootline run scrap \(arguments) --format json")
        return try JSONDecoder().decode(ScrapDocument.self, from: Data(text.utf8))
    }

    /// `allowlist lookup`, its first line and exit code.
    func lookup(_ arguments: String) throws -> (answer: String, code: Int32) {
        let outcome = try run("rootline allowlist lookup \(arguments) --allow-rehearsal")
        return (String(outcome.output.prefix { $0 != "\n" }), outcome.code)
    }

    /// The certificate of a package's line as PEM in `name`.
    func writeCertificate(_ line: PackageLine, to name: String) throws {
        try line.certificate.write(to: URL(fileURLWithPath: folder + "/certificate.der"))
        try succeed("openssl x509 -inform DER -in certificate.der -out \(name)")
    }

    /// Changes the ledger behind the program's back.
    func editLedger(_ sql: String) throws {
        let queue = try DatabaseQueue(path: site + "/ledger.sqlite")
        try queue.write { try $0.execute(sql: sql) }
        try queue.close()
    }
}

@Suite("A scrapped device is out of the books, in the ledger and in the log")
struct ScrapTests {
    static let first = ("first", Workplace.serials(Stage.sealedDevices))

    @Test("Of a sealed run: revoked and scrapped in the log at once, and its serial is free")
    func sealed() throws {
        let place = try Workplace(.sealed)
        let before = try place.verification().treeSize
        let document = try place.scrap("EX-00000007 EX-00000300 --reason 'dropped on the floor'")
        #expect(document.version == 1 && document.revocationReason == "cessationOfOperation")
        #expect(document.devices.map(\.serial) == ["EX-00000007", "EX-00000300"])
        #expect(document.devices.allSatisfy { $0.run == "first" && $0.published && !$0.earlier })
        // Two entries each, and the `state` that every publication ends with.
        #expect(document.treeSize == before + 5)
        try place.audit([Self.first], scrapped: ["first": ["EX-00000007", "EX-00000300"]])
        let answer = try place.lookup("EX-00000007")
        #expect(answer.answer == "scrapped: dropped on the floor" && answer.code == 1)
        #expect(try place.lookup("EX-00000008").code == 0)
        try place.succeed("make-run again 1 7 && rootline run check again/manifest.yaml")
        try place.expectLedgerKnows(2, first: 8)
    }

    @Test("A list of serials is scrapped as one, and with the reason that was asked for")
    func list() throws {
        let place = try Workplace(.sealed)
        try place.succeed("seq -f 'EX-%08g' 11 30 >list && echo >>list")
        let document = try place.scrap("--file list --reason 'bad solder' --superseded")
        #expect(document.revocationReason == "superseded" && document.devices.count == 20)
        try place.audit([Self.first], scrapped: ["first": Workplace.serials(20, from: 11)])
        let compromised = try place.scrap("EX-00000001 --reason stolen --key-compromised --run first")
        #expect(compromised.revocationReason == "keyCompromise")
        #expect(try place.succeed("rootline run status").contains("279 of 300 released, 21 scrapped"))
    }

    @Test(
        "What cannot be scrapped is refused with everything named beside it, and nothing changes",
        arguments: [
            ("EX-00000001 EX-99999999", 66, "EX-99999999: no device has this serial"),
            ("EX-00000001 --product 'Other Sensor'", 66, "no device of product Other Sensor has this serial"),
            ("EX-00000001 --run second", 66, "no device of run second has this serial"),
            ("EX-00000001 EX-00000001", 65, "a device is named twice"),
            ("--file nowhere", 66, "cannot be read"),
            ("", 64, "Name a serial"),
            ("EX-00000001 --key-compromised --superseded", 64, "exclude each other"),
        ])
    func refused(arguments: String, code: Int32, message: String) throws {
        let place = try Workplace(.sealed)
        let books = try place.books()
        let outcome = try place.run("rootline run scrap \(arguments) --reason broken")
        #expect(outcome.code == code, "\(outcome.errors)")
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
        #expect(try place.books().difference(from: books) == nil)
    }

    @Test(
        "A reason is wanted, and one that the log can hold",
        arguments: ["", "--reason ''", "--reason \"$(printf 'a\\tb')\""])
    func reason(option: String) throws {
        let place = try Workplace(.sealed)
        #expect(try place.run("rootline run scrap EX-00000001 \(option)").code == 64)
    }

    @Test("Scrapping again for the same reason changes nothing and says so; for another reason it is refused")
    func twice() throws {
        let place = try Workplace(.sealed)
        try place.scrap("EX-00000005 --reason broken")
        let books = try place.books()
        let again = try place.scrap("EX-00000005 --reason broken")
        #expect(again.devices.map(\.earlier) == [true])
        #expect(try place.books().difference(from: books) == nil)
        for arguments in ["--reason stolen", "--reason broken --key-compromised"] {
            let outcome = try place.run("rootline run scrap EX-00000005 EX-00000006 \(arguments)")
            #expect(outcome.code == 65 && outcome.errors.contains("EX-00000005: it was scrapped at "))
            #expect(try place.books().difference(from: books) == nil)
        }
    }

    @Test("Where two products have the serial, the product must be said")
    func products() throws {
        let place = try Workplace(.sealed)
        try place.succeed(
            "make-run other 2 && sed -i 's/^product: .*/product: Other Sensor/' other/manifest.yaml")
        try place.succeed(
            "rootline run approve other/manifest.yaml && rootline run start other/manifest.yaml")
        let books = try place.books()
        let outcome = try place.run("rootline run scrap EX-00000002 --reason broken")
        #expect(outcome.code == 65)
        #expect(outcome.errors.contains("several products have it: Example Sensor, Other Sensor"))
        #expect(try place.books().difference(from: books) == nil)
        #expect(
            try place.scrap("EX-00000002 --product 'Other Sensor' --reason broken").devices[0].run == "other")
        // The only released one is meant now; what is scrapped of the other product does not count.
        #expect(try place.scrap("EX-00000002 --reason broken").devices[0].run == "first")
    }

    @Test(
        "Killed at any step that reaches the disk, the command completed by the next one leaves the same books"
    )
    func killed() throws {
        var step = 1
        while true {
            let place = try Workplace(.sealed)
            let outcome = try place.run(
                "exec rootline run scrap EX-00000005 EX-00000006 --reason broken",
                with: try place.killed(atStep: step))
            if outcome.code == 0 { break }
            #expect(outcome.code == 128 + SIGKILL, "\(outcome.errors)")
            let isInLedger = try place.status()[0].scrapped == 2
            if isInLedger, step.isMultiple(of: 2) {
                // Another command that opens the log completes it as well.
                try place.make("second", devices: 2, first: 1000)
                try place.audit(
                    [Self.first, ("second", Workplace.serials(2, from: 1000))],
                    scrapped: ["first": ["EX-00000005", "EX-00000006"]])
            }
            try place.scrap("EX-00000005 EX-00000006 --reason broken")
            if try place.status().count == 1 {
                try place.audit([Self.first], scrapped: ["first": ["EX-00000005", "EX-00000006"]])
            }
            step += 1
        }
        #expect(step > 10, "there are that many steps at least")
    }

    @Test("A log put back to before a scrap is noticed")
    func logRestored() throws {
        let place = try Workplace(.sealed)
        try place.succeed("cp -r site/log older")
        try place.scrap("EX-00000005 --reason broken")
        try place.succeed("mv site/log newer && mv older site/log")
        let outcome = try place.run("rootline run scrap EX-00000006 --reason broken")
        #expect(outcome.code == 74)
        #expect(
            outcome.errors.contains("scrapped devices in a larger log than this one"), "\(outcome.errors)")
        try place.succeed("rm -r site/log && mv newer site/log")
        try place.scrap("EX-00000006 --reason broken")
    }

    @Test("A scrapped device that is struck from the ledger is noticed")
    func unscrapped() throws {
        let place = try Workplace(.sealed)
        try place.approve("batch", devices: 2, first: 1000)
        try place.succeed("rootline run start batch/manifest.yaml --keep-open")
        try place.scrap("EX-00001000 --reason broken")
        try place.editLedger("DELETE FROM scrapped")
        let outcome = try place.run("rootline run rework batch")
        #expect(outcome.code == 74 && outcome.errors.contains("the counts of run batch do not add up"))
    }
}
