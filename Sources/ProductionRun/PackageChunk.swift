import Foundation
import Glibc

/// What the programming station gets of some consecutive rows: `packages/<first row>.jsonl`, a ``PackageLines`` line a
/// device.
///
/// A chunk is written and flushed under a hidden name before its ledger commit, and gets its name after it: what a
/// station can see is recorded.
struct PackageChunk {
    private let folder: String
    private let name: String

    init(folder: String, firstRow: Int) {
        self.folder = folder
        let digits = String(firstRow)
        name = String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".jsonl"
    }

    private var hidden: String { folder + "/." + name }
    var path: String { folder + "/" + name }

    /// Writes and flushes the chunk under its hidden name; an earlier one of a lost attempt is replaced.
    func prepare(_ lines: [UInt8]) throws(RunError) {
        try DurableFile.write(lines, to: hidden)
        try DurableFile.flushFolder(folder)
    }

    /// Makes the chunk visible; its name is durable at the latest when the next chunk's folder is flushed.
    ///
    /// A chunk that is there already is never replaced: the station may have it. One rename, and not a new name and then
    /// the old one's removal, of which a power cut could keep the second alone. Nobody else writes here under the run's lock.
    func publish() throws(RunError) {
        guard access(path, F_OK) != 0 else { throw PackageChunk.unrecorded(path) }
        guard rename(hidden, path) == 0 else { throw DurableFile.failure(path) }
    }

    private static func unrecorded(_ path: String) -> RunError {
        RunError(
            .inconsistent, path, "this package was shown, and the ledger does not know its devices",
            hint: "The ledger was restored from an older copy. Restore the newest, and find out why.")
    }

    /// After an interruption: shows hidden chunks whose rows are recorded and removes the others.
    static func reconcile(folder: String, recordedRows: Int) throws(RunError) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix(".") && name.hasSuffix(".jsonl") {
            guard let firstRow = Int(name.dropFirst().dropLast(".jsonl".count)) else { continue }
            let chunk = PackageChunk(folder: folder, firstRow: firstRow)
            if firstRow < recordedRows && !FileManager.default.fileExists(atPath: chunk.path) {
                try chunk.publish()
            } else {
                unlink(folder + "/" + name)
            }
        }
        for name in names where !name.hasPrefix(".") && name.hasSuffix(".jsonl") {
            guard let firstRow = Int(name.dropLast(".jsonl".count)), firstRow >= recordedRows else {
                continue
            }
            throw unrecorded(folder + "/" + name)
        }
        try DurableFile.flushFolder(folder)
    }
}

/// Files that are on the disk when the call returns.
enum DurableFile {
    /// Writes a file anew and flushes it; its folder is the caller's to flush.
    static func write(_ bytes: [UInt8], to path: String, exclusively: Bool = false) throws(RunError) {
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (exclusively ? O_EXCL : O_TRUNC)
        let descriptor = open(path, flags, 0o640)
        guard descriptor >= 0 else { throw failure(path, creating: true) }
        defer { close(descriptor) }
        var offset = 0
        while offset < bytes.count {
            let written = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: offset), bytes.count - offset)
            }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failure(path) }
            offset += written
        }
        guard fsync(descriptor) == 0 else { throw failure(path) }
    }

    static func flushFolder(_ path: String) throws(RunError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path) }
    }

    static func failure(_ path: String, creating: Bool = false) -> RunError {
        let code = errno
        let reason = String(cString: strerror(code))
        if code == ENOSPC || code == EDQUOT {
            return RunError(
                .diskFull, path, reason, hint: "Free some space, then go on with `rootline run resume`.")
        }
        return RunError(creating ? .cannotCreate : .io, path, reason)
    }
}
