import CanonicalJSON
import Crypto
import Foundation
import Glibc

/// Writes a transcript, one line an event; each line is on disk before the call returns.
final class TranscriptWriter {
    /// The `prev` of the first line.
    static let beginning = String(repeating: "0", count: 64)

    let path: String
    private let descriptor: Int32
    /// The SHA-256 of the last line, in hexadecimal.
    private(set) var head: String
    private var lastTime: String
    /// Set where a line may stand there in part: nothing may follow it.
    private var isBroken = false

    private init(path: String, descriptor: Int32, head: String, lastTime: String) {
        self.path = path
        self.descriptor = descriptor
        self.head = head
        self.lastTime = lastTime
    }

    /// Creates the file, which must not exist.
    convenience init(creating path: String) throws(CeremonyError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else {
            throw CeremonyError(.cannotCreate, path, String(cString: strerror(errno)))
        }
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(folder) }
        guard folder >= 0, fsync(folder) == 0 else {
            throw CeremonyError(.io, parent, String(cString: strerror(errno)))
        }
        self.init(path: path, descriptor: descriptor, head: TranscriptWriter.beginning, lastTime: "")
    }

    /// Goes on with a transcript that was read back, after cutting off a line that an interruption left in part.
    ///
    /// Answers the writer and how many octets were cut off.
    static func resuming(_ transcript: Transcript, path: String) throws(CeremonyError) -> (
        TranscriptWriter, Int
    ) {
        let descriptor = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw CeremonyError(.io, path, String(cString: strerror(errno))) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        guard size >= transcript.octets else {
            close(descriptor)
            throw CeremonyError(.io, path, "the transcript became shorter while it was read")
        }
        let discarded = size - transcript.octets
        if discarded > 0 {
            guard ftruncate(descriptor, off_t(transcript.octets)) == 0, fsync(descriptor) == 0 else {
                let reason = String(cString: strerror(errno))
                close(descriptor)
                throw CeremonyError(.io, path, reason)
            }
        }
        let writer = TranscriptWriter(
            path: path, descriptor: descriptor, head: transcript.head,
            lastTime: transcript.lines.last?["time"]?.text ?? "")
        return (writer, discarded)
    }

    deinit { close(descriptor) }

    /// The time of the next line; throws where the clock was set back.
    func now() throws(CeremonyError) -> String {
        let time = timestamp(Date())
        // In this form the order of the texts is the order of the times.
        guard time >= lastTime else {
            throw CeremonyError(
                .clock, path,
                "the machine's clock says \(time), and the last line was written at \(lastTime)",
                hint: "Set the clock right.")
        }
        return time
    }

    /// Appends an event, flushes it to disk, and answers the line.
    @discardableResult
    func append(
        _ type: String, _ members: [String: JSONValue], at time: String? = nil
    ) throws(CeremonyError) -> JSONValue {
        guard !isBroken else {
            throw CeremonyError(.io, path, "an earlier line could not be written whole")
        }
        var members = members
        let time = if let time { time } else { try now() }
        members["type"] = .string(type)
        members["prev"] = .string(head)
        members["time"] = .string(time)
        let value = JSONValue.object(members)
        let line = value.canonical
        var rest = (line + [0x0A])[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else {
                let reason = String(cString: strerror(errno))
                isBroken = true
                throw CeremonyError(.io, path, reason, hint: "Make room or mend the disk.")
            }
            rest = rest.dropFirst(written)
        }
        guard fsync(descriptor) == 0 else {
            isBroken = true
            throw CeremonyError(
                .io, path, "the transcript cannot be flushed: \(String(cString: strerror(errno)))",
                hint: "Mend the disk.")
        }
        head = hexadecimal(SHA256.hash(data: line))
        lastTime = time
        return value
    }
}

/// UTC, in whole seconds: `2026-01-31T09:30:00Z` (RFC 3339).
func timestamp(_ time: Date) -> String { time.formatted(.iso8601) }
