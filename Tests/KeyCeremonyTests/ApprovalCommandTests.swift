import Foundation
import Rosters
import SignedStatements
import Sites
import TestTokens
import Testing

@testable import Approvals

@Suite("Approvals at the terminal") struct ApprovalCommandTests {
    /// Says yes, and lets the share holders come in the order of the list.
    private static func willing(_ prompt: String) -> String? {
        if prompt.hasSuffix("yes or no: ") { return "yes" }
        if prompt.contains("Who presents a share?") { return "1" }
        return nil
    }

    @Test("Two members and the run authority approve a run, each with their own token, and the line makes it")
    func run() throws {
        let place = try ApprovalSite()
        let manifest = try place.makeRun("batch")
        // Who is asked is told what they sign, before the PIN.
        let alice = try place.terminal(["run", "approve", manifest, "--as", "alice"], answer: Self.willing)
        #expect(alice.code == 0, "\(alice.text)")
        for text in [
            "Run batch: 3 devices of Example Sensor", "4 more certificates may be made", "7 in all",
            "log.example.com/live, 0 entries", "2 of alice, bob, carol", "alice, do you approve this?",
            "approvals  1 of 2", "Next, 1 of bob, carol",
        ] {
            #expect(alice.text.contains(text), "\(text) is not in \(alice.text)")
        }
        let question = try #require(alice.text.range(of: "do you approve this?"))
        let pin = try #require(alice.text.range(of: "the PIN of your token"))
        #expect(question.upperBound < pin.lowerBound)

        // Not yet a quorum, not twice, not by whoever says no, and nothing is begun.
        let early = try place.terminal(
            ["run", "approve", manifest, "--countersign"], answer: Self.willing)
        #expect(early.code == 77 && early.text.contains("1 of 2 approvals are there"), "\(early.text)")
        let twice = try place.terminal(["run", "approve", manifest, "--as", "alice"], answer: Self.willing)
        #expect(twice.code == 77 && twice.text.contains("alice: has approved already"), "\(twice.text)")
        let no = try place.terminal(["run", "approve", manifest, "--as", "bob"]) { _ in "no" }
        #expect(no.code == 77 && no.text.contains("bob: said no: nothing was signed"), "\(no.text)")
        let stranger = try place.terminal(["run", "approve", manifest, "--as", "mallory"])
        #expect(stranger.code == 77 && stranger.text.contains("mallory: is not on the roster"))
        let start = try place.terminal(["run", "start", manifest])
        #expect(start.code == 77 && start.text.contains("the run is not approved"), "\(start.text)")
        #expect(start.text.contains("rootline run approve --show"))
        let wrong = try place.terminal(["run", "approve", manifest, "--as", "bob", "--spoilage", "900"])
        #expect(wrong.code == 73 && wrong.text.contains("an approval is open with 4 losses"), "\(wrong.text)")

        let bob = try place.terminal(
            ["run", "approve", manifest, "--as", "bob"], sources: ["bob"], answer: Self.willing)
        #expect(bob.code == 0 && bob.text.contains("Next, the run authority"), "\(bob.text)")
        let show = try place.terminal(["run", "approve", manifest, "--show", "--format", "json"])
        #expect(show.code == 0 && show.text.contains("\"state\" : \"open\""), "\(show.text)")
        // The authority's token is opened by two of its holders.
        let authority = try place.terminal(
            ["run", "approve", manifest, "--countersign"], answer: Self.willing)
        #expect(authority.code == 0, "\(authority.text)")
        for text in [
            "approved by    alice, bob", "Does the run authority countersign this?",
            "Token authority opens by 2 of 3 shares: alice, bob, carol.",
            "alice has presented a share: 1 of 2.",
            "by        alice, bob, and the run authority",
        ] {
            #expect(authority.text.contains(text), "\(text) is not in \(authority.text)")
        }
        #expect(!FileManager.default.fileExists(atPath: place.live.path("runs/batch/approval.p7s")))
        let made = try place.terminal(["run", "start", manifest])
        #expect(made.code == 0 && made.text.contains("3 devices released"), "\(made.text)")
        for person in place.live.people { #expect(!authority.text.contains(person.token.pinText)) }
    }

    @Test("An approval is carried: what was signed elsewhere is taken in, and what differs is refused")
    func carried() throws {
        let place = try ApprovalSite()
        let manifest = try place.makeRun("batch")
        let pending = place.live.path("runs/batch/approval.p7s")
        let copy = place.live.path("copy.p7s")
        let bobs = place.live.path("bobs.p7s")
        func approve(_ arguments: String..., sources: [String] = []) throws -> (code: Int32, text: String) {
            try place.terminal(
                ["run", "approve", manifest] + arguments, sources: sources, answer: Self.willing)
        }
        #expect(try approve().code == 0)
        try FileManager.default.copyItem(atPath: pending, toPath: copy)
        // Alice signs here, bob on a copy of it.
        #expect(try approve("--as", "alice", sources: ["alice"]).code == 0)
        let alices = place.live.path("alices.p7s")
        try FileManager.default.moveItem(atPath: pending, toPath: alices)
        let bob = try approve("--in", copy, "--as", "bob", sources: ["bob"])
        #expect(bob.code == 0, "\(bob.text)")
        try FileManager.default.moveItem(atPath: pending, toPath: bobs)
        #expect(try approve("--in", alices).code == 0)
        let both = try approve("--in", bobs)
        #expect(both.code == 0 && both.text.contains("approvals  2 of 2"), "\(both.text)")
        // A copy of another statement is not mixed in.
        try FileManager.default.moveItem(atPath: pending, toPath: copy + ".whole")
        #expect(try approve("--spoilage", "9").code == 0)
        let other = try approve("--in", alices)
        #expect(other.code == 77 && other.text.contains("is about another statement"), "\(other.text)")
        // Neither is one for a list that is another here.
        try FileManager.default.removeItem(atPath: pending)
        try place.makeRun("batch", devices: 3, from: 7)
        let list = try approve("--in", copy + ".whole")
        #expect(list.code == 77 && list.text.contains("given for something else: manifest"), "\(list.text)")
        // And a signer is not asked where it does not fit.
        try FileManager.default.copyItem(atPath: copy + ".whole", toPath: pending)
        let signer = try approve("--as", "carol")
        #expect(signer.code == 77 && !signer.text.contains("PIN"), "\(signer.text)")
        try place.makeRun("batch")
        let whole = try approve("--countersign", sources: ["alice", "bob"])
        #expect(whole.code == 0 && !whole.text.contains("Who presents"), "\(whole.text)")
    }

    @Test("A token that a quorum opens is opened by no other PIN, and a wrong share is named")
    func activation() throws {
        let place = try ApprovalSite()
        let manifest = try place.makeRun("batch")
        for name in ["alice", "bob"] {
            let answer = try place.terminal(
                ["run", "approve", manifest, "--as", name], sources: [name], answer: Self.willing)
            #expect(answer.code == 0, "\(answer.text)")
        }
        let single = try place.terminal(
            [
                "run", "approve", manifest, "--countersign", "--pin-source",
                "authority=file:\(place.live.path("alice.pin"))",
            ], answer: Self.willing)
        #expect(
            single.code == 77 && single.text.contains("is opened by its share holders together"),
            "\(single.text)")
        // Carol's file is exchanged for alice's: it is told, and the two others open the token.
        let files = try place.live.shareFiles(of: "authority")
        try FileManager.default.removeItem(atPath: files[2])
        try FileManager.default.copyItem(atPath: files[0], toPath: files[2])
        var turns = ["3", "1", "1"]
        let opened = try place.terminal(["run", "approve", manifest, "--countersign"]) { prompt in
            prompt.contains("Who presents a share?") ? turns.removeFirst() : Self.willing(prompt)
        }
        #expect(opened.code == 0, "\(opened.text)")
        #expect(opened.text.contains("is another token's, set's or holder's"), "\(opened.text)")
    }

