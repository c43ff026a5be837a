import Certificates
import Foundation
import KeyCeremony
import Sites
import Testing
import TokenKeys

@Suite struct RSACeremonyTests {
    /// One of the repository's scripts with its key of another type.
    private func script(_ name: String, _ type: String) throws -> CeremonyScript {
        let text = try Repository.scriptText(name)
        let written = try #require(text.range(of: #"type: P-(256|384)\n"#, options: .regularExpression))
        return try CeremonyScript.parse(
            Array(text.replacingCharacters(in: written, with: "type: \(type)\n").utf8), file: "script.yaml")
    }

    @Test(
        "Ceremonies make CAs with RSA keys too: openssl verifies the chain and the list, two verifiers the transcripts",
        // RSA-4096 once: a token takes seconds to find such primes.
        arguments: [("RSA-3072", "P-256"), ("P-384", "RSA-3072"), ("RSA-4096", "P-256")])
    func chain(root: String, issuing: String) throws {
        let place = try TestSite()
        try expectVerified(script("root-ca", root).rehearse(site: place.site))
        try expectVerified(script("issuing-ca", issuing).rehearse(site: place.site))
        try expectVerified(place.rehearse("crl"))
        let (rootFile, issuingFile) = (
            place.site.certificatePath(.rootCA), place.site.certificatePath(.issuingCA)
        )
        let chain = try openssl("verify", "-x509_strict", "-CAfile", rootFile, issuingFile)
        #expect(chain.code == 0, "\(chain.output)")
        let list = try openssl(
            "crl", "-verify", "-inform", "DER", "-in", place.site.path("crls/root-ca-1.crl"), "-CAfile",
            rootFile,
            "-noout")
        #expect(list.output.contains("verify OK"), "\(list.output)")
        for (file, type) in [(rootFile, root), (issuingFile, issuing)] {
            let text = try openssl("x509", "-in", file, "-noout", "-text").output
            let bits = type.split(separator: "-").last ?? ""
            #expect(text.contains("Public-Key: (\(bits) bit)"), "\(text)")
        }
    }

    @Test("P-521 is refused before any key is made", arguments: ["root-ca", "issuing-ca"])
    func refused(_ name: String) throws {
        let place = try TestSite()
        let error = try #require(throws: CeremonyError.self) {
            try script(name, "P-521").rehearse(site: place.site)
        }
        #expect(error.faults.map(\.code) == ["key.type"])
        #expect(try place.names(in: "ceremonies").isEmpty)
        for token in place.tokens.keys { #expect(try place.publicLabels(token) == []) }
    }
}
