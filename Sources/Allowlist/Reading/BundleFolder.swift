#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A bundle as a folder of files.
public struct BundleFolder: BundleSource {
    /// The folder's path, without a slash at its end.
    public let root: String

    public init(_ root: String) {
        var root = root
        while root.count > 1, root.hasSuffix("/") { root.removeLast() }
        self.root = root
    }

    public func location(of path: String) -> String { "\(root)/\(path)" }

    public func open(_ path: String) throws(AllowlistError) -> any BundleFile {
        FolderFile(path: path, descriptor: try OpenDescriptor(location: location(of: path), path: path))
    }

    static let incompleteHint = "the bundle is damaged or incomplete; take it again from its publisher"

    static func failure(_ path: String?, _ action: String) -> AllowlistError {
        let number = errno
        if number == ENOENT || number == ENOTDIR {
            return AllowlistError(
                .fileMissing, file: path, "the file is missing", hint: BundleFolder.incompleteHint)
        }
        return AllowlistError(
            .fileAccess, file: path, "cannot \(action) the file: \(String(cString: strerror(number)))",
            hint: "check the folder's permissions and the disk")
    }
}

private struct FolderFile: BundleFile {
    let path: String
    let descriptor: OpenDescriptor

    var byteCount: UInt64 { descriptor.byteCount }

    func read(at offset: UInt64, count: Int) throws(AllowlistError) -> [UInt8] {
        try descriptor.read(at: offset, count: count, path: path)
    }

    func mapped() throws(AllowlistError) -> MappedBytes {
        let mapping = try FileMapping(descriptor, path: path)
        return MappedBytes(mapping, 0..<mapping.bytes.count)
    }
}
