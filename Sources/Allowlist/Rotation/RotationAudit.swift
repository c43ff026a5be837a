import SignedStatements
import TransparencyLog

/// The rotations of a log in a full verification: its entries and the bundle's messages belong together one to one.
struct RotationAudit {
    private var entries: [(entry: AllowlistEntry.RotateSigner, index: UInt64)] = []

    mutating func visit(_ entry: AllowlistEntry.RotateSigner, at index: UInt64) throws(AllowlistError) {
        if let last = entries.last, last.entry.newKey != entry.oldKey {
            throw AllowlistError(
                .rotation, index: index, "the rotation does not begin at the log's present key")
        }
        entries.append((entry, index))
    }

    /// Holds the entries against the messages, and the checkpoint's signature against both.
    ///
    /// The tree is verified. `publishedBefore` is the size of the checkpoint before this one, as its `state` tells it.
    /// Answers the rotations' places in the log with their rosters' places in the chain; none without a chain.
    func finish(
        in bundle: any BundleSource, head: SignedHead, pins: Pins, publishedBefore: UInt64
    ) throws(AllowlistError) -> [(index: UInt64, roster: Int)] {
        let messages = try RotationMessage.all(in: bundle, pins: pins)
        var rosters: RosterChain?
        if let pinned = pins.roster, !messages.isEmpty {
            rosters = try BundleRosters.chain(in: bundle, pinned: pinned, isRehearsal: pins.isRehearsal)
        }
        let rules = RotationEntries(checkpoint: head.checkpoint, bundle: bundle)
        var named: [(index: UInt64, roster: Int)] = []
        for (message, (entry, index)) in zip(messages, entries) {
            try rules.check(entry, at: index, is: message)
            guard let rosters else { continue }
            named.append((index, try message.verify(by: rosters, oldKey: entry.oldKey)))
        }
        if messages.count > entries.count {
            throw AllowlistError(
                .rotation, file: messages[entries.count].path, "no entry of the log belongs to this message",
                hint: "a publication may have been interrupted; open the log with its writer once, or take "
                    + "the bundle again")
        }
        if let missing = entries.dropFirst(messages.count).first {
            throw AllowlistError(
                .rotation, file: RotationMessage.path(messages.count + 1), index: missing.index,
                "the message of this rotation is missing", hint: BundleFolder.incompleteHint)
        }
        try checkSigner(head)
        try checkBothSignatures(head, pins: pins, publishedBefore: publishedBefore)
        return named
    }

    /// The key that has signed the checkpoint must be the one that the log names last.
    private func checkSigner(_ head: SignedHead) throws(AllowlistError) {
        guard let last = entries.last, last.entry.newKey != head.signer.spki else { return }
        throw AllowlistError(
            .signerRotated, index: last.index, "the log was handed over to another key than the pinned one",
            hint: "pin the roster, whose members approve rotations, or the new key after you have checked it")
    }

    /// The checkpoint that first covers a planned rotation is signed by the old key as well.
    private func checkBothSignatures(
        _ head: SignedHead, pins: Pins, publishedBefore: UInt64
    ) throws(AllowlistError) {
        guard let last = entries.last, last.index >= publishedBefore, !last.entry.isEmergency else { return }
        do throws(TransparencyLogError) {
            try head.note.check(signedBy: NoteKey(name: pins.origin, spki: last.entry.oldKey))
        } catch {
            throw AllowlistError(
                .rotation, file: SignedHead.notePath, index: last.index,
                "the old key has not signed the checkpoint that hands the log over: \(error.message)")
        }
    }
}
