import TransparencyLog

/// Reads the last entry bundles of a tree and grows the tree with them.
///
/// It begins at the start of a bundle, on the right edge of the tree as it was then; whether that edge and the
/// entries are the signed ones shows at the end, when the root is the signed one.
struct EntryWalk {
    private(set) var tree: GrowingTree
    /// The root as it was at the older size.
    private(set) var olderRoot: Digest32?
    private let files: any BundleSource
    private let older: UInt64
    private let size: UInt64

    /// Walks through the bundle that holds the end of the tree of `older` leaves, and on to `size`.
    ///
    /// `first` is the number of the bundle to begin with, at most floor(older / 256). `edge` has at least the tiles of
    /// the tree before it.
    init(
        first: UInt64, older: UInt64, to size: UInt64, in files: any BundleSource, edge: PrefixTiles
    ) throws(AllowlistError) {
        tree = try GrowingTree(size: first * UInt64(Tile.fullWidth), source: edge)
        self.files = files
        self.older = older
        self.size = size
    }

    /// Hands each entry to `visit`, with its leaf hash.
    mutating func run(
        visit: (_ index: UInt64, _ bundle: [UInt8], _ range: Range<Int>, _ leaf: Digest32)
            throws(AllowlistError) -> Void
    ) throws(AllowlistError) {
        var number = tree.size / UInt64(Tile.fullWidth)
        while let tile = Tile(.entries, index: number, treeSize: size) {
            let bundle = try files.bytes(of: tile.path, maximum: EntryFiles.maximumBundle)
            let ranges: [Range<Int>]
            do throws(TransparencyLogError) {
                ranges = try EntryFraming.entries(in: bundle, count: tile.width)
            } catch {
                throw AllowlistError(
                    .entriesMalformed, file: tile.path, error.message, hint: BundleFolder.incompleteHint)
            }
            for range in ranges {
                let leaf = bundle.withUnsafeBufferPointer {
                    MerkleTree.leafHash(
                        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0)[range]))
                }
                if tree.size == older { olderRoot = tree.root }
                do throws(AllowlistError) {
                    try visit(tree.size, bundle, range, leaf)
                } catch {
                    throw error.at(file: tile.path, index: tree.size)
                }
                tree.append(leaf) { _, _ in }
            }
            number += 1
        }
        if tree.size == older { olderRoot = tree.root }
    }
}
