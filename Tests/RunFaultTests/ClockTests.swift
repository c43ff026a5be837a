import FaultyToken
import Foundation
import Glibc
import Testing

@Suite("A clock that steps back makes no device twice and revives no authorisation", .serialized)
struct ClockTests {
    private func clocked(_ place: Place, offset: Int?) throws -> [String: String] {
        let file = place.folder + "/clock"
        try (offset.map { "\($0)\n" } ?? "").write(toFile: file, atomically: true, encoding: .utf8)
        let shims = [try FaultyToken.siteFilesShim(), try FaultyToken.steppingClock()].joined(separator: ":")
        return ["LD_PRELOAD": shims, "STEPPING_CLOCK": file]
    }

    @Test(
        "A step in the middle of a run changes no certificate's validity and stops nothing",
        arguments: [-86_400, 86_400])
    func midRun(step: Int) throws {
        let place = try Place(rows: 40)
        let clock = try clocked(place, offset: nil)
        let program = try place.making(Fault(workers: "C_WrapKey=slow:5"), resuming: false, with: clock)
        while !program.isOver, place.visible < 8 { usleep(500) }
        _ = try clocked(place, offset: step)
        let outcome = try program.wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try place.audit() == [])
        #expect(try place.beginnings().count == 1, "all rows have the run's own notBefore")
    }

    @Test("A clock that went back between start and resume goes on with the times of the start")
    func between() throws {
        let place = try Place(rows: 40)
        let days = 86_400
        let program = try place.making(
            Fault(workers: "C_WrapKey=slow:5"), resuming: false, with: try clocked(place, offset: 5 * days))
        while !program.isOver, place.visible < 8 { usleep(500) }
        kill(program.process, SIGKILL)
        _ = try program.wait()
        let outcome = try place.making(resuming: true, with: try clocked(place, offset: days)).wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try place.audit() == [])
        #expect(try place.beginnings().count == 1)
    }

    @Test(
        "An authorisation that is not valid yet by a clock set back, or no longer by one set on, starts no run"
    )
    func outOfTime() throws {
        let place = try Place(rows: 3)
        for (approved, started) in [(3, 1), (3, 11), (0, 8)] {
            let run = "run-\(approved)-\(started)"
            try place.approve(
                run, devices: 3, first: 100, with: try clocked(place, offset: approved * 86_400))
            let outcome = try place.start(
                ["run", "start", place.manifest(run), "--site", place.site],
                with: try clocked(place, offset: started * 86_400)
            ).wait()
            #expect(outcome.code == 77, "\(run): \(outcome.errors)")
        }
        #expect(try place.finish() == [])
        #expect(try place.audit() == [])
    }

    @Test("A used authorisation stays used whatever the clock says")
    func used() throws {
        let place = try Place(rows: 3)
        #expect(try place.finish() == [])
        for offset in [0, -60, -3600] {
            let again = try place.making(resuming: false, with: try clocked(place, offset: offset)).wait()
            #expect([73, 77].contains(again.code), "\(offset): \(again.errors)")
        }
        #expect(try place.audit() == [])
    }
}

extension Place {
    /// The notBefore of the certificates that the station can see, as openssl prints it.
    func beginnings() throws -> Set<String> {
        var found: Set<String> = []
        let names = try FileManager.default.contentsOfDirectory(atPath: packages)
        for name in names where name.hasSuffix(".jsonl") && !name.hasPrefix(".") {
            let text = try String(contentsOfFile: packages + "/" + name, encoding: .utf8)
            for line in text.split(separator: "\n") {
                guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
                    let certificate = object["certificate"] as? String,
                    let der = Data(base64Encoded: certificate)
                else { continue }
                try der.write(to: URL(fileURLWithPath: folder + "/device.der"))
                let outcome = try Program(
                    "exec openssl x509 -inform DER -in device.der -noout -startdate", [], in: folder,
                    environment
                ).wait()
                found.insert(outcome.output)
            }
        }
        return found
    }
}
