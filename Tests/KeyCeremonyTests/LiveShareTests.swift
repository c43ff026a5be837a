import Foundation
import KeyCeremony
import PKCS11
import Rosters
import SecretSharing
import SignedStatements
import Sites
import TestTokens
import Testing

@Suite struct LiveShareTests {
    private func expectUnsigned(_ live: LiveSite, _ ceremony: String = "crl") throws {
        #expect(try live.count(of: "\"effect\":\"sign-crl\"", in: ceremony) == 0)
        #expect(try live.count(of: "\"opened\":\"quorum\"", in: ceremony) == 0)
        #expect(live.names(in: "crls") == [])
    }

    @Test("Too few holders of a token's shares are found before the ceremony begins")
    func quorumShort() throws {
        let holders = (1...5).map { ("holder \($0)", [CeremonyRole.shareHolder]) }
        let live = try LiveSite(
            people: [
                ("alice", [.ceremonyAdministrator]), ("bob", [.cryptoOfficer]), ("carol", [.externalWitness]),
            ] + holders)
        try live.perform("custodian-enrolment")
        try live.perform("root-ca")
        // One of those among whom the root is split, and two who hold nothing of it: the issuing CA's key would be made
        // before the root is opened.
        for (name, made) in [("issuing-ca", "line"), ("crl", "root")] {
            var staffing = try live.staffing(of: try Rehearsed.script(name))
            staffing.seats[.shareHolder] = ["holder 3", "holder 4", "holder 5"]
            let room = ScriptedRoom(live)
            let before = try live.publicLabels(made)
            let error = try live.refusal(of: name, staffing: staffing, room: room)
            #expect(error.code == .quorumShort)
            #expect(error.hint?.contains("holder 1, holder 2, holder 3") == true)
            #expect(room.requests.isEmpty)
            #expect(try live.publicLabels(made) == before)
        }
        #expect(live.names(in: "ceremonies") == ["custodian-enrolment", "root-ca"])
    }

    @Test("One altered share is named, and the third holder makes the quorum whole")
    func oneAltered() throws {
        let live = try LiveSite.enrolled("root-ca")
        try spoil(try live.shareFiles(of: "root")[0])
        let room = ScriptedRoom(live)
        let outcome = try live.perform("crl", room: room)
        try live.verify(outcome)
        #expect(room.shown.contains { $0.hasPrefix("alice: ") })
        #expect(try live.count(of: "\"holders\":[\"bob\",\"carol\"]", in: "crl") == 1)
    }

    struct Damage: CustomTestStringConvertible {
        let testDescription: String
        /// Changes a holder's share file; the holder's index, the site and its files are given.
        let change: @Sendable (LiveSite, Int, [String]) throws -> Void
    }
    private static func copy(_ from: String, _ to: String) throws {
        try Data(contentsOf: URL(fileURLWithPath: from)).write(to: URL(fileURLWithPath: to))
    }
    static let damages = [
        Damage(testDescription: "altered in its ciphertext") { _, index, files in try spoil(files[index]) },
        Damage(testDescription: "missing") { _, index, files in
            try FileManager.default.removeItem(atPath: files[index])
        },
        Damage(testDescription: "another token's") { live, index, files in
            try copy(try live.shareFiles(of: "authority")[index], files[index])
        },
        Damage(testDescription: "another token's, relabelled as this one's") { live, index, files in
            let other = try SealedShare(
                reading: Array(
                    Data(contentsOf: URL(fileURLWithPath: try live.shareFiles(of: "authority")[index]))),
                path: "share")
            let own = try SealedShare(
                reading: Array(Data(contentsOf: URL(fileURLWithPath: files[index]))), path: "share")
            var text = String(decoding: other.bytes, as: UTF8.self)
            text = text.replacingOccurrences(of: other.token, with: own.token)
                .replacingOccurrences(of: other.set, with: own.set)
            try Data(text.utf8).write(to: URL(fileURLWithPath: files[index]))
        },
        Damage(testDescription: "the third holder's") { _, index, files in try copy(files[2], files[index]) },
        Damage(testDescription: "an earlier set's") { live, index, files in
            try copy(live.path("earlier/\(index + 1).share.json"), files[index])
        },
        Damage(testDescription: "no share at all") { _, index, files in
            try Data("{}".utf8).write(to: URL(fileURLWithPath: files[index]))
        },
    ]

