import Testing
import TransparencyLog

@testable import Allowlist

@Suite("Searching sorted records")
struct SegmentRecordsTests {
    /// Records that are looked at, at most: the guesses, and then the halvings.
    private func bound(_ count: Int) -> Int {
        SegmentRecords.maximumGuesses + Int.bitWidth - count.leadingZeroBitCount + 1
    }

    @Test("Each record is found at its place, and what is not there before the next one")
    func places() {
        for count in [0, 1, 2, 3, 100, 5000] {
            let records = (0..<count).map { IndexRecord(hash: Self.hash($0), index: UInt64($0)) }.sorted()
            Self.with(records) { found in
                #expect(found.count == count)
                for (place, record) in records.enumerated() {
                    var looks = 0
                    #expect(found.place(of: record, looks: &looks) == place)
                    #expect(looks <= bound(count))
                    let next = IndexRecord(hash: record.hash, index: record.index + 1)
                    #expect(found.place(of: next) == place + 1)
                }
            }
        }
    }

    @Test("Hashes that are spread evenly are found with few looks")
    func even() {
        let records = (0..<100_000).map { IndexRecord(hash: Self.hash($0), index: UInt64($0)) }.sorted()
        Self.with(records) { found in
            var looks = 0
            for record in records { _ = found.place(of: record, looks: &looks) }
            #expect(looks < records.count * 9)
        }
    }

    /// Hashes that somebody chose so that guesses are as wrong as can be.
    static let hostile: [(name: String, word: @Sendable (Int) -> UInt64)] = [
        ("all the same at first", { _ in 0x4242_4242_4242_4242 }),
        ("all at the lower end, and one at the upper", { $0 == 0 ? .max : UInt64($0) }),
        ("all at the upper end, and one at the lower", { $0 == 0 ? 0 : .max - UInt64($0) }),
        ("twice as far each time", { 1 << UInt64($0 % 64) }),
        ("two heaps", { $0 % 2 == 0 ? UInt64($0) : .max - UInt64($0) }),
        ("squares", { UInt64($0) * UInt64($0) }),
    ]

    @Test("Hashes chosen to mislead cost no more than the bound", arguments: hostile.indices)
    func misleading(index: Int) {
        let word = Self.hostile[index].word
        let records = (0..<20_000).map { number in
            IndexRecord(hash: Self.hash(number, leading: word(number)), index: UInt64(number))
        }.sorted()
        Self.with(records) { found in
            for (place, record) in records.enumerated() {
                var looks = 0
                #expect(found.place(of: record, looks: &looks) == place)
                #expect(looks <= bound(records.count), "\(Self.hostile[index].name)")
                var besides = 0
                _ = found.place(of: IndexRecord(hash: Self.hash(place + 50_000), index: 0), looks: &besides)
                #expect(besides <= bound(records.count))
            }
        }
    }

    @Test("A fingerprint is that of the set, whatever the order and the parts")
    func fingerprint() {
        let secret = RecordFingerprint.Secret()
        let records = (0..<500).map { IndexRecord(hash: Self.hash($0), index: UInt64($0)) }
        func fingerprint(_ records: some Sequence<IndexRecord>) -> RecordFingerprint {
            records.reduce(into: RecordFingerprint()) { $0.insert($1, secret) }
        }
        let whole = fingerprint(records)
        #expect(fingerprint(records.reversed()) == whole)
        var parts = fingerprint(records[..<123])
        parts.formUnion(fingerprint(records[123...]))
        #expect(parts == whole)
        #expect(fingerprint(records.dropLast()) != whole)
        #expect(fingerprint(records + [records[0]]) != whole)
        // Exchanged indexes: no sum of the records' octets or bits shows it.
        var exchanged = records
        exchanged[3] = IndexRecord(hash: records[3].hash, index: records[4].index)
        exchanged[4] = IndexRecord(hash: records[4].hash, index: records[3].index)
        #expect(fingerprint(exchanged) != whole)
        #expect(
            records.reduce(into: RecordFingerprint()) { $0.insert($1, RecordFingerprint.Secret()) } != whole)
    }

    @Test("Records that differ in one bit have other fingerprints")
    func bits() {
        let secret = RecordFingerprint.Secret()
        var seen: Set<RecordFingerprint> = []
        for bit in 0..<320 {
            var bytes = [UInt8](repeating: 0xff, count: 40)
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            let record = bytes.withUnsafeBytes { IndexRecord($0, at: 0) }
            var fingerprint = RecordFingerprint()
            if let record { fingerprint.insert(record, secret) }
            seen.insert(fingerprint)
        }
        #expect(seen.count == 320)
    }

    private static func hash(_ number: Int, leading: UInt64? = nil) -> Digest32 {
        var bytes = Digest32.sha256(Array("\(number)".utf8)).bytes
        if let leading {
            bytes.replaceSubrange(0..<8, with: withUnsafeBytes(of: leading.bigEndian) { Array($0) })
        }
        return Digest32(bytes) ?? Digest32()
    }

    private static func with(_ records: [IndexRecord], _ body: (SegmentRecords) -> Void) {
        var bytes: [UInt8] = []
        for record in records { record.append(to: &bytes) }
        bytes.withUnsafeBytes { body(SegmentRecords($0)) }
    }
}
