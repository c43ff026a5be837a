import Foundation
import GRDB
import Glibc
import Testing

/// `run crl --format json`.
struct RevocationListDocument: Decodable {
    let version: Int
    let action: String
    let number: Int
    let revoked: Int
    let added: Int
    let digest: String
    let path: String
    let published: String
}

/// What `openssl crl` reads in a list.
struct ListedByOpenSSL {
    /// Serial numbers in upper-case hexadecimal, with their reasons.
    let reasons: [String: String]
    let number: Int
}

extension Workplace {
    func approveLists(_ options: String = "--days 30 --span 14") throws {
        try succeed("rootline run approve-crl \(options)")
    }

    @discardableResult
    func list(_ arguments: String = "", with extra: [String: String] = [:]) throws -> RevocationListDocument {
        let text = try succeed("rootline run crl \(arguments) --format json", with: extra)
        return try JSONDecoder().decode(RevocationListDocument.self, from: Data(text.utf8))
    }

    /// The published list, verified by OpenSSL under the issuing CA.
    func publishedList() throws -> ListedByOpenSSL {
        let path = "site/certificates/issuing-ca.crl"
        let verified = try run(
            "openssl crl -inform DER -in \(path) -noout -CAfile site/certificates/issuing-ca.pem")
        #expect(verified.errors.contains("verify OK"), "\(verified.errors)")
        let text = try succeed("openssl crl -inform DER -in \(path) -noout -text")
        var reasons: [String: String] = [:]
        var serial = ""
        var isReason = false
        for line in text.split(separator: "\n").map({ $0.trimmingCharacters(in: .whitespaces) }) {
            if line.hasPrefix("Serial Number: ") {
                serial = String(line.dropFirst("Serial Number: ".count))
                reasons[serial] = "Unspecified"
            } else if isReason {
                reasons[serial] = line
            }
            isReason = line.hasPrefix("X509v3 CRL Reason Code:")
        }
        let number = try #require(
            text.split(separator: "X509v3 CRL Number:").last?.split(separator: "\n").dropFirst().first)
        return ListedByOpenSSL(
            reasons: reasons, number: try #require(Int(number.trimmingCharacters(in: .whitespaces))))
    }

    /// What `openssl verify -crl_check` says of a package's certificate.
    func check(_ line: PackageLine) throws -> Outcome {
        try writeCertificate(line, to: "device.pem")
        try succeed("openssl crl -inform DER -in site/certificates/issuing-ca.crl -out issuing-ca.crl.pem")
        return try run(
            "openssl verify -x509_strict -crl_check -CRLfile issuing-ca.crl.pem "
                + "-CAfile site/certificates/root-ca.pem -untrusted site/certificates/issuing-ca.pem device.pem"
        )
    }
}

