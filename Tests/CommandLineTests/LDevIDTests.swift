import Certificates
import Crypto
import Foundation
import Testing

/// The owner's side is played by plain OpenSSL, but for the certificate, which the template makes.
@Suite("An owner replaces the key that a device was made with by one of the device's own")
struct LDevIDTests {
    private struct Answer: Decodable {
        let status: String
        let keyChecked: Bool
        let serial: String?
        let product: String?
        let rotates: Bool?
    }

    @Test("Listed as rotating, the device proves its IDevID and gets the owner's LDevID for a new key")
    func replacement() throws {
        let place = try Workplace()
        // A birth certificate whose key is replaced at onboarding: the manufacturer's template says so.
        try place.succeed("sed -i 's/^rotates: false/rotates: true/' site/templates/idevid-ec-p256.yaml")
        try place.make("batch", devices: 3)
        try place.succeed("rootline run extract EX-00000002 --out device")

        // In the factory the station gives the device its key.
        try place.succeed(
            """
            cd device
            openssl pkeyutl -decrypt -inkey ../site/station/station-private.pem -pkeyopt rsa_padding_mode:oaep \
              -in transport-key.bin -out transport-key
            openssl enc -d -id-aes256-wrap-pad -iv A65959A6 -K "$(od -An -v -tx1 transport-key | tr -d ' \\n')" \
              -in wrapped-key.bin -out idevid-key.der
            """)
        // At the owner's, it shows its certificate, and the owner finds it in the manufacturer's list.
        let found = try place.succeed(
            "rootline allowlist lookup --certificate device/certificate.pem --allow-rehearsal --format json")
        let answer = try JSONDecoder().decode(Answer.self, from: Data(found.utf8))
        #expect(answer.status == "listed" && answer.keyChecked && answer.serial == "EX-00000002")
        #expect(answer.rotates == true, "the list says that this key is to be replaced")
        #expect(
            try place.succeed(
                """
                openssl verify -CAfile site/certificates/root-ca.pem -untrusted site/certificates/issuing-ca.pem \
                  device/certificate.pem
                """
            ).hasSuffix("OK\n"))

        // The owner's challenge; the device makes a key, and signs challenge and request with its IDevID's.
        try place.succeed(
            """
            openssl rand -hex 32 > challenge
            openssl ecparam -name prime256v1 -genkey -noout -out device/ldevid-key.pem
            openssl req -new -key device/ldevid-key.pem -subj /CN=EX-00000002 -out request.pem
            cat challenge request.pem | openssl dgst -sha256 -sign device/idevid-key.der -keyform DER -out proof
            """)
        // The owner: the request proves the new key, the signature over it the IDevID's.
        try place.succeed(
            """
            openssl req -in request.pem -noout -verify
            openssl x509 -in device/certificate.pem -noout -pubkey > idevid-public.pem
            cat challenge request.pem | openssl dgst -sha256 -verify idevid-public.pem -signature proof
            openssl rand -hex 32 > another
            """)
        #expect(
            try place.run(
                "cat another request.pem | openssl dgst -sha256 -verify idevid-public.pem -signature proof"
            ).code == 1, "a proof for another challenge is none")

        let der = try issue(serial: "EX-00000002", product: answer.product ?? "", in: place)
        try Data(pem(der).utf8).write(to: URL(fileURLWithPath: place.folder + "/ldevid.pem"))
        #expect(
            try place.succeed("openssl verify -x509_strict -CAfile owner.pem ldevid.pem")
                == "ldevid.pem: OK\n")
        #expect(
            try place.succeed("openssl x509 -in ldevid.pem -noout -pubkey")
                == place.succeed("openssl pkey -in device/ldevid-key.pem -pubout"))
        let subject = try place.succeed("openssl x509 -in ldevid.pem -noout -subject -nameopt RFC2253")
        #expect(subject.contains("serialNumber=EX-00000002") && subject.contains("O=Example Owner"))
        #expect(
            try place.run("openssl verify -CAfile owner.pem device/certificate.pem").code != 0,
            "the manufacturer's certificate is not the owner's")
    }

    /// The owner's CA, made by OpenSSL, issues a certificate by the shipped template for the request's key.
    private func issue(serial: String, product: String, in place: Workplace) throws -> [UInt8] {
        try place.succeed(
            """
            openssl ecparam -name prime256v1 -genkey -noout -out owner.key
            openssl req -x509 -new -key owner.key -subj '/O=Example Owner/CN=Owner CA' -days 3650 -out owner.pem \
              -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign
            openssl pkcs8 -topk8 -nocrypt -in owner.key -out owner.pk8
            openssl req -in request.pem -noout -pubkey > new-public.pem
            """)
        func text(_ name: String) throws -> String {
            try String(contentsOfFile: place.folder + "/" + name, encoding: .utf8)
        }
        let owner = try #require(derBlocks(inPEM: text("owner.pem"))?.first)
        let template = try CertificateTemplate.load(
            path: Repository.root + "/Templates/certificates/ldevid-ec-p256.yaml")
        #expect(template.rotates)
        let plan = try DeviceCertificatePlan(
            template: template, issuer: owner, notBefore: Date(), product: product, rehearsal: false)
        let key = try P256.Signing.PublicKey(pemRepresentation: text("new-public.pem"))
        let row = DeviceCertificateRow(
            serialNumber: CertificateSerialNumber(), point: Array(key.x963Representation),
            values: plan.columns.map { _ in serial })
        try plan.check(row)
        #expect(plan.faults(values: row.values).isEmpty)
        let toBeSigned = try plan.toBeSigned(row)
        let signer = try P256.Signing.PrivateKey(pemRepresentation: text("owner.pk8"))
        return try plan.certificate(
            toBeSigned: toBeSigned,
            rawSignature: Array(try signer.signature(for: Data(toBeSigned)).rawRepresentation))
    }
}
