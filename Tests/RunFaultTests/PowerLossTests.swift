import FaultyToken
import Foundation
import Testing

/// A power cut after an operation, and what the disk kept of what was not flushed.
struct PowerCut: Sendable, CustomStringConvertible {
    let operation: Int
    let cut: Disk.Cut
    /// A second one, so many operations into the resumption.
    var again: Int?

    var description: String {
        "power cut after operation \(operation), \(cut)" + (again.map { ", again after \($0)" } ?? "")
    }
}

@Suite("After a power cut every device is made exactly once", .serialized)
struct PowerLossTests {
    static let rows = 4

    @Test(
        "What was flushed is enough to go on from, whatever else is lost, and nothing that was shown is lost")
    func flushed() throws {
        let place = try Place(rows: Self.rows)
        let log = place.folder + "/operations.log"
        let outcome = try place.making(resuming: false, with: ["SITE_FILES_LOG": log]).wait()
        #expect(outcome.code == 0)
        let operations = try FaultyToken.siteOperations(log: log)
        #expect(
            operations.contains { $0.name == "fsync-folder" } && operations.contains { $0.name == "rename" })
        // Behind a write is what it changed and no more: a cut there is one behind the next operation, too.
        let places = operations.indices.filter { operations[$0].name != "write" || $0.isMultiple(of: 9) }
        var cuts = places.flatMap { index in
            [Disk.Cut.nothing, .some(seed: UInt64(index)), .some(seed: UInt64(index + 5000))].map {
                PowerCut(operation: index + 1, cut: $0)
            }
        }
        cuts += places.filter { $0.isMultiple(of: 5) }.map { PowerCut(operation: $0 + 1, cut: .everything) }
        cuts += places.filter { $0.isMultiple(of: 3) && $0 > 80 }.map {
            PowerCut(operation: $0 + 1, cut: .nothing, again: 1 + $0 % 120)
        }
        // Names that came and went and are not flushed yet: every combination of them.
        let names = operations.indices.filter { ["link", "unlink", "rename"].contains(operations[$0].name) }
        let combinations = names.flatMap { index in
            (0..<4).map { PowerCut(operation: index + 1, cut: .some(seed: UInt64(index * 4 + $0))) }
        }
        Campaign.run("power cuts", Campaign.some(18, of: cuts)) { cut in
            try Place(rows: Self.rows).losesPower(cut)
        }
        Campaign.run("power cuts, names", Campaign.some(12, of: combinations)) { cut in
            try Place(rows: Self.rows).losesPower(cut)
        }
    }
}

extension Place {
    /// Cuts the power and goes on from what the disk kept; answers what is wrong at the end.
    func losesPower(_ cut: PowerCut) throws -> [String] {
        var shown: [String: Data] = [:]
        var findings: [String] = []
        for operation in [cut.operation] + (cut.again.map { [$0] } ?? []) {
            let known = try status()
            if known?.state == "sealed" { break }
            let record = folder + "/record-\(operation)-\(UUID().uuidString.prefix(4))"
            let disk = try Disk(site, except: ["hsm"])
            let fault = Fault(files: "kill-after:\(operation)", killsGroup: true)
            _ = try making(fault, resuming: known != nil, with: ["SITE_FILES_RECORD": record]).wait()
            // What a station took before the cut must be what is there at the end.
            shown.merge(try shownPackages()) { $1 }
            if FileManager.default.fileExists(atPath: record) { try disk.replay(record: record) }
            try disk.cut(cut.cut)
            findings += try lookBetween()
        }
        findings += try finish()
        findings += try audit()
        let left = try shownPackages()
        for (name, contents) in shown where left[name] != contents {
            findings.append(
                "\(name) was shown before the cut, and is now \(left[name] == nil ? "gone" : "another")")
        }
        return findings
    }

    /// The packages that a station can see, by name.
    private func shownPackages() throws -> [String: Data] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: packages)) ?? []
        var shown: [String: Data] = [:]
        for name in names where name.hasSuffix(".jsonl") && !name.hasPrefix(".") {
            shown[name] = FileManager.default.contents(atPath: packages + "/" + name)
        }
        return shown
    }
}
