import TransparencyLog

/// How many receipts a run's devices gave.
public struct RunReceipts: Hashable, Sendable {
    /// Receipts made.
    public var made: UInt64 = 0
    /// Devices left out because they were revoked, scrapped or replaced.
    public var withdrawn: UInt64 = 0
}

extension BundleReader {
    /// Makes the receipt of every device of a run that is still listed and hands it on, in the log's order.
    ///
    /// Each entry handed on is proven to the signed root. That an event about a device is not overlooked rests
    /// on the files: verify the bundle before. `progress` is told the entries read, of all that will be. Throws
    /// `run` where the log has no such run.
    public func receipts(
        ofRun run: String, cosignatures: ReceiptMaker.Cosignatures = .thatFit,
        progress: (_ read: UInt64, _ total: UInt64) -> Void = { _, _ in },
        visit: (AllowlistEntry.Add, Receipt) throws -> Void
    ) throws -> RunReceipts {
        let size = checkpoint.size
        var files = EntryFiles(in: bundle, treeSize: size)
        var opening: UInt64?
        var withdrawn: Set<UInt64> = []
        for index in 0..<size {
            if index & 0xffff == 0 { progress(index, 2 * size) }
            let bytes = try files.bytes(at: index)
            guard Self.kindByte(of: bytes) != UInt8(AllowlistEntry.Kind.add.rawValue) else { continue }
            switch try AllowlistEntry(decoding: bytes) {
            case .openRun(let opened) where opened.run == run: opening = index
            case .revoke(let revoke):
                if case .device(let device) = revoke.subject { withdrawn.insert(device) }
            case .scrap(let scrap): withdrawn.insert(scrap.index)
            case .replace(let replace): withdrawn.insert(replace.priorIndex)
            default: continue
            }
        }
        guard let opening else {
            throw AllowlistError(
                .run, "the list has no run \(run)", hint: "`allowlist verify` names its runs")
        }
        var counts = RunReceipts()
        var maker = ReceiptMaker(self, cosignatures: cosignatures)
        for index in opening..<size {
            if index & 0xffff == 0 { progress(size + index, 2 * size) }
            let bytes = try files.bytes(at: index)
            guard Self.kindByte(of: bytes) == UInt8(AllowlistEntry.Kind.add.rawValue),
                case .add(let device) = try AllowlistEntry(decoding: bytes), device.run == run
            else { continue }
            guard !withdrawn.contains(index) else {
                counts.withdrawn += 1
                continue
            }
            try visit(device, try maker.receipt(forEntryAt: index, bytes: bytes))
            counts.made += 1
        }
        progress(2 * size, 2 * size)
        return counts
    }

    /// Deterministic encoding puts the kind at the fifth octet, where it is read without the rest.
    private static func kindByte(of entry: [UInt8]) -> UInt8? { entry.count > 4 ? entry[4] : nil }
}
