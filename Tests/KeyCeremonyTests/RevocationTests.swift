import Foundation
import KeyCeremony
import Sites
import Testing
import TokenKeys

@Suite struct RevocationTests {
    private func script(_ number: Int, _ entries: [String]) throws -> CeremonyScript {
        let list = entries.map {
            "\n        - { serial: \"\($0)\", reason: keyCompromise, date: \"2026-01-31\" }"
        }
        let text = try Repository.scriptText("crl")
            .replacingOccurrences(of: "number: 1\n", with: "number: \(number)\n")
            .replacingOccurrences(of: "revoked: []", with: "revoked: \(list.isEmpty ? "[]" : list.joined())")
        return try CeremonyScript.parse(Array(text.utf8), file: "script.yaml")
    }

    @Test(
        "A script that revokes a CA by its serial number is followed, and openssl refuses the CA from then on"
    )
    func revoked() throws {
        let place = try TestSite()
        try place.rehearse("root-ca")
        try place.rehearse("issuing-ca")
        let (root, issuing) = (place.site.certificatePath(.rootCA), place.site.certificatePath(.issuingCA))
        let serial = try #require(
            try openssl("x509", "-in", issuing, "-noout", "-serial").output.split(separator: "=").last
        ).trimmingCharacters(in: .whitespacesAndNewlines).lowercased()

        func check(_ number: Int) throws -> String {
            let list = place.site.path("crls/root-ca-\(number)")
            let made = try openssl("crl", "-inform", "DER", "-in", list + ".crl", "-out", list + ".pem")
            #expect(made.code == 0, "\(made.output)")
            return try openssl("verify", "-crl_check", "-CRLfile", list + ".pem", "-CAfile", root, issuing)
                .output
        }
        try expectVerified(place.rehearse("crl"))
        #expect(try check(1).contains(": OK"))
        try expectVerified(script(2, [serial]).rehearse(site: place.site))
        #expect(try check(2).contains("certificate revoked"))
        let text = try openssl("crl", "-inform", "DER", "-in", place.site.path("crls/root-ca-2.crl"), "-text")
            .output
        #expect(
            text.contains("Serial Number: \(serial.uppercased())") && text.contains("Key Compromise"),
            "\(text)")

        // A number is used once and none is left out; what was revoked stays so.
        for (number, entries) in [(2, [serial]), (4, [serial]), (3, [])] {
            #expect(try !script(number, entries).check(site: place.site).isEmpty, "\(number) \(entries)")
        }
        #expect(try script(3, [serial]).check(site: place.site) == [])
    }

    @Test("What openssl prints of a serial number, with colons or capitals, is refused with its place")
    func otherForms() throws {
        for serial in ["4F:9C", "4F9C", "4f9"] {
            let error = try #require(throws: CeremonyError.self) { try script(1, [serial]) }
            #expect(error.faults.map(\.code) == ["script.value"])
            #expect(error.faults.map(\.field) == ["steps[8].crl.revoked[0].serial"])
        }
    }
}
