import TransparencyLog

/// Every device of a published list with its latest state, proven to the signed root.
///
/// This is what a copy of the list in a consumer's own database is made from. The files are read twice: making
/// the value proves every entry and learns what happened to the devices, and visiting reads the devices. Memory
/// is 32 bytes for 256 entries, and the events.
public struct ListedDevices: Sendable {
    public let checkpoint: Checkpoint
    private let source: any BundleSource
    /// The root over each bundle's entries, proven; what is read again must have it.
    private let bundleRoots: [Digest32]
    /// What happened to the devices, by the indexes of their `add`s and in the order of the log.
    private let events: [UInt64: [LookupAnswer.Event]]
    /// The replaced device's `add` by that of the one that took its place.
    private let replaced: [UInt64: UInt64]

    /// Reads the whole list; throws where it is not what the pinned key signed.
    public init(in source: any BundleSource, pins: Pins) throws(AllowlistError) {
        let head = try SignedHead(in: source, pins: pins)
        checkpoint = head.checkpoint
        self.source = source
        var tree = Frontier()
        var bundleRoots: [Digest32] = []
        var events: [UInt64: [LookupAnswer.Event]] = [:]
        var replaced: [UInt64: UInt64] = [:]
        var bundle = EntryBundle(number: 0, treeSize: checkpoint.size)
        while let present = bundle {
            let (bytes, ranges) = try present.read(from: source)
            let hashes = EntryBundle.leafHashes(bytes, ranges)
            for hash in hashes { tree.append(hash) }
            bundleRoots.append(MerkleTree.root(of: hashes))
            for (position, range) in ranges.enumerated() {
                let index = present.firstIndex + UInt64(position)
                let entry = try present.entry(bytes, range, at: index)
                if case .replace(let replace) = entry { replaced[replace.newIndex] = replace.priorIndex }
                for device in entry.citedDevices {
                    guard let event = LookupAnswer.Event(entry, at: index, about: device) else { continue }
                    events[device, default: []].append(event)
                }
            }
            bundle = present.next
        }
        guard tree.root == checkpoint.root else {
            throw AllowlistError(
                .rootMismatch, file: SignedHead.notePath, "the entries do not lead to the signed root",
                hint: "verify the bundle to learn which file is damaged")
        }
        self.bundleRoots = bundleRoots
        self.events = events
        self.replaced = replaced
    }

    /// Hands each device to `body` in the order of the log, until it answers false.
    ///
    /// Throws `entry-mismatch` where a file is no longer what it was when it was proven; what was visited until
    /// then is right.
    public func visit(_ body: (LookupAnswer) throws(AllowlistError) -> Bool) throws(AllowlistError) {
        var bundle = EntryBundle(number: 0, treeSize: checkpoint.size)
        while let present = bundle {
            let (bytes, ranges) = try present.read(from: source)
            guard MerkleTree.root(of: EntryBundle.leafHashes(bytes, ranges)) == bundleRoots[present.number]
            else {
                throw AllowlistError(
                    .entryMismatch, file: present.tile.path, index: present.firstIndex,
                    "the entries changed after they were proven",
                    hint: "put a newer list in another place instead of writing over this one")
            }
            for (position, range) in ranges.enumerated() {
                let index = present.firstIndex + UInt64(position)
                guard case .add(let device) = try present.entry(bytes, range, at: index) else { continue }
                let about = events[index] ?? []
                let answer = LookupAnswer(
                    status: about.last?.status ?? .listed, reason: about.last?.reason, entryIndex: index,
                    device: device, events: about, replaces: replaced[index], keyChecked: true,
                    serialChecked: true,
                    checkpoint: checkpoint)
                guard try body(answer) else { return }
            }
            bundle = present.next
        }
    }
}

/// The entry bundle of one level-0 tile.
private struct EntryBundle {
    let number: Int
    let treeSize: UInt64
    let tile: Tile

    /// Nil where the tree has no such tile.
    init?(number: Int, treeSize: UInt64) {
        guard let tile = Tile(.entries, index: UInt64(number), treeSize: treeSize) else { return nil }
        self.number = number
        self.treeSize = treeSize
        self.tile = tile
    }

    var firstIndex: UInt64 { UInt64(number) * UInt64(Tile.fullWidth) }
    var next: EntryBundle? { EntryBundle(number: number + 1, treeSize: treeSize) }

    func read(from source: any BundleSource) throws(AllowlistError) -> ([UInt8], [Range<Int>]) {
        let bytes = try source.bytes(of: tile.path, maximum: EntryFiles.maximumBundle)
        do throws(TransparencyLogError) {
            return (bytes, try EntryFraming.entries(in: bytes, count: tile.width))
        } catch {
            throw AllowlistError(
                .entriesMalformed, file: tile.path, error.message, hint: BundleFolder.incompleteHint)
        }
    }

    func entry(
        _ bytes: [UInt8], _ range: Range<Int>, at index: UInt64
    ) throws(AllowlistError) -> AllowlistEntry {
        do throws(AllowlistError) {
            return try AllowlistEntry(decoding: bytes, range: range)
        } catch {
            throw error.at(file: tile.path, index: index)
        }
    }

    static func leafHashes(_ bytes: [UInt8], _ ranges: [Range<Int>]) -> [Digest32] {
        bytes.withUnsafeBufferPointer { buffer in
            ranges.map {
                MerkleTree.leafHash(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[$0]))
            }
        }
    }
}
