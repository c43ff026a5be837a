import Foundation
import KeyCeremony
import PKCS11
import Rosters
import SignedStatements
import Sites
import TestTokens
import Testing

@Suite struct LivePeopleTests {
    /// Nothing came of it: no ceremony but those before, no key, no certificate.
    private func expectUntouched(_ live: LiveSite, _ ceremonies: [String] = ["custodian-enrolment"]) throws {
        #expect(live.names(in: "ceremonies") == ceremonies)
        for token in ["root", "line", "authority", "firmware"] { #expect(try live.publicLabels(token) == []) }
        #expect(live.names(in: "certificates") == [])
    }

    /// A ceremony that stopped before anything was made or signed.
    private func expectStopped(_ live: LiveSite, _ ceremony: String = "root-ca") throws {
        #expect(try live.publicLabels("root") == [])
        #expect(try live.count(of: "\"type\":\"effect\"", in: ceremony) == 0)
        #expect(try live.count(of: "\"type\":\"sign-off\"", in: ceremony) == 0)
        #expect(try live.lines(ceremony).last?.contains("\"type\":\"stopped\"") == true)
        let token = try #require(live.tokens["root"])
        #expect(try live.opens("root", .user, token.pinText))
        #expect(try live.opens("root", .securityOfficer, token.securityOfficerPINText))
    }

    struct Seating: CustomTestStringConvertible {
        let testDescription: String
        let role: CeremonyRole
        let names: [String]
        let says: String
    }
    static let seatings = [
        Seating(
            testDescription: "somebody who is not on the roster", role: .cryptoOfficer, names: ["mallory"],
            says: "is not on the roster"),
        Seating(
            testDescription: "somebody in a role that is not theirs", role: .externalWitness, names: ["bob"],
            says: "may not be external-witness"),
        Seating(
            testDescription: "one person twice in a role", role: .shareHolder,
            names: ["alice", "alice", "bob"],
            says: "3 different people"),
        Seating(
            testDescription: "too few in a role", role: .shareHolder, names: ["alice", "bob"],
            says: "3 different people"),
        Seating(
            testDescription: "nobody in a role", role: .cryptoOfficer, names: [], says: "1 different people"),
        Seating(
            testDescription: "a role that the script has not", role: .auditor, names: ["carol"],
            says: "no such role"),
    ]

    @Test("A wrong seating is refused before anything is opened or written", arguments: seatings)
    func seating(_ seating: Seating) throws {
        let live = try LiveSite.enrolled()
        var staffing = try live.staffing(of: try Rehearsed.script("root-ca"))
        staffing.seats[seating.role] = seating.names
        let room = ScriptedRoom(live)
        let error = try live.refusal(of: "root-ca", staffing: staffing, room: room)
        #expect(error.code == .personRefused)
        #expect(error.message.contains(seating.says), "\(error)")
        #expect(room.requests.isEmpty && room.questions.isEmpty)
        try expectUntouched(live)
    }

    @Test("Nobody fills two roles that conflict, at the enrolment as later")
    func conflict() throws {
        // The draft itself keeps nothing apart here: the script does.
        let live = try LiveSite(
            people: LiveSite.threePeople + [
                ("erin", [.ceremonyAdministrator, .cryptoOfficer, .externalWitness])
            ],
            conflicts: [])
        var staffing = Staffing()
        staffing.seats = [
            .ceremonyAdministrator: ["erin"], .cryptoOfficer: ["erin"], .externalWitness: ["carol"],
        ]
        let error = try live.refusal(of: "custodian-enrolment", staffing: staffing)
        #expect(error.code == .personRefused)
        #expect(error.subject == "erin")
        try expectUntouched(live, [])
        try live.perform("custodian-enrolment")
        for pair in [
            [CeremonyRole.ceremonyAdministrator, .externalWitness], [.cryptoOfficer, .externalWitness],
        ] {
            var staffing = try live.staffing(of: try Rehearsed.script("root-ca"))
            for role in pair { staffing.seats[role] = ["erin"] }
            let error = try live.refusal(of: "root-ca", staffing: staffing)
            #expect(error.code == .personRefused)
            #expect(error.message.contains("one person, one of them"))
        }
        try expectUntouched(live)
    }

    static let drafts = [
        Tampering(testDescription: "one member holds two roles that conflict") { live in
            let text = try live.text("roster.yaml")
            let both = text.replacingOccurrences(
                of: "[crypto-officer, ", with: "[crypto-officer, external-witness, ")
            try live.write(both, to: "roster.yaml")
        },
        Tampering(testDescription: "two members have one token") { live in
            let (alice, bob) = (try live.person("alice").token, try live.person("bob").token)
            let text = try live.text("roster.yaml").replacingOccurrences(of: bob.label, with: alice.label)
            try live.write(text.replacingOccurrences(of: bob.serial, with: alice.serial), to: "roster.yaml")
        },
        Tampering(testDescription: "two members have one name") { live in
            let text = try live.text("roster.yaml").replacingOccurrences(of: "name: bob", with: "name: alice")
            try live.write(text, to: "roster.yaml")
        },
        Tampering(testDescription: "the quorum is more than everybody") { live in
            let text = try live.text("roster.yaml").replacingOccurrences(of: "roster: 2", with: "roster: 4")
            try live.write(text, to: "roster.yaml")
        },
        Tampering(testDescription: "there is none") { live in
            try FileManager.default.removeItem(atPath: live.path("roster.yaml"))
        },
    ]

    @Test("From a draft that can become no roster nobody gets keys", arguments: drafts)
    func draft(_ tampering: Tampering) throws {
        let live = try LiveSite()
        let staffing = try live.staffing(of: try Rehearsed.script("custodian-enrolment"))
        try tampering.change(live)
        let error = try live.refusal(of: "custodian-enrolment", staffing: staffing)
        #expect(error.code == .rosterRefused)
        for person in live.people {
            #expect(try person.token.slot.withSession { try $0.find([]).count } == 0, "\(person.name)")
        }
        try expectUntouched(live, [])
    }

    @Test("Whoever has a new token gets new keys, and the quorum of the others says so")
    func lostToken() throws {
        let live = try LiveSite.enrolled("root-ca")
        let old = try live.site.rosters()[0]
        try live.replaceToken(of: "bob")
        #expect(throws: CeremonyError.self) { try live.perform("custodian-enrolment") }
        // Bob cannot sign; the ceremony is held by the other two, with a script that has no seat for him.
        let text = try String(contentsOfFile: Rehearsed.path("custodian-enrolment"), encoding: .utf8)
            .replacingOccurrences(of: "  crypto-officer: 1\n", with: "")
            .replacingOccurrences(of: "  - [ceremony-administrator, crypto-officer]\n", with: "")
            .replacingOccurrences(of: "  - [crypto-officer, external-witness]\n", with: "")
            .replacingOccurrences(of: "[crypto-officer, external-witness]", with: "[external-witness]")
            .replacingOccurrences(
                of: "witnesses: [crypto-officer]", with: "witnesses: [ceremony-administrator]"
            )
            .replacingOccurrences(of: "actor: crypto-officer", with: "actor: ceremony-administrator")
        let script = try CeremonyScript.parse(Array(text.utf8), file: "script.yaml")
        let place = try TestSite()
        let outcome = try live.perform(script, after: try script.rehearse(site: place.site).transcript)
        try live.verify(outcome)
        let new = try #require(try live.site.rosters().last)
        #expect(new.version == 2)
        #expect(new.member("bob")?.signingKey != old.member("bob")?.signingKey)
        #expect(new.member("alice") == old.member("alice"))
        // He works with the new token; his old share is lost with the old one.
        let room = ScriptedRoom(live)
        try live.verify(try live.perform("activation-data-rekey", room: room))
        #expect(room.shown.contains { $0.hasPrefix("bob: ") })
    }

    // MARK: Tokens

    @Test("A PIN that is wrong three times stops the ceremony before anything is done")
    func wrongPIN() throws {
        let live = try LiveSite.enrolled()
        let room = ScriptedRoom(live)
        room.type("not-her-pin", for: "alice", times: 3)
        let error = try live.refusal(of: "root-ca", room: room)
        #expect(error.code == .token)
        #expect((error.cause as? PKCS11Error)?.code == .pinRefused)
        #expect(error.subject == "alice")
        #expect(room.refusals.count == 2)
        #expect(try live.count(of: "\"name\":\"bob\",\"prev\"", in: "root-ca") == 1)
        try expectStoppedAfterSignOffs(live, of: ["bob"])
    }

    private func expectStoppedAfterSignOffs(_ live: LiveSite, of names: [String]) throws {
        #expect(try live.publicLabels("root") == [])
        #expect(try live.count(of: "\"type\":\"effect\"", in: "root-ca") == 0)
        #expect(try live.count(of: "\"type\":\"sign-off\"", in: "root-ca") == names.count)
        let token = try #require(live.tokens["root"])
        #expect(try live.opens("root", .user, token.pinText))
    }

    @Test("Another person's PIN opens nobody's token")
    func othersPIN() throws {
        let live = try LiveSite.enrolled()
        let room = ScriptedRoom(live)
        room.type(try live.person("alice").token.pinText, for: "bob", times: 3)
        let error = try live.refusal(of: "root-ca", room: room)
        #expect((error.cause as? PKCS11Error)?.code == .pinRefused)
        try expectStopped(live)
    }

    @Test("A token of the person's label that is not the person's token is never asked for")
    func othersToken() throws {
        let live = try LiveSite.enrolled()
        let bob = try live.person("bob").token
        // His own is away; another, of the same label and PIN and with keys in his name, is in the reader.
        try TestTokens.reset(bob, label: "elsewhere")
        let other = try TestTokens.make(label: bob.label, pin: bob.pinText)
        try enrol("bob", on: other)
        let room = ScriptedRoom(live)
        let error = try live.refusal(of: "root-ca", room: room)
        #expect(error.code == .token)
        #expect((error.cause as? PKCS11Error)?.code == .tokenAbsent)
        #expect(!room.requests.contains { if case .credential("bob", _, _) = $0 { true } else { false } })
        try expectStopped(live)
    }

    @Test(
        "The right token with other keys than the roster's is refused, and one without keys too",
        arguments: [true, false])
    func otherKeys(hasKeys: Bool) throws {
        let live = try LiveSite.enrolled()
        let bob = try live.person("bob").token
        try TestTokens.reset(bob)
        if hasKeys { try enrol("bob", on: bob) }
        let error = try live.refusal(of: "root-ca")
        #expect(error.code == .personRefused)
        #expect(error.subject == "bob")
        #expect(error.message.contains(hasKeys ? "other keys than the roster" : "no keys of this person"))
        try expectStopped(live)
    }

    private func enrol(_ name: String, on token: TestTokens.Token) throws {
        let login = try token.slot.login(pin: token.pin)
        _ = try TokenCredential.enrol(
            name, signingID: [1], shareID: [2], login: login, rehearsal: false)
    }

    // MARK: Rosters

    @Test("A site without a roster holds no ceremony but the enrolment")
    func noRoster() throws {
        let live = try LiveSite()
        var staffing = Staffing()
        staffing.seats = [
            .ceremonyAdministrator: ["alice"], .cryptoOfficer: ["bob"], .externalWitness: ["carol"],
        ]
        for name in Rehearsed.order.dropFirst() {
            #expect(try live.refusal(of: name, staffing: staffing).code == .rosterRefused, "\(name)")
        }
        try expectUntouched(live, [])
    }

    struct Tampering: CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (LiveSite) throws -> Void
    }
    static let tamperings = [
        Tampering(testDescription: "the pinned digest is another") { live in
            let pin = try live.rosterPin
            let other = String(pin.reversed())
            try live.write(
                try live.text("site.yaml").replacingOccurrences(of: pin, with: other), to: "site.yaml")
        },
        Tampering(testDescription: "one octet of the first version is another") { live in
            let text = try live.text("rosters/1.json")
            try live.write(text.replacingOccurrences(of: "carol", with: "carla"), to: "rosters/1.json")
        },
        Tampering(testDescription: "the second version is signed by one of the quorum of two") { live in
            let second = try live.site.rosters()[1]
            let few = second.signed(by: second.signatures.filter { ["alice", "dora"].contains($0.name) })
            try Data(few.fileBytes).write(to: URL(fileURLWithPath: live.path("rosters/2.json")))
        },
        Tampering(testDescription: "the second version is not signed by whom it adds") { live in
            let second = try live.site.rosters()[1]
            let few = second.signed(by: second.signatures.filter { $0.name != "dora" })
            try Data(few.fileBytes).write(to: URL(fileURLWithPath: live.path("rosters/2.json")))
        },
        Tampering(testDescription: "the second version follows none") { live in
            try FileManager.default.moveItem(
                atPath: live.path("rosters/2.json"), toPath: live.path("rosters/3.json"))
        },
        Tampering(testDescription: "the second version, under which a ceremony was held, is missing") {
            live in
            try FileManager.default.removeItem(atPath: live.path("rosters/2.json"))
        },
        Tampering(testDescription: "the pin is taken out, and a roster's draft names others") { live in
            let lines = try live.text("site.yaml").split(separator: "\n", omittingEmptySubsequences: false)
            let kept = lines.filter { line in
                !["roster:", "  path:", "  sha256:"].contains { line.hasPrefix($0) }
            }
            try live.write(kept.joined(separator: "\n"), to: "site.yaml")
            try FileManager.default.removeItem(atPath: live.path("rosters"))
        },
    ]

    @Test("A roster that is not the one the site was founded with is refused", arguments: tamperings)
    func tampered(_ tampering: Tampering) throws {
        let live = try LiveSite.enrolled()
        try live.add("dora", [.shareHolder])
        try live.writeDraft()
        try live.perform("custodian-enrolment")
        try live.perform("allowlist-signer")
        let script = try Rehearsed.script("custodian-enrolment")
        let staffing = try live.staffing(of: script)
        try tampering.change(live)
        let error = try live.refusal(of: "custodian-enrolment", staffing: staffing)
        #expect(error.code == .rosterRefused)
        #expect(live.names(in: "ceremonies").count == 3)
    }

    @Test("A second version that no ceremony was held under yet is missed all the same")
    func rolledBack() throws {
        let live = try LiveSite.enrolled()
        try live.add("dora", [.shareHolder])
        try live.writeDraft()
        try live.perform("custodian-enrolment")
        try FileManager.default.removeItem(atPath: live.path("rosters/2.json"))
        #expect(try live.refusal(of: "root-ca").code == .rosterRefused)
        #expect(try live.publicLabels("root") == [])
    }
}
