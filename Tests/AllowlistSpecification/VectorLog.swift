import Allowlist
import Crypto
import Foundation
import TransparencyLog

/// A log made entry by entry in memory, which also makes what no honest writer would.
struct VectorLog {
    static let time: UInt64 = 1_767_225_600
    static let issuer = [UInt8](repeating: 0xa1, count: 20)
    static let authorisation = Array(
        "An authorisation. Who signed it is not checked without a pinned roster.\n".utf8)

    var origin = "hospital.example/allowlist"
    var key = VectorLog.key("log key")
    var signedAt = VectorLog.time
    /// The entries' octets, in order.
    var entries: [[UInt8]] = []
    /// Where older segments of the index end; the last one goes to the last entry.
    var segmentEnds: [UInt64] = []
    /// Changes the index before its root goes into the `state`.
    var changeIndex: (_ kind: Segment.Kind, _ records: inout [IndexRecord]) -> Void = { _, _ in }
    private(set) var segments: [String: [UInt8]] = [:]

    /// A key that is the same in every recording; it is no secret.
    static func key(_ name: String) -> P256.Signing.PrivateKey {
        // One value in 2^32 is no key; these are.
        let seed = Digest32.sha256(Array("rootline/vectors/\(name)".utf8)).bytes
        return (try? P256.Signing.PrivateKey(rawRepresentation: seed)) ?? P256.Signing.PrivateKey()
    }

    var publicKey: [UInt8] { Array(key.publicKey.derRepresentation) }
    var isRehearsal: Bool { Pins.isRehearsal(origin: origin) }
    var size: UInt64 { UInt64(entries.count) }

    @discardableResult
    mutating func append(_ entry: AllowlistEntry) throws -> UInt64 {
        append(octets: try entry.encoded())
    }

    @discardableResult
    mutating func append(octets: [UInt8]) -> UInt64 {
        entries.append(octets)
        return size - 1
    }

    /// Appends the `state` over all entries so far and keeps the index files that it names.
    @discardableResult
    mutating func appendState() throws -> UInt64 {
        segments = [:]
        var live: [Segment] = []
        let ends = segmentEnds.filter { $0 < size } + [size]
        for kind in Segment.Kind.allCases where size > 0 {
            for (start, end) in zip([0] + ends, ends) {
                var records = try records(kind, from: start, to: end)
                changeIndex(kind, &records)
                var bytes: [UInt8] = []
                for record in records { record.append(to: &bytes) }
                let leaves = stride(from: 0, to: bytes.count, by: 40).map {
                    MerkleTree.leafHash(Array(bytes[$0..<$0 + 40]))
                }
                let segment = Segment(
                    kind: kind, start: start, end: end, recordCount: UInt64(records.count),
                    root: MerkleTree.root(of: leaves))
                segments[segment.path] = bytes
                live.append(segment)
            }
        }
        return try append(.state(.init(segments: live)))
    }

    /// Every file of the bundle at the present size, under a signed checkpoint.
    func files(authorisations: [[UInt8]] = [VectorLog.authorisation]) throws -> [String: [UInt8]] {
        var files = segments
        for authorisation in authorisations {
            files[Authorisation.path(of: Digest32.sha256(authorisation))] = authorisation
        }
        files.merge(try tiles()) { $1 }
        files.merge(try checkpoint(size: size, root: root)) { $1 }
        return files
    }

    var leaves: [Digest32] { entries.map { MerkleTree.leafHash($0) } }
    var root: Digest32 { MerkleTree.root(of: leaves) }

    /// Tiles and entry bundles.
    func tiles() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        var hashes = leaves
        for tile in Tile.all(treeSize: size) {
            let first = Int(tile.index) * Tile.fullWidth
            var bytes: [UInt8] = []
            switch tile.content {
            case .entries:
                for entry in entries[first..<first + tile.width] {
                    try EntryFraming.append(entry, to: &bytes)
                }
            case .hashes(let level):
                hashes = leaves
                for _ in 0..<level {
                    hashes = stride(from: 0, to: hashes.count / 256 * 256, by: 256).map {
                        MerkleTree.root(of: hashes[$0..<$0 + 256])
                    }
                }
                for hash in hashes[first..<first + tile.width] { bytes.append(hash) }
            }
            files[tile.path] = bytes
        }
        return files
    }

    /// The three files of a checkpoint.
    func checkpoint(size: UInt64, root: Digest32, extra: [SignedNote.Signature] = []) throws -> [String:
        [UInt8]]
    {
        try checkpoint(text: Checkpoint(origin: origin, size: size, root: root).text, extra: extra)
    }

    func checkpoint(text: [UInt8], extra: [SignedNote.Signature] = []) throws -> [String: [UInt8]] {
        let signature = try line(over: text)
        return [
            "checkpoint": SignedNote(text: text, signatures: [signature] + extra).bytes,
            "checkpoint.txt": text,
            "checkpoint.p7s": try SoftwareLogKey(key).checkpointSignature(over: text, at: signedAt),
        ]
    }

    /// The log key's signature line.
    func line(over text: [UInt8]) throws -> SignedNote.Signature {
        try NoteKey(name: origin, spki: publicKey)
            .signature(Array(try key.signature(for: text).derRepresentation))
    }

    /// The index records of entries, from what they say; one that cannot be read gives none.
    private func records(_ kind: Segment.Kind, from start: UInt64, to end: UInt64) throws -> [IndexRecord] {
        func device(_ index: UInt64) -> AllowlistEntry.Add? {
            guard index < size, case .add(let device) = try? AllowlistEntry(decoding: entries[Int(index)])
            else { return nil }
            return device
        }
        var records: Set<IndexRecord> = []
        for index in start..<end {
            guard let entry = try? AllowlistEntry(decoding: entries[Int(index)]) else { continue }
            var devices = entry.citedDevices.compactMap(device)
            if case .add(let own) = entry { devices.append(own) }
            for device in devices {
                records.insert(IndexRecord(hash: IndexRecord.hash(of: device, kind: kind), index: index))
            }
        }
        return records.sorted()
    }
}

