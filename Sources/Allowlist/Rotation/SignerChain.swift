import SignedStatements
import TransparencyLog

/// The keys that a consumer trusts one after the other: the pinned one and those to which rotations, approved under
/// the pinned roster, lead from it.
struct SignerChain {
    /// The pinned key first, the present one last; never empty.
    let keys: [NoteKey]
    /// The rotation from each key to the next.
    let messages: [RotationMessage]

    /// The pinned key alone, for a checkpoint that comes without its bundle.
    init(_ pins: Pins) {
        keys = [pins.logKey]
        messages = []
    }

    /// Walks from the pinned key; without a pinned roster there is nowhere to go.
    init(in bundle: any BundleSource, pins: Pins) throws(AllowlistError) {
        var keys = [pins.logKey]
        var walked: [RotationMessage] = []
        let messages = pins.roster == nil ? [] : try RotationMessage.all(in: bundle, pins: pins)
        if let pinned = pins.roster, !messages.isEmpty {
            let rosters = try BundleRosters.chain(in: bundle, pinned: pinned, isRehearsal: pins.isRehearsal)
            var place = rosters.place(of: pinned.bytes) ?? 0
            for message in messages {
                let key = keys[keys.count - 1]
                guard message.statement.oldKey == Digest32.sha256(key.spki).bytes else { continue }
                let named = try message.verify(by: rosters, oldKey: key.spki)
                // Who was retired by the pinned version, or by the one of the rotation before, names no key any more.
                guard named >= place else {
                    throw message.refusal("the rotation is approved under a roster that was replaced before")
                }
                place = named
                keys.append(try Self.key(message, pins))
                walked.append(message)
            }
        }
        self.keys = keys
        self.messages = walked
    }

    private static func key(_ message: RotationMessage, _ pins: Pins) throws(AllowlistError) -> NoteKey {
        do {
            return try NoteKey(name: pins.origin, spki: message.statement.newKeyInfo)
        } catch {
            throw message.refusal(error.message)
        }
    }

    /// The key that has signed the checkpoint, which must be the present one.
    func signer(of note: SignedNote) throws(AllowlistError) -> NoteKey {
        let present = keys[keys.count - 1]
        do throws(TransparencyLogError) {
            try note.check(signedBy: present)
            return present
        } catch {
            if keys.dropLast().contains(where: { (try? note.check(signedBy: $0)) != nil }) {
                throw AllowlistError(
                    .signerRotated, file: SignedHead.notePath,
                    "the checkpoint is signed by a key that was rotated out",
                    hint:
                        "do not use this bundle: whoever has the old key may have made it, or a publication was "
                        + "interrupted, which its writer completes; take the newest from its publisher")
            }
            throw AllowlistError(
                .checkpointSignature, file: SignedHead.notePath, error.message,
                hint: "check the pinned log key; if it is right, do not use this bundle")
        }
    }

    /// Throws unless every rotation that was walked is in the checkpoint's tree.
    func requireEntries(_ checkpoint: Checkpoint, in bundle: any BundleSource) throws(AllowlistError) {
        let entries = RotationEntries(checkpoint: checkpoint, bundle: bundle)
        var start: UInt64 = 0
        for message in messages { start = try entries.find(message, from: start) + 1 }
    }
}
