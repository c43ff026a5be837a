import Foundation
import KeyCeremony
import PKCS11
import Sites
import TestTokens
import Testing

/// What a live ceremony follows, and where it may be held.
@Suite struct LiveBeginningTests {
    private func expectUntouched(_ live: LiveSite) throws {
        #expect(live.names(in: "ceremonies") == ["custodian-enrolment"])
        #expect(live.names(in: "certificates") == [])
        #expect(try live.publicLabels("root") == [])
    }

    private func refusal(_ live: LiveSite, _ script: CeremonyScript, after rehearsal: String) throws
        -> CeremonyError
    {
        let room = ScriptedRoom(live)
        let error = try #require(throws: CeremonyError.self) {
            try live.perform(script, after: rehearsal, room: room)
        }
        #expect(room.questions.isEmpty && room.requests.isEmpty)
        try expectUntouched(live)
        return error
    }

    /// A file with the first lines of a transcript.
    private func cut(_ path: String, to lines: Int, in live: LiveSite) throws -> String {
        let all = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        try live.write(all.prefix(all.count + lines).joined(separator: "\n") + "\n", to: "cut.jsonl")
        return live.path("cut.jsonl")
    }

    @Test("A script in which one octet was changed after its rehearsal is refused")
    func oneOctet() throws {
        let live = try LiveSite.enrolled()
        let script = try Rehearsed.script(
            "root-ca", replacing: "We are here to create", by: "We are here to creatE")
        let error = try refusal(live, script, after: try Rehearsed.transcript("root-ca"))
        #expect(error.code == .rehearsalRefused)
        #expect(error.message.contains("rehearses another script"))
    }

    @Test("The rehearsal of another script is refused")
    func otherScript() throws {
        let live = try LiveSite.enrolled()
        let error = try refusal(
            live, try Rehearsed.script("root-ca"), after: try Rehearsed.transcript("issuing-ca"))
        #expect(error.code == .rehearsalRefused)
    }

    @Test(
        "A rehearsal that did not come to its end is refused, be it short of one sign-off",
        arguments: [-1, -20])
    func incomplete(lines: Int) throws {
        let live = try LiveSite.enrolled()
        let path = try cut(try Rehearsed.transcript("root-ca"), to: lines, in: live)
        let error = try refusal(live, try Rehearsed.script("root-ca"), after: path)
        #expect(error.code == .rehearsalRefused)
        #expect(((error.cause as? TranscriptRefusal)?.code) == .incomplete)
    }

    @Test("A rehearsal that was changed, or is not there, is refused")
    func changed() throws {
        let live = try LiveSite.enrolled()
        let text = try String(contentsOfFile: try Rehearsed.transcript("root-ca"), encoding: .utf8)
        try live.write(text.replacingOccurrences(of: "BAG-0001", with: "BAG-0009"), to: "changed.jsonl")
        for path in [live.path("changed.jsonl"), live.path("none.jsonl")] {
            let error = try refusal(live, try Rehearsed.script("root-ca"), after: path)
            #expect(error.code == .rehearsalRefused)
        }
    }

    @Test("A live transcript is no rehearsal, and a rehearsal's is no live one")
    func kinds() throws {
        let (live, other) = (try LiveSite.enrolled(), try LiveSite.enrolled("root-ca"))
        let error = try refusal(
            live, try Rehearsed.script("root-ca"), after: other.path("ceremonies/root-ca/transcript.jsonl"))
        #expect(error.code == .rehearsalRefused)
        #expect(error.message.contains("live ceremony"))

        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: try Rehearsed.transcript("root-ca"))))
        let refusal = try #require(throws: TranscriptRefusal.self) {
            try VerifiedTranscript.verify(bytes, TranscriptExpectations(rosterDigest: try live.rosterPin))
        }
        #expect(refusal.code == .rehearsal)
        #expect(refusal.line == 1)
    }

    @Test("A transcript is refused with another roster's pin, another head, or none of its last lines")
    func pins() throws {
        let (live, other) = (try LiveSite.enrolled(), try LiveSite.enrolled())
        let outcome = try live.perform("root-ca")
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: outcome.transcript)))
        func code(_ expectations: TranscriptExpectations, _ bytes: [UInt8]) -> TranscriptRefusal.Code? {
            do throws(TranscriptRefusal) {
                _ = try VerifiedTranscript.verify(bytes, expectations)
                return nil
            } catch { return error.code }
        }
        let pin = try live.rosterPin
        #expect(code(TranscriptExpectations(rosterDigest: pin, head: outcome.head), bytes) == nil)
        #expect(code(TranscriptExpectations(rosterDigest: try other.rosterPin), bytes) == .roster)
        #expect(code(TranscriptExpectations(head: String(outcome.head.reversed())), bytes) == .head)
        let lines = bytes.split(separator: 0x0A)
        let short = Array(lines.dropLast().joined(separator: [0x0A])) + [0x0A]
        #expect(code(TranscriptExpectations(rosterDigest: pin), short) == .incomplete)
    }

    @Test("A rehearsal is refused in a live site, and a live ceremony in a rehearsal site")
    func sites() throws {
        let live = try LiveSite.enrolled()
        let script = try Rehearsed.script("root-ca")
        #expect(
            try #require(throws: CeremonyError.self) { try script.rehearse(site: try live.site) }.code
                == .liveSite)
        try expectUntouched(live)
        let place = try TestSite()
        let error = try #require(throws: CeremonyError.self) {
            try script.perform(
                site: place.site, after: try Rehearsed.transcript("root-ca"),
                staffing: try live.staffing(of: script), room: ScriptedRoom(live))
        }
        #expect(error.code == .rehearsalSite)
        #expect(try place.names(in: "ceremonies") == [])
    }

    @Test(
        "What differs from the rehearsal is in the first line: tokens and people, and nothing of the script")
    func differences() throws {
        let live = try LiveSite.enrolled("root-ca")
        let begin = try #require(try live.lines("root-ca").first)
        #expect(begin.contains("crypto-officer, share-holder: stand-in → bob"))
        #expect(begin.contains("token root, activation: pin-source → quorum"))
        let head = try Transcript.read(path: try Rehearsed.transcript("root-ca")).head
        #expect(begin.contains("\"head\":\"\(head)\""))
    }

    @Test(
        "Anything but Yes at a step that cannot be undone does nothing",
        arguments: ["yes", "y", "", "No", "Yes "])
    func notYes(answer: String) throws {
        let live = try LiveSite.enrolled()
        let room = ScriptedRoom(live)
        room.reply(.answer(answer), at: "generate")
        let error = try live.refusal(of: "root-ca", room: room)
        #expect(error.code == .answerRefused)
        #expect(error.subject == "step generate")
        #expect(try live.publicLabels("root") == [])
        #expect(try live.count(of: "\"effect\":\"generate-key\"", in: "root-ca") == 0)
        #expect(
            try live.lines("root-ca").filter { $0.contains("\"step\":\"generate\"") }
                .allSatisfy { !$0.contains("\"type\":\"sign-off\"") })
        // When they have agreed, it goes on with the same step.
        #expect(try live.verify(try live.resume("root-ca")).interruptions == 1)
        #expect(try live.publicLabels("root") == ["root-ca:root"])
    }

    @Test("A clock that was set back is noticed against the last ceremony, and within one")
    func clock() throws {
        let live = try LiveSite.enrolled()
        let room = ScriptedRoom(live)
        room.reply(.stop(reason: "lunch"), at: "ready")
        #expect(try live.refusal(of: "root-ca", room: room).code == .interrupted)
        let path = "ceremonies/root-ca/transcript.jsonl"
        var lines = try live.lines("root-ca")
        // The last line bears no signature yet, so that its time can be put forward in place of the clock being put back.
        let last = try #require(lines.last)
        lines.removeLast()
        let future = last.replacing(try Regex("\"time\":\"20[0-9]{2}"), with: "\"time\":\"2099")
        #expect(future != last)
        try live.write((lines + [future]).joined(separator: "\n") + "\n", to: path)
        let error = try #require(throws: CeremonyError.self) { try live.resume("root-ca") }
        #expect(error.code == .clock)
        #expect(try live.lines("root-ca") == lines + [future])

        // Given up at that time, it is an earlier ceremony of the site.
        try live.write((lines + [last]).joined(separator: "\n") + "\n", to: path)
        try InterruptedCeremony.abandon("root-ca", site: try live.site, reason: "test", by: "alice")
        lines = try live.lines("root-ca")
        let end = try #require(lines.last)
        lines.removeLast()
        let late = end.replacing(try Regex("\"time\":\"20[0-9]{2}"), with: "\"time\":\"2099")
        try live.write((lines + [late]).joined(separator: "\n") + "\n", to: path)
        #expect(try live.refusal(of: "allowlist-signer").code == .clock)
        #expect(live.names(in: "ceremonies") == ["custodian-enrolment", "root-ca"])
    }
}
