import Foundation
import Testing

@Suite("A run under an issuing CA with an RSA key")
struct RSAIssuerTests {
    @Test("Its devices verify with openssl, and packages, ledger and log agree")
    func run() throws {
        let place = try Workplace()
        // The site again, its two CAs' keys of other types.
        try place.succeed("rm -r site && rootline init site --hsm softhsm --demo")
        try place.succeed(
            "sed 's/: P-384$/: RSA-4096/' \"$REPOSITORY/Ceremonies/root-ca/script.yaml\" > root.yaml")
        try place.succeed(
            "sed 's/: P-256$/: RSA-3072/' \"$REPOSITORY/Ceremonies/issuing-ca/script.yaml\" > issuing.yaml")
        for script in [
            "root.yaml", "issuing.yaml", "$REPOSITORY/Ceremonies/run-authority/script.yaml",
            "$REPOSITORY/Ceremonies/allowlist-signer/script.yaml",
        ] {
            try place.succeed("rootline ceremony rehearse \"\(script)\"")
        }
        let keys = try place.succeed("rootline key list")
        #expect(keys.contains("RSA-4096") && keys.contains("RSA-3072"), "\(keys)")
        try place.make("batch", devices: 300)
        try place.audit([("batch", Workplace.serials(300))])
        let lines = try place.packages(of: "batch")
        for row in [0, 150, 299] {
            try lines[row].certificate.write(to: URL(fileURLWithPath: place.folder + "/device.der"))
            try place.succeed("openssl x509 -inform DER -in device.der -out device.pem")
            let text = try place.succeed("openssl x509 -in device.pem -noout -text")
            #expect(text.contains("Signature Algorithm: sha256WithRSAEncryption"))
            #expect(text.contains("ASN1 OID: prime256v1"))
            let verified = try place.succeed(
                "openssl verify -x509_strict -CAfile site/certificates/root-ca.pem "
                    + "-untrusted site/certificates/issuing-ca.pem device.pem")
            #expect(verified == "device.pem: OK\n")
        }
    }
}