extension VectorLog {
    static func digest(_ number: Int, _ what: String) -> Digest32 {
        Digest32.sha256(Array("\(what) \(number)".utf8))
    }

    func openRun(
        _ run: String = "R-1", product: String = "Infusion pump", quantity: UInt64 = 10, spoilage: UInt64 = 2,
        serials: SerialForm = .plain, isRehearsal: Bool? = nil
    ) -> AllowlistEntry {
        .openRun(
            .init(
                run: run, product: product, authorisation: Digest32.sha256(Self.authorisation),
                quantity: quantity, spoilage: spoilage, template: Self.digest(0, "template"),
                issuerKeyID: Self.issuer, openedAt: Self.time - 3600,
                isRehearsal: isRehearsal ?? self.isRehearsal, serials: serials))
    }

    static func device(
        _ number: Int, run: String = "R-1", product: String = "Infusion pump", serial: String? = nil,
        serialKey: SerialKey? = nil
    ) -> AllowlistEntry.Add {
        .init(
            run: run, product: product, serial: ListedSerial(serial ?? "SN-\(number)", key: serialKey),
            key: digest(number, "key"), certificate: digest(number, "certificate"),
            certificateSerial: certificateSerial(number), authorityKeyID: issuer,
            notAfter: 253_402_300_799, rotates: false)
    }

    static func certificateSerial(_ number: Int) -> [UInt8] {
        [0x01] + digest(number, "serial number").bytes.prefix(15)
    }

    static func scrap(_ index: UInt64) -> AllowlistEntry {
        .scrap(.init(index: index, reason: "dropped", scrappedAt: time - 1800))
    }

    static func revoke(_ index: UInt64, run: String = "R-1") -> AllowlistEntry {
        .revoke(
            .init(run: run, reason: .keyCompromise, effectiveAt: time - 1700, subject: .device(index: index)))
    }

    static func burn(_ number: Int, run: String = "R-1", issuer: [UInt8] = VectorLog.issuer) -> AllowlistEntry
    {
        .revoke(
            .init(
                run: run, reason: .cessationOfOperation, effectiveAt: time - 1600,
                subject: .burned(certificateSerial: certificateSerial(number), authorityKeyID: issuer)))
    }

    static func replace(_ prior: UInt64, _ new: UInt64) -> AllowlistEntry {
        .replace(.init(priorIndex: prior, newIndex: new, reason: "returned", replacedAt: time - 1500))
    }

    func seal(
        _ run: String = "R-1", openIndex: UInt64 = 0, released: UInt64, scrapped: UInt64 = 0,
        burned: [Int] = [], isRehearsal: Bool? = nil
    ) -> AllowlistEntry.Seal {
        .init(
            run: run, openIndex: openIndex, reserved: released + scrapped + UInt64(burned.count),
            released: released, scrapped: scrapped, burned: UInt64(burned.count),
            burnedDigest: AllowlistEntry.Seal.burnedDigest(of: burned.map(Self.certificateSerial)),
            activation: .pinSource, sealedAt: Self.time - 600,
            isRehearsal: isRehearsal ?? self.isRehearsal)
    }

    /// A run of `devices` devices, sealed, without its `state`.
    static func oneRun(devices: Int = 6, origin: String = "hospital.example/allowlist") throws -> VectorLog {
        var log = VectorLog()
        log.origin = origin
        try log.append(log.openRun(quantity: UInt64(max(10, devices))))
        for number in 1...devices { try log.append(.add(device(number))) }
        try log.append(.seal(log.seal(released: UInt64(devices))))
        return log
    }

    /// The same, published.
    static func published(devices: Int = 6) throws -> VectorLog {
        var log = try oneRun(devices: devices)
        try log.appendState()
        return log
    }
}
