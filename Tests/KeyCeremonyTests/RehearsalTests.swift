import CanonicalJSON
import Crypto
import Foundation
import KeyCeremony
import PKCS11
import Sites
import TestTokens
import Testing
import TokenKeys

@Suite struct RehearsalTests {
    /// What each ceremony publishes.
    private static let artefacts: [String: [String]] = [
        "root-ca": ["certificates/root-ca.pem"], "issuing-ca": ["certificates/issuing-ca.pem"],
        "run-authority": ["certificates/run-authority.pem"],
        "allowlist-signer": ["certificates/allowlist-signer.pem"],
        "firmware-signer": ["certificates/firmware-signer.pem"], "crl": ["crls/root-ca-1.crl"],
        "custodian-enrolment": ["rosters/1.json"],
        "allowlist-signer/successor": ["certificates/allowlist-signer-next.pem"],
    ]

    @Test("Every script of the repository is rehearsed end to end on one site, and two verifiers accept each")
    func all() throws {
        let place = try TestSite()
        var head: String?
        for name in Repository.ceremonies {
            let script = try CeremonyScript.load(path: Repository.script(name))
            let outcome = try script.rehearse(site: place.site)
            #expect(outcome.id == script.id)
            #expect(outcome.isRehearsal)
            #expect(outcome.artefacts.map(\.path) == Self.artefacts[name] ?? [], "\(name)")
            // A rehearsal's roster is nobody's: it stands in the transcript alone.
            for artefact in outcome.artefacts where !artefact.path.hasPrefix("rosters/") {
                let bytes = try Data(contentsOf: URL(fileURLWithPath: place.site.path(artefact.path)))
                #expect(
                    artefact.digest == SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined())
            }
            try expectVerified(outcome)
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: outcome.transcript)))
            #expect(try VerifiedTranscript.verify(bytes, .init(allowsRehearsal: true)).previousHead == head)
            let refusal = #expect(throws: TranscriptRefusal.self) { try VerifiedTranscript.verify(bytes) }
            #expect(refusal?.code == .rehearsal, "a rehearsal proves nothing")
            head = outcome.head
        }
        try expectChain(place)
        try expectList(place)
        try expectBackup(place)
        try expectDestroyed(place)
    }

    @Test("No script is left out of the rehearsals")
    func complete() throws {
        let folder = Repository.path("Ceremonies")
        let names = try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }
            .filter { $0.hasSuffix(".yaml") }.map { "\(folder)/\($0)" }
        #expect(Set(names) == Set(Repository.ceremonies.map(Repository.script)))
    }

    private func expectChain(_ place: TestSite) throws {
        let root = place.site.certificatePath(.rootCA)
        let issuing = place.site.certificatePath(.issuingCA)
        let chain = try openssl("verify", "-x509_strict", "-CAfile", root, issuing)
        #expect(chain.code == 0, "\(chain.output)")
        let text = try openssl("x509", "-in", issuing, "-noout", "-text").output
        #expect(text.contains("pathlen:0"))
        #expect(text.contains("REHEARSAL"))
        #expect(try openssl("x509", "-in", root, "-noout", "-text").output.contains("NIST CURVE: P-384"))
    }

    private func expectList(_ place: TestSite) throws {
        let list = place.site.path("crls/root-ca-1.crl")
        let verified = try openssl(
            "crl", "-verify", "-inform", "DER", "-in", list, "-CAfile", place.site.certificatePath(.rootCA),
            "-noout")
        #expect(verified.code == 0 && verified.output.contains("verify OK"), "\(verified.output)")
        let text = try openssl("crl", "-inform", "DER", "-in", list, "-noout", "-text").output
        #expect(text.contains("No Revoked Certificates."), "\(text)")
        let other = try openssl(
            "crl", "-verify", "-inform", "DER", "-in", list, "-CAfile",
            place.site.certificatePath(.runAuthority), "-noout")
        #expect(!other.output.contains("verify OK"))
    }

    /// The key that was restored on the backup token is the one that the certificate names.
    private func expectBackup(_ place: TestSite) throws {
        let certificate = try openssl(
            "x509", "-in", place.site.certificatePath(.firmwareSigner), "-noout", "-pubkey"
        ).output
        let label = KeyLabel(role: .firmwareSigner, name: "firmware", isRehearsal: true)
        let slot = try #require(place.tokens["backup"]?.slot)
        let point = try slot.withSession { session in
            let object = try session.findOne(
                [.objectClass(.publicKey), Attribute(.label, label.description)], "the restored key")
            return try session.attribute(.ecPoint, of: object)?.value
        }
        let info = try #require(Data(base64Encoded: certificate.split(separator: "\n")[1...2].joined()))
        #expect(info.suffix(65) == point.map { Data($0.suffix(65)) })
    }

    private func expectDestroyed(_ place: TestSite) throws {
        let left = try place.publicLabels("firmware")
        #expect(!left.contains { $0.contains("firmware-signer") }, "\(left)")
    }
}
