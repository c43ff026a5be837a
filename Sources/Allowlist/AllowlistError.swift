/// The refusal of a bundle, an entry or a question about one.
public struct AllowlistError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A stable reason; the raw value is part of the command line's JSON.
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// The pinned origin or log key cannot be used.
        case pins
        /// A file of the bundle is not there.
        case fileMissing = "file-missing"
        /// A file cannot be read or written; the message carries the system's reason.
        case fileAccess = "file-access"
        /// A file has another size than its place in the bundle demands.
        case fileSize = "file-size"
        /// `checkpoint` is not a signed note over a checkpoint.
        case checkpointMalformed = "checkpoint-malformed"
        /// `checkpoint` or `checkpoint.p7s` is not signed by the pinned key.
        case checkpointSignature = "checkpoint-signature"
        /// `checkpoint` is of another log.
        case checkpointOrigin = "checkpoint-origin"
        /// `checkpoint.txt` is not the text of `checkpoint`.
        case checkpointText = "checkpoint-text"
        /// The log is a rehearsal and the consumer did not allow that.
        case rehearsal
        /// A hash tile is not what the signed tree holds.
        case tileMismatch = "tile-mismatch"
        /// An entry is not what the signed tree holds.
        case entryMismatch = "entry-mismatch"
        /// The framing of an entry bundle is broken.
        case entriesMalformed = "entries-malformed"
        /// Neither entries nor tiles lead to the signed root.
        case rootMismatch = "root-mismatch"
        /// An entry is not in the one form that the specification allows.
        case entryMalformed = "entry-malformed"
        /// An entry cites another one that is not what it must be.
        case entryReference = "entry-reference"
        /// An entry stands outside its run, or disagrees with it.
        case run
        /// More devices than the run's authorisation allows.
        case quantity
        /// A seal does not say what the log holds.
        case seal
        /// A serial, key or certificate occurs twice.
        case duplicate
        /// The last entry is not a `state` over all entries before it.
        case state
        /// An index segment is not what the `state` entry or the log says.
        case segment
        /// A cited authorisation does not have the digest it is cited by.
        case authorisation
        /// An authorisation is not by the pinned roster's quorum and the run authority, or does not fit its run.
        case approval
        /// The checkpoint is older than the consumer allows, or ahead of the consumer's clock.
        case stale
        /// The checkpoint is signed by a key that was rotated out.
        case signerRotated = "signer-rotated"
        /// The checkpoint is signed by a key that the log's rotations name and that this tree does not name yet.
        case signerFuture = "signer-future"
        /// A rotation's message or entry is not valid, or the two do not belong together.
        case rotation
        /// The bundle's rosters are no chain that holds the pinned one.
        case roster
        /// A serial that several products use was asked for without its product.
        case ambiguousSerial = "ambiguous-serial"
        /// The bundle is older than the checkpoint that was kept.
        case checkpointOlder = "checkpoint-older"
        /// Not an extension of the checkpoint that was kept: the same size with another root, or another history.
        case checkpointFork = "checkpoint-fork"
        /// A delta does not begin at or below what the receiver has.
        case deltaBase = "delta-base"
        /// A delta is not in its form.
        case delta
        /// A log of hashed serials was asked for a serial alone, without its serial key.
        case serialKey = "serial-key"
        /// A `.tar` is not in the strict form; the offset counts from the archive's start.
        case archive
        /// The bundle grew or was replaced while it was read.
        case bundleChanged = "bundle-changed"
        /// An output is there already, or cannot be made.
        case cannotCreate = "cannot-create"
        /// Fewer of the pinned witnesses cosigned the checkpoint than must have.
        case witnessQuorum = "witness-quorum"
        /// A line that claims to be by a pinned witness does not verify.
        case witnessSignature = "witness-signature"
        /// A witness's own file is not what it wrote, is about another log, or is ahead of the clock.
        case witnessState = "witness-state"
        /// A receipt is not in its one form, or proves an entry that lists no device.
        case receiptMalformed = "receipt-malformed"
        /// A receipt's entry is not in the signed tree.
        case receiptProof = "receipt-proof"
        /// A receipt or an absence proof is good, but of another device than the one presented.
        case receiptDevice = "receipt-device"
        /// An absence proof is not in its one form.
        case absenceMalformed = "absence-malformed"
        /// An absence proof does not lead to the signed root, or leaves room for the device.
        case absenceProof = "absence-proof"
        /// A bundle is being written by somebody else, or was left in the middle of a publication.
        case publication
    }

    public var code: Code
    /// The path inside the bundle, where one file is at fault.
    public var file: String?
    /// The tree index of the entry at fault; for tiles above level 0 the first entry below the hash.
    public var index: UInt64?
    /// Bytes from the start of the file, or of the entry where `index` is set.
    public var offset: Int?
    public var message: String
    /// The next action of the person who sees the error.
    public var hint: String?

    public init(
        _ code: Code, file: String? = nil, index: UInt64? = nil, offset: Int? = nil, _ message: String,
        hint: String? = nil
    ) {
        self.code = code
        self.file = file
        self.index = index
        self.offset = offset
        self.message = message
        self.hint = hint
    }

    public var description: String {
        var subject = file ?? ""
        if let index { subject += (subject.isEmpty ? "" : ", ") + "entry \(index)" }
        if let offset { subject += (subject.isEmpty ? "" : ", ") + "byte \(offset)" }
        return (subject.isEmpty ? "" : subject + ": ") + "\(message) [\(code.rawValue)]"
    }

    /// The same error with its place filled in where it has none yet.
    func at(file: String? = nil, index: UInt64? = nil) -> AllowlistError {
        var error = self
        if error.file == nil { error.file = file }
        if error.index == nil { error.index = index }
        return error
    }
}
