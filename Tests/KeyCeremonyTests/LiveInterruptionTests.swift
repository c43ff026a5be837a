import CanonicalJSON
import Crypto
import Foundation
import KeyCeremony
import PKCS11
import Rosters
import SignedStatements
import Sites
import TestTokens
import Testing

@Suite struct LiveInterruptionTests {
    // MARK: Exceptions and breaks

    /// The octets of these lines, each with the hash of the one before.
    private func rechained(_ lines: [String]) throws -> [UInt8] {
        var head = String(repeating: "0", count: 64)
        var text = ""
        for line in lines {
            let changed = line.replacing(try Regex("\"prev\":\"[0-9a-f]{64}\""), with: "\"prev\":\"\(head)\"")
            head = SHA256.hash(data: Data(changed.utf8)).map { String(format: "%02x", $0) }.joined()
            text += changed + "\n"
        }
        return Array(text.utf8)
    }

    @Test("An exception is signed by everybody of the step before anything goes on, and none may be missing")
    func exception() throws {
        let live = try LiveSite.enrolled()
        let room = ScriptedRoom(live)
        room.reply(.exception(happened: "the lamp flickers", decision: "we go on"), at: "ready")
        let outcome = try live.perform("root-ca", room: room)
        let verified = try live.verify(outcome)
        #expect(verified.exceptions == 1)
        let lines = try live.lines("root-ca")
        let index = try #require(lines.firstIndex { $0.contains("\"type\":\"exception\"") })
        #expect(lines[index].contains("\"happened\":\"the lamp flickers\""))
        for (offset, name) in ["alice", "bob", "carol"].enumerated() {
            let line = lines[index + 1 + offset]
            #expect(line.contains("\"step\":\"exception-1\"") && line.contains("\"name\":\"\(name)\""))
            var fewer = lines
            fewer.remove(at: index + 1 + offset)
            let refusal = try #require(throws: TranscriptRefusal.self) {
                try VerifiedTranscript.verify(try rechained(fewer))
            }
            #expect(refusal.code == .signOff)
            #expect(refusal.line <= index + 4)
        }
        var without = lines
        without.removeSubrange(index...(index + 3))
        #expect(throws: TranscriptRefusal.self) { try VerifiedTranscript.verify(try rechained(without)) }
    }

    @Test(
        "A check that is answered with no goes on as an exception where the script says so, and else not at all"
    )
    func no() throws {
        let live = try LiveSite.enrolled()
        let room = ScriptedRoom(live)
        room.reply(.answer("no"), at: "room")
        let outcome = try live.perform("root-ca", room: room)
        #expect(try live.verify(outcome).exceptions == 1)

        let other = try LiveSite.enrolled()
        let strict = ScriptedRoom(other)
        strict.reply(.answer("no"), at: "ready")
        let error = try other.refusal(of: "root-ca", room: strict)
        #expect(error.code == .answerRefused)
        #expect(try other.publicLabels("root") == [])
        #expect(try other.verify(try other.resume("root-ca")).exceptions == 0)
    }

    @Test("A bag with another number than it was sealed with stops the ceremony before it is opened")
    func bag() throws {
        let live = try LiveSite.enrolled("root-ca")
        let room = ScriptedRoom(live)
        room.reply(.answer("BAG-0666"), at: "take-hsm-root")
        let error = try live.refusal(of: "crl", room: room)
        #expect(error.code == .answerRefused)
        #expect(error.message.contains("BAG-0666"))
        #expect(try live.count(of: "\"effect\":", in: "crl") == 0)
    }

    @Test("A digest that was taken down otherwise stops the ceremony")
    func digest() throws {
        let live = try LiveSite.enrolled()
        let room = ScriptedRoom(live)
        room.reply(.answer(String(repeating: "0", count: 64)), at: "compare-key")
        #expect(try live.refusal(of: "root-ca", room: room).code == .answerRefused)
        #expect(live.names(in: "certificates") == [])
    }

    @Test("While a break lasts the token is closed, and a new quorum opens it after")
    func pause() throws {
        let live = try LiveSite.enrolled("root-ca")
        let room = ScriptedRoom(live)
        room.reply(.pause(reason: "lunch"), at: "ready")
        let slot = try #require(live.tokens["root"]).slot
        var whilePaused: ReturnValue?
        room.onBreak = {
            // Whoever is logged in already makes PKCS#11 take any PIN.
            do throws(PKCS11Error) {
                _ = try slot.login(pin: TestTokens.pin("no-pin-at-all"))
            } catch { whilePaused = error.returnValue }
        }
        let outcome = try live.perform("crl", room: room)
        try live.verify(outcome)
        #expect(whilePaused.map { "\($0)" }?.contains("CKR_PIN_INCORRECT") == true)
        #expect(try live.count(of: "\"opened\":\"quorum\"", in: "crl") == 2)
        #expect(try live.count(of: "\"type\":\"share-presented\"", in: "crl") == 4)
    }

    // MARK: Interruptions

    @Test(
        "A ceremony that hangs up at each question and each PIN once comes to its end, with nothing done twice",
        arguments: ["custodian-enrolment", "root-ca", "crl", "activation-data-rekey"])
    func hangUp(name: String) throws {
        let live =
            try name == "custodian-enrolment"
            ? LiveSite()
            : name == "root-ca" ? LiveSite.enrolled() : LiveSite.enrolled("root-ca")
        var seen: Set<String> = []
        var step = ""
        func room() -> ScriptedRoom {
            let room = ScriptedRoom(live)
            room.onStep = { step = $0 }
            room.onAsk = { (question) throws(CeremonyError) in
                if seen.insert("\(question.step) \(question.kind)").inserted { throw ScriptedRoom.hungUp }
                return nil
            }
            room.onPIN = { (request, _) throws(CeremonyError) in
                if seen.insert("\(step) \(request)").inserted { throw ScriptedRoom.hungUp }
                return nil
            }
            return room
        }
        #expect(try live.refusal(of: name, room: room()).code == .interrupted)
        var interruptions = 0
        var outcome: CeremonyOutcome?
        while outcome == nil && interruptions < 500 {
            interruptions += 1
            do {
                outcome = try live.resume(name, room: room())
            } catch let error as CeremonyError {
                try #require(error.code == .interrupted, "\(error)")
            }
        }
        let verified = try live.verify(try #require(outcome))
        #expect(verified.interruptions == interruptions)
        #expect(interruptions == seen.count)
        switch name {
        case "root-ca":
            #expect(try live.publicLabels("root") == ["root-ca:root"])
            let made = try live.lines(name).filter {
                $0.contains("\"effect\":\"generate-key\"") && $0.contains("\"type\":\"effect\"")
            }
            #expect(made.count == 1)
        case "crl": #expect(live.names(in: "crls") == ["root-ca-1.crl"])
        default: break
        }
        // What it left is good for the next ceremony.
        if name == "custodian-enrolment" { try live.perform("root-ca") }
        if name == "activation-data-rekey" { try live.verify(try live.perform("crl")) }
    }

    @Test(
        "An enrolment that was interrupted says of each person's keys truly whether they were found or made")
    func recovered() throws {
        let live = try LiveSite()
        let room = ScriptedRoom(live)
        // Alice has her keys, Bob's are meant and not made, Carol's not even meant.
        room.onPIN = { (request, _) throws(CeremonyError) in
            if case .credential("bob", _, "to make your keys on it") = request { throw ScriptedRoom.hungUp }
            return nil
        }
        #expect(try live.refusal(of: "custodian-enrolment", room: room).code == .interrupted)
        try live.verify(try live.resume("custodian-enrolment"))
        #expect(try live.count(of: "\"recovered\":true", in: "custodian-enrolment") == 0)
    }

    @Test("An unfinished ceremony blocks every other until it is resumed or given up")
    func unfinished() throws {
        let live = try LiveSite.enrolled()
        let room = ScriptedRoom(live)
        room.reply(.stop(reason: "lunch"), at: "ready")
        #expect(try live.refusal(of: "root-ca", room: room).code == .interrupted)
        for name in ["root-ca", "run-authority", "allowlist-signer", "custodian-enrolment"] {
            let error = try live.refusal(of: name)
            #expect(error.code == .unfinished, "\(name)")
            #expect(error.subject == "root-ca")
        }
        try live.verify(try live.resume("root-ca"))
        try live.verify(try live.perform("run-authority"))
        #expect(try #require(throws: CeremonyError.self) { try live.resume("none") }.code == .notResumable)
    }

    @Test("A ceremony is resumed with the script that it began with, and no other")
    func changedScript() throws {
        let live = try LiveSite.enrolled()
        let room = ScriptedRoom(live)
        room.reply(.stop(reason: "lunch"), at: "ready")
        #expect(throws: CeremonyError.self) { try live.perform("root-ca", room: room) }
        let text = try live.text("ceremonies/root-ca/script.yaml")
        try live.write(
            text.replacingOccurrences(of: "P-384", with: "P-256"), to: "ceremonies/root-ca/script.yaml")
        let before = try live.lines("root-ca")
        let error = try #require(throws: CeremonyError.self) { try live.resume("root-ca") }
        #expect(error.code == .notResumable)
        #expect(try live.lines("root-ca") == before)
        try live.write(text, to: "ceremonies/root-ca/script.yaml")
        try live.verify(try live.resume("root-ca"))
    }

    @Test("A ceremony is resumed under the rosters that it began with, and no others")
    func changedRoster() throws {
        let live = try LiveSite.enrolled()
        try live.add("dora", [.shareHolder])
        try live.writeDraft()
        try live.perform("custodian-enrolment")
        let room = ScriptedRoom(live)
        room.reply(.stop(reason: "lunch"), at: "ready")
        #expect(try live.refusal(of: "root-ca", room: room).code == .interrupted)
        let before = try live.lines("root-ca")
        try FileManager.default.moveItem(atPath: live.path("rosters/2.json"), toPath: live.path("2.json"))
        let error = try #require(throws: CeremonyError.self) { try live.resume("root-ca") }
        #expect(error.code == .notResumable)
        #expect(try live.lines("root-ca") == before)
        try FileManager.default.moveItem(atPath: live.path("2.json"), toPath: live.path("rosters/2.json"))
        try live.verify(try live.resume("root-ca"))
    }

    @Test("Other octets than those that were linted and announced are never signed")
    func linted() throws {
        let live = try LiveSite.enrolled("root-ca")
        // As if the machine had died between the intent and the signature.
        let lines = try live.lines("root-ca")
        let intent = try #require(lines.firstIndex { $0.contains("\"effect\":\"sign-certificate\"") })
        let transcript = "ceremonies/root-ca/transcript.jsonl"
        try live.write(lines[...intent].joined(separator: "\n") + "\n", to: transcript)
        for name in ["pem", "json"] {
            try FileManager.default.removeItem(atPath: live.path("certificates/root-ca.\(name)"))
        }
        let template = try live.text("templates/root-ca.yaml")
        try live.write(template.replacingOccurrences(of: "P30Y", with: "P20Y"), to: "templates/root-ca.yaml")
        let error = try #require(throws: CeremonyError.self) { try live.resume("root-ca") }
        #expect(error.code == .certificate)
        let after = try live.lines("root-ca").filter { $0.contains("\"effect\":\"sign-certificate\"") }
        #expect(!after.contains { $0.contains("\"type\":\"effect\"") })
        #expect(live.names(in: "certificates") == [])

        try live.write(template, to: "templates/root-ca.yaml")
        try live.verify(try live.resume("root-ca"))
        // The same serial number and the same dates: the octets of the first intent.
        let digest = try #require(lines[intent].firstMatch(of: /"toBeSignedDigest":"([0-9a-f]{64})"/)).output
            .1
        let observed = try live.lines("root-ca").last { $0.contains("\"certificateDigest\"") }
        #expect(observed?.contains("\"toBeSignedDigest\":\"\(digest)\"") == true)
    }
}
