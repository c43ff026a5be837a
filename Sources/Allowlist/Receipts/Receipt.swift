import TransparencyLog

/// A device's proof that it is listed, in the form of C2SP tlog-proof with the entry in the `extra` line.
///
/// Nothing in it is to be believed before ``verify(pins:device:serialKey:)`` has returned.
public struct Receipt: Hashable, Sendable {
    /// Octets that a receipt is meant to keep to, so that a device can carry it.
    public static let intendedLength = 2048

    /// The proof as received; `extra` is the entry's octets.
    public let proof: TLogProof
    /// The entry's octets, unproven.
    let entry: [UInt8]

    /// Throws `receipt-malformed` where the proof carries no entry that could be in a log.
    init(_ proof: TLogProof) throws(AllowlistError) {
        guard let entry = proof.extra, entry.count <= EntryFraming.maximumEntryLength else {
            throw AllowlistError(
                .receiptMalformed, "the proof carries no entry in its extra line", hint: Self.malformedHint)
        }
        self.proof = proof
        self.entry = entry
    }

    /// Reads a `.tlog-proof` file; throws `receipt-malformed` where it is not in the one form there is.
    public init(parsing bytes: [UInt8]) throws(AllowlistError) {
        let proof: TLogProof
        do throws(TransparencyLogError) {
            proof = try TLogProof(parsing: bytes)
        } catch {
            throw AllowlistError(.receiptMalformed, error.message, hint: Self.malformedHint)
        }
        try self.init(proof)
    }

    /// The file's octets.
    public var bytes: [UInt8] { proof.bytes }

    /// Whether the file keeps to the intended length.
    public var isOfIntendedLength: Bool { bytes.count <= Self.intendedLength }

    /// Checks that the pinned log lists the device, from the pins and this receipt alone.
    ///
    /// The checkpoint is checked first, then that the entry's leaf hash is in its tree, and only then is the
    /// entry read and compared with the device that presents itself. Throws the codes of a checkpoint,
    /// `receipt-malformed`, `receipt-proof` where the entry is not in the tree, and `receipt-device` where it
    /// lists another device. Without a device, `keyChecked` is false and nobody is identified. In a log of hashed
    /// serials the device's serial is compared where its `serialKey` is given, and else `serialChecked` is false.
    public func verify(
        pins: Pins, device: PresentedDevice? = nil, serialKey: SerialKey? = nil
    ) throws(AllowlistError) -> ReceiptAnswer {
        let head = try SignedHead(note: proof.checkpoint, pins: pins)
        do throws(TransparencyLogError) {
            try proof.check(leaf: MerkleTree.leafHash(entry), in: head.checkpoint)
        } catch {
            throw AllowlistError(
                .receiptProof, index: proof.index, "the entry is not in the signed tree: \(error.message)",
                hint: "do not accept the device on this receipt; ask for another or look it up in the list")
        }
        let read: AllowlistEntry
        do {
            read = try AllowlistEntry(decoding: entry)
        } catch {
            throw error.at(index: proof.index)
        }
        guard case .add(let listed) = read else {
            throw AllowlistError(
                .receiptMalformed, index: proof.index,
                "the entry is in the tree, but it is a `\(read.kind.name)` and lists no device",
                hint: Self.malformedHint)
        }
        if let device { try Self.compare(listed, at: proof.index, with: device, serialKey) }
        let isComparable = listed.serial.form == .plain || serialKey != nil
        return ReceiptAnswer(
            checkpoint: head.checkpoint, entryIndex: proof.index, device: listed,
            keyChecked: device != nil, certificateChecked: device?.certificate != nil,
            serialChecked: device?.serial != nil && isComparable, cosigned: head.cosigned)
    }

    private static func compare(
        _ listed: AllowlistEntry.Add, at index: UInt64, with device: PresentedDevice, _ serialKey: SerialKey?
    ) throws(AllowlistError) {
        var difference: String?
        // By octets: two spellings of a character that Unicode calls equivalent are two serials.
        if let product = device.product, !product.utf8.elementsEqual(listed.product.utf8) {
            difference = "product"
        }
        if let serial = device.serial, listed.serial.isOther(than: serial, serialKey) {
            difference = "serial"
        }
        if let certificate = device.certificate, certificate != listed.certificate {
            difference = "certificate"
        }
        if device.key != listed.key { difference = "key" }
        guard let difference else { return }
        throw AllowlistError(
            .receiptDevice, index: index, "the receipt is of a device with another \(difference)",
            hint: "a receipt copied from another device proves nothing about this one")
    }

    private static let malformedHint = "take the receipt again from where it was made"
}

extension ListedSerial {
    /// Whether this is surely another serial; false as well where nothing can be said without the serial key.
    func isOther(than serial: String, _ key: SerialKey?) -> Bool {
        switch self {
        case .plain(let listed): !serial.utf8.elementsEqual(listed.utf8)
        case .hashed(let hash): key.map { $0.hash(of: serial) != hash } ?? false
        }
    }
}

/// What a receipt has shown.
public struct ReceiptAnswer: Hashable, Sendable {
    /// The signed tree in which the device is listed.
    public let checkpoint: Checkpoint
    /// The index of the device's `add`.
    public let entryIndex: UInt64
    /// The device's `add`.
    public let device: AllowlistEntry.Add
    /// Whether the presented device's key was compared; without, the receipt may be a copy.
    public let keyChecked: Bool
    public let certificateChecked: Bool
    public let serialChecked: Bool
    /// The pinned witnesses that cosigned the checkpoint, and when.
    public let cosigned: [WitnessQuorum.Cosigned]

    /// What a receipt cannot show.
    public var limits: [ProofLimit] { [.events, .newestCheckpoint, .quantities] }
}
