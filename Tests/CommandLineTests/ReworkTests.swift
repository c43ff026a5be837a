import Foundation
import Glibc
import Testing

@Suite(
    "Scrapped devices are made anew within what was approved, and partial runs are closed with their counts")
struct ReworkTests {
    private func keptOpen(_ place: Workplace, devices: Int = 6, options: String = "--spoilage 3") throws {
        try place.approve("batch", devices: devices, options: options)
        let text = try place.succeed("rootline run start batch/manifest.yaml --keep-open")
        #expect(text.contains("made, open for rework"), "\(text)")
    }

    @Test("A run kept open is reworked, then closed: the new device is listed, the old one replaced")
    func rework() throws {
        let place = try Workplace()
        try keptOpen(place)
        #expect(try place.status()[0].state == "open")
        let packages = try place.succeed("cat site/runs/batch/packages/*.jsonl | cksum")
        let scrapped = try place.scrap("EX-00000002 EX-00000005 --reason 'bad solder' --superseded")
        #expect(scrapped.devices.allSatisfy { !$0.published })
        let text = try place.succeed("rootline run rework batch")
        #expect(text.contains("2 devices made anew"), "\(text)")
        #expect(
            try place.succeed("ls site/runs/batch/packages | grep rework")
                == "rework-0001-00000001.jsonl\nrework-0002-00000004.jsonl\n")
        #expect(try place.succeed("cat site/runs/batch/packages/0*.jsonl | cksum") == packages)
        // Once more, the one that was made anew; and nothing where nothing is scrapped.
        try place.scrap("EX-00000005 --reason again")
        try place.succeed("rootline run rework batch")
        #expect(try place.succeed("rootline run rework batch").contains("nothing to do"))
        try place.succeed("rootline run close batch --reason 'shift ended'")
        let status = try place.audit(
            [("batch", Workplace.serials(6))],
            scrapped: ["batch": ["EX-00000002", "EX-00000005", "EX-00000005"]],
            reworked: ["batch": ["EX-00000002", "EX-00000005", "EX-00000005"]])
        #expect(status[0].reserved == 9 && status[0].burned == 0)
        // The serial's newest device answers; the old certificate says what became of it.
        #expect(try place.lookup("EX-00000005").answer == "listed")
        let lines = try place.packages(of: "batch").filter { $0.serial == "EX-00000005" }
        #expect(lines.count == 3)
        for (index, line) in lines.enumerated() {
            try place.writeCertificate(line, to: "device.pem")
            let answer = try place.lookup("--certificate device.pem")
            let expected = ["replaced: bad solder", "replaced: again", "listed"][index]
            #expect(answer.answer == expected && answer.code == (index == 2 ? 0 : 1))
        }
    }

    @Test("Rework beyond the allowance is refused before anything is made")
    func allowance() throws {
        let place = try Workplace()
        try keptOpen(place, options: "--spoilage 1")
        try place.scrap("EX-00000001 EX-00000002 --reason broken")
        let books = try place.books()
        let outcome = try place.run("rootline run rework batch")
        #expect(outcome.code == 77, "\(outcome.errors)")
        #expect(
            outcome.errors.contains("2 devices are to be made anew, and 1 more certificates are authorised"))
        #expect(try place.books().difference(from: books) == nil)
        // One of them may be: whoever asks says which.
        try place.succeed("rootline run rework batch --serial EX-00000002")
        #expect(try place.run("rootline run rework batch").code == 77)
        let text = try place.succeed("rootline run close batch")
        #expect(text.contains("5 of 6"), "\(text)")
        let status = try place.audit(
            [("batch", Workplace.serials(6))],
            scrapped: ["batch": ["EX-00000001", "EX-00000002"]], reworked: ["batch": ["EX-00000002"]])
        #expect(status[0].released == 5 && status[0].reserved == 7)
    }

    @Test("Only a run that is made and not sealed is reworked")
    func states() throws {
        let place = try Workplace(.sealed)
        try place.scrap("EX-00000001 --reason broken")
        var outcome = try place.run("rootline run rework first")
        #expect(outcome.code == 65 && outcome.errors.contains("the run is sealed"), "\(outcome.errors)")
        #expect(outcome.errors.contains("a new run"), "\(outcome.errors)")
        outcome = try place.run("rootline run close first")
        #expect(outcome.code == 65, "\(outcome.errors)")
        #expect(try place.run("rootline run rework nowhere").code == 66)
        #expect(try place.run("rootline run close nowhere").code == 66)
        try stopped(place, first: 1000)
        try place.scrap("EX-00001000 --reason broken")
        outcome = try place.run("rootline run rework batch")
        #expect(outcome.code == 75 && outcome.errors.contains("rootline run resume batch --keep-open"))
        try place.succeed("rootline run resume batch --keep-open && rootline run rework batch")
        try place.succeed("rootline run resume batch")
        try place.audit(
            [ScrapTests.first, ("batch", Workplace.serials(240, from: 1000))],
            scrapped: ["first": ["EX-00000001"], "batch": ["EX-00001000"]],
            reworked: ["batch": ["EX-00001000"]])
    }

    /// A run of 240 stopped by a kill while rows were in hand.
    private func stopped(_ place: Workplace, first: Int = 1) throws {
        try place.approve("batch", devices: 240, first: first, options: "--spoilage 12")
        let program = try place.start("exec rootline run start batch/manifest.yaml --workers 2")
        try #require(Instant.packages(60).wait(for: program, in: place.site + "/runs/batch"))
        kill(program.process, SIGKILL)
        #expect(try program.wait().code == 128 + SIGKILL)
    }

    @Test("A partial run is closed: what was in hand is burned, the missing rows are said, the books balance")
    func partial() throws {
        let place = try Workplace()
        try stopped(place)
        let record = try place.status()[0]
        try place.scrap("EX-00000003 --reason broken")
        let text = try place.succeed("rootline run close batch --reason 'order cancelled'")
        #expect(text.contains("closed  run batch"), "\(text)")
        #expect(text.contains("\(240 - record.released) of 240 rows were not made"), "\(text)")
        let status = try place.audit(
            [("batch", Workplace.serials(record.released))], scrapped: ["batch": ["EX-00000003"]])
        #expect(status[0].burned == record.outstanding && status[0].released == record.released - 1)
        #expect(try place.run("rootline run resume batch").code == 65)
        let note = try String(contentsOfFile: place.site + "/runs/batch/closing.json", encoding: .utf8)
        #expect(note.contains("\"order cancelled\""))
        // The rows that are missing, and the scrapped one, are another run's.
        try place.make("rest", devices: 240 - record.released, first: 1 + record.released)
        try place.make("again", devices: 1, first: 3)
        try place.audit(
            [
                ("batch", Workplace.serials(record.released)),
                ("rest", Workplace.serials(240 - record.released, from: 1 + record.released)),
                ("again", ["EX-00000003"]),
            ], scrapped: ["batch": ["EX-00000003"]])
    }

    @Test("A scrapped serial of a sealed run is made by a new run, whose device replaces the old one")
    func reissue() throws {
        let place = try Workplace(.sealed)
        try place.scrap("EX-00000042 --reason broken")
        try place.make("again", devices: 1, first: 42)
        try place.scrap("EX-00000042 --reason 'broken again'")
        try place.make("once-more", devices: 1, first: 42)
        try place.audit(
            [ScrapTests.first, ("again", ["EX-00000042"]), ("once-more", ["EX-00000042"])],
            scrapped: ["first": ["EX-00000042"], "again": ["EX-00000042"]])
        let answer = try place.lookup("EX-00000042")
        #expect(answer.answer == "listed" && answer.code == 0)
        for (run, expected) in [("first", "replaced: broken"), ("again", "replaced: broken again")] {
            let line = try #require(try place.packages(of: run).first { $0.serial == "EX-00000042" })
            try place.writeCertificate(line, to: "device.pem")
            #expect(try place.lookup("--certificate device.pem").answer == expected)
        }
    }

    @Test("A serial that two runs have is made by one of them")
    func twoRuns() throws {
        let place = try Workplace(.sealed)
        try place.scrap("EX-00000042 --reason broken")
        try place.approve("one", devices: 1, first: 42)
        try place.approve("other", devices: 1, first: 42)
        try place.succeed("rootline run start one/manifest.yaml --keep-open")
        let open = try place.run("rootline run start other/manifest.yaml")
        #expect(open.code == 75 || open.code == 65, "\(open.errors)")
        try place.succeed("rootline run close one")
        let outcome = try place.run("rootline run start other/manifest.yaml")
        #expect(outcome.code == 65 && outcome.errors.contains("[serial.known]"), "\(outcome.errors)")
        try place.audit(
            [ScrapTests.first, ("one", ["EX-00000042"])], scrapped: ["first": ["EX-00000042"]])
    }

    @Test("Scrapping makes no room for a device more than was approved")
    func quantity() throws {
        let place = try Workplace()
        try keptOpen(place, devices: 3, options: "--spoilage 2")
        for _ in 0..<2 {
            try place.scrap("EX-00000001 --reason broken")
            try place.succeed("rootline run rework batch")
        }
        try place.scrap("EX-00000001 --reason broken")
        #expect(try place.run("rootline run rework batch").code == 77)
        let record = try place.status()[0]
        #expect(record.reserved == 5 && record.released == 2)
        // A larger allowance, or a scrap that never was, put into the ledger does not help.
        try place.succeed("cp site/ledger.sqlite kept && rm -f site/ledger.sqlite-*")
        try place.editLedger("UPDATE run SET spoilage = 100")
        #expect(try place.run("rootline run rework batch").code == 74)
        try place.succeed("cp kept site/ledger.sqlite && rm -f site/ledger.sqlite-*")
        try place.succeed("rootline run close batch")
        try place.audit(
            [("batch", Workplace.serials(3))],
            scrapped: ["batch": ["EX-00000001", "EX-00000001", "EX-00000001"]],
            reworked: ["batch": ["EX-00000001", "EX-00000001"]])
    }

    @Test("Rework killed at any instant goes on, and no device is made twice", arguments: [0, 1, 3, 7])
    func killed(after packages: Int) throws {
        let place = try Workplace()
        try keptOpen(place, devices: 30, options: "--spoilage 20")
        try place.succeed("seq -f 'EX-%08g' 11 18 >list")
        try place.scrap("--file list --reason broken")
        let program = try place.start("exec rootline run rework batch")
        let folder = place.site + "/runs/batch/packages"
        func made() -> Int {
            ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
                .count { $0.hasPrefix("rework-") }
        }
        try #require(wait { made() >= packages || program.hasEnded })
        if packages == 0 { usleep(20_000) }
        kill(program.process, SIGKILL)
        _ = try program.wait()
        let record = try place.status()[0]
        #expect(made() <= record.released + record.scrapped - 30, "what a station can see is recorded")
        try place.succeed("rootline run rework batch")
        try place.succeed("rootline run close batch")
        let again = Workplace.serials(8, from: 11)
        let status = try place.audit(
            [("batch", Workplace.serials(30))], scrapped: ["batch": again], reworked: ["batch": again])
        #expect(status[0].burned == record.outstanding)
    }
}
