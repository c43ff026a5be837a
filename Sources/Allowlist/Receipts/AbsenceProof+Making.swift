import TransparencyLog

extension BundleReader {
    /// Proves that no device with this key or serial is listed.
    ///
    /// Reads the segments of one kind twice and hashes them once, about two seconds for ten million records.
    /// Throws `absence-proof` where it is listed, `segment` where the index files are not what the log signed, and
    /// `serial-key` where the subject is a serial in another form than the log's (``subject(serial:serialKey:)``).
    public func absenceProof(of subject: AbsenceProof.Subject) throws(AllowlistError) -> AbsenceProof {
        var files = EntryFiles(in: bundle, treeSize: checkpoint.size)
        var tree = TiledTree(size: checkpoint.size, source: files)
        let last = checkpoint.size - 1
        let entry = AbsenceProof.ProvenEntry(
            entry: try files.bytes(at: last), path: try tree.inclusionProof(index: last))
        var gaps: [AbsenceProof.Gap] = []
        for segment in state.segments where segment.kind == subject.kind {
            gaps.append(try gap(for: subject.hash, in: segment))
        }
        var run: AbsenceProof.ProvenRun?
        if case .serial(let serial) = subject { run = try provenRun(for: serial, &files, &tree) }
        return AbsenceProof(
            subject: subject, checkpoint: head.note.bytes, state: entry, run: run, gaps: gaps)
    }

    /// The subject for a serial in this log, which lists serials as they are or hashed under `serialKey`.
    public func subject(
        serial: String, serialKey: SerialKey? = nil
    ) throws(AllowlistError) -> AbsenceProof.Subject {
        guard serials == .hashed else { return .serial(.plain(serial)) }
        guard let serialKey else { throw Self.serialKeyMissing }
        return .serial(ListedSerial(serial, key: serialKey))
    }

    private static let serialKeyMissing = AllowlistError(
        .serialKey, "this log lists hashed serials: nothing can be said about a serial in plain text",
        hint: "give the log's serial key, or ask by the device's key or certificate")

    /// The first run, which shows in which form the log lists serials.
    private func provenRun(
        for serial: ListedSerial, _ files: inout EntryFiles, _ tree: inout TiledTree<EntryFiles>
    ) throws(AllowlistError) -> AbsenceProof.ProvenRun? {
        guard let serials else { return nil }
        guard serial.form == serials else { throw Self.serialKeyMissing }
        var index: UInt64 = 0
        while index < checkpoint.size {
            let bytes = try files.bytes(at: index)
            if case .openRun = try AllowlistEntry(decoding: bytes) {
                return .init(
                    index: index, run: .init(entry: bytes, path: try tree.inclusionProof(index: index)))
            }
            index += 1
        }
        return nil
    }

    private func gap(for hash: Digest32, in segment: Segment) throws(AllowlistError) -> AbsenceProof.Gap {
        var (before, after): (IndexRecord?, IndexRecord?)
        var position: UInt64 = 0
        var search = try RecordStream(bundle, segment.path, recordCount: segment.recordCount)
        while let record = try search.next() {
            guard record.hash < hash else {
                after = record
                break
            }
            before = record
            position += 1
        }
        if let after, after.hash == hash {
            throw AllowlistError(
                .absenceProof, file: segment.path, index: after.index,
                "the list has an entry about this \(segment.kind.name)", hint: "look the device up")
        }
        let tiles = try SegmentTiles(segment, in: bundle, around: position)
        return AbsenceProof.Gap(
            position: position,
            before: before.map { .init(record: $0, path: tiles.path(of: position - 1)) },
            after: after.map { .init(record: $0, path: tiles.path(of: position)) })
    }
}

/// What the audit paths of a few neighbouring records take: all hashes above level 0, and theirs at level 0.
private struct SegmentTiles: TileSource {
    private let size: UInt64
    private var tiles: [Tile: [Digest32]] = [:]

    /// Hashes the whole segment, which must have the root that the log's state says.
    init(
        _ segment: Segment, in bundle: any BundleSource, around position: UInt64
    ) throws(AllowlistError) {
        size = segment.recordCount
        let width = UInt64(Tile.fullWidth)
        let wanted = [position == 0 ? 0 : (position - 1) / width, position / width]
        var tree = GrowingTree()
        var stream = try RecordStream(bundle, segment.path, recordCount: segment.recordCount)
        var bytes: [UInt8] = []
        var kept: [Tile: [Digest32]] = [:]
        while let record = try stream.next() {
            bytes.removeAll(keepingCapacity: true)
            record.append(to: &bytes)
            tree.append(MerkleTree.leafHash(bytes)) { (tile, hashes) in
                if tile.content != .hashes(level: 0) || wanted.contains(tile.index) { kept[tile] = hashes }
            }
        }
        guard tree.root == segment.root else {
            throw AllowlistError(
                .segment, file: segment.path,
                "the index segment does not have the root in the log's state",
                hint: BundleFolder.incompleteHint)
        }
        for (tile, hashes) in tree.partialTiles { kept[tile] = hashes }
        tiles = kept
    }

    func hashes(of tile: Tile) -> [Digest32] { tiles[tile] ?? [] }

    func path(of record: UInt64) -> [Digest32] {
        var tree = TiledTree(size: size, source: self)
        return tree.inclusionProof(index: record)
    }
}
