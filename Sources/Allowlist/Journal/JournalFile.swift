#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file that only grows, by whole lines, and that nobody else has open for that.
///
/// Not for several threads at once; its owner sees to that.
final class JournalFile {
    private let path: String
    private let descriptor: Int32
    /// Octets of the whole lines; nothing behind them counts.
    private var byteCount: UInt64 = 0
    /// Set where it is not known what the file holds.
    private var isBroken = false

    /// Opens the file, or creates it, and locks it.
    init(_ path: String) throws(JournalError) {
        self.path = path
        let isNew = access(path, F_OK) != 0
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw JournalFile.failure("open") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw JournalError(
                .locked, "the journal is open elsewhere",
                hint: "one service keeps one journal; stop the other one")
        }
        if isNew { try syncFolder() }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Cuts the file behind its whole lines.
    func cut(to byteCount: UInt64) throws(JournalError) {
        guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw JournalFile.failure("cut") }
        self.byteCount = byteCount
    }

    /// Writes a line and its newline; where that fails, what was written of it is cut off again.
    func append(_ line: [UInt8]) throws(JournalError) {
        guard !isBroken else {
            throw JournalError(
                .file, "an earlier line could not be written whole", hint: "open the journal again")
        }
        let bytes = line + [0x0a]
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let failure = JournalFile.failure("write")
                if written > 0, ftruncate(descriptor, off_t(byteCount)) != 0 { isBroken = true }
                throw failure
            }
            written += count
        }
        byteCount += UInt64(bytes.count)
    }

    /// Waits until everything is on the disk.
    func flush() throws(JournalError) {
        guard !isBroken, fsync(descriptor) == 0 else {
            // What of it reached the disk is not known.
            let failure = JournalFile.failure("flush")
            isBroken = true
            throw failure
        }
    }

    private func syncFolder() throws(JournalError) {
        let parent = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if folder >= 0 { close(folder) } }
        guard folder >= 0, fsync(folder) == 0 else { throw JournalFile.failure("flush the folder of") }
    }

    private static func failure(_ action: String) -> JournalError {
        JournalError(
            .file, "cannot \(action) the journal: \(String(cString: strerror(errno)))",
            hint: "make room or mend the disk; take no device in that cannot be recorded")
    }
}
