import SignedStatements
import TransparencyLog

/// Whether a log's `rotate-signer` entries and the messages of its bundle belong together.
struct RotationEntries {
    let checkpoint: Checkpoint
    let bundle: any BundleSource

    /// Throws unless the entry says what the message says, and stands where the message allows it.
    func check(
        _ entry: AllowlistEntry.RotateSigner, at index: UInt64, is message: RotationMessage
    ) throws(AllowlistError) {
        let statement = message.statement
        guard entry.authorisation == message.digest, statement.oldKey == Digest32.sha256(entry.oldKey).bytes,
            statement.newKeyInfo == entry.newKey, statement.isEmergency == entry.isEmergency,
            UInt64(statement.treeSize) == entry.trustedSize, statement.rootHash == entry.trustedRoot.bytes,
            statement.isCurrent(at: Int64(clamping: entry.rotatedAt))
        else { throw refusal(index, "the entry does not say what the message \(message.path) says") }
        guard entry.trustedSize == index || !entry.isEmergency && entry.trustedSize < index else {
            throw refusal(
                index,
                entry.isEmergency
                    ? "an emergency rotation follows the last trusted tree at once, of \(entry.trustedSize) entries"
                    : "the last trusted tree is a later one, of \(entry.trustedSize) entries")
        }
        try checkExtends(entry, at: index)
    }

    /// Throws unless the checkpoint's tree extends the one that the rotation trusts.
    private func checkExtends(_ entry: AllowlistEntry.RotateSigner, at index: UInt64) throws(AllowlistError) {
        var tree = TiledTree(
            size: checkpoint.size, source: EntryFiles(in: bundle, treeSize: checkpoint.size))
        let proof = try tree.consistencyProof(from: entry.trustedSize)
        do throws(TransparencyLogError) {
            try Proofs.checkConsistency(
                olderSize: entry.trustedSize, olderRoot: entry.trustedRoot, newerSize: checkpoint.size,
                newerRoot: checkpoint.root,
                proof: proof)
        } catch {
            throw refusal(index, "the tree does not extend the one that the rotation trusts")
        }
    }

    /// The old key of the message's entry, which must be in the tree, and the entry's index.
    ///
    /// It is looked for from `start` on, where a full verification knows every entry. In an emergency it has one place.
    func find(_ message: RotationMessage, from start: UInt64) throws(AllowlistError) -> UInt64 {
        var files = EntryFiles(in: bundle, treeSize: checkpoint.size)
        var index = max(start, UInt64(message.statement.treeSize))
        let end = message.statement.isEmergency ? min(index + 1, checkpoint.size) : checkpoint.size
        while index < end {
            if case .rotateSigner(let entry) = try files.entry(at: index),
                entry.authorisation == message.digest
            {
                let proven = try files.provenEntry(at: index, root: checkpoint.root)
                guard proven == .rotateSigner(entry) else { break }
                try check(entry, at: index, is: message)
                return index
            }
            index += 1
        }
        throw AllowlistError(
            .signerFuture, file: SignedHead.notePath,
            "the checkpoint is signed by a key whose rotation, \(message.path), is not in its tree",
            hint: "do not use this bundle; take it again from its publisher")
    }

    private func refusal(_ index: UInt64, _ message: String) -> AllowlistError {
        AllowlistError(
            .rotation, index: index, message,
            hint: "do not use this bundle; ask the log's owner, by another way, which key signs it")
    }
}
