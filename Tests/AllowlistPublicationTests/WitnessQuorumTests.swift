import Allowlist
import Testing
import TransparencyLog

@testable import AllowlistPublication

@Suite("Witnesses that a consumer pins")
struct WitnessQuorumTests {
    let log: TestLog
    let keys: [CosigningKey]
    let note: SignedNote

    init() throws {
        log = try TestLog.full(devices: 300)
        keys = try ["a", "b", "c"].map { try CosigningKey(generatingFor: "witness.example/\($0)") }
        note = try SignedNote(parsing: log.contents("checkpoint"))
    }

    /// Puts these lines beside the log's own.
    private func cosign(_ lines: [SignedNote.Signature]) throws {
        let cosigned = SignedNote(text: note.text, signatures: note.signatures + lines)
        try log.write(cosigned.bytes, to: "checkpoint")
    }

    private func line(_ key: Int, at time: UInt64 = 1_700_000_000) throws -> SignedNote.Signature {
        try keys[key].cosign(text: note.text, at: time)
    }

    private func pins(_ quorum: Int) throws -> Pins {
        var pins = try log.pins()
        pins.witnesses = try WitnessQuorum(quorum, of: keys.map(\.publicKey))
        return pins
    }

    @Test("A list is accepted when the quorum cosigned, and refused when one is missing")
    func quorum() throws {
        let pins = try pins(2)
        for (lines, expected) in [
            ([], AllowlistError.Code.witnessQuorum), ([0], .witnessQuorum), ([0, 1], nil), ([0, 1, 2], nil),
            ([2, 1], nil),
        ] as [([Int], AllowlistError.Code?)] {
            try cosign(lines.map { try line($0) })
            #expect(code { try BundleVerifier.verify(directory: log.path, pins: pins) } == expected)
            #expect(code { try BundleReader(directory: log.path, pins: pins) } == expected)
            #expect(code { try ListedRevocations(directory: log.path, pins: pins) } == expected)
            // Who pins no witnesses does not care.
            try log.verify()
        }
    }

    @Test("Each witness counts once, however many lines it has")
    func once() throws {
        try cosign([line(0, at: 1), line(0, at: 2), line(0, at: 3)])
        let pins = try pins(2)
        #expect(code { try BundleReader(directory: log.path, pins: pins) } == .witnessQuorum)
    }

    @Test("A line that a pinned witness did not make refuses the checkpoint, whatever else it has")
    func forged() throws {
        let pins = try pins(2)
        let good = try line(2)
        let strange = try CosigningKey(generatingFor: "witness.example/c")
        let otherText = Checkpoint(origin: log.origin, size: 9, root: MerkleTree.emptyRoot).text
        let elsewhere = try keys[2].cosign(text: otherText, at: 1_700_000_000)
        var postdated = good.bytes
        postdated[7] ^= 1
        for bytes in [elsewhere.bytes, postdated, [], Array(good.bytes.dropLast()), good.bytes + [0]] {
            let forged = SignedNote.Signature(keyName: good.keyName, keyID: good.keyID, bytes: bytes + [])
            guard !bytes.isEmpty else { continue }
            try cosign([line(0), line(1), forged])
            #expect(code { try BundleReader(directory: log.path, pins: pins) } == .witnessSignature)
        }
        // Another key under the witness's name has another id: it is nobody's.
        try cosign([line(0), strange.cosign(text: note.text, at: 1)])
        #expect(code { try BundleReader(directory: log.path, pins: pins) } == .witnessQuorum)
        let error = #expect(throws: AllowlistError.self) { try BundleReader(directory: log.path, pins: pins) }
        #expect(error?.file == "checkpoint")
    }

    @Test("The log's own signature does not stand in for a witness's, nor a witness's for the log's")
    func roles() throws {
        let onlyWitnesses = SignedNote(text: note.text, signatures: [try line(0), try line(1)])
        try log.write(onlyWitnesses.bytes, to: "checkpoint")
        #expect(code { try BundleReader(directory: log.path, pins: pins(1)) } == .checkpointSignature)
    }

    @Test("The times are the newest of each witness; freshness is what the quorum vouches for")
    func times() throws {
        try cosign([line(0, at: 500), line(1, at: 900), line(0, at: 700), line(2, at: 100)])
        let cosigned = try BundleReader(directory: log.path, pins: pins(2)).head.cosigned
        #expect(cosigned.map(\.time) == [700, 900, 100])
        #expect(cosigned.map(\.witness) == keys.map(\.publicKey.name))
        #expect(cosigned.newestTime == 900)
        #expect(cosigned.time(of: 2) == 700)
        #expect(cosigned.time(of: 3) == 100)
        #expect(cosigned.time(of: 4) == nil)
        #expect([WitnessQuorum.Cosigned]().newestTime == nil)
    }

    @Test("A quorum that is none, and one key under two names, are refused")
    func refused() throws {
        let public0 = keys[0].publicKey
        let renamed = try CosignerKey(name: "witness.example/z", publicKey: public0.publicKey)
        for (quorum, witnesses) in [
            (0, [public0]), (2, [public0]), (-1, [public0]), (1, []), (0, []), (2, [public0, renamed]),
            (1, [public0, public0]),
        ] as [(Int, [CosignerKey])] {
            #expect(code { try WitnessQuorum(quorum, of: witnesses) } == .pins)
        }
    }

    @Test("A file of witnesses has a verifier key a line, and refuses anything else with its line")
    func file() throws {
        let lines = keys.map { "\($0.publicKey.verifierKey)\n" }
        let good = try WitnessQuorum(quorum: 2, file: Array(("# ours\n\n" + lines.joined()).utf8))
        #expect(good.witnesses == keys.map(\.publicKey))
        let log = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n"
        for text in [lines[0] + " " + lines[1], lines[0] + log, lines[0] + "x\n", lines[0] + "\r\n"] {
            let error = #expect(throws: AllowlistError.self) {
                try WitnessQuorum(quorum: 1, file: Array(text.utf8))
            }
            #expect(error?.code == .pins)
            #expect(error?.message.contains("line 2") == true, "\(error?.message ?? "")")
        }
        #expect(code { try WitnessQuorum(quorum: 1, file: [0xff]) } == .pins)
        #expect(code { try WitnessQuorum(quorum: 1, file: []) } == .pins)
    }
}
