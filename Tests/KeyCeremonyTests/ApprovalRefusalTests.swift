import Foundation
import KeyCeremony
import Manifests
import Rosters
import SignedStatements
import Sites
import Testing

@testable import Approvals
@testable import ProductionRun

/// What `run start` asks of an authorisation, on a live site with real tokens.
@Suite("What a run is not begun under") struct ApprovalRefusalTests {
    private func refused(
        _ plan: RunPlan, at now: Date = Date(), sourceLocation: SourceLocation = #_sourceLocation
    ) -> (code: String, message: String, hint: String?)? {
        do {
            _ = try plan.authorisation(at: now)
        } catch let error as ApprovalError {
            return (error.code.rawValue, error.message, error.hint)
        } catch let error as RunError {
            return (error.code.rawValue, error.message, error.hint)
        } catch {
            Issue.record("\(error)", sourceLocation: sourceLocation)
            return nil
        }
        Issue.record("it was accepted", sourceLocation: sourceLocation)
        return nil
    }

    @Test("Signatures: none, too few, no authority, one taken out, one put in twice, an older one's")
    func signatures() throws {
        let place = try ApprovalSite()
        try place.makeRun("batch")
        let plan = try place.plan("batch")
        let statement = try place.statement(plan)
        let none = refused(plan)
        #expect(none?.code == "run-authorisation-refused" && none?.message == "the run is not approved")
        #expect(none?.hint?.contains("rootline run approve") == true)

        try place.put(try ApprovedMessage(content: try statement.encode()), as: "batch")
        let unsigned = refused(plan)
        #expect(unsigned?.code == "approval-quorum-short")
        #expect(unsigned?.hint == "Who can still approve: alice, bob, carol.")
        try place.put(try place.signed(statement, by: ["alice"], countersigned: false), as: "batch")
        #expect(refused(plan)?.code == "approval-quorum-short")
        try place.put(try place.signed(statement, countersigned: false), as: "batch")
        let alone = refused(plan)
        #expect(alone?.code == "approval-authority-missing")
        #expect(alone?.hint?.contains("--countersign") == true)

        let whole = try place.signed(statement, by: ["alice", "bob", "carol"])
        try place.put(whole, as: "batch")
        #expect(try plan.authorisation(at: Date()).approvals.map(\.name) == ["alice", "bob", "carol"])
        let authority = try ApprovedMessage(content: whole.content, signers: whole.countersignatures)
        try place.put(authority, as: "batch")
        #expect(refused(plan)?.code == "approval-quorum-short")
        let stripped = try ApprovedMessage(
            content: whole.content, signers: whole.approvals.dropLast() + whole.countersignatures)
        try place.put(stripped, as: "batch")
        #expect(refused(plan)?.code == "approval-approvals-changed")
        let doubled = try ApprovedMessage(
            content: whole.content, signers: whole.signers + [whole.approvals[0]])
        try place.put(doubled, as: "batch")
        #expect(refused(plan)?.code == "approval-repeated")
        // The statement is edited, and everybody's signature kept.
        var edited = statement
        edited.spoilage = 5
        try place.put(
            try ApprovedMessage(content: try edited.encode(), signers: whole.signers), as: "batch")
        let changed = refused(plan)
        #expect(changed?.code == "approval-signature-invalid")
        #expect(changed?.message == "signed another statement than this one")
        try place.put(try whole.der() + [0], as: "batch")
        #expect(refused(plan)?.code == "approval-malformed")
    }

    @Test("Statements: another quantity, run, log, state of the log, time, or kind of site")
    func statements() throws {
        let place = try ApprovalSite()
        try place.makeRun("batch")
        let plan = try place.plan("batch")
        let now = Date()
        let good = try place.statement(plan, at: now)
        let changes: [(String, (inout AuthorisationStatement) -> Void)] = [
            ("quantity: signed 2, is 3", { $0.facts.quantity = 2 }),
            ("run: signed other, is batch", { $0.facts.run = "other" }),
            ("product: signed Other, is Example Sensor", { $0.facts.product = "Other" }),
            ("origin: signed log.example.com/other, is log", { $0.facts.origin = "log.example.com/other" }),
            ("type: signed rootline/rehearsal-authorisation/v1", { $0.facts.rehearsal = true }),
            ("manifest: signed", { $0.facts.manifestDigest[0] ^= 1 }),
            ("template: signed", { $0.facts.templateDigest[0] ^= 1 }),
            ("issuer: signed", { $0.facts.issuerDigest[0] ^= 1 }),
            ("station: signed null", { $0.facts.stationDigest = nil }),
            ("cites a state of the log", { $0.treeSize = 1 }),
            ("cites a state of the log", { $0.rootHash[0] ^= 1 }),
        ]
        for (text, change) in changes {
            var statement = good
            change(&statement)
            try place.put(try place.signed(statement), as: "batch")
            let error = refused(plan)
            #expect(error?.code == "run-authorisation-refused", "\(text)")
            #expect(error?.message.contains(text) == true, "\(error?.message ?? "") for \(text)")
            #expect(error?.hint != nil)
        }
        try place.put(try place.signed(good), as: "batch")
        _ = try plan.authorisation(at: now)
        let end = Date(timeIntervalSince1970: TimeInterval(good.notAfter))
        _ = try plan.authorisation(at: end)
        let early = refused(plan, at: Date(timeIntervalSince1970: TimeInterval(good.notBefore - 1)))
        #expect(early?.code == "approval-statement-refused" && early?.message == "its time has not come")
        let late = refused(plan, at: end + 1)
        #expect(late?.code == "approval-statement-refused" && late?.message == "its time is over")
        #expect(late?.hint?.contains("--anew") == true)
        // Under another name, with a list of its own, it is another run's.
        try place.makeRun("other", from: 10)
        try place.put(try place.signed(good), as: "other")
        let other = try place.plan("other")
        #expect(refused(other)?.message.contains("run: signed batch, is other") == true)
    }

