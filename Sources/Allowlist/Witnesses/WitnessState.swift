import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a witness has cosigned of one log, in a file that only grows.
///
/// The first line is `rootline/witness/v1`; each other line is a time (UTC seconds since 1970), a space and a
/// signed note in base64. The last line counts; the ones before stay as evidence. The file is locked while it is
/// open, so that no two cosignatures are made side by side.
public final class WitnessState: Sendable {
    /// A checkpoint that was cosigned.
    public struct Record: Hashable, Sendable {
        public let time: UInt64
        /// The log's note as it was when it was cosigned.
        public let note: [UInt8]
        public let checkpoint: Checkpoint
    }

    /// The last checkpoint cosigned before the file was opened; nil in a new file.
    public let last: Record?
    private let path: String
    private let descriptor: Int32

    private static let header = Array("rootline/witness/v1\n".utf8)
    /// Octets of a file that is still read: some ten thousand cosignatures.
    private static let maximumLength = 1 << 26

    /// Makes a new file; one that exists is refused, because to forget what was cosigned is to be misled.
    public init(creating path: String) throws(AllowlistError) {
        self.path = path
        last = nil
        descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(path, "create") }
        try lock()
        try append(Self.header)
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { throw Self.failure(folder, "open") }
        defer { close(parent) }
        guard fsync(parent) == 0 else { throw Self.failure(folder, "flush") }
    }

    /// Opens the file of earlier cosignatures.
    ///
    /// A last line without its end was not flushed and its cosignature never given out: it is cut off.
    public init(opening path: String) throws(AllowlistError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else {
            last = nil
            throw Self.failure(path, "open")
        }
        do throws(AllowlistError) {
            try Self.lock(descriptor, path)
            let bytes = try Self.contents(descriptor, path)
            let end = (bytes.lastIndex(of: 0x0a) ?? -1) + 1
            guard bytes[..<end].starts(with: Self.header) else {
                throw AllowlistError(
                    .witnessState, file: path, "this is not the file of a witness's cosignatures",
                    hint: "name the file that the first cosignature made")
            }
            guard end == bytes.count || ftruncate(descriptor, off_t(end)) == 0 else {
                throw Self.failure(path, "repair")
            }
            let lines = bytes[Self.header.count..<end].split(separator: 0x0a)
            last = try lines.last.map { (line) throws(AllowlistError) in try Self.record(Array(line), path) }
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Writes down that a note is about to be cosigned, and returns when that is on the disk.
    func remember(_ note: [UInt8], at time: UInt64) throws(AllowlistError) {
        try append(Array("\(time) \(Base64.encode(note))\n".utf8))
    }

    private func append(_ bytes: [UInt8]) throws(AllowlistError) {
        try DurableFolder.writeAll(bytes, descriptor, path)
        guard fsync(descriptor) == 0 else { throw Self.failure(path, "flush") }
    }

    private func lock() throws(AllowlistError) { try Self.lock(descriptor, path) }

    private static func lock(_ descriptor: Int32, _ path: String) throws(AllowlistError) {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw AllowlistError(
                .publication, file: path, "another cosignature is being made with this file",
                hint: "wait until it is done, then try again")
        }
    }

    private static func contents(_ descriptor: Int32, _ path: String) throws(AllowlistError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, "read") }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= maximumLength else {
                throw AllowlistError(
                    .witnessState, file: path, "the file is longer than a witness ever writes")
            }
        }
    }

    private static func record(_ line: [UInt8], _ path: String) throws(AllowlistError) -> Record {
        let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 2, let time = UInt64(String(decoding: parts[0], as: UTF8.self)),
            let bytes = Base64.decode(String(decoding: parts[1], as: UTF8.self)),
            let note = try? SignedNote(parsing: bytes), let checkpoint = try? Checkpoint(text: note.text)
        else {
            throw AllowlistError(
                .witnessState, file: path, "the last line is not a time and a checkpoint",
                hint: "the file was changed by something else; restore it from a copy")
        }
        return Record(time: time, note: bytes, checkpoint: checkpoint)
    }

    private static func failure(_ path: String, _ action: String) -> AllowlistError {
        let number = errno
        let hint =
            number == EEXIST
            ? "the file is there: cosign without asking for a new one"
            : number == ENOENT
                ? "the first cosignature of a log makes the file; later ones need it" : nil
        return AllowlistError(
            number == ENOENT ? .fileMissing : .fileAccess, file: path,
            "cannot \(action) the file: \(String(cString: strerror(number)))", hint: hint)
    }
}
