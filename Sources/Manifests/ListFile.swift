#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A device list opened for reading at any offset.
final class ListFile {
    let path: String
    private let descriptor: Int32

    init(path: String) throws(ManifestError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ManifestError(
                .unreadable, subject: path, message: "the device list cannot be read: \(Self.reason())",
                hint: "Check the path and its permissions.")
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Octets of the file now.
    func size() throws(ManifestError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure() }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ManifestError(
                .unreadable, subject: path, message: "the device list is not a regular file",
                hint: "Rows are read again when a run resumes, so a pipe cannot serve.")
        }
        return Int(status.st_size)
    }

    /// Up to `count` octets from the offset on; fewer only at the file's end.
    func read(_ count: Int, at offset: Int) throws(ManifestError) -> [UInt8] {
        var hasFailed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count, let base = buffer.baseAddress {
                let got = pread(descriptor, base + filled, count - filled, off_t(offset + filled))
                if got < 0, errno == EINTR { continue }
                hasFailed = got < 0
                if got <= 0 { return }
                filled += got
            }
        }
        if hasFailed { throw failure() }
        return bytes
    }

    private func failure() -> ManifestError {
        ManifestError(
            .inputOutput, subject: path, message: "reading the device list failed: \(Self.reason())")
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}

/// A stretch of whole lines of a device list, with what it takes to read it again and be sure that it is the same.
struct ListSegment: Hashable, Sendable {
    var offset: Int
    var count: Int
    /// The 1-based number of the first line.
    var firstLine: Int
    /// The 0-based number of the first row in it.
    var firstRow: Int
    /// The SHA-256 of its octets.
    var digest: [UInt8]
}

/// Cuts a device list into segments of whole lines with flat memory.
struct SegmentCutter {
    /// Octets in a segment, apart from the line that crosses the mark.
    static let target = 1 << 17
    /// The longest line that is looked at; a longer one is passed over.
    static let longestLine = 1 << 20

    private let file: ListFile
    /// Octets from `offset` on that were read and not yet handed out.
    private var pending: [UInt8] = []
    private var offset = 0
    private var atEnd = false

    init(_ file: ListFile) { self.file = file }

    enum Piece {
        /// Whole lines; only the last may lack its newline.
        case lines([UInt8], offset: Int)
        /// A line of more than ``longestLine`` octets was passed over up to and with its newline.
        case overlongLine([UInt8])
    }

    mutating func next() throws(ManifestError) -> Piece? {
        var searched = 0
        while true {
            if pending.count >= Self.target || atEnd {
                if let newline = pending[searched...].lastIndex(of: 0x0A) { return take(newline + 1) }
                if atEnd { return pending.isEmpty ? nil : take(pending.count) }
                searched = pending.count
                if pending.count > Self.longestLine { return try passOver() }
            }
            let bytes = try file.read(Self.target, at: offset + pending.count)
            atEnd = bytes.count < Self.target
            pending += bytes
        }
    }

    private mutating func take(_ count: Int) -> Piece {
        let lines = Array(pending[..<count])
        pending.removeFirst(count)
        let start = offset
        offset += count
        return .lines(lines, offset: start)
    }

    private mutating func passOver() throws(ManifestError) -> Piece {
        let start = Array(pending.prefix(64))
        while true {
            if let newline = pending.firstIndex(of: 0x0A) {
                pending.removeFirst(newline + 1)
                offset += newline + 1
                return .overlongLine(start)
            }
            offset += pending.count
            pending = []
            if atEnd { return .overlongLine(start) }
            pending = try file.read(Self.target, at: offset)
            atEnd = pending.count < Self.target
        }
    }
}

/// Calls the body with every line without its line break, LF or CRLF; stops when the body says false.
func forEachLine(
    _ bytes: [UInt8], _ body: (_ start: Int, _ line: UnsafeBufferPointer<UInt8>) -> Bool
) {
    bytes.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        var start = 0
        while start < buffer.count {
            let found = memchr(base + start, 0x0A, buffer.count - start)
            let newline = found.map { UnsafeRawPointer($0) - UnsafeRawPointer(base) } ?? buffer.count
            var end = newline
            if end > start, base[end - 1] == 0x0D, found != nil { end -= 1 }
            if !body(start, UnsafeBufferPointer(start: base + start, count: end - start)) { return }
            start = newline + 1
        }
    }
}
