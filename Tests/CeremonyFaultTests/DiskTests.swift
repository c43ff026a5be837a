import Foundation
import Glibc
import Testing

@Suite("A disk that is full or fails stops a ceremony so that it can be resumed", .serialized)
struct DiskTests {
    static let ceremonies = [Ceremony.root, .issuing]

    /// Continuous integration takes every sixth write and flush of the transcript, and the first and last; torture
    /// every one. The few documents are all taken.
    static func faults(_ measure: Measure) -> [Fault] {
        let places = (1...measure.journalWrites).filter {
            Campaign.isTorture || $0 % 6 == 1 || $0 == 2 || $0 == measure.journalWrites
        }
        return places.flatMap {
            [
                Fault.journal("fail:\($0)+:ENOSPC"), .journal("fail:\($0):EIO"),
                .journal("fail-fsync:\($0):EIO"),
            ]
        }
            + (1...measure.documentWrites).flatMap {
                [Fault.documents("fail:\($0)+:ENOSPC"), .documents("fail-fsync:\($0):EIO")]
            }
    }

    @Test("A write that fails is exit code 73 or 74, and resume completes", arguments: ceremonies)
    func failingWrites(_ ceremony: Ceremony) throws {
        let faults = DiskTests.faults(try Place(ceremony).measured())
        Campaign.run("\(ceremony), the disk fails", faults) { fault in
            let place = try Place(ceremony)
            let audit = try Audit(place)
            let outcome = try place.rehearse(fault)
            guard [73, 74].contains(outcome.code) else { return ["exit \(outcome.code): \(outcome.errors)"] }
            if !FileManager.default.fileExists(atPath: place.transcript) {
                if Set(try place.ceremonyFolders()) != Set(ceremony.before) { return ["a folder is left"] }
                let anew = try place.rehearse()
                return anew.code == 0 ? try audit.findings() : ["begun anew: \(anew.errors)"]
            }
            return try FailingTokenTests.findingsOnceResumed(place, audit, outcome)
        }
    }

    @Test(
        "Writes that fall short or are interrupted are gone on with",
        arguments: ["short:1+", "fail:1:EINTR", "fail:40:EINTR"])
    func shortWrites(plan: String) throws {
        for fault in [Fault.journal(plan), .documents(plan)] {
            let place = try Place(.root)
            let audit = try Audit(place)
            let outcome = try place.rehearse(fault)
            #expect(outcome.code == 0, "\(fault): \(outcome.errors)")
            #expect(try audit.findings() == [])
        }
    }

    /// A file in the folder's place, since permissions do not bind root.
    private func obstruct(_ path: String) throws {
        try? FileManager.default.removeItem(atPath: path)
        try "in the way".write(toFile: path, atomically: true, encoding: .utf8)
    }

    @Test("Where files cannot be made nothing is begun", arguments: ["ceremonies", "certificates"])
    func noFolder(name: String) throws {
        let place = try Place(.root)
        let audit = try Audit(place)
        try obstruct(place.site + "/" + name)
        let outcome = try place.rehearse()
        #expect(outcome.code == 65, "\(outcome.errors)")
        #expect(outcome.errors.contains("/site/\(name): ") && outcome.errors.contains("Nothing was done"))
        try FileManager.default.removeItem(atPath: place.site + "/" + name)
        #expect(try place.rehearse().code == 0)
        #expect(try audit.findings() == [])
    }

    @Test("Where the ceremony's name is taken by a file the next name is used")
    func takenName() throws {
        let place = try Place(.root)
        try obstruct(place.site + "/ceremonies/root-ca")
        #expect(try place.rehearse().code == 0)
        #expect(FileManager.default.fileExists(atPath: place.transcript(of: "root-ca-2")))
    }

    @Test("Where certificates can no longer be published, the ceremony is complete, and resume publishes")
    func noCertificatesFolder() throws {
        let place = try Place(.root)
        let audit = try Audit(place)
        let program = try place.start(place.rehearsing, .token("C_GenerateKeyPair=stop-before"))
        while !program.isOver, !program.isStopped { usleep(1000) }
        try obstruct(place.site + "/certificates")
        kill(program.process, SIGCONT)
        let outcome = try program.wait()
        #expect(outcome.code == 73, "\(outcome.errors)")
        #expect(
            outcome.errors.contains("rootline ceremony resume root-ca --site \(place.site)"),
            "\(outcome.errors)")
        let transcript = FileManager.default.contents(atPath: place.transcript)
        try FileManager.default.removeItem(atPath: place.site + "/certificates")
        let resumed = try place.resume()
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(
            FileManager.default.contents(atPath: place.transcript) == transcript, "nothing is added to it")
        #expect(try audit.findings() == [])
    }
}
