import Foundation
import KeyCeremony
import PKCS11
import Sites
import TestTokens
import Testing
import TokenKeys

@Suite struct SiteFaultTests {
    private func expectUntouched(_ place: TestSite) throws {
        #expect(try place.names(in: "ceremonies") == [])
        for token in place.tokens.keys { #expect(try place.publicLabels(token) == []) }
    }

    private func codes(_ script: String, _ site: Site) throws -> [String] {
        try CeremonyScript.load(path: Repository.script(script)).check(site: site).map(\.code)
    }

    static let faults = [
        Spoiled(
            code: "template.unreadable", from: "template: root-ca", to: "template: none-such",
            at: "template: none"),
        Spoiled(
            code: "template.kind", from: "template: root-ca", to: "template: signer", at: "template: signer"),
        Spoiled(
            code: "template.values", from: "        generation: G1\n", to: "", at: "      template: root-ca"),
        Spoiled(
            code: "template.values", from: "generation: G1", to: "generation: G1\n        unit: X",
            at: "unit: X"),
        Spoiled(code: "token.unbound", from: "[root]", to: "[root, fifth]", at: "[root, fifth]"),
        Spoiled(
            code: "issuer.missing", from: "kind: s", to: "kind: s", at: "        role: root-ca",
            script: "issuing-ca"),
        Spoiled(
            code: "issuer.missing", from: "kind: s", to: "kind: s", at: "        role: root-ca", script: "crl"
        ),
    ]

    @Test("What a site lacks for a script is found before any token is opened", arguments: faults)
    func siteLacks(_ spoiled: Spoiled) throws {
        let place = try TestSite()
        let text = try spoiled.text
        let script = try CeremonyScript.parse(Array(text.utf8), file: "script.yaml")
        try spoiled.expect(among: script.check(site: place.site), of: text)
        try expectUntouched(place)
    }

    // MARK: Tokens

    @Test("A token whose key wants a quorum is refused in a live site where a file opens it")
    func activation() throws {
        let place = try TestSite(rehearsal: false)
        #expect(try codes("root-ca", place.site) == ["roster.missing", "activation.quorum"])
    }

    @Test("A rehearsal wants tokens that open unattended")
    func attended() throws {
        let place = try TestSite(activation: "quorum")
        #expect(try codes("root-ca", place.site) == ["activation.attended"])
    }

    @Test("A rehearsal that gives a token new PINs wants its security officer's")
    func officer() throws {
        let place = try TestSite()
        let site = try place.reopened("    officerPinSource: secrets/root.so.pin\n", "")
        #expect(try codes("root-ca", site) == ["activation.officer"])
        #expect(try codes("allowlist-signer", site) == [])
    }

    @Test("A PIN source that cannot be read is named")
    func pinSource() throws {
        let place = try TestSite()
        try FileManager.default.removeItem(atPath: place.site.path("secrets/root.pin"))
        #expect(try codes("root-ca", place.site) == ["activation.pin-source"])
    }

    @Test("A token that is not there is named, and one without a user PIN")
    func tokens() throws {
        let place = try TestSite()
        let token = try #require(place.tokens["root"])
        try token.slot.initializeToken(label: token.label, securityOfficerPIN: token.securityOfficerPIN)
        #expect(try codes("root-ca", place.site) == ["token.pin"])
        let site = try place.reopened("serial: \"\(token.serial)\"", "serial: \"0000\"")
        #expect(try codes("root-ca", site) == ["token.unreachable"])
    }

    @Test("An issuer on another token than the script says is refused")
    func issuerToken() throws {
        let place = try TestSite()
        try place.rehearse("root-ca")
        let spoiled = Spoiled(
            code: "issuer.token", from: "        role: root-ca\n        token: root\n",
            to: "        role: root-ca\n        token: line\n", at: "        token: line",
            script: "issuing-ca")
        let text = try spoiled.text
        let script = try CeremonyScript.parse(Array(text.utf8), file: "script.yaml")
        try spoiled.expect(among: script.check(site: place.site), of: text)
    }

    // MARK: Successors

    @Test("A successor is made only where there is a key to follow, and on its token")
    func successor() throws {
        let place = try TestSite()
        #expect(try codes("allowlist-signer/successor", place.site) == ["successor.nothing"])
        try place.rehearse("allowlist-signer")
        #expect(try codes("allowlist-signer/successor", place.site) == [])
        let text = try Repository.scriptText("allowlist-signer/successor")
            .replacingOccurrences(of: "token: line", with: "token: root")
            .replacingOccurrences(of: "tokens: [line]", with: "tokens: [root]")
        let script = try CeremonyScript.parse(Array(text.utf8), file: "script.yaml")
        #expect(script.check(site: place.site).map(\.code) == ["successor.token"])
    }

    @Test("One successor waits at a time, and the present key is as it was")
    func secondSuccessor() throws {
        let place = try TestSite()
        try place.rehearse("allowlist-signer")
        let present = try place.site.publishedKey(.allowlistSigner)
        try place.rehearse("allowlist-signer/successor")
        let next = try place.site.publishedKey(.allowlistSigner, .next)
        #expect(next.label.description == "rehearsal/allowlist-signer:log-2")
        #expect(next.certificate != present.certificate)
        #expect(try place.site.publishedKey(.allowlistSigner) == present)
        // Under the same name and under another one.
        #expect(
            Set(try codes("allowlist-signer/successor", place.site)) == ["key.label-taken", "output.exists"])
        let text = try Repository.scriptText("allowlist-signer/successor")
            .replacingOccurrences(of: "log-2", with: "log-3")
        let script = try CeremonyScript.parse(Array(text.utf8), file: "script.yaml")
        #expect(Set(script.check(site: place.site).map(\.code)) == ["output.exists"])
        #expect(try place.site.publishedKey(.allowlistSigner, .next) == next)
    }

