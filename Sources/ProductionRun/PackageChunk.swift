import Foundation
import Glibc
import TokenKeys

/// What the programming station gets of some consecutive rows: `packages/<first row>.jsonl`, a device a line.
///
/// Each line has `row` (from 0), `serial`, `certificate` (DER) and `wrappedKey` (PKCS#8 under RFC 5649), both in
/// base64, and `transportKey`, the name of the file under `transport-keys` with the key that unwraps it. A chunk is written and flushed under a hidden name before its ledger commit, and gets its
/// name after it: what a station can see is recorded.
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
    func prepare(_ chunk: WorkChunk, _ made: MadeChunk) throws(RunError) {
        var text: [UInt8] = []
        text.reserveCapacity(made.devices.count * 1200)
        let ending = "\",\"transportKey\":\"\(TransportKey.name(of: made.transportKey))\"}\n"
        for (offset, (row, device)) in zip(chunk.rows, made.devices).enumerated() {
            text.append(contentsOf: "{\"row\":\(chunk.firstRow + offset),\"serial\":".utf8)
            JSONText.append(row.serial, to: &text)
            text.append(contentsOf: ",\"certificate\":\"".utf8)
            text.append(contentsOf: Data(device.certificate).base64EncodedData())
            text.append(contentsOf: "\",\"wrappedKey\":\"".utf8)
            text.append(contentsOf: Data(device.wrappedKey).base64EncodedData())
            text.append(contentsOf: ending.utf8)
        }
        try DurableFile.write(text, to: hidden)
        try DurableFile.flushFolder(folder)
    }

    /// Makes the chunk visible; its name is durable at the latest when the next chunk's folder is flushed.
    ///
    /// A chunk that is there already is never replaced: the station may have it.
    func publish() throws(RunError) {
        guard link(hidden, path) == 0 else {
            if errno == EEXIST { throw PackageChunk.unrecorded(path) }
            throw DurableFile.failure(path)
        }
        unlink(hidden)
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

/// Text as a JSON string (RFC 8259 §7).
enum JSONText {
    private static let digits = Array("0123456789abcdef".utf8)

    static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
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
