import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension BundleDelta {
    /// What applying a delta did.
    public struct Applied: Hashable, Sendable {
        /// The receiver's checkpoint before, or nil where he had no bundle.
        public let before: Checkpoint?
        /// The receiver's checkpoint now.
        public let after: Checkpoint
        /// What the full verification found, where it was asked for and something was to do.
        public let list: VerifiedList?

        /// Whether the bundle had all that the delta brings already.
        public var wasThere: Bool { before == after }
        public var newEntries: UInt64 { after.size - (before?.size ?? 0) }
    }

    /// Grows the bundle in the folder `directory` by a delta; a folder that is not there is made.
    ///
    /// The new checkpoint's signature is checked first. Nothing is written before it is known that the receiver's
    /// entries with the delta's behind them lead to the signed root, that every new entry is well formed and cites an
    /// `add` before it, that the last one is a `state`, that every new authorisation is there, and that the archive
    /// holds nothing else. Then tiles and index are grown, and the new checkpoint is put in place only after the tree
    /// has the signed root once more and every new index segment the root that the `state` says. Who stops this at any
    /// moment finds the old bundle or the new one; a delta that is refused leaves the old one as it was.
    ///
    /// That the runs keep to their quantities, that no serial or key occurs twice and who signed the authorisations is
    /// what `BundleVerifier` says: with `verifying`, it has to accept the new list before that takes the old one's
    /// place. Without, verify afterwards. Certificates beside the log (`issuers.pem`, `signers.pem`) are not signed and
    /// are taken as they are.
    ///
    /// Throws `delta-base` where the delta begins after the receiver's last entry, `root-mismatch` where it was altered
    /// or belongs to another history, `checkpoint-fork` where the log signed both histories.
    public static func apply(
        _ archive: TarArchive, to directory: String, pins: Pins, verifying: Bool = false
    ) throws(AllowlistError) -> Applied {
        let head = try SignedHead(in: archive, pins: pins)
        let folder = BundleFolder(directory)
        // A bundle that was grown before may be in the middle of it. Any other is only looked at, until it is known
        // that the delta fits.
        var growing = GrowingBundle.hasBegun(in: directory) ? try GrowingBundle(directory: directory) : nil
        let before = try receiversHead(in: folder, pins: pins)
        if let before, head.checkpoint.size <= before.checkpoint.size {
            try KeptCheckpoint(head).requireExtended(by: before, in: folder)
            // Who was stopped right after the new checkpoint was in place left the old segments behind.
            try growing?.reset(to: before.checkpoint)
            return Applied(before: before.checkpoint, after: before.checkpoint, list: nil)
        }
        let content = try DeltaContent(archive, head, before: before?.checkpoint, kept: folder)
        if growing == nil {
            growing = try GrowingBundle(directory: directory)
            guard try receiversHead(in: folder, pins: pins)?.note == before?.note else {
                throw AllowlistError.changed(
                    SignedHead.notePath, "another checkpoint was put in place meanwhile")
            }
        }
        guard var growing else { throw AllowlistError(.publication, "the bundle cannot be opened") }
        try growing.reset(to: before?.checkpoint)
        do throws(AllowlistError) {
            let list = try grow(&growing, by: content, pins: pins, verifying: verifying)
            return Applied(before: before?.checkpoint, after: head.checkpoint, list: list)
        } catch {
            // Tiles beyond the tree are nobody's; segments that nobody needs go at once.
            try? growing.reset(to: growing.published)
            throw error
        }
    }

    /// The checkpoint of the receiver's bundle, by the pinned key. Its age and its witnesses were judged when it was
    /// taken, and do not keep it from being brought up to date.
    private static func receiversHead(
        in folder: BundleFolder, pins: Pins
    ) throws(AllowlistError) -> SignedHead? {
        guard try DeltaFiles.has(SignedHead.notePath, in: folder) else { return nil }
        var pins = pins
        pins.maxAge = nil
        pins.witnesses = nil
        pins.ed25519Key = nil
        return try SignedHead(in: folder, pins: pins)
    }

    private static func grow(
        _ growing: inout GrowingBundle, by content: DeltaContent, pins: Pins, verifying: Bool
    ) throws(AllowlistError) -> VerifiedList? {
        let checkpoint = content.head.checkpoint
        var index = try AnnouncedIndex(content.state, live: growing.state.segments)
        try content.visitEntries(from: growing.size) { (bytes, range) throws(AllowlistError) in
            let entry = try AllowlistEntry(decoding: bytes, range: range)
            let devices = try growing.subjects(of: entry)
            let position = try bytes.withUnsafeBufferPointer { (buffer) throws(AllowlistError) in
                let entry = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[range])
                return try growing.append(entry, leaf: MerkleTree.leafHash(entry))
            }
            try index.insert(devices, at: position, folder: &growing.folder)
        }
        guard growing.tree.root == checkpoint.root, growing.size == checkpoint.size else {
            throw AllowlistError.changed(nil, "the delta or the bundle was changed while it was read")
        }
        try index.write(folder: &growing.folder)
        try growing.flush()
        let folder = BundleFolder(growing.folder.root)
        for path in content.besideTheLog {
            let bytes = try content.archive.bytes(of: path, maximum: DeltaFiles.maximumLength)
            let present = try? folder.bytes(of: path, maximum: DeltaFiles.maximumLength)
            if present != bytes { try growing.folder.writeDurably(bytes, to: path) }
        }
        let note = content.head.note
        let cms = try content.archive.bytes(of: SignedHead.cmsPath, maximum: DeltaFiles.maximumLength)
        var list: VerifiedList?
        if verifying {
            let signed = BundleBytes([
                SignedHead.notePath: note.bytes, SignedHead.textPath: note.text, SignedHead.cmsPath: cms,
            ])
            list = try BundleVerifier.verify(OverlaidBundle(top: signed, below: folder), pins: pins)
        }
        try growing.commit(checkpoint, content.state, note: note.bytes, text: note.text, cms: cms)
        return list
    }
}