    @Test("Revocation lists are approved like runs, and only such an approval allows them")
    func lists() throws {
        let place = try ApprovalSite()
        let site = try place.site
        func code() throws -> ApprovalError.Code? {
            let error = #expect(throws: ApprovalError.self) {
                try StandingAuthorisation.require(site: site)
            }
            return error?.code
        }
        #expect(try code() == .absent)
        let arguments = ["run", "approve-crl"]
        let alice = try place.terminal(
            arguments + ["--days", "30", "--span", "7", "--as", "alice"], answer: Self.willing)
        #expect(alice.code == 0 && alice.text.contains("within 7 days at most"), "\(alice.text)")
        #expect(try code() == .absent)
        #expect(
            try place.terminal(arguments + ["--as", "carol"], sources: ["carol"], answer: Self.willing).code
                == 0)
        let authority = try place.terminal(
            arguments + ["--countersign"], sources: ["bob", "carol"], answer: Self.willing)
        #expect(authority.code == 0, "\(authority.text)")
        let standing = try StandingAuthorisation.require(site: site)
        #expect(standing.approvers == ["alice", "carol"])
        let now = Date()
        try standing.requireCovers(thisUpdate: now, nextUpdate: now + 7 * 86_400)
        #expect(throws: ApprovalError.self) {
            try standing.requireCovers(thisUpdate: now, nextUpdate: now + 7 * 86_400 + 1)
        }
        #expect(throws: ApprovalError.self) {
            try standing.requireCovers(thisUpdate: now + 31 * 86_400, nextUpdate: now + 32 * 86_400)
        }
        for time in [now - 3600, now + 31 * 86_400] {
            let error = #expect(throws: ApprovalError.self) {
                try StandingAuthorisation.require(site: site, at: time)
            }
            #expect(error?.code == .statementRefused)
        }
        // A run's authorisation does not serve as one, nor the other way round.
        let manifest = try place.makeRun("batch")
        try place.put(
            Array(try Data(contentsOf: URL(fileURLWithPath: StandingAuthorisation.path(in: site)))),
            as: "batch")
        let start = try place.terminal(["run", "start", manifest, "--format", "json"])
        #expect(start.code == 77 && start.text.contains("approval-statement-refused"), "\(start.text)")
    }
}
