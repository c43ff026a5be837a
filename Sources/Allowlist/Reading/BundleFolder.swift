import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads the files of a bundle by their paths inside it.
public struct BundleFolder: Sendable {
    /// The folder's path, without a slash at its end.
    public let root: String

    public init(_ root: String) {
        var root = root
        while root.count > 1, root.hasSuffix("/") { root.removeLast() }
        self.root = root
    }

    public func location(of path: String) -> String { "\(root)/\(path)" }

    /// The whole of a file of at most `maximum` bytes.
    public func bytes(of path: String, maximum: Int) throws(AllowlistError) -> [UInt8] {
        let file = try OpenFile(self, path)
        guard file.byteCount <= UInt64(maximum) else {
            throw AllowlistError(
                .fileSize, file: path, "the file has \(file.byteCount) bytes, at most \(maximum) make sense")
        }
        return try file.read(at: 0, count: Int(file.byteCount))
    }

    /// The whole of a file that must have exactly `count` bytes.
    public func bytes(of path: String, count: Int) throws(AllowlistError) -> [UInt8] {
        let file = try OpenFile(self, path)
        try file.check(byteCount: UInt64(count))
        return try file.read(at: 0, count: count)
    }

    static let incompleteHint = "the bundle is damaged or incomplete; take it again from its publisher"

    static func failure(_ path: String, _ action: String) -> AllowlistError {
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

/// A file that is open for reading; closed when the last reference goes.
package final class OpenFile: Sendable {
    let path: String
    let byteCount: UInt64
    let descriptor: Int32

    init(_ folder: BundleFolder, _ path: String) throws(AllowlistError) {
        self.path = path
        descriptor = open(folder.location(of: path), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            byteCount = 0
            throw BundleFolder.failure(path, "open")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            byteCount = 0
            throw AllowlistError(
                .fileAccess, file: path, "not an ordinary file", hint: BundleFolder.incompleteHint)
        }
        byteCount = UInt64(status.st_size)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func check(byteCount expected: UInt64) throws(AllowlistError) {
        guard byteCount == expected else {
            throw AllowlistError(
                .fileSize, file: path, "the file has \(byteCount) bytes, not \(expected)",
                hint: BundleFolder.incompleteHint)
        }
    }

    /// Exactly `count` bytes from `offset`.
    func read(at offset: UInt64, count: Int) throws(AllowlistError) -> [UInt8] {
        var failure: AllowlistError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, count - filled,
                    off_t(offset) + off_t(filled))
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = BundleFolder.failure(path, "read") }
                if got == 0 {
                    failure = AllowlistError(
                        .fileSize, file: path, "the file ends while it is read",
                        hint: BundleFolder.incompleteHint)
                }
                guard got > 0 else { return }
                filled += got
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
