import TransparencyLog

/// Random access to the entries and tiles of a tree, straight from the files and unproven.
public struct EntryFiles: TileSource, Sendable {
    public let bundle: any BundleSource
    public let treeSize: UInt64
    private var cache: [(tile: Tile, bytes: [UInt8], ranges: [Range<Int>])] = []

    /// Bytes of the largest bundle that can exist.
    package static let maximumBundle = Tile.fullWidth * (2 + EntryFraming.maximumEntryLength)

    public init(in bundle: any BundleSource, treeSize: UInt64) {
        self.bundle = bundle
        self.treeSize = treeSize
    }

    public func hashes(of tile: Tile) throws(AllowlistError) -> [Digest32] {
        let bytes = try bundle.bytes(of: tile.path, count: tile.width * Digest32.byteCount)
        return tile.hashes(in: bytes) ?? []
    }

    /// The path of the bundle that holds the entry at `index`.
    public func bundlePath(of index: UInt64) -> String {
        Tile(.entries, index: index / UInt64(Tile.fullWidth), treeSize: treeSize)?.path ?? "tile/entries"
    }

    /// The bytes of the entry at `index`.
    public mutating func bytes(at index: UInt64) throws(AllowlistError) -> [UInt8] {
        guard let tile = Tile(.entries, index: index / UInt64(Tile.fullWidth), treeSize: treeSize),
            index < treeSize
        else {
            throw AllowlistError(
                .entryReference, index: index, "the entry is not in the tree of \(treeSize)")
        }
        let position = Int(index % UInt64(Tile.fullWidth))
        if let hit = cache.firstIndex(where: { $0.tile == tile }) {
            return Array(cache[hit].bytes[cache[hit].ranges[position]])
        }
        let bytes = try bundle.bytes(of: tile.path, maximum: Self.maximumBundle)
        let ranges: [Range<Int>]
        do throws(TransparencyLogError) {
            ranges = try EntryFraming.entries(in: bytes, count: tile.width)
        } catch {
            throw AllowlistError(
                .entriesMalformed, file: tile.path, error.message, hint: BundleFolder.incompleteHint)
        }
        // A few bundles are enough: events come in the order of their devices.
        if cache.count == 8 { cache.removeFirst() }
        cache.append((tile, bytes, ranges))
        return Array(bytes[ranges[position]])
    }

    /// The entry at `index`.
    public mutating func entry(at index: UInt64) throws(AllowlistError) -> AllowlistEntry {
        let bytes = try bytes(at: index)
        do {
            return try AllowlistEntry(decoding: bytes)
        } catch {
            throw error.at(file: bundlePath(of: index), index: index)
        }
    }

    /// The `add` at `index`; an entry of another kind is refused.
    public mutating func device(at index: UInt64) throws(AllowlistError) -> AllowlistEntry.Add {
        guard case .add(let device) = try entry(at: index) else {
            throw AllowlistError(
                .entryReference, file: bundlePath(of: index), index: index, "the entry is not an `add`")
        }
        return device
    }
}
