import Allowlist
import CBOR
import TransparencyLog

/// Grows the bundle in one folder and publishes it under signed checkpoints.
///
/// What is appended is no part of the list until `publish` returns; whoever stops before leaves the
/// published bundle as it was. Entries appended again in the same order after that give the same bytes.
/// One writer at a time: the folder is locked while a writer is open. After any error, `rollback` or a
/// new writer is needed.
public final class BundleWriter {
    public let origin: String
    /// The checkpoint that is published, or nil for a new log.
    public var published: Checkpoint? { bundle.published }

    /// The log's key, which a published rotation replaces.
    private(set) var pins: Pins
    var bundle: GrowingBundle
    /// Authorisations cited since the last publication.
    var cited: Set<Digest32> = []
    private var encoder = CBORWriter(reservingCapacity: 1024)
    private var leaf: [UInt8] = []
    private var isUsable = false

    /// Opens the bundle in `directory`, which is created where it does not exist.
    ///
    /// A publication that was interrupted is finished or dropped first. What is published is checked
    /// against its signature and along the right edge of the tree; the list is not read.
    public init(directory: String, origin: String, logKeySPKI: [UInt8]) throws(AllowlistError) {
        pins = try Pins(origin: origin, logKeySPKI: logKeySPKI, allowRehearsal: true)
        self.origin = origin
        bundle = try GrowingBundle(directory: directory)
        try rollback()
    }

    /// Finishes or drops a publication that was interrupted, with whatever key it was signed.
    ///
    /// A writer does so when it is opened; this is for whoever has to know first with which key.
    public static func settle(directory: String) throws(AllowlistError) {
        guard GrowingBundle.hasBegun(in: directory) else { return }
        _ = try GrowingBundle(directory: directory)
    }

    /// Entries so far, published or not; the index that the next `append` returns.
    public var size: UInt64 { bundle.size }

    /// Forgets everything that was appended since the last publication.
    public func rollback() throws(AllowlistError) {
        isUsable = false
        cited = []
        try bundle.recover()
        let isNew = !bundle.folder.exists(SignedHead.notePath)
        let head = isNew ? nil : try SignedHead(in: BundleFolder(bundle.folder.root), pins: pins)
        try bundle.reset(to: head?.checkpoint)
        isUsable = true
    }

    /// Appends an entry and returns its index.
    ///
    /// The fields are held to their bounds and cited entries must exist. That serials are unique and runs
    /// keep to their quantities is the caller's ledger's concern, and every verifier's.
    @discardableResult
    public func append(_ entry: AllowlistEntry) throws(AllowlistError) -> UInt64 {
        try begin()
        switch entry {
        case .state, .rotateSigner:
            isUsable = true
            throw AllowlistError(.state, "`\(entry.kind.name)` entries are made by publishing")
        default: break
        }
        return try appendChecked(entry)
    }

    /// Appends an entry of any kind but `state` in the middle of something.
    func appendChecked(_ entry: AllowlistEntry) throws(AllowlistError) -> UInt64 {
        let devices: [AllowlistEntry.Add]
        do {
            try check(entry)
            devices = try bundle.subjects(of: entry)
            encoder.reset()
            try entry.encode(into: &encoder)
        } catch {
            // Nothing was changed by a refused entry.
            isUsable = true
            throw error
        }
        let index = try appendEncoded()
        if case .openRun(let run) = entry { cited.insert(run.authorisation) }
        try bundle.collect(devices, at: index)
        isUsable = true
        return index
    }

    /// Appends a device's prepared `add` and returns its index.
    ///
    /// The hot path of a run: nothing is allocated, and the entry is hashed where it was written.
    @discardableResult
    public func append(
        _ device: PreparedAdds.Device, _ adds: PreparedAdds
    ) throws(AllowlistError) -> UInt64 {
        try begin()
        // The octet before the entry makes it a leaf (RFC 6962 §2.1).
        leaf.removeAll(keepingCapacity: true)
        leaf.append(0)
        let serialHash: Digest32
        do throws(AllowlistError) {
            serialHash = try adds.append(device, to: &leaf)
        } catch {
            // Nothing was changed by a refused entry.
            isUsable = true
            throw error
        }
        let hash = Digest32.sha256(leaf)
        let index = try leaf.withUnsafeBufferPointer { (buffer) throws(AllowlistError) in
            try bundle.append(
                UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: buffer[1...])), leaf: hash)
        }
        try bundle.collect(IndexRecord(hash: device.key, index: index), .key)
        try bundle.collect(
            IndexRecord(hash: serialHash, index: index), .serial)
        isUsable = true
        return index
    }

    /// The published or appended entry at `index`.
    public func entry(at index: UInt64) throws(AllowlistError) -> AllowlistEntry {
        try bundle.entry(at: index)
    }

    /// Marks the writer as in the middle of something, so that an error leaves it unusable.
    func begin() throws(AllowlistError) {
        guard isUsable else {
            throw AllowlistError(
                .publication, "the writer stopped at an earlier error",
                hint: "roll back or open the bundle again, then append again from the ledger")
        }
        isUsable = false
    }

    func end() { isUsable = true }

    func appendState(_ state: AllowlistEntry.State) throws(AllowlistError) {
        encoder.reset()
        try AllowlistEntry.state(state).encode(into: &encoder)
        _ = try appendEncoded()
    }

    private func appendEncoded() throws(AllowlistError) -> UInt64 {
        let hash = MerkleTree.leafHash(encoder.bytes)
        return try encoder.bytes.withUnsafeBufferPointer { (entry) throws(AllowlistError) in
            try bundle.append(UnsafeRawBufferPointer(entry), leaf: hash)
        }
    }

    /// The rehearsal flag of an entry agrees with the origin.
    private func check(_ entry: AllowlistEntry) throws(AllowlistError) {
        let isRehearsal: Bool
        switch entry {
        case .openRun(let run): isRehearsal = run.isRehearsal
        case .seal(let seal): isRehearsal = seal.isRehearsal
        case .add, .revoke, .scrap, .replace, .state, .rotateSigner: return
        }
        guard isRehearsal == pins.isRehearsal else {
            throw AllowlistError(
                .rehearsal, "the entry's rehearsal flag does not agree with the origin \(origin)")
        }
    }

    /// From the publication of a rotation on, the log is signed with this key.
    func setPins(_ pins: Pins) { self.pins = pins }
}
