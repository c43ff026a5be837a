#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A new file that appears under its name only when it is whole and on the disk; nothing is overwritten.
package final class ExclusiveFile {
    private let path: String
    private let staging: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    private static let bufferSize = 1 << 20

    package init(_ path: String) throws(AllowlistError) {
        self.path = path
        staging = "\(path).new-\(getpid())"
        guard access(path, F_OK) != 0 else {
            descriptor = -1
            throw ExclusiveFile.exists(path)
        }
        descriptor = open(staging, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw ExclusiveFile.failure(path, .cannotCreate, "create") }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(staging)
        }
    }

    package func append(_ bytes: [UInt8]) throws(AllowlistError) {
        buffer += bytes
        if buffer.count >= Self.bufferSize { try writeOut() }
    }

    /// Flushes the file and gives it its name.
    package func finish() throws(AllowlistError) {
        try writeOut()
        guard fsync(descriptor) == 0 else { throw ExclusiveFile.failure(path, .fileAccess, "flush") }
        // A link, other than a rename, never takes the place of what somebody put there meanwhile.
        guard link(staging, path) == 0 else {
            throw errno == EEXIST
                ? ExclusiveFile.exists(path) : ExclusiveFile.failure(path, .cannotCreate, "name")
        }
        unlink(staging)
        let folder = open(ExclusiveFile.parent(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw ExclusiveFile.failure(path, .fileAccess, "flush the folder of") }
        defer { close(folder) }
        guard fsync(folder) == 0 else {
            throw ExclusiveFile.failure(path, .fileAccess, "flush the folder of")
        }
    }

    private func writeOut() throws(AllowlistError) {
        var written = 0
        while written < buffer.count {
            let count = buffer.withUnsafeBytes {
                write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw ExclusiveFile.failure(path, .fileAccess, "write") }
            written += count
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func exists(_ path: String) -> AllowlistError {
        AllowlistError(
            .cannotCreate, file: path, "is there already; nothing is overwritten",
            hint: "name another file")
    }

    private static func failure(
        _ path: String, _ code: AllowlistError.Code, _ action: String
    ) -> AllowlistError {
        AllowlistError(
            code, file: path, "cannot \(action) the file: \(String(cString: strerror(errno)))",
            hint: "check the folder's permissions and the disk's free space")
    }
}
