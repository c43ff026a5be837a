/// A bundle whose files come as bytes, from a database, a network or memory.
public struct BundleBytes: BundleSource {
    private let contents: @Sendable (_ path: String) throws -> [UInt8]?

    /// Asks `contents` for each file by its path inside the bundle; nil says that there is none.
    ///
    /// It is called again whenever a file is opened again, possibly from several threads, and must answer the
    /// same each time. Whatever it throws is thrown on as `file-access`.
    public init(_ contents: @escaping @Sendable (_ path: String) throws -> [UInt8]?) {
        self.contents = contents
    }

    /// The files by their paths inside the bundle.
    public init(_ files: [String: [UInt8]]) {
        contents = { files[$0] }
    }

    public func open(_ path: String) throws(AllowlistError) -> any BundleFile {
        let bytes: [UInt8]?
        do {
            bytes = try contents(path)
        } catch {
            throw AllowlistError(
                .fileAccess, file: path, "the file's source failed: \(error)",
                hint: "check where the bundle's files come from")
        }
        guard let bytes else {
            throw AllowlistError(
                .fileMissing, file: path, "the file is missing", hint: BundleFolder.incompleteHint)
        }
        return FileInMemory(path: path, bytes: bytes)
    }
}

private struct FileInMemory: BundleFile {
    let path: String
    let bytes: [UInt8]

    var byteCount: UInt64 { UInt64(bytes.count) }

    func read(at offset: UInt64, count: Int) throws(AllowlistError) -> [UInt8] {
        guard count >= 0, offset <= byteCount, UInt64(count) <= byteCount - offset else {
            throw AllowlistError(
                .fileSize, file: path, "the file ends while it is read", hint: BundleFolder.incompleteHint)
        }
        if count == bytes.count { return bytes }
        return Array(bytes[Int(offset)..<Int(offset) + count])
    }

    func mapped() throws(AllowlistError) -> MappedBytes { MappedBytes(bytes) }
}
