import TransparencyLog

/// A bundle's checkpoint after its signature was checked against the pins.
public struct SignedHead: Sendable {
    public let checkpoint: Checkpoint
    /// The note as received, with every signature line.
    public let note: SignedNote
    /// The key that has signed it: the pinned one, or the one to which rotations lead from there.
    public let signer: NoteKey

    public static let notePath = "checkpoint"
    public static let textPath = "checkpoint.txt"
    public static let cmsPath = "checkpoint.p7s"

    /// Reads `checkpoint` and checks it: with a pinned roster, under the key to which the bundle's rotations lead from
    /// the pinned one, and else under the pinned one. Then `checkpoint.txt` must be its text byte for byte and
    /// `checkpoint.p7s` must exist. What the CMS signature says is checked elsewhere.
    public init(in bundle: any BundleSource, pins: Pins) throws(AllowlistError) {
        let bytes = try bundle.bytes(of: Self.notePath, maximum: SignedNote.maximumLength)
        do throws(TransparencyLogError) {
            note = try SignedNote(parsing: bytes)
            checkpoint = try Checkpoint(text: note.text)
        } catch {
            throw AllowlistError(
                .checkpointMalformed, file: Self.notePath, error.message,
                hint: BundleFolder.incompleteHint)
        }
        guard checkpoint.origin == pins.origin else {
            throw AllowlistError(
                .checkpointOrigin, file: Self.notePath,
                "the checkpoint is of \"\(checkpoint.origin)\", not of \"\(pins.origin)\"",
                hint: "check the pinned origin, and that this is the bundle you wanted")
        }
        let signers = try SignerChain(in: bundle, pins: pins)
        signer = try signers.signer(of: note)
        guard pins.allowRehearsal || !pins.isRehearsal else {
            throw AllowlistError(
                .rehearsal, file: Self.notePath, "this log is a rehearsal; its devices are not real",
                hint: "use --allow-rehearsal only to practise")
        }
        let text = try bundle.bytes(of: Self.textPath, maximum: SignedNote.maximumLength)
        guard text == note.text else {
            throw AllowlistError(
                .checkpointText, file: Self.textPath, "the file is not the text of `checkpoint`",
                hint: "a publication may have been interrupted; open the log with its writer once, or take "
                    + "the bundle again")
        }
        let cms = try bundle.open(Self.cmsPath)
        guard cms.byteCount > 0 else {
            throw AllowlistError(.fileSize, file: Self.cmsPath, "the file is empty")
        }
        try signers.requireEntries(checkpoint, in: bundle)
    }
}
