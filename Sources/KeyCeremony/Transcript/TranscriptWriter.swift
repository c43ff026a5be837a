import CanonicalJSON
import Crypto
import Foundation
import Glibc

/// Writes a transcript, one line an event; each line is on disk before the call returns.
///
/// A line is one JSON object in canonical form (RFC 8785) with `prev`, the SHA-256 of the line before it
/// without its newline; the first line's is 64 zeros, so that a transcript can be verified by itself. What
/// came before it on the same site stands in its first line, as `previous`.
final class TranscriptWriter {
    /// The `prev` of the first line.
    static let beginning = String(repeating: "0", count: 64)

    let path: String
    private let descriptor: Int32
    /// The SHA-256 of the last line, in hexadecimal.
    private(set) var head = TranscriptWriter.beginning

    /// Creates the file, which must not exist.
    init(creating path: String) throws(CeremonyError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else {
            throw CeremonyError(.cannotCreate, path, String(cString: strerror(errno)))
        }
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(folder) }
        guard folder >= 0, fsync(folder) == 0 else {
            throw CeremonyError(.io, parent, String(cString: strerror(errno)))
        }
    }

    deinit { close(descriptor) }

    /// Appends an event and flushes it to disk.
    func append(_ type: String, _ members: [String: JSONValue], at time: Date = Date()) throws(CeremonyError)
    {
        var members = members
        members["type"] = .string(type)
        members["prev"] = .string(head)
        members["time"] = .string(timestamp(time))
        let line = JSONValue.object(members).canonical
        var rest = (line + [0x0A])[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw CeremonyError(.io, path, String(cString: strerror(errno))) }
            rest = rest.dropFirst(written)
        }
        guard fsync(descriptor) == 0 else {
            throw CeremonyError(
                .io, path, "the transcript cannot be flushed: \(String(cString: strerror(errno)))")
        }
        head = hexadecimal(SHA256.hash(data: line))
    }
}

/// UTC, in whole seconds: `2026-01-31T09:30:00Z` (RFC 3339).
func timestamp(_ time: Date) -> String { time.formatted(.iso8601) }
