import Crypto
import Foundation
import KeyCeremony
import PKCS11
import Sites
import TestTokens
import Testing
import TokenKeys

@Suite struct TranscriptTests {
    private func lines(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    private func object(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    private func sha256(_ bytes: some Sequence<UInt8>) -> String {
        SHA256.hash(data: Data(bytes)).map { String(format: "%02x", $0) }.joined()
    }

    @Test("Each line names the SHA-256 of the one before, the first 64 zeros, and the outcome the last")
    func chain() throws {
        let place = try TestSite()
        let outcome = try place.rehearse("root-ca")
        var head = String(repeating: "0", count: 64)
        for line in try lines(outcome.transcript) {
            #expect(try object(line)["prev"] as? String == head)
            head = sha256(line.utf8)
        }
        #expect(outcome.head == head)
        let transcript = try Transcript.read(path: outcome.transcript)
        #expect(transcript.head == head)
        #expect(transcript.isComplete)
        #expect(transcript.isRehearsal)
    }

    @Test("Any changed, dropped, repeated or reordered line breaks the chain")
    func tampered() throws {
        let place = try TestSite()
        let original = try lines(try place.rehearse("root-ca").transcript)
        func refuses(_ lines: [String]) -> Bool {
            let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
            return (try? Transcript(reading: bytes, path: "t")) == nil
        }
        #expect(!refuses(original))
        // The last line's change is caught by the head that was read aloud, not by the chain.
        for index in original.indices.dropLast() {
            var changed = original
            changed[index] = changed[index].replacingOccurrences(of: "\"type\":\"", with: "\"type\":\"x")
            #expect(refuses(changed), "line \(index + 1) changed")
            var shorter = original
            shorter.remove(at: index)
            #expect(refuses(shorter), "line \(index + 1) dropped")
            var swapped = original
            swapped.swapAt(index, index + 1)
            #expect(refuses(swapped), "lines \(index + 1) and \(index + 2) swapped")
        }
        #expect(refuses(original.map { $0 + " " }))
        #expect(refuses(original + [""]))
    }

    @Test("Each sign-off verifies with its stand-in's key over the tag and the statement, and with no other")
    func signOffs() throws {
        let place = try TestSite()
        let outcome = try place.rehearse("root-ca")
        let all = try lines(outcome.transcript)
        var keys: [String: P256.Signing.PublicKey] = [:]
        for person in try #require(try object(all[0])["participants"] as? [[String: Any]]) {
            let key = try #require(Data(base64Encoded: person["publicKey"] as? String ?? ""))
            keys[try #require(person["name"] as? String)] = try P256.Signing.PublicKey(derRepresentation: key)
        }
        // Administrator, officer, witness, and three share-holders, who sign nothing here.
        #expect(keys.count == 6)
        let signOffs = try all.map(object).filter { $0["type"] as? String == "sign-off" }
        // The officer and the two who watch: before each step that cannot be undone, and at the end.
        #expect(
            signOffs.compactMap { $0["step"] as? String }
                == ["split-root", "generate", "certify", "closing"].flatMap { [$0, $0, $0] })
        for line in signOffs {
            func member(_ name: String) throws -> String { try #require(line[name] as? String) }
            let signature = try P256.Signing.ECDSASignature(
                derRepresentation: try #require(Data(base64Encoded: try member("signature"))))
            func statement(_ tag: String, head: String, time: String) throws -> Data {
                Data(
                    """
                    \(tag)
                    {"head":"\(head)","name":"\(try member("name"))","role":"\(try member("role"))",\
                    "step":"\(try member("step"))","time":"\(time)"}
                    """.utf8)
            }
            let key = try #require(keys[try member("name")])
            let (tag, head, time) = ("rootline/rehearsal/v1", try member("prev"), try member("time"))
            func isSigned(_ statement: Data) -> Bool { key.isValidSignature(signature, for: statement) }
            #expect(isSigned(try statement(tag, head: head, time: time)))
            #expect(try !isSigned(statement("rootline/transcript/v1", head: head, time: time)))
            #expect(try !isSigned(statement(tag, head: outcome.head, time: time)))
            #expect(try !isSigned(statement(tag, head: head, time: "2026-01-01T00:00:00Z")))
        }
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: outcome.transcript)))
        #expect(try VerifiedTranscript.verify(bytes, .init(allowsRehearsal: true)).signOffs == signOffs.count)
    }

