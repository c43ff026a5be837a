import Foundation
import Glibc
import Testing

/// A lie, and how it is found out.
struct Lie: Sendable, CustomStringConvertible {
    let plan: String
    var ceremony = Ceremony.root
    let code: Int32
    /// Part of the message.
    let phrase: String
    /// The step at which the ceremony stops; nil where it is not even begun.
    let step: String?
    /// Another step at which it may stop.
    var orStep: String?

    var description: String { "\(ceremony): \(plan)" }
}

@Suite("A token that lies stops the ceremony, which says what the lie is and publishes nothing", .serialized)
struct LyingTokenTests {
    static let lies = [
        lie("C_GetAttributeValue=lie:extractable", "CKA_EXTRACTABLE is true where the policy demands false"),
        lie(
            "C_GetAttributeValue=lie:once-extractable",
            "CKA_NEVER_EXTRACTABLE is false where the policy demands true"),
        lie("C_GetAttributeValue=lie:not-local", "CKA_LOCAL is false where the policy demands true"),
        lie("C_GetAttributeValue=lie:answers-curve", "CKA_EC_POINT is no point of P-256"),
        lie("C_GetAttributeValue=lie:swaps-public", "the token's signature of 96 octets does not verify"),
        lie("C_GetAttributeValue=lie:reveals-value", "the token answered CKA_VALUE of a sensitive key"),
        lie("C_GenerateKeyPair=lie:curve", "the key is EC P-256, not EC P-384"),
        lie("C_GenerateKeyPair=lie:duplicate-label", "2 private and 2 public keys have this label"),
        lie("C_GenerateKeyPair=lie:missing-private", "the public key is there without its private key"),
        lie("C_Sign:1=lie:bad-signature", "the token's signature of 96 octets does not verify"),
        lie("C_Sign:2=lie:bad-signature", "the token's signature of 96 octets does not verify", at: "verify"),
        lie(
            "C_Sign:3=lie:bad-signature", "the token's signature of 96 octets does not verify", at: "certify"),
        lie("C_WrapKey=lie:wraps-anything", "the token wrapped the key under an untrusted key"),
        lie("C_CopyObject=lie:copies-anything", "the token copied a key that is not COPYABLE"),
        lie("C_SetPIN:1=lie:forgets", "has set the PIN of its user, and does not take it", at: "split-root"),
        lie(
            "C_SetPIN:2=lie:forgets", "has set the PIN of its security officer, and does not take it",
            at: "split-root"),
        Lie(plan: "C_GetTokenInfo=lie:wrong-serial", code: 65, phrase: "no such token", step: nil),
        // How many tokens are asked before the right one is found is the store's order.
        lie("C_GetTokenInfo:20+=lie:wrong-serial", "no such token", at: "split-root", or: "open-root"),
        Lie(
            plan: "C_DestroyObject=lie:destroy-nothing", ceremony: .destruction, code: 69,
            phrase: "the token said that it has destroyed the key, and still shows it", step: "destroy"),
        Lie(
            plan: "C_GetAttributeValue=lie:swaps-public", ceremony: .issuing, code: 69,
            phrase: "the token's signature of 64 octets does not verify", step: "generate"),
        Lie(
            plan: "C_Sign:3=lie:bad-signature", ceremony: .issuing, code: 69,
            phrase: "the token's signature of 96 octets does not verify", step: "certify"),
        Lie(
            plan: "C_WrapKey=lie:wraps-anything", ceremony: .issuing, code: 69,
            phrase: "the token wrapped the key under an untrusted key", step: "generate"),
    ]

    private static func lie(
        _ plan: String, _ phrase: String, at step: String = "generate", or orStep: String? = nil
    ) -> Lie {
        Lie(plan: plan, code: 69, phrase: phrase, step: step, orStep: orStep)
    }

    @Test("Every lie has its message")
    func lies() {
        Campaign.run("lies", LyingTokenTests.lies) { try LyingTokenTests.findings($0) }
    }

    private static func findings(_ lie: Lie) throws -> [String] {
        let place = try Place(lie.ceremony)
        let certificates = try FileManager.default.contentsOfDirectory(atPath: place.site + "/certificates")
        let outcome = try place.rehearse(.token(lie.plan))
        var findings: [String] = []
        if outcome.code != lie.code { findings.append("exit \(outcome.code), not \(lie.code)") }
        if !outcome.errors.contains(lie.phrase) { findings.append(outcome.errors) }
        if try FileManager.default.contentsOfDirectory(atPath: place.site + "/certificates") != certificates {
            findings.append("something was published")
        }
        guard let step = lie.step else {
            if FileManager.default.fileExists(atPath: place.transcript) { findings.append("it was begun") }
            return findings
        }
        let last = try Audit.lines(place.transcript).last ?? [:]
        if last["type"] as? String != "stopped" || ![step, lie.orStep].contains(last["step"] as? String)
            || (last["message"] as? String)?.contains(lie.phrase) != true
        {
            findings.append("the transcript's last line: \(last)")
        }
        if try place.run(["ceremony", "verify", place.transcript, "--allow-rehearsal"]).code != 1 {
            findings.append("what was stopped verifies")
        }
        return findings
    }

    /// SoftHSM has one slot for each token and one more, so the number is one of many: all are tried.
    @Test("A token that names another serial number once is never worked with as if it had not")
    func wrongSerialOnce() throws {
        let count = try Place(.root).measured().count(of: "C_GetTokenInfo")
        let said = Gathered()
        Campaign.run("wrong serial", (1...count).map { Fault.token("C_GetTokenInfo:\($0)=lie:wrong-serial") })
        {
            let place = try Place(.root)
            let audit = try Audit(place)
            let outcome = try place.rehearse($0)
            // It was another token's, or one whose serial number nobody looked at.
            if outcome.code == 0 { return try audit.findings() }
            said.add(outcome.errors)
            guard FileManager.default.fileExists(atPath: place.transcript) else {
                return outcome.code == 65 ? [] : ["exit \(outcome.code)"]
            }
            let resumed = try place.resume()
            return outcome.code == 69 && resumed.code == 0
                ? try audit.findings() : ["exit \(outcome.code), resumed \(resumed.code): \(resumed.errors)"]
        }
        #expect(
            said.texts.contains { $0.contains("the token that answers is not the one that site.yaml names") })
    }
}