@Suite("The issuing CA's revocation list says what the log says, under a standing authorisation")
struct RevocationListTests {
    @Test(
        "Burned, scrapped and reworked certificates are revoked, new ones are good, and every number is kept")
    func contents() throws {
        let place = try Workplace()
        try place.approveLists()
        let empty = try place.list()
        #expect(empty.version == 1 && empty.action == "issued" && empty.number == 1 && empty.revoked == 0)
        #expect(try place.publishedList().reasons.isEmpty)

        // Killed while rows are in hand, so that some are burned; then kept open.
        try place.approve("batch", devices: 240, options: "--spoilage 12")
        let program = try place.start("exec rootline run start batch/manifest.yaml --workers 2")
        try #require(Instant.packages(60).wait(for: program, in: place.site + "/runs/batch"))
        kill(program.process, SIGKILL)
        _ = try program.wait()
        try place.succeed("rootline run resume batch --keep-open")
        let burned = try place.status()[0].burned
        #expect(burned > 0)
        try place.scrap("EX-00000007 --reason stolen --key-compromised")
        try place.scrap("EX-00000008 --reason 'bad solder' --superseded")
        // Nothing of the run is in the log yet, and the list has it already.
        let early = try place.list()
        #expect(early.number == 2 && early.revoked == burned + 2 && early.added == burned + 2)
        let before = try place.publishedList()
        try place.succeed("rootline run rework batch && rootline run close batch")
        let late = try place.list()
        #expect(late.action == "unchanged" && late.number == 2)
        #expect(try place.list("--force").number == 3)
        let after = try place.publishedList()
        #expect(after.reasons == before.reasons && after.number == 3, "an entry never changes")
        #expect(Set(after.reasons.values) == ["Key Compromise", "Superseded", "Cessation Of Operation"])

        let queue = try DatabaseQueue(path: place.site + "/ledger.sqlite")
        let lost = try queue.read { try Data.fetchAll($0, sql: "SELECT certificate_serial FROM burned") }
        try queue.close()
        #expect(lost.count == burned)
        for serial in lost {
            let text = serial.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            #expect(after.reasons[text.uppercased()] == "Cessation Of Operation", "a burned one is revoked")
        }
        let lines = try place.packages(of: "batch")
        for serial in ["EX-00000007", "EX-00000008"] {
            let made = lines.filter { $0.serial == serial }
            #expect(made.count == 2)
            let old = try place.check(made[0])
            #expect(old.code == 2 && old.errors.contains("certificate revoked"), "\(old.errors)")
            #expect(try place.check(made[1]).output == "device.pem: OK\n")
        }
        #expect(try place.check(lines[100]).output == "device.pem: OK\n")
        // Scrapped after the seal: in the log at once, and in the next list.
        try place.scrap("EX-00000101 --reason broken")
        #expect(try place.list().number == 4)
        #expect(try place.check(lines[100]).code == 2)
        for number in 1...4 {
            #expect(FileManager.default.fileExists(atPath: place.site + "/crls/issuing-ca-\(number).crl"))
        }
        try place.succeed("cmp site/crls/issuing-ca-4.crl site/certificates/issuing-ca.crl")
    }

    @Test("Nothing is signed where nothing changed, until half of the latest list's time is over")
    func due() throws {
        let place = try Workplace()
        try place.approveLists()
        try place.list("--days 4")
        let text = try place.succeed("rootline run crl --days 4")
        #expect(text.hasPrefix("nothing to do  revocation list 1 is the latest"), "\(text)")
        let clock = try place.preload("clock", ExpiryTests.clock)
        func after(_ days: Double) throws -> RevocationListDocument {
            try place.list(
                "--days 4", with: ["LD_PRELOAD": clock, "SHIFT": "\(Int(days * 86_400))"])
        }
        #expect(try after(1.9).action == "unchanged")
        #expect(try after(2.1).number == 2)
        // The clock steps back: a list before the latest one's time is not issued.
        let outcome = try place.run("rootline run crl --force")
        #expect(outcome.code != 0 && outcome.errors.contains("thisUpdate lies before"), "\(outcome.errors)")
        #expect(try place.publishedList().number == 2)
    }

    @Test(
        "Without an authorisation for just this nothing is signed",
        arguments: [
            "none", "expired", "early", "too long", "tampered", "another issuer", "another log", "a run's",
        ])
    func refused(_ what: String) throws {
        let place = try Workplace()
        let standing = "site/certificates/standing-authorisation.p7s"
        var environment: [String: String] = [:]
        var days = 7
        if what != "none" { try place.approveLists("--days 2 --span 7") }
        switch what {
        case "expired":
            environment = [
                "LD_PRELOAD": try place.preload("clock", ExpiryTests.clock), "SHIFT": "\(3 * 86_400)",
            ]
        case "early":
            environment = ["LD_PRELOAD": try place.preload("clock", ExpiryTests.clock), "SHIFT": "-3600"]
        case "too long": days = 8
        case "tampered":
            // The span within the signed statement.
            try place.succeed("sed -i 's/\"span\":604800/\"span\":904800/' \(standing)")
        case "another log":
            try place.succeed("sed -i 's|^origin: .*|origin: rehearsal.invalid/elsewhere|' site/site.yaml")
        case "another issuer":
            // That of another site, whose people and CA are its own.
            let script =
                "for c in root-ca issuing-ca run-authority allowlist-signer; do "
                + "rootline ceremony rehearse \"$REPOSITORY/Ceremonies/$c/script.yaml\"; done"
            let other = ["ROOTLINE_SITE": place.folder + "/other"]
            try place.succeed("rootline init other --hsm softhsm --demo")
            try place.succeed(script, with: other)
            try place.succeed("rootline run approve-crl --days 2 --span 7", with: other)
            try place.succeed("cp other/certificates/standing-authorisation.p7s \(standing)")
        case "a run's":
            try place.approve("batch", devices: 1)
            try place.succeed("cp site/runs/batch/authorisation.p7s \(standing)")
        default: break
        }
        let books = try place.books()
        let outcome = try place.run("rootline run crl --days \(days)", with: environment)
        #expect(outcome.code == 77, "\(outcome.code) \(outcome.errors)")
        #expect(try place.books().difference(from: books) == nil)
        #expect(!FileManager.default.fileExists(atPath: place.site + "/crls"))
    }

