import TransparencyLog

/// Makes receipts from a bundle that was opened, one entry or all of a run.
public struct ReceiptMaker: Sendable {
    /// Which cosignatures of the checkpoint go into a receipt.
    public enum Cosignatures: Hashable, Sendable {
        /// Those that fit into ``Receipt/intendedLength``, in the order of their lines.
        case thatFit
        /// All of them, however long the receipt becomes.
        case all
        /// None; a consumer that pins witnesses refuses such a receipt.
        case none
    }

    private let head: SignedHead
    private let cosignatures: Cosignatures
    private var files: EntryFiles
    private var prover: InclusionProver<EntryFiles>

    /// A maker for the checkpoint of `reader`.
    public init(_ reader: BundleReader, cosignatures: Cosignatures = .thatFit) {
        head = reader.head
        self.cosignatures = cosignatures
        files = EntryFiles(in: reader.bundle, treeSize: reader.checkpoint.size)
        prover = InclusionProver(size: reader.checkpoint.size, source: files)
    }

    /// The receipt of the `add` at `index`, proven to the signed root.
    ///
    /// It shows that the device was listed, not that it still is: whoever hands receipts out looks the device
    /// up first. Throws `entry-mismatch` where the bundle's files do not lead to the signed root, and
    /// `entry-reference` where the entry is no `add`.
    public mutating func receipt(forEntryAt index: UInt64) throws(AllowlistError) -> Receipt {
        try receipt(forEntryAt: index, bytes: files.bytes(at: index))
    }

    /// The same of an entry whose octets were read already.
    mutating func receipt(forEntryAt index: UInt64, bytes: [UInt8]) throws(AllowlistError) -> Receipt {
        let path = try prover.proof(index: index)
        do throws(TransparencyLogError) {
            try Proofs.checkInclusion(
                leaf: MerkleTree.leafHash(bytes), index: index, treeSize: head.checkpoint.size,
                root: head.checkpoint.root, proof: path)
        } catch {
            throw AllowlistError(
                .entryMismatch, file: files.bundlePath(of: index), index: index,
                "the entry cannot be proven against the signed root: \(error.message)",
                hint: "verify the whole bundle to find the damaged file")
        }
        guard case .add = try AllowlistEntry(decoding: bytes) else {
            throw AllowlistError(
                .entryReference, file: files.bundlePath(of: index), index: index, "the entry is not an `add`")
        }
        let others = head.note.signatures.filter { $0.keyName != head.checkpoint.origin }
        var lines = head.note.signatures.filter { $0.keyName == head.checkpoint.origin }
        func made(_ lines: [SignedNote.Signature]) throws(AllowlistError) -> Receipt {
            let note = SignedNote(text: head.note.text, signatures: lines)
            return try Receipt(
                TLogProof(extra: bytes, index: index, hashes: path, checkpoint: note.bytes))
        }
        switch cosignatures {
        case .none: return try made(lines)
        case .all: return try made(head.note.signatures)
        case .thatFit:
            var room = Receipt.intendedLength - (try made(lines)).bytes.count
            for line in others {
                let length = line.line.utf8.count + 1
                guard length <= room else { continue }
                room -= length
                lines.append(line)
            }
            return try made(lines)
        }
    }
}

extension BundleReader {
    /// The receipt of the `add` at `index`; see ``ReceiptMaker/receipt(forEntryAt:)``.
    public func receipt(
        forEntryAt index: UInt64, cosignatures: ReceiptMaker.Cosignatures = .thatFit
    ) throws(AllowlistError) -> Receipt {
        var maker = ReceiptMaker(self, cosignatures: cosignatures)
        return try maker.receipt(forEntryAt: index)
    }
}
