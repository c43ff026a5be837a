import TransparencyLog

/// The last checkpoint that a consumer accepted: what keeps an older or another list from being accepted.
///
/// It is the consumer's own memory, so it is trusted as it is: keep it where those who hand out bundles cannot
/// write. Its signature was checked when it was accepted and may be by a key that has since been retired.
public struct KeptCheckpoint: Hashable, Sendable {
    public let checkpoint: Checkpoint
    /// The note as it was received.
    public let bytes: [UInt8]
    let note: SignedNote

    /// Reads what was kept: the bytes of a bundle's `checkpoint`.
    ///
    /// Throws `checkpoint-malformed` where it is no signed note over a checkpoint, and `checkpoint-origin` where it
    /// is of another log than `origin`.
    public init(note bytes: [UInt8], origin: String) throws(AllowlistError) {
        do throws(TransparencyLogError) {
            note = try SignedNote(parsing: bytes)
            checkpoint = try Checkpoint(text: note.text)
        } catch {
            throw AllowlistError(
                .checkpointMalformed, "the kept checkpoint cannot be read: \(error.message)",
                hint: "keep the file `checkpoint` of a bundle that was verified, byte for byte")
        }
        guard checkpoint.origin == origin else {
            throw AllowlistError(
                .checkpointOrigin, "the kept checkpoint is of \"\(checkpoint.origin)\", not of \"\(origin)\"",
                hint: "each log has a kept checkpoint of its own")
        }
        self.bytes = bytes
    }

    /// Keeps the checkpoint of a bundle that was accepted.
    public init(_ head: SignedHead) {
        checkpoint = head.checkpoint
        note = head.note
        bytes = head.note.bytes
    }

    /// How a bundle's tree stands to the kept one.
    public enum Relation: Hashable, Sendable {
        /// The same tree.
        case same
        /// The kept tree with entries appended.
        case extended
        /// The bundle has fewer entries.
        case older
        /// Another tree: the log signed two histories.
        case forked(Fork)
    }

    /// Two signed checkpoints that cannot be of one history, as evidence for others.
    public struct Fork: Hashable, Sendable {
        /// The checkpoint that was kept, as a signed note.
        public let kept: [UInt8]
        /// The other one, as a signed note.
        public let presented: [UInt8]
        /// The root that the presented tree has over as many leaves as the kept one has; it is not the kept root.
        public let prefixRoot: Digest32
        /// The consistency proof (RFC 6962 §2.1.2) from `prefixRoot` to the presented root; empty for one size.
        public let proof: [Digest32]
    }

    /// Compares the tree under `head` with the kept one, by a proof that is made from the bundle's tiles and checked
    /// against the signed root.
    ///
    /// Reads about two tiles a level. Throws `tile-mismatch` where the tiles do not lead to the signed root, so that
    /// nothing can be said.
    public func relation(
        to head: SignedHead, in bundle: any BundleSource
    ) throws(AllowlistError) -> Relation {
        let presented = head.checkpoint
        guard presented.size >= checkpoint.size else { return .older }
        guard checkpoint.size > 0 else { return presented.size == 0 ? .same : .extended }
        if presented.size == checkpoint.size {
            guard presented.root != checkpoint.root else { return .same }
            return .forked(
                Fork(
                    kept: bytes, presented: head.note.bytes, prefixRoot: presented.root, proof: []))
        }
        var tree = TiledTree(
            size: presented.size, source: EntryFiles(in: bundle, treeSize: presented.size))
        let prefix = try tree.root(from: 0, to: checkpoint.size)
        let proof = try tree.consistencyProof(from: checkpoint.size)
        do throws(TransparencyLogError) {
            try Proofs.checkConsistency(
                olderSize: checkpoint.size, olderRoot: prefix, newerSize: presented.size,
                newerRoot: presented.root, proof: proof)
        } catch {
            throw AllowlistError(
                .tileMismatch, file: "tile",
                "whether the list extends the kept checkpoint cannot be told: \(error.message)",
                hint: "verify the whole bundle to find the damaged file")
        }
        guard prefix != checkpoint.root else { return .extended }
        return .forked(
            Fork(kept: bytes, presented: head.note.bytes, prefixRoot: prefix, proof: proof))
    }

    /// Throws `checkpoint-older` or `checkpoint-fork` unless the bundle's tree is the kept one, with entries appended
    /// or without.
    ///
    /// `emergency` is a verified emergency rotation of the log key, where there is one: what was kept under the
    /// retired key beyond the last trusted checkpoint is given up, and the list must extend that one instead.
    public func requireExtended(
        by head: SignedHead, in bundle: any BundleSource, emergency: EmergencyRotation? = nil
    ) throws(AllowlistError) {
        if let emergency, isGivenUp(after: emergency) {
            let trusted = SignedNote(text: emergency.trusted.text, signatures: note.signatures)
            let kept = try KeptCheckpoint(note: trusted.bytes, origin: emergency.trusted.origin)
            return try kept.requireExtended(by: head, in: bundle)
        }
        switch try relation(to: head, in: bundle) {
        case .same, .extended: return
        case .older: throw older(head.checkpoint)
        case .forked: throw forked(head.checkpoint)
        }
    }

    /// What an emergency rotation of the log key says about checkpoints under the key before.
    public struct EmergencyRotation: Sendable {
        /// The key that is no longer trusted.
        public let retiredKey: NoteKey
        /// The last checkpoint that is trusted under it.
        public let trusted: Checkpoint

        public init(retiredKey: NoteKey, trusted: Checkpoint) {
            self.retiredKey = retiredKey
            self.trusted = trusted
        }
    }

    /// Whether only the retired key vouches for this checkpoint, beyond what is trusted under it.
    func isGivenUp(after rotation: EmergencyRotation) -> Bool {
        guard rotation.trusted.origin == checkpoint.origin, checkpoint.size > rotation.trusted.size else {
            return false
        }
        do throws(TransparencyLogError) {
            try note.check(signedBy: rotation.retiredKey)
            return true
        } catch {
            return false
        }
    }

    func older(_ presented: Checkpoint) -> AllowlistError {
        AllowlistError(
            .checkpointOlder, file: SignedHead.notePath,
            "the list has \(presented.size) entries, but one of \(checkpoint.size) was accepted before",
            hint: "take a newer bundle; an old one hides what was revoked since")
    }

    func forked(_ presented: Checkpoint) -> AllowlistError {
        KeptCheckpoint.forked(checkpoint.size, presented)
    }

    /// The refusal of a tree that is not that of `size` entries with more appended.
    static func forked(_ size: UInt64, _ presented: Checkpoint) -> AllowlistError {
        let message =
            presented.size == size
            ? "the log signed two lists of \(size) entries that differ"
            : "the list of \(presented.size) entries is not the kept one of \(size) with more appended"
        return AllowlistError(
            .checkpointFork, file: SignedHead.notePath, message,
            hint: "keep both checkpoints as evidence, use neither list, and ask the log's owner")
    }
}

extension BundleReader {
    /// Throws `checkpoint-older` or `checkpoint-fork` unless the open list is the kept one, with entries appended or
    /// without.
    public func requireExtends(
        _ kept: KeptCheckpoint, emergency: KeptCheckpoint.EmergencyRotation? = nil
    ) throws(AllowlistError) {
        try kept.requireExtended(by: head, in: bundle, emergency: emergency)
    }
}
