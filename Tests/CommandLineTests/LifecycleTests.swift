import Foundation
import Glibc
import Testing

/// `allowlist revoke --format json`.
struct RevokeDocument: Decodable {
    struct Device: Decodable {
        let serial: String?
        let certificateSerial: String
        let entryIndex: Int
        let effectiveAt: String
        let earlier: Bool
    }
    let version: Int
    let reason: String
    let devices: [Device]
    let treeSize: Int
}

@Suite("What happens to a device after it was listed is in the log, whole, once and for good")
struct LifecycleTests {
    private func revoke(_ place: Workplace, _ arguments: String) throws -> RevokeDocument {
        let text = try place.succeed("rootline allowlist revoke \(arguments) --yes --format json")
        return try JSONDecoder().decode(RevokeDocument.self, from: Data(text.utf8))
    }

    @Test(
        "A revoked device is in the next revocation list, with its reason and its time",
        arguments: [Stage.sealed, .hashed])
    func listed(stage: Stage) throws {
        let place = try Workplace(stage)
        try place.approveLists()
        #expect(try place.list().revoked == 0)
        // The run was opened before; only a time since then is taken.
        let now = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
        let revoked = try revoke(
            place, "EX-00000007 --reason keyCompromise --effective \(now.ISO8601Format())")
        #expect(revoked.devices.map(\.effectiveAt) == [now.ISO8601Format()])
        try place.succeed("rootline allowlist replace EX-00000008 EX-00000009 --reason RMA --yes")
        let list = try place.list()
        #expect(list.action == "issued" && list.number == 2 && list.revoked == 2 && list.added == 2)
        let published = try place.publishedList()
        let serial = revoked.devices[0].certificateSerial.uppercased()
        #expect(published.reasons[serial] == "Key Compromise")
        #expect(published.reasons.values.sorted() == ["Key Compromise", "Superseded"])
        let lines = try place.packages(of: "first")
        #expect(try place.check(lines[6]).code != 0)
        #expect(try place.check(lines[7]).code != 0)
        #expect(try place.check(lines[8]).code == 0)
    }

    @Test(
        "Killed at any step that reaches the disk, a command has done all or nothing, and repeated it is done once",
        arguments: [
            ("revoke EX-00000005 EX-00000006 --reason keyCompromise", ["revoke": 2, "replace": 0], 3),
            ("replace EX-00000005 EX-00000006 --reason RMA", ["revoke": 1, "replace": 1], 3),
        ])
    func killed(command: String, entries: [String: Int], added: Int) throws {
        let before = try Workplace(.sealed).verification().treeSize
        var step = 1
        while true {
            let place = try Workplace(.sealed)
            let outcome = try place.run(
                "exec rootline allowlist \(command) --yes", with: try place.killed(atStep: step))
            if outcome.code == 0 { break }
            #expect(outcome.code == 128 + SIGKILL, "\(outcome.errors)")
            if step.isMultiple(of: 3) {
                // Another command that opens the log finds it whole.
                try place.make("second", devices: 2, first: 1000)
            }
            try place.succeed("rootline allowlist \(command) --yes")
            let list = try place.verification()
            #expect(list.entries.filter { entries.keys.contains($0.key) } == entries, "step \(step)")
            if list.runs.count == 1 { #expect(list.treeSize == before + added, "step \(step)") }
            step += 1
        }
        #expect(step > 10, "there are that many steps at least")
    }

    @Test("A log put back to before a revocation is noticed by every command that opens it")
    func logRestored() throws {
        let place = try Workplace(.sealed)
        try place.succeed("cp -r site/log older")
        _ = try revoke(place, "EX-00000005 --reason keyCompromise")
        try place.succeed("mv site/log newer && mv older site/log")
        try place.approve("batch", devices: 1, first: 1000)
        for command in [
            "allowlist revoke EX-00000006 --reason keyCompromise --yes",
            "run scrap EX-00000006 --reason broken",
            "run start batch/manifest.yaml",
        ] {
            let outcome = try place.run("rootline \(command)")
            #expect(outcome.code == 74, "\(command): \(outcome.errors)")
            #expect(
                outcome.errors.contains("revoked or replaced in a larger log than this one"),
                "\(outcome.errors)")
        }
        try place.succeed("rm -r site/log && mv newer site/log")
        #expect(try revoke(place, "EX-00000006 --reason keyCompromise").devices.count == 1)
    }

    @Test("A device that is reissued under its serial leaves a revocation, a scrap and a replacement")
    func reissued() throws {
        let place = try Workplace()
        try place.approve("batch", devices: 2, options: "--spoilage 1")
        try place.succeed("rootline run start batch/manifest.yaml --keep-open")
        try place.scrap("EX-00000002 --reason 'bad solder' --superseded")
        try place.succeed("rootline run rework batch && rootline run close batch")
        let list = try place.verification()
        #expect(list.entries["revoke"] == 1 && list.entries["scrap"] == 1 && list.entries["replace"] == 1)
        #expect(list.entries["add"] == 3)
        let lines = try place.packages(of: "batch").filter { $0.serial == "EX-00000002" }
        try place.writeCertificate(try #require(lines.first), to: "old.pem")
        #expect(try place.lookup("--certificate old.pem").answer == "replaced: bad solder")
        #expect(try place.lookup("EX-00000002").answer == "listed")
        // Of a sealed run: a new run whose list has the serial says the same.
        try place.scrap("EX-00000001 --reason destroyed")
        try place.make("again", devices: 1)
        #expect(try place.verification().entries["replace"] == 2)
        #expect(try place.lookup("EX-00000001").answer == "listed")
    }
}
