import TransparencyLog

/// Which files a delta may consist of beside the checkpoint's three and the entries.
enum DeltaFiles {
    /// Files that a newer bundle may replace.
    static let replaceable = ["issuers.pem", "signers.pem"]

    static let checkpoint = [SignedHead.notePath, SignedHead.textPath, SignedHead.cmsPath]

    /// Bytes that a certificate file, roster or rotation may have.
    static let maximumLength = Authorisation.maximumLength

    static func roster(_ version: Int) -> String { BundleRosters.path(of: version) }

    static func rotation(_ number: Int) -> String { "rotations/\(number).p7s" }

    /// The replaceable files, rosters and rotations that `bundle` has.
    static func besideTheLog(in bundle: any BundleSource) throws(AllowlistError) -> [String] {
        var paths: [String] = []
        for path in replaceable where try has(path, in: bundle) { paths.append(path) }
        return try paths + rosters(in: bundle) + rotations(in: bundle)
    }

    /// The rosters from version 1 on, without a gap.
    static func rosters(in bundle: any BundleSource) throws(AllowlistError) -> [String] {
        try numbered(roster, in: bundle)
    }

    /// The rotations from the first on, without a gap.
    static func rotations(in bundle: any BundleSource) throws(AllowlistError) -> [String] {
        try numbered(rotation, in: bundle)
    }

    static func has(_ path: String, in bundle: any BundleSource) throws(AllowlistError) -> Bool {
        do {
            _ = try bundle.open(path)
            return true
        } catch  where error.code == .fileMissing {
            return false
        }
    }

    private static func numbered(
        _ path: (Int) -> String, in bundle: any BundleSource
    ) throws(AllowlistError) -> [String] {
        var paths: [String] = []
        while try has(path(paths.count + 1), in: bundle) { paths.append(path(paths.count + 1)) }
        return paths
    }
}

/// A bundle seen through files that are to replace its own.
struct OverlaidBundle: BundleSource {
    let top: any BundleSource
    let below: any BundleSource

    func open(_ path: String) throws(AllowlistError) -> any BundleFile {
        do {
            return try top.open(path)
        } catch  where error.code == .fileMissing {
            return try below.open(path)
        }
    }
}

/// The tiles of an earlier size of a bundle's tree, cut out of those of its present size.
struct PrefixTiles: TileSource {
    let files: EntryFiles

    func hashes(of tile: Tile) throws(AllowlistError) -> [Digest32] {
        guard let present = Tile(tile.content, index: tile.index, treeSize: files.treeSize),
            present.width >= tile.width
        else {
            throw AllowlistError(.tileMismatch, file: tile.path, "the tree has no such tile")
        }
        return Array(try files.hashes(of: present).prefix(tile.width))
    }
}
