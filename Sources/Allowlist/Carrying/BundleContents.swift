import TransparencyLog

/// The files that a bundle consists of at its checkpoint, and no others.
///
/// A folder may hold more: tiles and entries of a run in progress, partial tiles of other sizes, segments
/// that were merged, the writer's own files.
public struct BundleContents: Sendable {
    public let head: SignedHead
    /// The paths of all files, sorted bytewise, none twice.
    public let paths: [String]
    private let bundle: any BundleSource

    /// Reads the whole list once, because its entries say which authorisations belong to it, and proves it
    /// to the signed root; throws where something is missing or does not lead there.
    public init(of bundle: any BundleSource, pins: Pins) throws(AllowlistError) {
        let head = try SignedHead(in: bundle, pins: pins)
        self.head = head
        self.bundle = bundle
        paths = try head.reading(bundle) { () throws(AllowlistError) in
            try BundleContents.paths(in: bundle, head.checkpoint)
        }
    }

    /// Opens each file in the order of `paths`; throws `bundle-changed` at the end where the bundle did.
    func visit(_ body: (any BundleFile) throws(AllowlistError) -> Void) throws(AllowlistError) {
        try head.reading(bundle) { () throws(AllowlistError) in
            for path in paths { try body(try bundle.open(path)) }
        }
        try head.checkUnchanged(in: bundle)
    }

    private static func paths(
        in bundle: any BundleSource, _ checkpoint: Checkpoint
    ) throws(AllowlistError) -> [String] {
        var files = EntryFiles(in: bundle, treeSize: checkpoint.size)
        let state = try files.provenState(root: checkpoint.root)
        var paths: Set<String> = [SignedHead.notePath, SignedHead.textPath, SignedHead.cmsPath]
        for tile in Tile.all(treeSize: checkpoint.size) { paths.insert(tile.path) }
        for segment in state.segments { paths.insert(segment.path) }
        let cited = try Cited(in: bundle, checkpoint)
        for digest in cited.authorisations { paths.insert(Authorisation.path(of: digest)) }
        for path in ["issuers.pem", "signers.pem"] where try has(path, in: bundle) {
            paths.insert(path)
        }
        for (number, digest) in cited.rotations.enumerated() {
            // A rotation's message stands under its number, or with the authorisations.
            let numbered = "rotations/\(number + 1).p7s"
            paths.insert(try has(numbered, in: bundle) ? numbered : Authorisation.path(of: digest))
        }
        var version = 1
        while try has("rosters/\(version).json", in: bundle) {
            paths.insert("rosters/\(version).json")
            version += 1
        }
        return paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static func has(_ path: String, in bundle: any BundleSource) throws(AllowlistError) -> Bool {
        do {
            _ = try bundle.open(path)
            return true
        } catch  where error.code == .fileMissing {
            return false
        }
    }

    /// What the entries cite from outside the log.
    private struct Cited {
        var authorisations: Set<Digest32> = []
        /// In the order of the log.
        var rotations: [Digest32] = []

        init(in bundle: any BundleSource, _ checkpoint: Checkpoint) throws(AllowlistError) {
            var scan = TreeScan(folder: bundle, checkpoint: checkpoint)
            try scan.run { (_, bytes, range) throws(AllowlistError) in
                // Deterministic encoding puts the kind at the fifth octet; nearly all entries are of another one.
                guard range.count > 4,
                    let kind = AllowlistEntry.Kind(
                        rawValue: UInt64(bytes[range.lowerBound + 4])),
                    kind == .openRun || kind == .rotateSigner
                else { return }
                switch try AllowlistEntry(decoding: bytes, range: range) {
                case .openRun(let run): authorisations.insert(run.authorisation)
                case .rotateSigner(let rotation): rotations.append(rotation.authorisation)
                default: return
                }
            }
        }
    }
}
