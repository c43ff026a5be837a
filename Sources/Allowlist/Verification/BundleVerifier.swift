import TransparencyLog

/// Verifies a bundle in full, offline, on all cores and in memory that hardly grows with it.
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
    /// complete; and that every cited authorisation is there. Where a roster is pinned, its quorum has approved
    /// every run. Files beyond the tree size belong to a run in progress and
    /// are left alone.
    public static func verify(_ bundle: any BundleSource, pins: Pins) throws(AllowlistError) -> VerifiedList {
        try verify(bundle, pins: pins, workers: nil).list
    }

    /// The same with so many threads (nil for one a core), and with the segments that were checked.
    ///
    /// Threads read the list, each a part of it, and then the entries' order is followed. Where a thread meets a
    /// fault, the list is read once more from its beginning to find the first one, entry by entry. So neither the
    /// outcome nor the fault that is named depends on the number of threads.
    package static func verify(
        _ bundle: any BundleSource, pins: Pins, workers: Int?
    ) throws(AllowlistError) -> VerifiedBundle {
        let passes = ParallelPasses(workers: workers)
        let head = try SignedHead(in: bundle, pins: pins)
        let verified = try head.reading(bundle) { () throws(AllowlistError) in
            try verify(bundle, head, pins: pins, passes)
        }
        try head.checkUnchanged(in: bundle)
        return verified
    }

    private static func verify(
        _ bundle: any BundleSource, _ head: SignedHead, pins: Pins, _ passes: ParallelPasses
    ) throws(AllowlistError) -> VerifiedBundle {
        let checkpoint = head.checkpoint
        guard checkpoint.size > 0 else {
            throw AllowlistError(.state, file: SignedHead.notePath, "a published list ends with a `state`")
        }
        // Unproven here: it only says which segments to compare with. The pass settles whether it is real.
        var files = EntryFiles(in: bundle, treeSize: checkpoint.size)
        let lastEntry = try? files.entry(at: checkpoint.size - 1)
        let announced: AllowlistEntry.State? =
            if case .state(let state) = lastEntry { state } else { nil }

        let index = IndexFacts(announced ?? AllowlistEntry.State(segments: []), RecordFingerprint.Secret())
        let certificates = CertificateUniqueness.Secret()
        let blank = EntryAudit(pins: pins, files: files, index: index, certificates: certificates)
        var audit = blank
        var pass = TreePass(
            bundle: bundle, checkpoint: checkpoint, passes: passes, index: index, certificates: certificates)
        guard readsWell(&pass, &audit) else { throw firstFault(in: bundle, checkpoint, blank) }

        guard let announced, let state = audit.lastState, state.index == checkpoint.size - 1,
            state.state == announced
        else {
            throw AllowlistError(
                .state, file: files.bundlePath(of: checkpoint.size - 1), index: checkpoint.size - 1,
                "the last entry is not a `state`",
                hint: "the list was published by something else; ask the publisher")
        }
        let facts = pass.readers.reduce(into: audit.index) { $0.formUnion($1.index) }
        let segments = try check(facts, in: bundle, passes)
        try DeviceUniqueness(
            segments: segments, replacements: audit.replacements, files: files, passes: passes
        ).check()
        try CertificateUniqueness.check(pass.readers.map(\.certificates) + [audit.certificates], passes) {
            (visit) throws(AllowlistError) in
            try visitAll(bundle, checkpoint, visit)
        }
        for digest in audit.authorisations.sorted() { try Authorisation.check(digest, in: bundle) }
        _ = try audit.rotations.finish(
            in: bundle, head: head, pins: pins, publishedBefore: audit.publishedBefore)
        let runs = try audit.books.finish()
        let approval = try ApprovalCheck.check(runs, in: bundle, head: head, pins: pins)
        let list = VerifiedList(
            origin: checkpoint.origin, treeSize: checkpoint.size, root: checkpoint.root,
            counts: audit.counts, runs: runs, isRehearsal: pins.isRehearsal,
            authorised: approval == nil ? .claimed : .approved, approval: approval, signedAt: head.signedAt,
            time: head.time(under: pins),
            warnings: runs.filter { !$0.isSealed }.map { "the run \($0.id) is still open" })
        return VerifiedBundle(
            list: list,
            reader: BundleReader(
                verified: bundle, head: head, state: announced, serials: audit.books.serials,
                segments: segments))
    }

    private static func readsWell(_ pass: inout TreePass, _ audit: inout EntryAudit) -> Bool {
        do throws(AllowlistError) {
            return try pass.run { (item) throws(AllowlistError) in try audit.visit(item) }
        } catch {
            return false
        }
    }

    /// Reads the list in order, on one thread, and answers the first fault.
    private static func firstFault(
        in bundle: any BundleSource, _ checkpoint: Checkpoint, _ blank: EntryAudit
    ) -> AllowlistError {
        var audit = blank
        var scan = TreeScan(folder: bundle, checkpoint: checkpoint)
        do throws(AllowlistError) {
            try scan.run { (index, content, range) throws(AllowlistError) in
                try audit.visit(try AllowlistEntry(decoding: content, range: range), at: index)
            }
        } catch {
            return error
        }
        return AllowlistError(
            .bundleChanged, "a fault was met that was gone when the bundle was read again",
            hint: "somebody writes to the bundle, or the disk fails; take a copy and verify that")
    }

    /// Compares the index segments with what the entries give.
    private static func check(
        _ facts: IndexFacts, in bundle: any BundleSource, _ passes: ParallelPasses
    ) throws(AllowlistError) -> [MappedSegment] {
        var segments: [MappedSegment] = []
        for part in facts.parts {
            let segment = try MappedSegment(part.segment, in: bundle)
            let found = try SegmentPass(segment: segment, passes: passes, secret: facts.secret).run()
            guard found == part.fingerprint, part.segment.recordCount == part.count else {
                throw AllowlistError(
                    .segment, file: part.segment.path,
                    "the index does not hold exactly the records that the entries give",
                    hint: "the index was signed wrong; ask the publisher for a new publication")
            }
            segments.append(segment)
        }
        return segments
    }

    /// Reads every entry once more, after the tree was verified.
    private static func visitAll(
        _ bundle: any BundleSource, _ checkpoint: Checkpoint,
        _ visit: (AllowlistEntry, UInt64) throws(AllowlistError) -> Void
    ) throws(AllowlistError) {
        var files = EntryFiles(in: bundle, treeSize: checkpoint.size)
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
