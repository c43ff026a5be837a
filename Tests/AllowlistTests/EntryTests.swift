import Allowlist
import CBOR
import Testing
import TransparencyLog

@Suite("Entries of version 1")
struct EntryTests {
    @Test("Every kind of entry is read back as it was written", arguments: Samples.all)
    func roundTrip(entry: AllowlistEntry) throws {
        let bytes = try entry.encoded()
        #expect(try AllowlistEntry(decoding: bytes) == entry)
        try CBORReader.checkDocument(bytes)
    }

    @Test("An `add` has the encoding that the specification shows")
    func addEncoding() throws {
        let digest = String(repeating: "11", count: 32)
        let expected =
            "ab0001" + "0102" + "026152" + "036150" + "046153" + "055820" + digest + "065820" + digest
            + "074101" + "084102" + "091b0000003afff4417f" + "0af4"
        let zero = Digest32([UInt8](repeating: 0x11, count: 32)) ?? Digest32()
        let add = AllowlistEntry.Add(
            run: "R", product: "P", serial: .plain("S"), key: zero, certificate: zero, certificateSerial: [1],
            authorityKeyID: [2], notAfter: 253_402_300_799, rotates: false)
        #expect(hex(try AllowlistEntry.add(add).encoded()) == expected)
    }

    @Test("An entry cut at any byte is refused", arguments: Samples.all)
    func cut(entry: AllowlistEntry) throws {
        let bytes = try entry.encoded()
        for length in 0..<bytes.count {
            #expect(throws: AllowlistError.self) {
                try AllowlistEntry(decoding: Array(bytes[..<length]))
            }
        }
        #expect(throws: AllowlistError.self) { try AllowlistEntry(decoding: bytes + [0]) }
    }

    @Test(
        "A changed byte is refused or reads as another entry that is written the same", arguments: Samples.all
    )
    func changed(entry: AllowlistEntry) throws {
        let bytes = try entry.encoded()
        for position in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[position] ^= 1 << bit
                guard let read = try? AllowlistEntry(decoding: changed) else { continue }
                #expect(read != entry)
                #expect(try read.encoded() == changed)
            }
        }
    }

    /// The document and a word of the refusal.
    static let malformed: [(String, String)] = [
        ("a2000001" + "02", "version 0"),
        ("a2000201" + "02", "version 2"),
        ("a200010109", "kind 9"),
        ("a200010100", "kind 0"),
        ("a30001010218", "truncated"),
        ("a101" + "02", "field 1 stands where field 0"),
        ("80", "unexpected-type"),
        ("a0", "field 0 is missing"),
        ("a100" + "01", "field 1 is missing"),
        ("a3000101040200", "field 3 is missing"),
        ("a60001010402000361610400" + "0500", "field 5 has no place"),
        ("a5000101040200036161" + "1804" + "00", "not-shortest"),
        ("a500010104020003616103" + "6161", "duplicate-key"),
        ("a5000101040300026161" + "0400", "field 3 stands where field 2"),
    ]

    @Test("Documents that are no entry are refused with the reason", arguments: malformed)
    func refusal(document: String, word: String) {
        let error = #expect(throws: AllowlistError.self) { try AllowlistEntry(decoding: bytes(document)) }
        #expect(error?.code == .entryMalformed)
        #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
    }

    /// What is wrong, as a change to a good `add`.
    static let badAdds: [(String, @Sendable (inout AllowlistEntry.Add) -> Void)] = [
        ("run", { $0.run = "" }),
        ("product", { $0.product = String(repeating: "p", count: 129) }),
        ("serial", { $0.serial = .plain("") }),
        ("serial", { $0.serial = .plain(String(repeating: "s", count: 256)) }),
        ("serial", { $0.serial = .plain("a\nb") }),
        ("certificate serial number", { $0.certificateSerial = [] }),
        ("certificate serial number", { $0.certificateSerial = [UInt8](repeating: 1, count: 21) }),
        ("authority key id", { $0.authorityKeyID = [] }),
        ("not-after", { $0.notAfter = 253_402_300_800 }),
        ("GUID", { $0.fdo = .init(guid: [1, 2, 3], voucher: Digest32()) }),
        ("firmware", { $0.firmware = [Digest32](repeating: Digest32(), count: 17) }),
    ]

    @Test("A field outside its bounds is neither written nor read", arguments: badAdds.indices)
    func bounds(index: Int) {
        var add = Samples.add
        Self.badAdds[index].1(&add)
        let error = #expect(throws: AllowlistError.self) { try AllowlistEntry.add(add).encoded() }
        #expect(error?.code == .entryMalformed)
        #expect(error?.message.contains(Self.badAdds[index].0) == true)
    }

    /// An `add`'s serial as it is encoded, behind everything before it.
    static let badSerials: [(String, String)] = [
        ("a hash that is short", "581f" + String(repeating: "11", count: 31)),
        ("a hash that is long", "5821" + String(repeating: "11", count: 33)),
        ("an empty hash", "40"),
        ("a number", "01"),
        ("a list", "8100"),
    ]

    @Test("A serial is a text or a hash of 32 octets, and nothing else", arguments: badSerials)
    func serialForms(what: String, serial: String) throws {
        let good = hex(try AllowlistEntry.add(Samples.hashedAdd).encoded())
        let listed = "045820" + Samples.digest.hex
        #expect(good.contains(listed))
        let error = #expect(throws: AllowlistError.self, "\(what)") {
            try AllowlistEntry(decoding: bytes(good.replacing(listed, with: "04" + serial)))
        }
        #expect(error?.code == .entryMalformed)
    }

    @Test("A form of serials that is not known is refused")
    func unknownForm() throws {
        for entry in Samples.all {
            guard case .openRun(let run) = entry else { continue }
            var bytes = try entry.encoded()
            // The form is the last field and its value the last octet.
            #expect(bytes.last == UInt8(run.serials.rawValue))
            bytes[bytes.count - 1] = 2
            #expect(throws: AllowlistError.self) { try AllowlistEntry(decoding: bytes) }
        }
    }

    @Test("A seal whose books do not balance is refused")
    func unbalanced() {
        var seal = Samples.seal
        seal.reserved += 1
        let error = #expect(throws: AllowlistError.self) { try AllowlistEntry.seal(seal).encoded() }
        #expect(error?.code == .seal)
    }

    @Test("Index segments with a gap, out of order or not from the start are refused")
    func segments() {
        func segment(_ kind: Segment.Kind, _ start: UInt64, _ end: UInt64) -> Segment {
            Segment(kind: kind, start: start, end: end, recordCount: 1, root: Digest32())
        }
        let bad: [[Segment]] = [
            [segment(.key, 1, 2)],
            [segment(.key, 0, 2), segment(.key, 3, 4)],
            [segment(.serial, 0, 2), segment(.key, 0, 2)],
            [segment(.key, 0, 2), segment(.serial, 1, 2)],
            [segment(.key, 0, 0)],
            [segment(.key, 0, 2), segment(.key, 0, 2)],
        ]
        for segments in bad {
            #expect(throws: AllowlistError.self) {
                try AllowlistEntry.state(.init(segments: segments)).encoded()
            }
        }
    }

    @Test("Reasons that would take a revocation back do not exist")
    func reasons() {
        for code: UInt64 in [6, 7, 8, 11] { #expect(RevocationReason(rawValue: code) == nil) }
        #expect(RevocationReason.keyCompromise.name == "keyCompromise")
    }

    @Test("The digest over burned certificates does not depend on their order")
    func burned() {
        let serials: [[UInt8]] = [[3], [1, 2], [1]]
        let digest = AllowlistEntry.Seal.burnedDigest(of: serials)
        #expect(digest == AllowlistEntry.Seal.burnedDigest(of: serials.reversed()))
        #expect(digest == Digest32.sha256([1, 1, 2, 3]))
        #expect(AllowlistEntry.Seal.burnedDigest(of: []) == MerkleTree.emptyRoot)
    }

    @Test("Error codes and kinds keep their names")
    func names() {
        #expect(
            AllowlistEntry.Kind.allCases.map(\.name) == [
                "open-run", "add", "revoke", "scrap", "replace", "seal", "state", "rotate-signer",
            ])
        #expect(AllowlistEntry.Kind.allCases.map(\.rawValue) == Array(1...8))
        #expect(AllowlistError.Code.entryMismatch.rawValue == "entry-mismatch")
        #expect(LookupAnswer.Status.notListed.rawValue == "not-listed")
    }
}

