/// The framing of entry bundles: each entry behind its length as a big-endian uint16 (C2SP tlog-tiles).
public enum EntryFraming {
    public static let maximumEntryLength = 0xffff

    /// Appends `entry` to the bytes of a bundle.
    public static func append(_ entry: [UInt8], to bundle: inout [UInt8]) throws(TransparencyLogError) {
        guard entry.count <= maximumEntryLength else {
            throw TransparencyLogError(.entryTooLong, "the entry has \(entry.count) bytes, at most 65535 fit")
        }
        bundle.append(UInt8(entry.count >> 8))
        bundle.append(UInt8(entry.count & 0xff))
        bundle.append(contentsOf: entry)
    }

    /// The range of the entry whose length prefix begins at `offset`, or nil where the bytes end before it.
    public static func entry(in bundle: [UInt8], at offset: Int) -> Range<Int>? {
        guard offset >= 0, bundle.count - offset >= 2 else { return nil }
        let length = Int(bundle[offset]) << 8 | Int(bundle[offset + 1])
        guard bundle.count - offset - 2 >= length else { return nil }
        return offset + 2..<offset + 2 + length
    }

    /// The ranges of exactly `count` entries that fill the whole bundle.
    public static func entries(
        in bundle: [UInt8], count: Int
    ) throws(TransparencyLogError) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(count)
        var offset = 0
        for position in 0..<count {
            guard let range = entry(in: bundle, at: offset) else {
                throw TransparencyLogError(
                    .entriesMalformed, "the bundle ends inside its entry \(position) of \(count)")
            }
            ranges.append(range)
            offset = range.upperBound
        }
        guard offset == bundle.count else {
            throw TransparencyLogError(.entriesMalformed, "the bundle goes on after its \(count) entries")
        }
        return ranges
    }
}
