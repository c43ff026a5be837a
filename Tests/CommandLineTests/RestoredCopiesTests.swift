import Foundation
import GRDB
import Testing

/// What an operator, or a well-meant restore from a backup, can do to a site's files between two commands.
@Suite("Files put back to an older state, or edited, are noticed before anything is made", .serialized)
struct RestoredCopiesTests {
    /// A run of 240 devices, stopped with some made.
    private func stopped(_ place: Workplace) throws {
        try place.approve("batch", devices: 240, options: "--spoilage 12")
        try stop(try place.start("exec rootline run start batch/manifest.yaml --workers 2"), place, after: 20)
    }

    private func stop(_ program: RunningProgram, _ place: Workplace, after packages: Int) throws {
        try #require(Instant.packages(packages).wait(for: program, in: place.site + "/runs/batch"))
        kill(program.process, SIGTERM)
        try #require(try program.wait().code == 75)
    }

    @Test("The ledger alone put back: nothing is made again, and no package is overwritten")
    func ledger() throws {
        let place = try Workplace()
        try stopped(place)
        try place.succeed("cp site/ledger.sqlite older && rm -f site/ledger.sqlite-*")
        let made = try #require(try place.status().first).released
        try stop(
            try place.start("exec rootline run resume batch --workers 2"), place, after: made + 20)
        let packages = try place.succeed("cat site/runs/batch/packages/*.jsonl | cksum")
        try place.succeed("cp site/ledger.sqlite newer && cp older site/ledger.sqlite")
        let outcome = try place.run("rootline run resume batch")
        #expect(outcome.code == 74)
        #expect(outcome.errors.contains("the ledger does not know its devices"), "\(outcome.errors)")
        #expect(try place.succeed("cat site/runs/batch/packages/*.jsonl | cksum") == packages)
        try place.succeed("cp newer site/ledger.sqlite && rootline run resume batch")
        try place.audit([("batch", Workplace.serials(240))])
    }

    @Test("The log alone put back: no run is added to a log that lacks an earlier one")
    func log() throws {
        let place = try Workplace()
        try place.make("first", devices: 3)
        try place.succeed("cp -r site/log older")
        try place.make("second", devices: 3, first: 100)
        try place.succeed("mv site/log newer && mv older site/log")
        try place.approve("third", devices: 3, first: 200)
        let outcome = try place.run("rootline run start third/manifest.yaml")
        #expect(outcome.code == 74)
        #expect(
            outcome.errors.contains("the ledger has run second, and this log does not"), "\(outcome.errors)")
        try place.succeed("rm -r site/log && mv newer site/log")
        try place.succeed("rootline run approve --anew third/manifest.yaml")
        try place.succeed("rootline run start third/manifest.yaml")
    }

    @Test("An allowance edited in the ledger is no allowance: resume asks the signature")
    func allowance() throws {
        let place = try Workplace()
        try stopped(place)
        let queue = try DatabaseQueue(path: place.site + "/ledger.sqlite")
        try queue.write { try $0.execute(sql: "UPDATE run SET spoilage = 1000") }
        try queue.close()
        let outcome = try place.run("rootline run resume batch")
        #expect(outcome.code == 74)
        #expect(
            outcome.errors.contains("another quantity or allowance than what was signed"), "\(outcome.errors)"
        )
    }

    @Test("Another run's approval, put in the place of the run's own, does not carry it on")
    func approval() throws {
        let place = try Workplace()
        try stopped(place)
        try place.approve("other", devices: 240, first: 5000, options: "--spoilage 200")
        try place.succeed("cp site/runs/other/authorisation.p7s site/runs/batch/authorisation.p7s")
        let outcome = try place.run("rootline run resume batch")
        #expect(outcome.code == 77)
        #expect(outcome.errors.contains("it was given for something else"), "\(outcome.errors)")
    }
}
