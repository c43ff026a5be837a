import Foundation
import KeyCeremony
import PKCS11
import Rosters
import SecretSharing
import Sites
import TestTokens
import Testing
import TokenKeys

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
        }
    }
}
