import TransparencyLog

/// Reads stretches of level-0 tiles with their entries, and gathers what does not depend on their order.
struct StretchReader: Sendable {
    /// What one stretch holds.
    struct Stretch: Sendable {
        /// The tiles' widths and roots.
        var roots: [(width: Int, root: Digest32)] = []
        var items: [TreePass.Item] = []
    }

    let bundle: any BundleSource
    let treeSize: UInt64
    /// The records of all `add` entries so far.
    private(set) var index: IndexFacts
    /// Their certificates.
    private(set) var certificates: CertificateUniqueness
    private var adds = AddReader()
    private var leaves: [Digest32] = []

    init(
        bundle: any BundleSource, treeSize: UInt64, index: IndexFacts, certificates: CertificateUniqueness
    ) {
        self.bundle = bundle
        self.treeSize = treeSize
        self.index = index
        self.certificates = certificates
    }

    /// The stretch with this number, or nil where something in it is not as it must be.
    mutating func read(_ number: Int) -> Stretch? {
        var stretch = Stretch()
        let first = UInt64(number * TreePass.tilesPerStretch)
        for number in first..<first + UInt64(TreePass.tilesPerStretch) {
            guard let tile = Tile(.hashes(level: 0), index: number, treeSize: treeSize),
                let entries = Tile(.entries, index: number, width: tile.width)
            else { break }
            guard let hashes = try? bundle.bytes(of: tile.path, count: tile.width * Digest32.byteCount),
                var content = try? bundle.bytes(of: entries.path, maximum: EntryFiles.maximumBundle),
                let root = read(
                    &content, hashes, first: number * UInt64(Tile.fullWidth), into: &stretch.items)
            else { return nil }
            stretch.roots.append((tile.width, root))
        }
        return stretch
    }

    /// Reads a bundle of entries whose leaf hashes stand in a tile; answers the tile's root.
    private mutating func read(
        _ content: inout [UInt8], _ hashes: [UInt8], first: UInt64, into items: inout [TreePass.Item]
    ) -> Digest32? {
        let width = hashes.count / Digest32.byteCount
        leaves.removeAll(keepingCapacity: true)
        var count: UInt64 = 0
        let isRight = content.withUnsafeMutableBytes { content in
            hashes.withUnsafeBytes { hashes in
                var offset = 0
                for position in 0..<width {
                    guard content.count - offset >= 2 else { return false }
                    let length = Int(content[offset]) << 8 | Int(content[offset + 1])
                    guard content.count - offset - 2 >= length else { return false }
                    // The octet before the entry makes it a leaf (RFC 6962 §2.1).
                    content[offset + 1] = 0
                    let range = offset + 2..<offset + 2 + length
                    let leaf = Digest32.sha256(
                        UnsafeRawBufferPointer(rebasing: content[offset + 1..<range.upperBound]))
                    guard leaf == Digest32(hashes, at: position * Digest32.byteCount) else { return false }
                    leaves.append(leaf)
                    let entry = UnsafeRawBufferPointer(rebasing: content[range])
                    guard take(entry, at: first + UInt64(position), &count, &items) else { return false }
                    offset = range.upperBound
                }
                return offset == content.count
            }
        }
        guard isRight else { return nil }
        endAdds(&count, &items)
        return leaves.withUnsafeMutableBufferPointer { MerkleTree.root(reducing: $0) }
    }

    /// Takes an entry, either into the adds counted in `count` or as an item of its own.
    @inline(__always)
    private mutating func take(
        _ bytes: UnsafeRawBufferPointer, at index: UInt64, _ count: inout UInt64,
        _ items: inout [TreePass.Item]
    ) -> Bool {
        guard let values = adds.values(bytes), let issuer = adds.pattern?.authorityKeyID else {
            return takeOther(bytes, at: index, &count, &items)
        }
        count += 1
        self.index.insert(key: values.key, serial: adds.serialHash(of: values), at: index)
        certificates.insert(digest: values.certificate, serial: values.certificateSerial, issuer: issuer)
        return true
    }

    @inline(never)
    private mutating func takeOther(
        _ bytes: UnsafeRawBufferPointer, at index: UInt64, _ count: inout UInt64,
        _ items: inout [TreePass.Item]
    ) -> Bool {
        guard let entry = try? AllowlistEntry(decoding: Array(bytes)) else { return false }
        endAdds(&count, &items)
        guard case .add(let device) = entry else {
            items.append(.entry(entry, at: index))
            return true
        }
        self.index.insert([device], at: index)
        certificates.insert(entry)
        adds.learn(device, from: bytes)
        if adds.pattern == nil { items.append(.adds(like: device, count: 1)) } else { count = 1 }
        return true
    }

    private func endAdds(_ count: inout UInt64, _ items: inout [TreePass.Item]) {
        if count > 0, let pattern = adds.pattern { items.append(.adds(like: pattern, count: count)) }
        count = 0
    }
}