    @Test(
        "Killed at any step that reaches the disk, the next command issues or completes one list and no number twice"
    )
    func killed() throws {
        var step = 1
        while true {
            let place = try Workplace()
            try place.approveLists()
            try place.list()
            try place.make("batch", devices: 2)
            try place.scrap("EX-00000001 --reason broken")
            let outcome = try place.run("exec rootline run crl", with: try place.killed(atStep: step))
            if outcome.code == 0 { break }
            #expect(outcome.code == 128 + SIGKILL, "\(outcome.errors)")
            #expect([1, 2].contains(try place.publishedList().number))
            let list = try place.list()
            #expect(list.number == 2 && list.revoked == 1, "at step \(step)")
            #expect(try place.publishedList().number == 2)
            #expect(try place.succeed("ls site/crls") == "issuing-ca-1.crl\nissuing-ca-2.crl\n")
            step += 1
        }
        #expect(step > 8, "there are that many steps at least")
    }

    @Test(
        "A list that was put back to an older copy, lost or changed is noticed before another is signed",
        arguments: [
            "rm site/crls/issuing-ca-2.crl", "cp site/crls/issuing-ca-1.crl site/crls/issuing-ca-2.crl",
            "rm -r site/crls", "cp site/crls/issuing-ca-2.crl site/crls/issuing-ca-3.crl",
            "echo >>site/crls/issuing-ca-2.crl",
        ])
    func restored(command: String) throws {
        let place = try Workplace()
        try place.approveLists()
        try place.list()
        try place.list("--force")
        try place.succeed(command)
        let outcome = try place.run("rootline run crl --force")
        #expect(outcome.code == 74, "\(outcome.errors)")
        #expect(outcome.errors.contains("Put back what was issued"), "\(outcome.errors)")
    }

    @Test("The published copy put back to an older list is put right again")
    func publishedRestored() throws {
        let place = try Workplace()
        try place.approveLists()
        try place.list()
        try place.list("--force")
        try place.succeed("cp site/crls/issuing-ca-1.crl site/certificates/issuing-ca.crl")
        #expect(try place.list().action == "unchanged")
        #expect(try place.publishedList().number == 2)
    }

    @Test("An entry is never dropped, even where ledger and log were put back to before it")
    func neverDropped() throws {
        let place = try Workplace(.sealed)
        try place.approveLists()
        try place.succeed(
            "cp -r site/log older && cp site/ledger.sqlite older.sqlite && rm -f site/ledger.sqlite-*")
        try place.scrap("EX-00000001 --reason broken")
        try place.list()
        try place.succeed(
            "rm -r site/log site/ledger.sqlite* && mv older site/log && mv older.sqlite site/ledger.sqlite")
        let outcome = try place.run("rootline run crl --force")
        #expect(outcome.code == 0 && outcome.errors.contains("they stay revoked"), "\(outcome.errors)")
        let list = try place.publishedList()
        #expect(list.number == 2 && list.reasons.count == 1)
    }
}
