import TransparencyLog

/// Somebody outside who vouches that a log only grows: it cosigns a checkpoint when the tree extends the last one
/// it cosigned (C2SP tlog-witness, without the network).
public struct Witness: Sendable {
    private let key: CosigningKey
    private let pins: Pins
    private let state: WitnessState

    /// A witness of the log in `pins`; the pinned witnesses play no part, because each one vouches by itself.
    public init(key: CosigningKey, pins: Pins, state: WitnessState) {
        self.key = key
        var pins = pins
        pins.witnesses = nil
        self.pins = pins
        self.state = state
    }

    /// Cosigns the checkpoint of `bundle` at `time` (UTC seconds since 1970).
    ///
    /// Before the signature is made, the checkpoint is written down and flushed. Throws the codes of a
    /// checkpoint; `checkpoint-older` and `checkpoint-fork` where the tree is not an extension of the last one
    /// cosigned; `witness-state` where the file is of another log or the clock went back.
    public func cosign(
        _ bundle: any BundleSource, at time: UInt64
    ) throws(AllowlistError) -> (head: SignedHead, line: SignedNote.Signature) {
        let head = try SignedHead(in: bundle, pins: pins)
        if let last = state.last { try check(head, extends: last, in: bundle, at: time) }
        try state.remember(head.note.bytes, at: time)
        do throws(TransparencyLogError) {
            return (head, try key.cosign(text: head.note.text, at: time))
        } catch {
            throw AllowlistError(.witnessSignature, error.message)
        }
    }

    private func check(
        _ head: SignedHead, extends last: WitnessState.Record, in bundle: any BundleSource, at time: UInt64
    ) throws(AllowlistError) {
        let (older, newer) = (last.checkpoint, head.checkpoint)
        guard older.origin == newer.origin else {
            throw AllowlistError(
                .witnessState, "the file is about the log \(older.origin), not \(newer.origin)",
                hint: "keep one file a log")
        }
        guard last.time <= time else {
            throw AllowlistError(
                .witnessState, "the clock is \(last.time - time) s before the last cosignature",
                hint: "set the clock right: a cosignature says that the tree is the newest at its time")
        }
        guard older.size <= newer.size else {
            throw AllowlistError(
                .checkpointOlder, file: SignedHead.notePath,
                "the tree has \(newer.size) entries, one with \(older.size) was cosigned before",
                hint:
                    "ask the publisher for its newest bundle; if this is the newest, the log was rolled back")
        }
        var tree = TiledTree(
            size: newer.size, source: EntryFiles(in: bundle, treeSize: newer.size))
        let proof = try tree.consistencyProof(from: older.size)
        do throws(TransparencyLogError) {
            try Proofs.checkConsistency(
                olderSize: older.size, olderRoot: older.root, newerSize: newer.size, newerRoot: newer.root,
                proof: proof)
        } catch {
            throw AllowlistError(
                .checkpointFork, file: SignedHead.notePath,
                "the tree does not extend the one with \(older.size) entries that was cosigned before: "
                    + error.message,
                hint:
                    "verify the bundle; if it is whole, the log has forked: keep both checkpoints as evidence"
            )
        }
    }
}
