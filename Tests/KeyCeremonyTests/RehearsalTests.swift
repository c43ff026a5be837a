import Certificates
import Crypto
import Foundation
import KeyCeremony
import Sites
import Testing
import TokenKeys

@Suite struct RehearsalTests {
    static let order = ["root-ca", "issuing-ca", "run-authority", "allowlist-signer"]

    @Test("The four ceremonies of a line are rehearsed end to end, and OpenSSL verifies the chain")
    func theLine() throws {
        let place = try TestSite()
        for name in Self.order {
            let outcome = try place.rehearse(name)
            #expect(outcome.id == name)
            #expect(outcome.isRehearsal)
            #expect(outcome.artefacts.map(\.path) == ["certificates/\(name).pem"])
            let pem = try Data(contentsOf: URL(fileURLWithPath: place.site.path("certificates/\(name).pem")))
            #expect(
                outcome.artefacts.first?.digest
                    == SHA256.hash(data: pem).map { String(format: "%02x", $0) }.joined())
        }
        let root = place.site.certificatePath(.rootCA)
        let chain = try openssl(
            "verify", "-x509_strict", "-CAfile", root, place.site.certificatePath(.issuingCA))
        #expect(chain.code == 0, "\(chain.output)")
        let text = try openssl("x509", "-in", place.site.certificatePath(.issuingCA), "-noout", "-text")
            .output
        #expect(text.contains("pathlen:0"))
        #expect(text.contains("REHEARSAL"))
        #expect(try openssl("x509", "-in", root, "-noout", "-text").output.contains("NIST CURVE: P-384"))
    }
}
