import CanonicalJSON
import Foundation
import KeyCeremony
import Rosters
import SignedStatements

extension VectorBook {
    private mutating func refuse(
        _ name: String, _ code: TranscriptRefusal.Code, line: Int,
        _ edit: (inout TranscriptForge) throws -> Void
    ) throws {
        var forge = good
        try edit(&forge)
        add(TranscriptVector(name: name, bytes: try forge.bytes(), refusal: (code, line + 1)))
    }

    mutating func addEffects() throws {
        let intent = try good.index("intent", ["effect": "generate-key"])
        let effect = try good.index("effect", ["effect": "generate-key"])
        let observed = try good.index("observed", ["effect": "generate-key"])
        try refuse("effect-without-intent", .effect, line: intent) { $0.lines.remove(at: intent) }
        try refuse("observed-without-effect", .effect, line: effect) { $0.lines.remove(at: effect) }
        try refuse("effect-never-observed", .effect, line: observed) { $0.lines.remove(at: observed) }
        try refuse("effect-twice", .effect, line: effect + 1) {
            $0.lines.insert($0.lines[effect], at: effect + 1)
        }
        try refuse("key-of-another-id", .effect, line: effect) {
            $0.set(effect, "keyID", .string(String(repeating: "00", count: 16)))
        }
        try refuse("recovered-in-the-first-attempt", .effect, line: effect) {
            $0.set(effect, "recovered", true)
        }
        let shares = try good.index("shares")
        let readBack = try good.index("share-read-back")
        let tested = try good.index("quorums-tested")
        // The second read-back is then out of turn.
        try refuse("share-not-read-back", .order, line: readBack) { $0.lines.remove(at: readBack) }
        try refuse("quorums-not-tested", .order, line: tested) { $0.lines.remove(at: tested) }
        try refuse("quorums-miscounted", .order, line: tested) { $0.set(tested, "count", 3) }
        try refuse("one-share-suffices", .people, line: shares) { $0.set(shares, "needed", 1) }
        // Two groups of one each, both needed: the same two holders.
        func grouped(_ forge: inout TranscriptForge, holders: JSONValue) {
            forge.set(shares, "groupsNeeded", 2)
            forge.set(
                shares, "groups", [["needed": 1, "holders": 1], ["needed": 1, "holders": holders]])
        }
        var groups = good
        grouped(&groups, holders: 1)
        add(TranscriptVector(name: "good-groups", bytes: try groups.bytes()))
        try refuse("groups-of-other-holders", .people, line: shares) { grouped(&$0, holders: 2) }
        try refuse("quorums-tested-twice", .order, line: tested + 1) {
            $0.lines.insert($0.lines[tested], at: tested + 1)
        }
        try refuse("meant-twice-in-one-attempt", .effect, line: intent + 1) {
            $0.lines.insert($0.lines[intent], at: intent + 1)
        }
        try refuse("share-presented-to-nothing", .order, line: 2) { forge in
            var line = forge.lines[try forge.index("share-presented")]
            line["step"] = "ready"
            line["time"] = forge.lines[2]["time"]
            forge.lines.insert(line, at: 2)
        }
        let login = try good.index("observed", ["effect": "login"])
        try refuse("token-of-another-serial", .effect, line: login) {
            $0.edit(login, ["token", "serial"]) { _ in "0000000000000000" }
        }
        try refuse("holder-who-presented-nothing", .people, line: login) {
            $0.edit(login, ["holders"]) { .array(Array(($0.items ?? []).dropLast())) }
        }
        let readOut = try good.index("read-out")
        try refuse("other-digest-read-out", .effect, line: readOut) {
            $0.set(readOut, "value", .string(String(repeating: "0", count: 64)))
        }
        let compare = try good.index("compare")
        try refuse("comparison-failed", .order, line: compare + 1) {
            $0.set(compare, "takenDown", .string(String(repeating: "0", count: 64)))
        }
        let inventory = try good.index("inventory")
        try refuse("inventory-of-another-token", .order, line: inventory) {
            $0.set(inventory, "token", "line")
        }
        try refuse("effect-in-another-step", .order, line: inventory) { forge in
            forge.lines.insert(
                forge.lines[intent].merging(["step": "before", "time": forge.lines[inventory]["time"] ?? ""])
                { $1 }, at: inventory)
        }
    }

