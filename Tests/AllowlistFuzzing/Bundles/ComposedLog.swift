import Allowlist
import Crypto
import TransparencyLog

/// A published log in memory, made from any bytes as entries and signed by the sample key.
///
/// It is put together from the text of the format, not by the writer: a log whose owner is careless or an
/// enemy is signed as well as any other.
struct ComposedLog {
    var entries: [[UInt8]] = []

    mutating func append(_ entry: AllowlistEntry) {
        if let bytes = try? entry.encoded() { entries.append(bytes) }
    }

    /// Adds the `state` over everything before it, with the segments of each kind beginning at `starts`.
    mutating func appendState(starts: [UInt64] = [0]) {
        append(.state(.init(segments: segments(upTo: UInt64(entries.count), starts: starts).map(\.segment))))
    }

    /// Changes one octet of one entry, as three octets choose.
    mutating func change(_ octets: [UInt8]) {
        guard !entries.isEmpty else { return }
        let entry = Int(octets[0]) % entries.count
        entries[entry][Int(octets[1]) % entries[entry].count] ^= octets[2]
    }

    private static let logKey = try? SoftwareLogKey(SampleNote.key)

    /// The files of the bundle. The index is that of the last `state`, as the entries give it.
    func files() -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        files[Authorisation.path(of: Digest32.sha256(SampleEntries.authorisation))] =
            SampleEntries.authorisation
        let levels = hashLevels()
        for tile in Tile.all(treeSize: UInt64(entries.count)) {
            let range = Int(tile.index) * Tile.fullWidth..<Int(tile.index) * Tile.fullWidth + tile.width
            var bytes: [UInt8] = []
            switch tile.content {
            case .entries:
                for entry in entries[range] { try? EntryFraming.append(entry, to: &bytes) }
            case .hashes(let level):
                for hash in levels[level][range] { bytes.append(hash) }
            }
            files[tile.path] = bytes
        }
        if let last = entries.last, case .state(let state)? = try? AllowlistEntry(decoding: last) {
            let starts = state.segments.filter { $0.kind == .key }.map(\.start)
            for (segment, bytes) in segments(upTo: UInt64(entries.count - 1), starts: starts) {
                files[segment.path] = bytes
            }
        }
        let root = MerkleTree.root(of: levels.first ?? [])
        let text = Checkpoint(origin: SampleNote.origin, size: UInt64(entries.count), root: root).text
        files["checkpoint"] = SampleNote.signed(text, by: [SampleNote.key])
        files["checkpoint.txt"] = text
        files["checkpoint.p7s"] = try? Self.logKey?.checkpointSignature(over: text, at: 1_700_000_000)
        return files
    }

    private func hashLevels() -> [[Digest32]] {
        var levels = [entries.map { MerkleTree.leafHash($0) }]
        while let last = levels.last, last.count >= Tile.fullWidth {
            levels.append(
                (0..<last.count / Tile.fullWidth).map {
                    MerkleTree.root(of: last[$0 * Tile.fullWidth..<($0 + 1) * Tile.fullWidth])
                })
        }
        return levels
    }

    private func segments(upTo end: UInt64, starts: [UInt64]) -> [(segment: Segment, bytes: [UInt8])] {
        let starts = starts.filter { $0 < end }
        return Segment.Kind.allCases.flatMap { kind in
            zip(starts, starts.dropFirst() + [end]).compactMap { (start, end) in
                guard start < end else { return nil }
                let records = records(kind, start..<end)
                var bytes: [UInt8] = []
                for record in records { record.append(to: &bytes) }
                let leaves = records.map { record in
                    var bytes: [UInt8] = []
                    record.append(to: &bytes)
                    return MerkleTree.leafHash(bytes)
                }
                let segment = Segment(
                    kind: kind, start: start, end: end, recordCount: UInt64(records.count),
                    root: MerkleTree.root(of: leaves))
                return (segment, bytes)
            }
        }
    }

    private func records(_ kind: Segment.Kind, _ range: Range<UInt64>) -> [IndexRecord] {
        var records: Set<IndexRecord> = []
        for index in range {
            for device in devices(at: index) {
                records.insert(IndexRecord(hash: IndexRecord.hash(of: device, kind: kind), index: index))
            }
        }
        return records.sorted()
    }

    /// The devices that the entry is about; none where it is nonsense.
    private func devices(at index: UInt64) -> [AllowlistEntry.Add] {
        guard let entry = try? AllowlistEntry(decoding: entries[Int(index)]) else { return [] }
        if case .add(let device) = entry { return [device] }
        return entry.sampleCitations.compactMap { cited in
            guard cited < UInt64(entries.count),
                case .add(let device)? = try? AllowlistEntry(decoding: entries[Int(cited)])
            else { return nil }
            return device
        }
    }
}

extension AllowlistEntry {
    /// The `add`s that an event names.
    var sampleCitations: [UInt64] {
        switch self {
        case .revoke(let revoke):
            if case .device(let index) = revoke.subject { return [index] }
            return []
        case .scrap(let scrap): return [scrap.index]
        case .replace(let replace): return [replace.priorIndex, replace.newIndex]
        case .openRun, .add, .seal, .state, .rotateSigner: return []
        }
    }
}
