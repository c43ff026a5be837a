#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// An ordinary file of the system that is open for reading; closed when the last reference goes.
final class OpenDescriptor: Sendable {
    /// Bytes of the file when it was opened.
    let byteCount: UInt64
    let descriptor: Int32

    /// Opens the file at `location`; errors speak of `path`, its path inside the bundle.
    init(location: String, path: String?) throws(AllowlistError) {
        descriptor = open(location, O_RDONLY | O_CLOEXEC)
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

    /// Exactly `count` bytes from `offset`.
    func read(at offset: UInt64, count: Int, path: String?) throws(AllowlistError) -> [UInt8] {
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
