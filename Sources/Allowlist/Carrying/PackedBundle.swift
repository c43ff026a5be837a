import Crypto
import TransparencyLog

/// A bundle that was written into one `.tar`.
public struct PackedBundle: Hashable, Sendable {
    public let checkpoint: Checkpoint
    public let fileCount: Int
    /// Bytes of the archive.
    public let byteCount: UInt64
    /// SHA-256 of the archive. Bundles with the same files give the same archive.
    public let digest: Digest32

    /// Writes the archive at `path`, which must not be there; on the disk when this returns, or not there.
    ///
    /// Throws `cannot-create` where `path` is there already or its folder cannot be written to.
    public init(_ contents: BundleContents, to path: String) throws(AllowlistError) {
        let file = try ExclusiveFile(path)
        var hasher = SHA256()
        var byteCount: UInt64 = 0
        let writer = TarWriter { (bytes) throws(AllowlistError) in
            hasher.update(data: bytes)
            byteCount += UInt64(bytes.count)
            try file.append(bytes)
        }
        try contents.visit { (member) throws(AllowlistError) in try writer.append(member) }
        try writer.finish()
        try file.finish()
        checkpoint = contents.head.checkpoint
        fileCount = contents.paths.count
        self.byteCount = byteCount
        digest = Digest32(hasher.finalize())
    }
}
