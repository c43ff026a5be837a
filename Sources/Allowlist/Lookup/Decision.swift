import TransparencyLog

/// The short answer to the question whether a serial and a key are those of one listed device.
public struct Decision: Hashable, Sendable {
    public let status: LookupAnswer.Status
    /// The index of the device's `add`; nil where it is not listed.
    public let entryIndex: UInt64?

    /// Whether the device may be accepted: listed, and neither revoked, scrapped nor replaced since.
    public var isListed: Bool { status == .listed }

    init(_ status: LookupAnswer.Status, entryIndex: UInt64?) {
        self.status = status
        self.entryIndex = entryIndex
    }
}

extension BundleReader {
    /// Decides about a device by its serial and SHA-256 of its key's SubjectPublicKeyInfo, in about a microsecond.
    ///
    /// This is `lookup` without its details. Where the index was checked, or the bundle verified, it is the answer
    /// for nearly every device: the index has one record under the key, and the same entry under the serial, so
    /// that entry lists just this device and nothing happened to it since. Entries are read, and proven, only where
    /// there are more records than one, or where the index was not checked. Any number of threads may ask.
    ///
    /// A log of hashed serials needs its `serialKey`; without one the key alone decides, as in `lookup`.
    public func decide(
        serial: String, key: Digest32, serialKey: SerialKey? = nil
    ) throws(AllowlistError) -> Decision {
        if isIndexChecked, serials != .hashed || serialKey != nil {
            let hash =
                serials == .hashed
                ? serialKey?.hash(of: serial) ?? Digest32() : IndexRecord.serialHash(of: serial)
            switch live.entries(key: key, serial: hash) {
            case .nothing: return Decision(.notListed, entryIndex: nil)
            case .one(let index): return Decision(.listed, entryIndex: index)
            case .several: break
            }
        }
        let answer = try lookup(serial: serial, key: key, serialKey: serialKey)
        return Decision(answer.status, entryIndex: answer.entryIndex)
    }
}