    @Test("The log must extend what the approvers saw: neither a shorter nor another one does")
    func log() throws {
        let place = try ApprovalSite()
        let manager = FileManager.default
        func make(_ name: String, from first: Int) throws {
            let manifest = try place.makeRun(name, from: first)
            let plan = try place.plan(name)
            try place.put(try place.signed(try place.statement(plan)), as: name)
            let made = try place.terminal(["run", "start", manifest])
            try #require(made.code == 0, "\(made.text)")
        }
        try make("first", from: 1)
        try manager.copyItem(atPath: place.live.path("log"), toPath: place.live.path("log.first"))
        try manager.copyItem(
            atPath: place.live.path("ledger.sqlite"), toPath: place.live.path("kept-ledger"))
        try make("second", from: 10)
        try place.makeRun("third", from: 20)
        let plan = try place.plan("third")
        try place.put(try place.signed(try place.statement(plan)), as: "third")
        _ = try plan.authorisation(at: Date())
        // Shorter: the copy from before the second run.
        try manager.moveItem(atPath: place.live.path("log"), toPath: place.live.path("log.second"))
        try manager.copyItem(atPath: place.live.path("log.first"), toPath: place.live.path("log"))
        #expect(refused(plan)?.message.contains("cites a state of the log") == true)
        // A fork: from there on another history, of the same length.
        for name in try manager.contentsOfDirectory(atPath: place.folder)
        where name.hasPrefix("ledger.") {
            try manager.removeItem(atPath: place.live.path(name))
        }
        try manager.copyItem(
            atPath: place.live.path("kept-ledger"), toPath: place.live.path("ledger.sqlite"))
        try make("instead", from: 30)
        #expect(refused(plan)?.message.contains("cites a state of the log") == true)
        // The second run's authorisation, used on the history that was taken away: the token remembers it.
        try manager.removeItem(atPath: place.live.path("log"))
        try manager.copyItem(atPath: place.live.path("log.first"), toPath: place.live.path("log"))
        for name in try manager.contentsOfDirectory(atPath: place.folder)
        where name.hasPrefix("ledger.") {
            try manager.removeItem(atPath: place.live.path(name))
        }
        try manager.copyItem(
            atPath: place.live.path("kept-ledger"), toPath: place.live.path("ledger.sqlite"))
        let replayed = try place.terminal(
            ["run", "start", place.live.path("input-second/manifest.yaml"), "--format", "json"])
        #expect(replayed.code == 77, "\(replayed.text)")
        #expect(replayed.text.contains("run-authorisation-refused"))
        #expect(replayed.text.contains("the token remembers that it was used before"))
        // The same statement, signed by others and countersigned again, is another message and no other approval.
        let used = try place.live.site.runFolder("second") + "/authorisation.p7s"
        let content = try ApprovedMessage(der: Array(try Data(contentsOf: URL(fileURLWithPath: used))))
            .content
        let again = try place.signed(try AuthorisationStatement.decode(content), by: ["bob", "carol"])
        try place.put(again, as: "second")
        let renewed = try place.terminal(
            ["run", "start", place.live.path("input-second/manifest.yaml"), "--format", "json"])
        #expect(renewed.code == 77, "\(renewed.text)")
        #expect(renewed.text.contains("the token remembers that it was used before"))
    }

