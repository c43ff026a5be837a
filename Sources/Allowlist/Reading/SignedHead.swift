import TransparencyLog

/// A bundle's checkpoint after its signature was checked against the pins.
public struct SignedHead: Sendable {
    public let checkpoint: Checkpoint
    /// The note as received, with every signature line.
    public let note: SignedNote
    /// The bytes of `checkpoint` as they were read.
    let received: [UInt8]
    /// When the log's key says that it signed `checkpoint.txt`: UTC seconds since 1970.
    ///
    /// Nil for a checkpoint by itself, as a receipt carries it: only its cosignatures then have a time.
    public private(set) var signedAt: UInt64?
    /// The pinned witnesses that cosigned the checkpoint, and when; empty where none is pinned.
    public let cosigned: [WitnessQuorum.Cosigned]
    /// The key that has signed it: the pinned one, or the one to which rotations lead from there.
    public let signer: NoteKey
    /// The keys that are trusted one after the other, of which `signer` is the last.
    let signers: SignerChain

    public static let notePath = "checkpoint"
    public static let textPath = "checkpoint.txt"
    public static let cmsPath = "checkpoint.p7s"

    /// Reads `checkpoint` and checks it: with a pinned roster, under the key to which the bundle's rotations lead from
    /// the pinned one, and else under the pinned one. Then `checkpoint.txt` must be its text byte for byte,
    /// `checkpoint.p7s` must be that key's signature over it, and the checkpoint no older than is pinned.
    public init(in bundle: any BundleSource, pins: Pins) throws(AllowlistError) {
        let bytes = try bundle.bytes(of: Self.notePath, maximum: SignedNote.maximumLength)
        let signers = try SignerChain(in: bundle, pins: pins)
        try self.init(parsing: bytes, pins: pins, signers: signers)
        let head = self
        signedAt = try head.reading(bundle) { () throws(AllowlistError) in
            try signers.requireEntries(head.checkpoint, in: bundle)
            return try head.signingTime(in: bundle, by: head.signer.spki)
        }
        try requireFresh(under: pins)
    }

    /// Compares `checkpoint.txt` with the note and checks `checkpoint.p7s`, which says when it was signed.
    private func signingTime(
        in bundle: any BundleSource, by logKey: [UInt8]
    ) throws(AllowlistError) -> UInt64 {
        let text = try bundle.bytes(of: Self.textPath, maximum: SignedNote.maximumLength)
        guard text == note.text else {
            throw AllowlistError(
                .checkpointText, file: Self.textPath, "the file is not the text of `checkpoint`",
                hint: "a publication may have been interrupted; open the log with its writer once, or take "
                    + "the bundle again")
        }
        let cms = try bundle.bytes(of: Self.cmsPath, maximum: CheckpointSignature.maximumLength)
        return try CheckpointSignature(cms, over: text, by: logKey).signingTime
    }

    /// The time by which a checkpoint's age is judged: what the pinned quorum of witnesses vouches for, else
    /// ``signedAt``.
    public func time(under pins: Pins) -> UInt64? {
        pins.witnesses.flatMap { cosigned.time(of: $0.quorum) } ?? signedAt
    }

    /// Checks the note of a checkpoint by itself, as a receipt carries it: its form, its origin, the pinned
    /// key's signature, that it is no rehearsal unless allowed, the quorum of witnesses where one is pinned, and
    /// its age by their time.
    public init(note bytes: [UInt8], pins: Pins) throws(AllowlistError) {
        try self.init(parsing: bytes, pins: pins, signers: SignerChain(pins))
        try requireFresh(under: pins)
    }

    private func requireFresh(under pins: Pins) throws(AllowlistError) {
        guard pins.maxAge != nil else { return }
        guard let time = time(under: pins) else {
            throw AllowlistError(
                .stale, file: Self.notePath, "nothing says when this checkpoint was signed",
                hint: "pin witnesses, whose cosignatures carry a time, or ask without a maximum age")
        }
        try pins.requireFresh(time)
    }

    private init(parsing bytes: [UInt8], pins: Pins, signers: SignerChain) throws(AllowlistError) {
        received = bytes
        do throws(TransparencyLogError) {
            note = try SignedNote(parsing: bytes)
            checkpoint = try Checkpoint(text: note.text)
        } catch {
            throw AllowlistError(
                .checkpointMalformed, file: Self.notePath, error.message,
                hint: BundleFolder.incompleteHint)
        }
        guard checkpoint.origin.isSpelled(pins.origin) else {
            throw AllowlistError(
                .checkpointOrigin, file: Self.notePath,
                "the checkpoint is of \"\(checkpoint.origin)\", not of \"\(pins.origin)\"",
                hint: "check the pinned origin, and that this is the bundle you wanted")
        }
        self.signers = signers
        signer = try signers.signer(of: note)
        if let key = pins.ed25519Key {
            do throws(TransparencyLogError) {
                try note.check(signedBy: key)
            } catch {
                throw AllowlistError(
                    .checkpointSignature, file: Self.notePath, error.message,
                    hint: "check the pinned Ed25519 key; if it is right, do not use this bundle")
            }
        }
        guard pins.allowRehearsal || !pins.isRehearsal else {
            throw AllowlistError(
                .rehearsal, file: Self.notePath, "this log is a rehearsal; its devices are not real",
                hint: "use --allow-rehearsal only to practise")
        }
        do throws(AllowlistError) {
            cosigned = try pins.witnesses?.check(note) ?? []
        } catch {
            throw error.at(file: Self.notePath)
        }
    }
}
