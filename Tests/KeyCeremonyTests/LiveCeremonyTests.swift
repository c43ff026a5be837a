import Foundation
import KeyCeremony
import PKCS11
import Rosters
import SignedStatements
import Sites
import TestTokens
import Testing

@Suite struct LiveCeremonyTests {
    @Test("A site holds all its ceremonies live, from the first roster to the destruction of a key")
    func chain() throws {
        let live = try LiveSite()
        var last: CeremonyOutcome?
        for name in Rehearsed.order {
            let outcome = try live.perform(name)
            #expect(!outcome.isRehearsal)
            #expect(outcome.id == name)
            let verified = try live.verify(outcome)
            #expect(verified.previousHead == last?.head)
            #expect(verified.people.map(\.name) == ["alice", "bob", "carol"])
            #expect(verified.exceptions == 0)
            last = outcome
        }
        #expect(try live.site.rosters().map(\.version) == [1])
        let certificates = try live.site.certificates
        for name in ["issuing-ca", "run-authority", "firmware-signer", "allowlist-signer"] {
            // Signers certify themselves; the issuing CA hangs from the root.
            let anchor = name == "issuing-ca" ? "root-ca" : name
            let checked = try openssl(
                "verify", "-x509_strict", "-CAfile", "\(certificates)/\(anchor).pem",
                "\(certificates)/\(name).pem")
            #expect(checked.code == 0, "\(name): \(checked.output)")
            let text = try openssl("x509", "-in", "\(certificates)/\(name).pem", "-noout", "-text").output
            #expect(!text.contains("REHEARSAL"))
        }
        let list = try openssl(
            "crl", "-inform", "DER", "-in", live.path("crls/root-ca-1.crl"), "-CAfile",
            "\(certificates)/root-ca.pem", "-noout")
        #expect(list.code == 0 && list.output.contains("verify OK"), "\(list.output)")
        #expect(!(try live.publicLabels("firmware")).contains("firmware-signer:firmware"))
        #expect(try live.publicLabels("backup").contains("firmware-signer:firmware"))
    }

    @Test("A token that was split no longer takes the PINs that it came with, neither user's nor officer's")
    func oldPINs() throws {
        let live = try LiveSite.enrolled()
        let token = try #require(live.tokens["root"])
        #expect(try live.opens("root", .user, token.pinText))
        #expect(try live.opens("root", .securityOfficer, token.securityOfficerPINText))
        try live.perform("root-ca")
        #expect(try !live.opens("root", .user, token.pinText))
        #expect(try !live.opens("root", .securityOfficer, token.securityOfficerPINText))
        #expect(try live.publicLabels("root") == ["root-ca:root"])
    }

    @Test("After new activation data the old shares open nothing, and any two of the new ones do")
    func rekey() throws {
        let live = try LiveSite.enrolled("root-ca")
        let manager = FileManager.default
        let (current, old) = (live.path("activation/root"), live.path("old-activation"))
        try manager.copyItem(atPath: current, toPath: old)
        try live.verify(try live.perform("activation-data-rekey"))
        // The set that was in force is gone; whoever kept a copy of it puts it back.
        #expect(live.names(in: "activation/root").count == 2)
        try manager.moveItem(atPath: current, toPath: live.path("new-activation"))
        try manager.copyItem(atPath: old, toPath: current)
        let error = try live.refusal(of: "crl")
        #expect(error.code == .token)
        #expect((error.cause as? PKCS11Error)?.code == .pinRefused)
        #expect(try live.count(of: "\"effect\":\"sign-crl\"", in: "crl") == 0)
        try manager.removeItem(atPath: current)
        try manager.moveItem(atPath: live.path("new-activation"), toPath: current)
        #expect(try live.verify(try live.resume("crl")).interruptions == 1)

        for (absent, present) in [(0, "bob\",\"carol"), (1, "alice\",\"carol"), (2, "alice\",\"bob")] {
            try spoil(try live.shareFiles(of: "root")[absent])
            let outcome = try live.perform("activation-data-rekey")
            try live.verify(outcome)
            #expect(try live.count(of: "\"holders\":[\"\(present)\"],\"moduleDigest\"", in: outcome.id) >= 1)
        }
    }

    @Test("A fourth member comes with the roster's second version, which a quorum of the first signs")
    func secondRoster() throws {
        let live = try LiveSite.enrolled("root-ca")
        let pin = try live.rosterPin
        try live.add("dora", [.cryptoOfficer, .shareHolder])
        try live.writeDraft()
        let outcome = try live.perform("custodian-enrolment")
        #expect(outcome.id == "custodian-enrolment-2")
        #expect(try live.verify(outcome).people.map(\.name) == ["alice", "bob", "carol"])
        let rosters = try live.site.rosters()
        #expect(rosters.map(\.version) == [1, 2])
        #expect(rosters[1].digest == outcome.rosterDigest)
        #expect(rosters[1].previous == rosters[0].digest)
        #expect(Set(rosters[1].signatures.map(\.name)) == ["alice", "bob", "carol", "dora"])
        #expect(try live.rosterPin == pin)
        // Only the new member's token got keys.
        #expect(try live.count(of: "\"effect\":\"enrol-credential\",", in: outcome.id) == 3)

        // The new member acts; the holders of the token's shares are still the old ones.
        var staffing = Staffing()
        staffing.seats = [
            .ceremonyAdministrator: ["alice"], .cryptoOfficer: ["dora"], .externalWitness: ["carol"],
            .shareHolder: ["alice", "carol", "dora"],
        ]
        try live.verify(try live.perform("activation-data-rekey", staffing: staffing))
        let store = try live.site.activation(of: "root")
        let set = try store.describe(try #require(try store.current()))
        #expect(set.holders.map(\.name) == ["alice", "dora", "carol"])
    }

    @Test("A PIN that is mistyped is asked for again, and the transcript verifies all the same")
    func mistyped() throws {
        let live = try LiveSite.enrolled()
        let room = ScriptedRoom(live)
        room.type("not-his-pin", for: "bob", times: 2)
        try live.verify(try live.perform("root-ca", room: room))
        #expect(room.refusals.count == 2)
    }
}

/// Changes one digit of a share's ciphertext.
func spoil(_ path: String) throws {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let place = try #require(text.range(of: "\"ciphertext\":\"")).upperBound
    var changed = Array(text)
    let index = text.distance(from: text.startIndex, to: place) + 4
    changed[index] = changed[index] == "A" ? "B" : "A"
    try Data(String(changed).utf8).write(to: URL(fileURLWithPath: path))
}