    @Test(
        "A successor that takes the present key's place anew, stopped anywhere, leaves one whole key of each")
    func inPlace() throws {
        let place = try TestSite()
        try place.rehearse("allowlist-signer")
        try place.rehearse("allowlist-signer/successor")
        let (present, next) = (
            try place.site.publishedKey(.allowlistSigner),
            try place.site.publishedKey(.allowlistSigner, .next)
        )
        // What an earlier call had done when it was stopped: the last of its files are still there.
        let left = ["allowlist-signer-next.json", "allowlist-signer-next.pem"].map {
            place.site.certificates + "/" + $0
        }
        let bytes = try left.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
        for _ in 0..<2 {
            try place.site.putSuccessorInPlace(.allowlistSigner, retiring: 1)
            #expect(!place.site.hasSuccessor(.allowlistSigner))
            #expect(try place.site.publishedKey(.allowlistSigner) == next)
            #expect(try place.site.retiredKeys(.allowlistSigner) == [present])
            for (path, bytes) in zip(left, bytes) { try bytes.write(to: URL(fileURLWithPath: path)) }
        }
        try FileManager.default.removeItem(atPath: left[0])
        try place.site.removeSuccessorsCopy(.allowlistSigner)
        #expect(!FileManager.default.fileExists(atPath: left[1]))
    }

    // MARK: Shares

    @Test(
        "In a live site shares are collected only for a token that a ceremony has split, and as many as open it"
    )
    func shares() throws {
        let place = try TestSite(rehearsal: false, activation: "quorum")
        let found = try codes("crl", place.site)
        #expect(found.contains("activation.shares"), "\(found)")
        let store = place.site.activation(of: "root")
        let holders = ["A", "B", "C"].map {
            ShareHolder(name: $0, commitment: String(repeating: "0", count: 64))
        }
        for (needed, isRefused) in [(2, false), (3, true)] {
            let set = "\(needed)0000000000000"
            try store.store(
                ActivationSet(
                    set: set, groups: [.init(needed: needed, holders: holders)], groupsNeeded: 1,
                    onScreen: false))
            try store.makeCurrent(set)
            let found = try codes("crl", place.site)
            #expect(!found.contains("activation.shares"), "\(found)")
            #expect(found.contains("quorum.differs") == isRefused, "\(found)")
        }
    }

    // MARK: Folders

    @Test(
        "A folder that cannot be written to is found before anything is done",
        arguments: [("root-ca", "activation"), ("crl", "crls"), ("backup-and-recovery", "backups")])
    func unwritable(_ script: String, _ folder: String) throws {
        let place = try TestSite()
        // A file in its place: nobody, not even root, may search it.
        try Data().write(to: URL(fileURLWithPath: place.site.path(folder)))
        let found = try codes(script, place.site)
        #expect(found.contains("output.unwritable"), "\(found)")
    }

    // MARK: People

    private func draft(_ roles: [String]) -> String {
        let members = roles.enumerated().map { number, roles in
            "  - { name: P\(number), roles: [\(roles)], token: { label: p\(number), serial: \"\(number)\" } }\n"
        }
        return "version: 1\nmembers:\n\(members.joined())conflicts: []\n"
            + "quorums: { roster: 2, approval: 2, recovery: 2 }\n"
    }

    @Test("A live site without a roster holds the enrolment first, and that one with a draft")
    func rosterMissing() throws {
        let place = try TestSite(rehearsal: false, activation: "quorum")
        #expect(try codes("run-authority", place.site).contains("roster.missing"))
        #expect(try codes("custodian-enrolment", place.site) == ["roster.refused"])
        try Data("version: 1\nmembers: nobody\n".utf8).write(to: URL(fileURLWithPath: place.site.rosterDraft))
        #expect(try codes("custodian-enrolment", place.site) == ["roster.refused"])
    }

    @Test("A role that nobody on the roster may take is named where the script asks for it")
    func unstaffed() throws {
        let place = try TestSite(rehearsal: false, activation: "quorum")
        try Data(draft(["ceremony-administrator", "crypto-officer"]).utf8)
            .write(to: URL(fileURLWithPath: place.site.rosterDraft))
        let script = try CeremonyScript.load(path: Repository.script("custodian-enrolment"))
        let faults = script.check(site: place.site)
        #expect(faults.map(\.code) == ["role.unstaffed"])
        #expect(faults.map(\.field) == ["roles.external-witness"])
        try Data(draft(["ceremony-administrator", "crypto-officer", "external-witness"]).utf8)
            .write(to: URL(fileURLWithPath: place.site.rosterDraft))
        #expect(script.check(site: place.site) == [])
    }
}
