import Foundation
import Glibc
import Testing

extension Workplace {
    /// A sealed site with a successor of the log's key and its rotation approved.
    static func readyToRotate(_ options: String = "") throws -> Workplace {
        let place = try Workplace(.sealed)
        try place.succeed(
            "rootline ceremony rehearse \"$REPOSITORY/Ceremonies/allowlist-signer/successor.yaml\"")
        try place.succeed("cp site/certificates/allowlist-signer.pem old.pem")
        try place.succeed("cp site/certificates/allowlist-signer-next.pem new.pem")
        try place.succeed("rootline allowlist rotate-signer approve \(options)")
        return place
    }

    /// `allowlist verify` by somebody who pins the first key of the log, and the roster.
    func verifyWithOldPin() throws -> Outcome {
        try run(
            "rootline allowlist verify --bundle site/log --log-key old.pem --origin rehearsal.invalid/site "
                + "--allow-rehearsal --approvers $(sha256sum site/log/rosters/1.json | cut -c 1-64)")
    }
}

@Suite("The log's key is replaced as one step, whatever stops it")
struct RotationTests {
    @Test(
        "Killed at any step that reaches the disk, the rotation has happened whole or not at all",
        arguments: ["", "--emergency"])
    func killed(options: String) throws {
        let place = try Workplace.readyToRotate(options)
        try place.succeed("cp -a site prepared")
        var step = 1
        var published = 0
        while true {
            try place.succeed("rm -rf site && cp -a prepared site")
            let outcome = try place.run(
                "exec rootline allowlist rotate-signer perform", with: try place.killed(atStep: step))
            if outcome.code == 0 { break }
            #expect(outcome.code == 128 + SIGKILL, "\(outcome.errors)")
            // Whoever looks now sees the old log or the new one, or is told that a publication was interrupted.
            let seen = try place.run("rootline allowlist verify --allow-rehearsal")
            #expect(
                seen.code == 0 || seen.errors.contains("interrupted")
                    || seen.errors.contains("checkpoint.p7s"),
                "step \(step): \(seen.errors)")
            let isPublished = FileManager.default.fileExists(atPath: place.site + "/log/rotations/1.p7s")
            if isPublished, step.isMultiple(of: 2) {
                // Another command that signs for the log completes it as well.
                published += 1
                try place.succeed("rootline run scrap EX-00000009 --reason broken")
            } else {
                let again = try place.run("rootline allowlist rotate-signer perform")
                #expect(
                    again.code == 0 || again.errors.contains("rotation 1, the last one, is performed"),
                    "step \(step): \(again.errors)")
            }
            #expect(try place.run("cmp new.pem site/certificates/allowlist-signer.pem").code == 0)
            #expect(try place.run("cmp old.pem site/certificates/allowlist-signer-1.pem").code == 0)
            #expect(try place.run("ls site/certificates | grep -c next").output == "0\n")
            #expect(
                try place.run("cmp site/log/rotations/1.p7s site/certificates/signer-rotation-1.p7s").code
                    == 0)
            let old = try place.verifyWithOldPin()
            #expect(old.code == 0, "step \(step): \(old.errors)")
            try place.succeed("rootline allowlist verify --allow-rehearsal")
            step += 1
        }
        #expect(step > 20 && published > 3, "\(step) steps, \(published) after the publication")
    }

    @Test(
        "A planned rotation waits for every run; an emergency goes on under the new key with one that was stopped"
    )
    func unfinishedRun() throws {
        let place = try Workplace.readyToRotate()
        try place.approve("batch", devices: 240, first: 1000, options: "--spoilage 12")
        let program = try place.start("exec rootline run start batch/manifest.yaml --workers 2")
        try #require(Instant.packages(20).wait(for: program, in: place.site + "/runs/batch"))
        kill(program.process, SIGKILL)
        _ = try program.wait()
        let planned = try place.run("rootline allowlist rotate-signer perform")
        #expect(
            planned.code == 75 && planned.errors.contains("rootline run resume batch"), "\(planned.errors)")
        try place.succeed("rootline allowlist rotate-signer approve --anew --emergency")
        try place.succeed("rootline allowlist rotate-signer perform")
        #expect(try place.run("rootline run resume batch").code == 0)
        try place.audit([
            ("first", Workplace.serials(Stage.sealedDevices)), ("batch", Workplace.serials(240, from: 1000)),
        ])
        let old = try place.verifyWithOldPin()
        #expect(old.code == 0, "\(old.errors)")
    }

    @Test("Keys follow one another: who pins the first one and the roster is led to the third")
    func twice() throws {
        let place = try Workplace.readyToRotate()
        try place.succeed("rootline allowlist rotate-signer perform")
        try place.make("second", devices: 3, first: 1000)
        try place.succeed(
            "sed 's/log-2/log-3/; s/Signer 2/Signer 3/' \"$REPOSITORY/Ceremonies/allowlist-signer/successor.yaml\" "
                + ">successor.yaml && sed -i 's/log-2/log-3/g' successor.yaml")
        try place.succeed("rootline ceremony rehearse successor.yaml")
        try place.succeed("rootline allowlist rotate-signer approve --emergency")
        try place.succeed("rootline allowlist rotate-signer perform")
        try place.make("third", devices: 3, first: 2000)
        let old = try place.verifyWithOldPin()
        #expect(old.code == 0, "\(old.errors)")
        #expect(try place.succeed("grep -c BEGIN site/log/signers.pem") == "4\n")
    }
}
