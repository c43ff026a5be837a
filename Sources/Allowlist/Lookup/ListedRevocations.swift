import TransparencyLog

/// Every revocation that a published list holds, proven to its signed root.
///
/// This is what an issuer's certificate revocation list is made from: who reads it so misses none, even
/// where somebody took entries out of the files. It reads the whole list, some seconds a million devices.
public struct ListedRevocations: Sendable {
    /// A certificate that a `revoke` entry names.
    public struct Certificate: Hashable, Sendable {
        /// The content octets of the certificate's serialNumber INTEGER.
        public let serialNumber: [UInt8]
        /// The issuer's subject key identifier.
        public let authorityKeyID: [UInt8]
        public let reason: RevocationReason
        /// UTC seconds since 1970.
        public let effectiveAt: UInt64
        /// Whether it may exist although its device was never released.
        public let isBurned: Bool
        /// The index of the `revoke`.
        public let entryIndex: UInt64
    }

    public let checkpoint: Checkpoint
    /// In the order of the log; a certificate that was revoked twice is here once, as it was first.
    public let certificates: [Certificate]

    /// Reads the bundle in the folder `directory`.
    public init(directory: String, pins: Pins) throws(AllowlistError) {
        try self.init(in: BundleFolder(directory), pins: pins)
    }

    /// Reads the bundle; throws where it is not what the pinned key signed.
    public init(in folder: any BundleSource, pins: Pins) throws(AllowlistError) {
        let head = try SignedHead(in: folder, pins: pins)
        checkpoint = head.checkpoint
        var files = EntryFiles(in: folder, treeSize: checkpoint.size)
        var scan = TreeScan(folder: folder, checkpoint: checkpoint)
        var found: [(index: UInt64, revoke: AllowlistEntry.Revoke)] = []
        try scan.run { (index, bundle, range) throws(AllowlistError) in
            // Deterministic encoding puts the kind at the fifth octet; nearly all entries are of another one.
            guard range.count > 4, bundle[range.lowerBound + 4] == UInt8(AllowlistEntry.Kind.revoke.rawValue),
                case .revoke(let revoke) = try AllowlistEntry(decoding: bundle, range: range)
            else { return }
            found.append((index, revoke))
        }
        var seen: Set<[UInt8]> = []
        var certificates: [Certificate] = []
        for (index, revoke) in found {
            let (serial, issuer, isBurned): ([UInt8], [UInt8], Bool)
            switch revoke.subject {
            case .burned(let certificateSerial, let authorityKeyID):
                (serial, issuer, isBurned) = (certificateSerial, authorityKeyID, true)
            case .device(let cited):
                // The scan has proven all entries, so the cited one, too.
                let device = try files.device(at: cited)
                (serial, issuer, isBurned) = (device.certificateSerial, device.authorityKeyID, false)
            }
            guard seen.insert([UInt8(issuer.count)] + issuer + serial).inserted else { continue }
            certificates.append(
                Certificate(
                    serialNumber: serial, authorityKeyID: issuer, reason: revoke.reason,
                    effectiveAt: revoke.effectiveAt, isBurned: isBurned, entryIndex: index))
        }
        self.certificates = certificates
    }
}
