import Crypto

/// The hashes of an RFC 6962 §2.1 tree.
public enum MerkleTree {
    /// The root of a tree with no leaf: SHA-256 of nothing.
    public static let emptyRoot = Digest32(SHA256.hash(data: [UInt8]()))

    /// SHA-256 over 0x00 and the entry.
    public static func leafHash(_ entry: UnsafeRawBufferPointer) -> Digest32 {
        var hasher = SHA256()
        withUnsafeBytes(of: UInt8(0)) { hasher.update(bufferPointer: $0) }
        hasher.update(bufferPointer: entry)
        return Digest32(hasher.finalize())
    }

    /// SHA-256 over 0x00 and the entry.
    public static func leafHash(_ entry: [UInt8]) -> Digest32 {
        entry.withUnsafeBufferPointer { leafHash(UnsafeRawBufferPointer($0)) }
    }

    /// SHA-256 over 0x01 and the two child hashes.
    public static func nodeHash(_ left: Digest32, _ right: Digest32) -> Digest32 {
        withUnsafeTemporaryAllocation(byteCount: 65, alignment: 8) { buffer in
            buffer[0] = 1
            left.withUnsafeBytes { buffer[1..<33].copyBytes(from: $0) }
            right.withUnsafeBytes { buffer[33..<65].copyBytes(from: $0) }
            return Digest32.sha256(UnsafeRawBufferPointer(buffer))
        }
    }

    /// The root over leaf hashes, which are overwritten; with no allocation.
    ///
    /// Neighbours are joined level by level, and an odd last one moves up alone: so RFC 6962 §2.1 splits.
    public static func root(reducing hashes: UnsafeMutableBufferPointer<Digest32>) -> Digest32 {
        guard !hashes.isEmpty else { return emptyRoot }
        return withUnsafeTemporaryAllocation(byteCount: 1 + 2 * Digest32.byteCount, alignment: 8) { node in
            node[0] = 1
            let children = UnsafeMutableRawBufferPointer(rebasing: node[1...])
            var count = hashes.count
            while count > 1 {
                for pair in 0..<count / 2 {
                    children.copyMemory(
                        from: UnsafeRawBufferPointer(
                            UnsafeMutableBufferPointer(rebasing: hashes[2 * pair..<2 * pair + 2])))
                    hashes[pair] = Digest32.sha256(UnsafeRawBufferPointer(node))
                }
                if count % 2 == 1 { hashes[count / 2] = hashes[count - 1] }
                count = (count + 1) / 2
            }
            return hashes[0]
        }
    }

    /// The root over leaf hashes.
    public static func root(of leaves: some Sequence<Digest32>) -> Digest32 {
        var frontier = Frontier()
        for leaf in leaves { frontier.append(leaf) }
        return frontier.root
    }
}

extension UnsafeMutableRawBufferPointer.SubSequence {
    fileprivate func copyBytes(from source: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: self).copyMemory(from: source)
    }
}
