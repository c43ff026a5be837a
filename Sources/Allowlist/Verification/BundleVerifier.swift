import TransparencyLog

/// Verifies a bundle in full, offline and in memory that hardly grows with it.
public enum BundleVerifier {
    /// Verifies the bundle in the folder `directory`.
    public static func verify(directory: String, pins: Pins) throws(AllowlistError) -> VerifiedList {
        try verify(BundleFolder(directory), pins: pins)
    }

    /// Reads everything in the bundle up to the signed tree size and throws at the first fault.
    ///
    /// Afterwards it is true that the pinned key signed the checkpoint; that exactly its entries are
    /// present; that they are well formed and refer to each other rightly; that no serial, key or
    /// certificate occurs twice; that every run keeps to its quantities and its seal; that the index is
    /// complete; and that every cited authorisation is there. Who signed the authorisations and
    /// `checkpoint.p7s` is checked elsewhere. Files beyond the tree size belong to a run in progress and
    /// are left alone.
    public static func verify(_ folder: any BundleSource, pins: Pins) throws(AllowlistError) -> VerifiedList {
        let head = try SignedHead(in: folder, pins: pins)
        let checkpoint = head.checkpoint
        guard checkpoint.size > 0 else {
            throw AllowlistError(.state, file: SignedHead.notePath, "a published list ends with a `state`")
        }
        // Unproven here: it only says which segments to compare with. The scan settles whether it is real.
        var files = EntryFiles(in: folder, treeSize: checkpoint.size)
        let lastEntry = try? files.entry(at: checkpoint.size - 1)
        let announced: AllowlistEntry.State? =
            if case .state(let state) = lastEntry { state } else { nil }

        var audit = EntryAudit(
            pins: pins, files: files, index: IndexCheck(announced ?? AllowlistEntry.State(segments: [])))
        var scan = TreeScan(folder: folder, checkpoint: checkpoint)
        try scan.run { (index, bundle, range) throws(AllowlistError) in
            try audit.visit(try AllowlistEntry(decoding: bundle, range: range), at: index)
        }

        guard let announced, let state = audit.lastState, state.index == checkpoint.size - 1,
            state.state == announced
        else {
            throw AllowlistError(
                .state, file: files.bundlePath(of: checkpoint.size - 1), index: checkpoint.size - 1,
                "the last entry is not a `state`",
                hint: "the list was published by something else; ask the publisher")
        }
        try audit.index.finish(in: folder)
        var devices = DeviceUniqueness(
            folder: folder, state: announced, replacements: audit.replacements, files: files)
        try devices.check()
        try audit.certificates.check { (visit) throws(AllowlistError) in
            try visitAll(folder, checkpoint, visit)
        }
        for digest in audit.authorisations.sorted() { try Authorisation.check(digest, in: folder) }
        _ = try audit.rotations.finish(
            in: folder, head: head, pins: pins, rosters: try PinnedRosters(in: folder, pins: pins)?.chain,
            publishedBefore: audit.publishedBefore)
        let runs = try audit.books.finish()
        return VerifiedList(
            origin: checkpoint.origin, treeSize: checkpoint.size, root: checkpoint.root,
            counts: audit.counts, runs: runs, isRehearsal: pins.isRehearsal,
            authorised: .claimed,
            warnings: runs.filter { !$0.isSealed }.map { "the run \($0.id) is still open" })
    }

    /// Reads every entry once more, after the tree was verified.
    private static func visitAll(
        _ folder: any BundleSource, _ checkpoint: Checkpoint,
        _ visit: (AllowlistEntry, UInt64) throws(AllowlistError) -> Void
    ) throws(AllowlistError) {
        var files = EntryFiles(in: folder, treeSize: checkpoint.size)
        for index in 0..<checkpoint.size {
            let entry = try files.entry(at: index)
            do throws(AllowlistError) {
                try visit(entry, index)
            } catch {
                throw error.at(file: files.bundlePath(of: index), index: index)
            }
        }
    }
}
