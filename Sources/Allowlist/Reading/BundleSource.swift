#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where the files of a bundle come from: a folder, a `.tar`, or whatever hands out bytes.
///
/// A reader never asks for a list of the files; what there must be follows from the checkpoint.
public protocol BundleSource: Sendable {
    /// Opens a file by its path inside the bundle, such as `tile/0/000`.
    ///
    /// Throws `file-missing` where the bundle does not have it and `file-access` where it cannot be read.
    func open(_ path: String) throws(AllowlistError) -> any BundleFile
}

/// One file of a bundle that is open for reading; closed when the last reference goes.
public protocol BundleFile: Sendable {
    /// The path inside the bundle.
    var path: String { get }
    /// Bytes of the file when it was opened.
    var byteCount: UInt64 { get }

    /// Exactly `count` bytes from `offset`; throws where the file ends before.
    func read(at offset: UInt64, count: Int) throws(AllowlistError) -> [UInt8]

    /// The whole file in memory, without a copy where the source has a file to map.
    ///
    /// A mapped file must not be cut short while it is in use: the system would end the process. Put a newer
    /// bundle in another place instead of writing over the one that is being read.
    func mapped() throws(AllowlistError) -> MappedBytes
}

/// Opens the bundle at `path`: an ordinary file is read as a `.tar`, anything else as a folder.
///
/// Throws `archive` where a `.tar` is not in the strict form; a folder is not looked into yet.
public func openBundle(_ path: String) throws(AllowlistError) -> any BundleSource {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return BundleFolder(path) }
    return try TarArchive(path)
}

extension BundleSource {
    /// The whole of a file of at most `maximum` bytes.
    public func bytes(of path: String, maximum: Int) throws(AllowlistError) -> [UInt8] {
        let file = try open(path)
        guard file.byteCount <= UInt64(maximum) else {
            throw AllowlistError(
                .fileSize, file: path, "the file has \(file.byteCount) bytes, at most \(maximum) make sense")
        }
        return try file.read(at: 0, count: Int(file.byteCount))
    }

    /// The whole of a file that must have exactly `count` bytes.
    public func bytes(of path: String, count: Int) throws(AllowlistError) -> [UInt8] {
        let file = try open(path)
        guard file.byteCount == UInt64(count) else {
            throw AllowlistError(
                .fileSize, file: path, "the file has \(file.byteCount) bytes, not \(count)",
                hint: BundleFolder.incompleteHint)
        }
        return try file.read(at: 0, count: count)
    }
}