    @Test("A chain that was made anew over a changed line does not keep the sign-offs")
    func rechained() throws {
        let place = try TestSite()
        var head = String(repeating: "0", count: 64)
        var forged: [String] = []
        for line in try lines(try place.rehearse("root-ca").transcript) {
            var line = line.replacingOccurrences(of: "BAG-0001", with: "BAG-6666")
            let old = try #require(try object(line)["prev"] as? String)
            line = line.replacingOccurrences(of: "\"prev\":\"\(old)\"", with: "\"prev\":\"\(head)\"")
            head = sha256(line.utf8)
            forged.append(line)
        }
        let bytes = Array((forged.joined(separator: "\n") + "\n").utf8)
        let refusal = try #require(throws: TranscriptRefusal.self) {
            try VerifiedTranscript.verify(bytes, .init(allowsRehearsal: true))
        }
        #expect(refusal.code == .signOff)
    }

    @Test("Each effect on a token is written as intent before it, and as observed after it")
    func journal() throws {
        let place = try TestSite()
        let all = try lines(try place.rehearse("root-ca").transcript).map(object)
        for effect in ["login", "set-activation", "generate-key", "test-signature", "sign-certificate"] {
            let types = all.filter { $0["effect"] as? String == effect }.compactMap { $0["type"] as? String }
            #expect(types.first == "intent", "\(effect)")
            #expect(types.last == "observed", "\(effect)")
        }
        let digests = all.filter { $0["effect"] as? String == "sign-certificate" }
            .compactMap { $0["toBeSignedDigest"] as? String }
        #expect(digests.count == 3)
        #expect(Set(digests).count == 1)
    }

    @Test(
        "Publication follows from a complete transcript: it is no effect, and the closing names what it leaves"
    )
    func publication() throws {
        let place = try TestSite()
        let outcome = try place.rehearse("root-ca")
        let all = try lines(outcome.transcript).map(object)
        #expect(!all.contains { $0["effect"] as? String == "publish" })
        let closing = try #require(all.first { $0["type"] as? String == "closing" })
        let artefacts = try #require(closing["artefacts"] as? [[String: String]])
        #expect(artefacts.map { $0["path"] } == ["certificates/root-ca.pem"])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: place.site.certificatePath(.rootCA)))
        #expect(artefacts.map { $0["fileDigest"] } == [sha256(bytes)])
    }

    @Test("No PIN is in a transcript, and the policy's read-back and the probes are")
    func content() throws {
        let place = try TestSite()
        let text = try String(contentsOfFile: try place.rehearse("root-ca").transcript, encoding: .utf8)
        for token in place.tokens.values { #expect(!text.contains(token.pinText)) }
        #expect(text.contains("{\"flag\":true,\"name\":\"CKA_NEVER_EXTRACTABLE\"}"))
        #expect(text.contains("wrap under an untrusted key"))
        #expect(text.contains("\"attestation\":\"none\""))
        #expect(text.contains(place.tokens["root"]?.serial ?? "?"))
    }

    @Test("Each ceremony of a site names the one before it and its head")
    func lineage() throws {
        let place = try TestSite()
        let first = try place.rehearse("root-ca")
        let second = try place.rehearse("issuing-ca")
        let line = try object(try lines(second.transcript)[0])
        let previous = try #require(line["previous"] as? [String: String])
        #expect(previous == ["ceremony": first.id, "head": first.head])
        #expect(line["sequence"] as? Int == 2)
        #expect(try object(try lines(first.transcript)[0])["previous"] is NSNull)
    }

    @Test("A line that a crash cut short is passed over")
    func cutShort() throws {
        let place = try TestSite()
        let path = try place.rehearse("root-ca").transcript
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        let cut = try Transcript(reading: Array(whole.dropLast(20)), path: path)
        #expect(cut.lineCount == (try Transcript.read(path: path).lineCount) - 1)
        #expect(!cut.isComplete)
    }

    @Test("The site finds the published key by its role: label, certificate, token and transcript")
    func published() throws {
        let place = try TestSite()
        let outcome = try place.rehearse("allowlist-signer")
        let key = try place.site.publishedKey(.allowlistSigner)
        #expect(key.label == KeyLabel(role: .allowlistSigner, name: "log", isRehearsal: true))
        #expect(key.tokenName == "line")
        #expect(key.ceremony == outcome.id)
        #expect(key.transcriptHead == outcome.head)
        let token = try #require(place.tokens["line"])
        let found = try TokenKey(key.label, login: try token.slot.login(pin: token.pin))
        let der = try openssl(
            "x509", "-in", place.site.certificatePath(.allowlistSigner), "-noout", "-pubkey"
        ).output
        #expect(der.filter { !$0.isWhitespace }.contains(Data(found.publicKeyInfo).base64EncodedString()))
        #expect(throws: SiteError.self) { try place.site.publishedKey(.issuingCA) }
    }

    @Test("A certificate that was exchanged after its ceremony is refused")
    func exchanged() throws {
        let place = try TestSite()
        try place.rehearse("root-ca")
        try place.rehearse("run-authority")
        let manager = FileManager.default
        try manager.removeItem(atPath: place.site.certificatePath(.rootCA))
        try manager.copyItem(
            atPath: place.site.certificatePath(.runAuthority), toPath: place.site.certificatePath(.rootCA))
        let error = try #require(throws: SiteError.self) { try place.site.publishedKey(.rootCA) }
        #expect(error.code == .malformed)
    }
}
