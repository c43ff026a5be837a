import Glibc

/// Small files that others read while they are written: whole or not at all, and not flushed, since what is told
/// of now is worth nothing after a power cut.
enum TextFile {
    /// Puts a file in another's place.
    static func replace(_ path: String, with bytes: [UInt8], mode: mode_t) throws(TelemetryError) {
        // The process's number at the end: a collector of `*.prom` does not take it for a file of its own.
        let staged = "\(path).new-\(getpid())"
        let descriptor = open(staged, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw TelemetryError.ofSystem(path) }
        let isWritten = write(bytes, to: descriptor)
        let failure = isWritten ? nil : TelemetryError.ofSystem(path)
        close(descriptor)
        if let failure {
            unlink(staged)
            throw failure
        }
        guard rename(staged, path) == 0 else {
            let failure = TelemetryError.ofSystem(path)
            unlink(staged)
            throw failure
        }
    }

    /// Writes all of it; false with `errno` where that fails.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let written = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: offset), bytes.count - offset)
            }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { return false }
            offset += written
        }
        return true
    }
}
