import Crypto
import TransparencyLog

/// What brings a bundle from an earlier checkpoint to a later one: the new entries and the new signed checkpoint.
///
/// Hash tiles and index segments are not in it; the receiver grows them himself and compares roots.
public enum BundleDelta {
    /// A delta that was written into one `.tar`.
    public struct Written: Hashable, Sendable {
        /// Entries of the tree that the receiver must have at least.
        public let base: UInt64
        /// Where the delta leads to.
        public let checkpoint: Checkpoint
        public let fileCount: Int
        /// Bytes of the archive.
        public let byteCount: UInt64
        /// SHA-256 of the archive; the same bundle and base give the same archive.
        public let digest: Digest32
    }

    /// Writes what a receiver needs who has the tree of `base` entries, or more, to the file `path`, which must not be
    /// there.
    ///
    /// Everything that goes into it is proven to the signed root first. Throws `delta-base` where the list has fewer
    /// entries than that. A base of 0 gives a delta that makes a whole bundle.
    public static func write(
        from base: UInt64, of bundle: any BundleSource, pins: Pins, to path: String
    ) throws(AllowlistError) -> Written {
        let head = try SignedHead(in: bundle, pins: pins)
        return try write(from: base, of: bundle, head, to: path)
    }

    /// The same for a receiver who sent his checkpoint; throws `checkpoint-older` or `checkpoint-fork` where the list
    /// does not extend it.
    public static func write(
        from kept: KeptCheckpoint, of bundle: any BundleSource, pins: Pins, to path: String
    ) throws(AllowlistError) -> Written {
        let head = try SignedHead(in: bundle, pins: pins)
        try kept.requireExtended(by: head, in: bundle)
        return try write(from: kept.checkpoint.size, of: bundle, head, to: path)
    }

    private static func write(
        from base: UInt64, of bundle: any BundleSource, _ head: SignedHead, to path: String
    ) throws(AllowlistError) -> Written {
        let checkpoint = head.checkpoint
        guard base <= checkpoint.size else {
            throw AllowlistError(
                .deltaBase, "the list has \(checkpoint.size) entries; there is no delta from \(base) on",
                hint: "if the receiver has a newer list than this one, take that")
        }
        let paths = try paths(from: base, of: bundle, checkpoint)
        let file = try ExclusiveFile(path)
        var hasher = SHA256()
        var byteCount: UInt64 = 0
        let writer = TarWriter { (bytes) throws(AllowlistError) in
            hasher.update(data: bytes)
            byteCount += UInt64(bytes.count)
            try file.append(bytes)
        }
        for path in paths { try writer.append(try bundle.open(path)) }
        try writer.finish()
        // A publication meanwhile may have changed the files that have one name in every bundle.
        let present = try bundle.bytes(of: SignedHead.notePath, maximum: SignedNote.maximumLength)
        guard try SignedHead.checkpoint(of: present) == checkpoint else {
            throw AllowlistError(
                .bundleChanged, file: SignedHead.notePath,
                "another checkpoint was put in place while the delta was made", hint: "make it again")
        }
        try file.finish()
        return Written(
            base: base, checkpoint: checkpoint, fileCount: paths.count, byteCount: byteCount,
            digest: Digest32(hasher.finalize()))
    }

    /// The delta's files, sorted bytewise, after the entries among them were proven to be the signed ones.
    private static func paths(
        from base: UInt64, of bundle: any BundleSource, _ checkpoint: Checkpoint
    ) throws(AllowlistError) -> [String] {
        let size = checkpoint.size
        var paths = Set(DeltaFiles.checkpoint)
        paths.formUnion(try DeltaFiles.besideTheLog(in: bundle))
        let first = base / UInt64(Tile.fullWidth)
        var number = first
        while let tile = Tile(.entries, index: number, treeSize: size) {
            paths.insert(tile.path)
            number += 1
        }
        var walk = try EntryWalk(
            first: first, older: base, to: size, in: bundle,
            edge: PrefixTiles(files: EntryFiles(in: bundle, treeSize: size)))
        try walk.run { (index, bytes, range, _) throws(AllowlistError) in
            guard index >= base, let (digest, kind) = try authorisation(of: bytes, range) else { return }
            let path = Authorisation.path(of: digest)
            // The message of a rotation may stand under its number instead.
            if kind == .openRun {
                try Authorisation.check(digest, in: bundle)
            } else if try !DeltaFiles.has(path, in: bundle) {
                return
            }
            paths.insert(path)
        }
        guard walk.tree.root == checkpoint.root else {
            throw AllowlistError(
                .rootMismatch, file: SignedHead.notePath, "the entries do not lead to the signed root",
                hint: "verify the whole bundle to find the damaged file")
        }
        return paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The digest of the authorisation that the entry cites, where it is of a kind that does.
    static func authorisation(
        of bytes: [UInt8], _ range: Range<Int>
    ) throws(AllowlistError) -> (Digest32, AllowlistEntry.Kind)? {
        // Deterministic encoding puts the kind at the fifth octet; nearly all entries are of another one.
        guard range.count > 4,
            let kind = AllowlistEntry.Kind(rawValue: UInt64(bytes[range.lowerBound + 4])),
            kind == .openRun || kind == .rotateSigner
        else { return nil }
        switch try AllowlistEntry(decoding: bytes, range: range) {
        case .openRun(let run): return (run.authorisation, kind)
        case .rotateSigner(let rotation): return (rotation.authorisation, kind)
        default: return nil
        }
    }
}

extension SignedHead {
    fileprivate static func checkpoint(of note: [UInt8]) throws(AllowlistError) -> Checkpoint? {
        guard let note = try? SignedNote(parsing: note) else { return nil }
        return try? Checkpoint(text: note.text)
    }
}