    @Test("Rosters: a member who left, a version taken away before and after the next run")
    func rosters() throws {
        let place = try ApprovalSite()
        let manager = FileManager.default
        let manifest = try place.makeRun("batch")
        let plan = try place.plan("batch")
        let old = try place.signed(try place.statement(plan))
        try place.put(old, as: "batch")
        _ = try plan.authorisation(at: Date())

        // Version 2 without alice, signed by the quorum of version 1.
        let first = try #require(try place.site.rosters().last)
        let unsigned = Roster(
            version: 2, origin: first.origin, rehearsal: false, previous: first.digest,
            members: first.members.filter { $0.name != "alice" }, conflicts: first.conflicts,
            quorums: first.quorums)
        let second = unsigned.signed(
            by: try ["bob", "carol"].map {
                Roster.Signature(
                    name: $0, signature: try place.credential($0).signature(over: unsigned.signedBytes))
            })
        try place.site.publish(second)
        let superseded = refused(plan)
        #expect(superseded?.code == "approval-roster-refused")
        #expect(superseded?.message == "names version 1 of the roster, and version 2 is in force")
        // Alice's signature on a statement of today is a retired member's.
        let statement = try place.statement(plan)
        let alices = try #require(old.approvals.first { $0.keyDigest == Self.digest(first, "alice") })
        let bobs = try place.signed(statement, by: ["bob"], countersigned: false)
        try place.put(try bobs.adding(alices), as: "batch")
        #expect(refused(plan)?.code == "approval-signer-retired")
        let asked = try place.terminal(["run", "approve", manifest, "--anew", "--as", "alice"])
        #expect(asked.code == 77 && asked.text.contains("alice: is no longer on the roster"), "\(asked.text)")

        // Approved under version 2, which is then taken away.
        try place.put(try place.signed(statement, by: ["bob", "carol"]), as: "batch")
        _ = try plan.authorisation(at: Date())
        let path = try place.site.rosterPath(2)
        try manager.moveItem(atPath: path, toPath: path + ".away")
        let unknown = refused(plan)
        #expect(unknown?.code == "approval-roster-refused")
        #expect(unknown?.message == "names a roster that this site does not know")
        try manager.moveItem(atPath: path + ".away", toPath: path)
        let made = try place.terminal(["run", "start", manifest])
        #expect(made.code == 0, "\(made.text)")
        // Taken away after a run: whoever left cannot come back by it.
        try manager.moveItem(atPath: path, toPath: path + ".away")
        try place.makeRun("later", from: 10)
        let later = try place.plan("later")
        try place.put(try place.signed(try place.statement(later)), as: "later")
        let rolledBack = refused(later)
        #expect(rolledBack?.code == "approval-roster-refused")
        #expect(
            rolledBack?.message == "run batch was approved under a roster that this site no longer has")
    }

    private static func digest(_ roster: Roster, _ name: String) -> [UInt8] {
        StrictSignature.Curve.p256.hash(roster.member(name)?.signingKey ?? [])
    }

    @Test("Nobody signs a statement that was put in the place of the one they were shown")
    func exchanged() throws {
        let place = try ApprovalSite()
        try place.makeRun("batch")
        let plan = try place.plan("batch")
        let approval = try plan.approval()
        let shown = try approval.open(try place.statement(plan)).statement
        // Another that fits the run just as well, with all the losses there are.
        var other = shown
        other.spoilage = 1_000_000
        let message = try ApprovedMessage(content: try other.encode())
        try Data(try message.der()).write(to: URL(fileURLWithPath: approval.pendingPath))
        let alice = try place.credential("alice")
        let error = #expect(throws: ApprovalError.self) {
            try approval.approve(shown, as: "alice", with: alice)
        }
        #expect(error?.code == .statementRefused)
        try place.put(
            try place.signed(other, countersigned: false), to: approval.pendingPath)
        let authority = try place.authority()
        let countersigning = #expect(throws: ApprovalError.self) {
            try approval.countersign(shown, with: authority)
        }
        #expect(countersigning?.code == .statementRefused)
        #expect(!approval.isComplete)
    }

    @Test("A rehearsal's authorisation is refused in a live site, and a live one in a rehearsal")
    func worlds() throws {
        let place = try ApprovalSite()
        try place.makeRun("batch")
        let plan = try place.plan("batch")
        let good = try place.statement(plan)
        let approvers = try Approvers(try place.site)
        // Stand-ins cannot sign for anybody of a live roster.
        let standIn = try StandInCredential(name: "alice", seed: [UInt8](repeating: 1, count: 32))
        #expect(throws: ApprovalError.self) {
            try approvers.approve(
                try ApprovedMessage(content: try good.encode()), as: "alice", with: standIn)
        }
        var rehearsal = good
        rehearsal.facts.rehearsal = true
        try place.put(try place.signed(rehearsal), as: "batch")
        #expect(refused(plan)?.message.contains("type: signed rootline/rehearsal-authorisation/v1") == true)
        // The reverse: the demo's roster is not the live site's.
        let demo = try TestSite()
        for name in ["root-ca", "issuing-ca", "run-authority", "allowlist-signer"] {
            _ = try Rehearsed.script(name).rehearse(site: demo.site)
        }
        let der = try place.signed(good).der()
        let error = #expect(throws: ApprovalError.self) {
            try Approvers(demo.site).approved(der, as: AuthorisationStatement.self)
        }
        #expect(error?.code == .rosterRefused)
        #expect(throws: SiteError.self) { try place.site.standInSeed() }
    }
}