enum Samples {
    static let digest = Digest32.sha256([7])

    static let add = AllowlistEntry.Add(
        run: "R-1", product: "infusion-pump", serial: .plain("SN-00\u{e9}1"), key: digest,
        certificate: digest,
        certificateSerial: [1, 2, 3], authorityKeyID: [9, 9], notAfter: 253_402_300_799, rotates: true,
        fdo: .init(guid: [UInt8](repeating: 5, count: 16), voucher: digest), firmware: [digest, digest])

    static let seal = AllowlistEntry.Seal(
        run: "R-1", openIndex: 0, reserved: 12, released: 9, scrapped: 2, burned: 1, burnedDigest: digest,
        activation: .pinSource, sealedAt: 1_800_000_000, isRehearsal: false)

    static let hashedAdd = AllowlistEntry.Add(
        run: "R-1", product: "p", serial: .hashed(digest), key: digest, certificate: digest,
        certificateSerial: [1], authorityKeyID: [9], notAfter: 1_900_000_000, rotates: false)

    static let all: [AllowlistEntry] = [
        .openRun(
            .init(
                run: "R-1", product: "infusion-pump", authorisation: digest, quantity: 1000, spoilage: 10,
                template: digest, issuerKeyID: [9, 9], station: digest, openedAt: 1_700_000_000,
                isRehearsal: false)),
        .openRun(
            .init(
                run: "R-2", product: "p", authorisation: digest, quantity: 0, spoilage: 0, template: digest,
                issuerKeyID: [9], openedAt: 0, isRehearsal: true, serials: .hashed)),
        .add(add),
        .add(hashedAdd),
        .revoke(
            .init(run: "R-1", reason: .keyCompromise, effectiveAt: 1_750_000_000, subject: .device(index: 3))),
        .revoke(
            .init(
                run: "R-1", reason: .unspecified, effectiveAt: 1_750_000_000,
                subject: .burned(certificateSerial: [4, 5], authorityKeyID: [9, 9]))),
        .scrap(.init(index: 4, reason: "dropped", scrappedAt: 1_750_000_000)),
        .replace(.init(priorIndex: 4, newIndex: 9, reason: "RMA 17", replacedAt: 1_750_000_000)),
        .seal(seal),
        .seal(
            .init(
                run: "R-2", openIndex: 0, reserved: 0, released: 0, scrapped: 0, burned: 0,
                burnedDigest: digest, activation: .quorum, sealedAt: 1, isRehearsal: true,
                packageIndex: digest)),
        .state(.init(segments: [])),
        .state(
            .init(segments: [
                Segment(kind: .key, start: 0, end: 9, recordCount: 4, root: digest),
                Segment(kind: .key, start: 9, end: 12, recordCount: 0, root: digest),
                Segment(kind: .serial, start: 0, end: 12, recordCount: 4, root: digest),
            ])),
        .rotateSigner(
            .init(
                oldKey: [1, 2], newKey: [3, 4], isEmergency: true, authorisation: digest, trustedSize: 7,
                trustedRoot: digest, rotatedAt: 1_760_000_000)),
    ]
}

func bytes(_ hex: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var digits = hex[...]
    while let byte = UInt8(digits.prefix(2), radix: 16) {
        bytes.append(byte)
        digits = digits.dropFirst(2)
    }
    return bytes
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