    @Test(
        "Two holders' shares that are not what they were given are refused, and nothing is signed",
        arguments: damages)
    func twoWrong(_ damage: Damage) throws {
        let live = try LiveSite.enrolled("root-ca", "run-authority")
        let earlier = URL(fileURLWithPath: try live.shareFiles(of: "root")[0]).deletingLastPathComponent()
            .path
        try FileManager.default.copyItem(atPath: earlier, toPath: live.path("earlier"))
        if damage.testDescription.hasPrefix("an earlier") { try live.perform("activation-data-rekey") }
        for index in 0..<2 { try damage.change(live, index, try live.shareFiles(of: "root")) }
        let room = ScriptedRoom(live)
        let error = try live.refusal(of: "crl", room: room)
        #expect(error.code == .shareRefused)
        #expect(error.subject == "bob")
        for name in ["alice", "bob"] { #expect(room.shown.contains { $0.hasPrefix("\(name): ") }, "\(name)") }
        try expectUnsigned(live)
    }

    // MARK: On the screen

    /// The root's ceremony with shares that are shown and typed, and its rehearsal.
    private func onScreen() throws -> (CeremonyScript, rehearsal: String, TestSite) {
        let script = try Rehearsed.script(
            "root-ca", replacing: "delivery: credential", by: "delivery: screen")
        let place = try TestSite()
        return (script, try script.rehearse(site: place.site).transcript, place)
    }

    @Test("Shares on the screen are shown to their holders, typed back, and open the token")
    func screen() throws {
        let live = try LiveSite.enrolled()
        let (script, rehearsal, place) = try onScreen()
        defer { withExtendedLifetime(place) {} }
        let room = ScriptedRoom(live)
        let outcome = try live.perform(script, after: rehearsal, room: room)
        try live.verify(outcome)
        #expect(try live.publicLabels("root") == ["root-ca:root"])
        #expect(live.names(in: "activation/root").count == 2)
        let set = try #require(try live.site.activation(of: "root").current())
        #expect(live.names(in: "activation/root/\(set)") == ["set.json"])
        for name in ["alice", "bob", "carol"] { #expect(room.words(of: name).count == 20) }
        let transcript = try live.text("ceremonies/root-ca/transcript.jsonl")
        for name in ["alice", "bob", "carol"] {
            for (one, two) in zip(room.words(of: name), room.words(of: name).dropFirst()) {
                #expect(!transcript.contains("\(one) \(two)"))
            }
        }
    }

    @Test("A mistyped word is refused and named by its position, and may be typed again")
    func mistyped() throws {
        let live = try LiveSite.enrolled()
        let (script, rehearsal, place) = try onScreen()
        defer { withExtendedLifetime(place) {} }
        let room = ScriptedRoom(live)
        var isFirst = true
        room.onShare = { holder, _ in
            guard holder == "bob", isFirst else { return nil }
            isFirst = false
            var words = room.words(of: holder)
            words[6] = "xylophone"
            return words.joined(separator: " ")
        }
        try live.verify(try live.perform(script, after: rehearsal, room: room))
        #expect(room.refusals.count == 1)
        #expect(room.refusals.first?.hasPrefix("word 7: ") == true, "\(room.refusals)")
        #expect(room.refusals.first?.contains("xylophone") == false)
    }

    @Test(
        "Another holder's share, a share of no set, and two words exchanged are refused, and the token stays as it was"
    )
    func wrongShare() throws {
        let live = try LiveSite.enrolled()
        let (script, rehearsal, place) = try onScreen()
        defer { withExtendedLifetime(place) {} }
        let room = ScriptedRoom(live)
        let secret = try SecretBytes.random(count: 16)
        let stranger = try SLIP39.split(
            secret: secret, groupThreshold: 1, groups: [(threshold: 2, count: 3)])[0][1]
        var answers: [() -> String] = [
            { room.words(of: "alice").joined(separator: " ") },
            { stranger.mnemonic.withBytes { String(decoding: $0, as: UTF8.self) } },
            {
                var words = room.words(of: "bob")
                words.swapAt(10, 11)
                return words.joined(separator: " ")
            },
        ]
        room.onShare = { holder, _ in holder == "bob" && !answers.isEmpty ? answers.removeFirst()() : nil }
        let error = try #require(throws: CeremonyError.self) {
            try live.perform(script, after: rehearsal, room: room)
        }
        #expect(error.code == .shareRefused)
        #expect(error.subject == "bob")
        #expect(room.refusals.count == 2)
        #expect(
            room.refusals.allSatisfy { $0.contains("not the one that bob was given") }, "\(room.refusals)")
        let token = try #require(live.tokens["root"])
        #expect(try live.opens("root", .user, token.pinText))
        #expect(try live.opens("root", .securityOfficer, token.securityOfficerPINText))
        #expect(try live.site.activation(of: "root").current() == nil)
        // New shares are made when they come back.
        #expect(try live.verify(try live.resume("root-ca")).interruptions == 1)
    }
}
