import Foundation
import Glibc
import KeyCeremony
import PKCS11
import Sites
import TestTokens
import Testing
import TokenKeys

@Suite struct RefusalTests {
    /// A site where nothing may have happened.
    private func expectUntouched(_ place: TestSite, ceremonies: [String] = []) throws {
        #expect(try place.names(in: "ceremonies") == ceremonies)
        for token in place.tokens.keys { #expect(try place.publicLabels(token) == []) }
    }

    @Test("A rehearsal is refused in a live site, before any token is opened")
    func liveSite() throws {
        let place = try TestSite(rehearsal: false, activation: "quorum")
        let error = try #require(throws: CeremonyError.self) { try place.rehearse("root-ca") }
        #expect(error.code == .liveSite)
        #expect(error.hint != nil)
        try expectUntouched(place)
    }

    @Test("A script with a fault is refused by rehearse as by check, and nothing changes")
    func faulty() throws {
        let place = try TestSite()
        let text = try Repository.scriptText("root-ca").replacingOccurrences(
            of: "template: root-ca", with: "template: no-such")
        let script = try CeremonyScript.parse(Array(text.utf8), file: "script.yaml")
        let error = try #require(throws: CeremonyError.self) { try script.rehearse(site: place.site) }
        #expect(error.code == .checkFailed)
        #expect(error.faults == script.check(site: place.site))
        try expectUntouched(place)
    }

    @Test("A label that is taken is refused, and token and site stay as they were")
    func labelTaken() throws {
        let place = try TestSite()
        let token = try #require(place.tokens["root"])
        let label = KeyLabel(role: .rootCA, name: "root", isRehearsal: true)
        do {
            let login = try token.slot.login(pin: token.pin)
            _ = try generateSigningKey(label, type: .p256, policy: KeyPolicy(), login: login)
        }
        let before = try place.publicLabels("root")
        let error = try #require(throws: CeremonyError.self) { try place.rehearse("root-ca") }
        #expect(error.code == .checkFailed)
        #expect(error.faults.map(\.code) == ["key.label-taken"])
        #expect(try place.publicLabels("root") == before)
        #expect(try place.names(in: "ceremonies").isEmpty)
        #expect(try place.names(in: "certificates").isEmpty)
    }

    @Test("A label that only a private object bears is found after the login, before a key is made")
    func hiddenLabel() throws {
        let place = try TestSite()
        let token = try #require(place.tokens["root"])
        do {
            let login = try token.slot.login(pin: token.pin)
            try token.slot.withSession(readWrite: true) { session in
                _ = try session.create([
                    .objectClass(.data), Attribute(.token, true), Attribute(.isPrivate, true),
                    Attribute(.label, "rehearsal/root-ca:root"), Attribute(.value, bytes: [1]),
                ])
            }
            withExtendedLifetime(login) {}
        }
        let error = try #require(throws: CeremonyError.self) { try place.rehearse("root-ca") }
        #expect(error.code == .labelTaken)
        #expect(try place.publicLabels("root") == [])
        let transcript = try Transcript.read(path: place.site.ceremonyFolder("root-ca") + "/transcript.jsonl")
        #expect(!transcript.isComplete)
        #expect(try place.names(in: "certificates").isEmpty)
    }

    @Test("A certificate that is there is never overwritten")
    func outputExists() throws {
        let place = try TestSite()
        try Data("mine".utf8).write(to: URL(fileURLWithPath: place.site.certificatePath(.rootCA)))
        let error = try #require(throws: CeremonyError.self) { try place.rehearse("root-ca") }
        #expect(error.faults.map(\.code) == ["output.exists"])
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: place.site.certificatePath(.rootCA)))
                == Data("mine".utf8))
        try expectUntouched(place)
    }

    @Test("A second rehearsal of the same ceremony is refused by what the first has left")
    func second() throws {
        let place = try TestSite()
        let script = try CeremonyScript.load(path: Repository.script("root-ca"))
        _ = try script.rehearse(site: place.site)
        let codes = Set(script.check(site: place.site).map(\.code))
        #expect(codes == ["key.label-taken", "output.exists"])
    }

    @Test("A check answered with no stops the ceremony before the key is made, and the transcript says so")
    func answeredNo() throws {
        let place = try TestSite()
        let error = try #require(throws: CeremonyError.self) {
            try place.rehearse("root-ca", answers: try place.answers("ready: no\n"))
        }
        #expect(error.code == .answerRefused)
        try expectUntouched(place, ceremonies: ["root-ca"])
        let text = try place.transcript("root-ca")
        #expect(text.contains("\"type\":\"stopped\""))
        #expect(!text.contains("\"effect\":\"generate-key\""))
    }

    @Test("A ceremony that stopped is abandoned before another begins, and that one takes the next folder")
    func abandoned() throws {
        let place = try TestSite()
        #expect(throws: CeremonyError.self) {
            try place.rehearse("root-ca", answers: try place.answers("script-copies: no\n"))
        }
        for name in ["root-ca", "run-authority"] {
            let error = try #require(throws: CeremonyError.self) { try place.rehearse(name) }
            #expect(error.code == .unfinished)
        }
        try expectUntouched(place, ceremonies: ["root-ca"])
        try InterruptedCeremony.abandon("root-ca", site: place.site, reason: "a noise", by: "Carol")
        #expect(try place.transcript("root-ca").contains("\"type\":\"abandoned\""))
        #expect(throws: CeremonyError.self) {
            try InterruptedCeremony.resume("root-ca", site: place.site, room: UnattendedRoom())
        }
        let second = try place.rehearse("root-ca")
        #expect(second.id == "root-ca-2")
        try expectVerified(second)
    }

    @Test("Where a step allows an exception, a no is co-signed by its people and the ceremony goes on")
    func exception() throws {
        let place = try TestSite()
        let outcome = try place.rehearse("root-ca", answers: try place.answers("room: no\n"))
        try expectVerified(outcome)
        let transcript = try Transcript.read(path: outcome.transcript)
        let verified = try transcript.verify(.init(allowsRehearsal: true), path: outcome.transcript)
        #expect(verified.exceptions == 1)
        #expect(
            try place.transcript("root-ca").components(separatedBy: "\"step\":\"exception-1\"").count == 3)
    }

    @Test("A ceremony that stopped is resumed with another answer, and does no step twice")
    func resumed() throws {
        let place = try TestSite()
        #expect(throws: CeremonyError.self) {
            try place.rehearse("root-ca", answers: try place.answers("ready: no\n"))
        }
        let outcome = try InterruptedCeremony.resume("root-ca", site: place.site, room: UnattendedRoom())
        try expectVerified(outcome)
        let text = try place.transcript("root-ca")
        #expect(text.components(separatedBy: "\"effect\":\"set-activation\"").count == 4)
        #expect(text.components(separatedBy: "\"type\":\"resumed\"").count == 2)
    }

    @Test("A comparison with another digest stops the ceremony, and nothing is published")
    func comparedWrongly() throws {
        let place = try TestSite()
        let error = try #require(throws: CeremonyError.self) {
            try place.rehearse(
                "root-ca",
                answers: try place.answers("compare-key: \"\(String(repeating: "ab", count: 32))\"\n"))
        }
        #expect(error.code == .answerRefused)
        #expect(try place.names(in: "certificates").isEmpty)
    }

    @Test(
        "Answers for steps that the script has not, or that take none, are refused",
        arguments: ["no-such-step: yes", "generate: yes", "ready: [yes]", "ready: yes\nready: no"])
    func wrongAnswers(_ yaml: String) throws {
        let place = try TestSite()
        let error = try #require(throws: CeremonyError.self) {
            try place.rehearse("root-ca", answers: try place.answers(yaml))
        }
        #expect(error.code == .answersInvalid)
        try expectUntouched(place)
    }

    @Test("A site on which another process is at work is left alone")
    func locked() throws {
        let place = try TestSite()
        let lock = try place.site.lockForRun()
        let error = try #require(throws: CeremonyError.self) { try place.rehearse("root-ca") }
        #expect(error.code == .locked)
        try expectUntouched(place)
        withExtendedLifetime(lock) {}
    }
}