    mutating func addEvidence() throws {
        let observed = try good.index("observed", ["effect": "generate-key"])
        func attribute(_ name: String) throws -> String {
            let items = good.lines[observed]["attributes"]?.items ?? []
            return "\(items.firstIndex { $0["name"]?.text == name } ?? 0)"
        }
        let extractable = try attribute("CKA_EXTRACTABLE")
        try refuse("key-extractable", .policy, line: observed) {
            $0.edit(observed, ["attributes", extractable, "flag"]) { _ in true }
        }
        let local = try attribute("CKA_LOCAL")
        try refuse("key-not-local", .policy, line: observed) {
            $0.edit(observed, ["attributes", local, "flag"]) { _ in .null }
        }
        try refuse("attribute-missing", .policy, line: observed) {
            $0.edit(observed, ["attributes"]) { .array(Array(($0.items ?? []).dropFirst())) }
        }
        try refuse("attribute-twice", .policy, line: observed) {
            $0.edit(observed, ["attributes"]) { .array(($0.items ?? []) + [($0.items ?? [])[0]]) }
        }
        try refuse("probe-missing", .policy, line: observed) {
            $0.edit(observed, ["probes"]) { .array(Array(($0.items ?? []).dropFirst())) }
        }
        let intent = try good.index("intent", ["effect": "sign-certificate"])
        let effect = try good.index("effect", ["effect": "sign-certificate"])
        let certified = try good.index("observed", ["effect": "sign-certificate"])
        try refuse("to-be-signed-of-another-digest", .certificate, line: intent) {
            $0.set(intent, "toBeSignedDigest", .string(String(repeating: "0", count: 64)))
        }
        try refuse("other-octets-signed", .effect, line: effect) {
            $0.set(effect, "toBeSignedDigest", .string(String(repeating: "0", count: 64)))
        }
        try refuse("certificate-of-another-digest", .certificate, line: certified) {
            $0.set(certified, "certificateDigest", .string(String(repeating: "0", count: 64)))
        }
        try refuse("certificate-signature-changed", .certificate, line: certified) { forge in
            guard var der = Data(base64Encoded: forge.lines[certified]["certificate"]?.text ?? "") else {
                return
            }
            // The last octet is the signature's: s is another number then.
            der[der.count - 1] ^= 1
            forge.set(certified, "certificate", .string(der.base64EncodedString()))
            forge.set(certified, "certificateDigest", .string(TranscriptForge.sha256(Array(der))))
        }
        try refuse("certificate-dates-misstated", .certificate, line: certified) {
            $0.set(certified, "notAfter", "2999-12-31T23:59:59Z")
        }
    }

    mutating func addLive() throws {
        let live = try good.live()
        let roster = try Roster(live.lines[0]["rosters"]?.items?.first ?? .null, subject: "roster")
        let bytes = try live.bytes()
        add(
            TranscriptVector(
                name: "good-live", bytes: bytes, allowsRehearsal: false, rosterDigest: roster.digest))
        add(
            TranscriptVector(
                name: "roster-not-pinned", bytes: bytes, allowsRehearsal: false,
                rosterDigest: String(repeating: "0", count: 64), refusal: (.roster, 1)))
        func bad(
            _ name: String, _ code: TranscriptRefusal.Code, _ line: Int,
            _ edit: (inout TranscriptForge) throws -> Void
        ) throws {
            var forge = live
            try edit(&forge)
            add(
                TranscriptVector(
                    name: name, bytes: try forge.bytes(), allowsRehearsal: false, refusal: (code, line)))
        }
        try bad("live-without-roster", .roster, 1) { $0.set(0, "rosters", []) }
        try bad("live-after-nothing", .begin, 1) { $0.set(0, "after", .null) }
        try bad("after-another-script", .begin, 1) {
            $0.edit(0, ["after", "scriptDigest"]) { _ in .string(String(repeating: "0", count: 64)) }
        }
        try bad("roster-signature-missing", .roster, 1) { forge in
            let names = roster.members.map(\.name).dropLast()
            forge.set(0, "rosters", [try forge.roster(signedBy: Array(names)).document])
        }
        try bad("roster-signed-by-a-stranger", .roster, 1) { forge in
            forge.set(
                0, "rosters", [try forge.roster(signedBy: roster.members.map(\.name) + ["Mallory"]).document])
        }
        try bad("roster-of-another-site", .roster, 1) { forge in
            forge.set(0, "rosters", [try forge.roster(origin: "devices.example.com/other").document])
        }
        try bad("roster-version-2-first", .roster, 1) { forge in
            forge.edit(0, ["rosters", "0", "statement", "version"]) { _ in 2 }
        }
        try bad("participant-not-on-the-roster", .people, 1) { forge in
            let stranger = try forge.credential("Mallory").signingKey
            forge.edit(0, ["participants", "0", "publicKey"]) { _ in
                .string(Data(stranger).base64EncodedString())
            }
        }
        // Signatures with a rehearsal's tag are worth nothing in a live transcript.
        var rehearsed = try good.live()
        rehearsed.set(0, "rehearsal", true)
        let signOff = try live.index("sign-off")
        var tagged = live
        let other = try TranscriptForge(rehearsed.bytes(), seed: good.seed)
        tagged.lines = other.lines
        tagged.set(0, "rehearsal", false)
        add(
            TranscriptVector(
                name: "rehearsal-tags-in-a-live-transcript", bytes: try tagged.bytes(keepingSignatures: true),
                allowsRehearsal: false, refusal: (.signOff, signOff + 1)))
    }
}
