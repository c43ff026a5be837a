import Crypto
import Dispatch
import Foundation
import Glibc
import Sites

/// `package-index.jsonl` in a run's folder: every package file with its digest, a file a line.
///
/// It stands beside `packages/`, where every file is a package. It is written when the run is sealed, from what the disk
/// holds then, and never changed. Hashing at that time costs the making nothing, and an interrupted run needs no memory
/// of what it hashed.
public struct PackageIndex: Sendable, Hashable {
    /// One package file.
    public struct Line: Codable, Sendable, Hashable {
        /// Its name below `packages`.
        public var file: String
        /// The first row's number, from 0.
        public var firstRow: Int
        /// Devices.
        public var count: Int
        public var octets: Int
        /// Of the file, in hexadecimal.
        public var sha256: String
        public var firstSerial: String
        public var lastSerial: String
    }

    public static let name = "package-index.jsonl"

    public let lines: [Line]
    /// The SHA-256 of the index file's octets.
    public let digest: [UInt8]

    /// Devices, those that were scrapped and made anew included.
    public var deviceCount: Int { lines.reduce(0) { $0 + $1.count } }

    private init(lines: [Line], bytes: [UInt8]) {
        self.lines = lines
        digest = Array(SHA256.hash(data: bytes))
    }

    /// A package file in a folder.
    struct File {
        var name: String
        var firstRow: Int
        /// Whether it is of one device that was made anew.
        var isRework: Bool
    }

    /// The package files in a folder: those of the list in the order of their rows, then those made anew in the order
    /// in which they were.
    static func files(in folder: String) throws(RunError) -> [File] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw RunError(.io, folder, error.systemReason)
        }
        let listed = names.compactMap { name -> File? in
            guard !name.hasPrefix("."), name.hasSuffix(".jsonl"), let row = Int(name.dropLast(6)) else {
                return nil
            }
            return File(name: name, firstRow: row, isRework: false)
        }
        let anew = names.compactMap { ReworkPackage(folder: folder, name: $0) }
        return listed.sorted { $0.firstRow < $1.firstRow }
            + anew.sorted { $0.number < $1.number }.map {
                File(name: $0.name, firstRow: $0.row, isRework: true)
            }
    }

    /// Writes the index of a run's folder, exclusively and durably; one that is there already has to say the same.
    static func write(in runFolder: String) throws -> PackageIndex {
        let folder = runFolder + "/packages"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var lines: [Line] = []
        var bytes: [UInt8] = []
        let files = try files(in: folder)
        for (file, described) in zip(files, describe(files, in: folder)) {
            let line = try described.get()
            if !file.isRework, let last = lines.last, last.firstRow + last.count != line.firstRow {
                throw RunError(
                    .inconsistent, folder + "/" + line.file,
                    "the packages before it end with row \(last.firstRow + last.count - 1)",
                    hint: "A package is missing or was changed. Find out why before anything is handed out.")
            }
            lines.append(line)
            bytes += Array(try encoder.encode(line)) + [0x0A]
        }
        let path = runFolder + "/" + name
        let staged = runFolder + "/.\(name).new"
        try DurableFile.write(bytes, to: staged)
        defer { unlink(staged) }
        if link(staged, path) != 0 {
            guard errno == EEXIST else { throw DurableFile.failure(path, creating: true) }
            guard FileManager.default.contents(atPath: path) == Data(bytes) else {
                throw RunError(
                    .inconsistent, path, "is there already and says something else",
                    hint: "Packages were changed after the run was sealed. Find out why.")
            }
        }
        try DurableFile.flushFolder(runFolder)
        return PackageIndex(lines: lines, bytes: bytes)
    }

    /// Reads the index in a run's folder; nil where there is none, since the run is not sealed.
    public init?(in runFolder: String) throws(RunError) {
        let path = runFolder + "/" + PackageIndex.name
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let decoder = JSONDecoder()
        var lines: [Line] = []
        for text in data.split(separator: 0x0A) {
            do {
                lines.append(try decoder.decode(Line.self, from: text))
            } catch {
                throw RunError(
                    .inconsistent, path, "line \(lines.count + 1) does not read as one of an index",
                    hint: "The index was changed or cut off. Restore it from the backup.")
            }
        }
        self.init(lines: lines, bytes: Array(data))
    }

    /// What each of the files is now, in their order; hashed on all cores, which a seal leaves idle.
    private static func describe(_ files: [File], in folder: String) -> [Result<Line, RunError>] {
        var lines = [Result<Line, RunError>?](repeating: nil, count: files.count)
        lines.withUnsafeMutableBufferPointer { lines in
            // Unsafe to the compiler alone: each iteration touches its own place, and the call waits for all.
            nonisolated(unsafe) let lines = lines
            DispatchQueue.concurrentPerform(iterations: files.count) { index in
                let file = files[index]
                lines[index] = Result { () throws(RunError) in
                    try describe(file.name, firstRow: file.firstRow, in: folder)
                }
            }
        }
        return lines.compactMap(\.self)
    }

    /// What a package file is now.
    private static func describe(
        _ name: String, firstRow: Int, in folder: String
    ) throws(RunError) -> Line {
        let path = folder + "/" + name
        let data = try map(path)
        let newlines = data.withUnsafeBytes { count(0x0A, in: $0) }
        guard data.last == 0x0A, let firstEnd = data.firstIndex(of: 0x0A),
            let begin = try? PackagedDevice(line: data[..<firstEnd]),
            let end = try? PackagedDevice(
                line: data[((data.dropLast().lastIndex(of: 0x0A) ?? data.startIndex - 1) + 1)...]),
            begin.row == firstRow, end.row == firstRow + newlines - 1
        else {
            throw RunError(
                .inconsistent, path, "does not read as a package of the rows from \(firstRow) on",
                hint: "The package was changed or cut off. Find out why before anything is handed out.")
        }
        return Line(
            file: name, firstRow: firstRow, count: newlines, octets: data.count,
            sha256: Array(SHA256.hash(data: data)).hexText, firstSerial: begin.serial, lastSerial: end.serial)
    }

    /// How often an octet stands in the bytes; `memchr` looks at dozens of them at a time.
    private static func count(_ octet: Int32, in bytes: UnsafeRawBufferPointer) -> Int {
        guard var position = bytes.baseAddress else { return 0 }
        let end = position + bytes.count
        var count = 0
        while position < end, let found = memchr(position, octet, end - position) {
            count += 1
            position = UnsafeRawPointer(found) + 1
        }
        return count
    }

    /// A line by its number, from 0, without its end; a package may have megabytes.
    static func line(_ number: Int, in data: Data) -> Data? {
        data.withUnsafeBytes { bytes -> Data? in
            guard number >= 0, let begin = bytes.baseAddress else { return nil }
            var position = begin
            for index in 0... {
                guard let found = memchr(position, 0x0A, begin + bytes.count - position) else { return nil }
                if index == number {
                    return Data(bytes[(position - begin)..<(UnsafeRawPointer(found) - begin)])
                }
                position = UnsafeRawPointer(found) + 1
            }
            return nil
        }
    }

    static func map(_ path: String) throws(RunError) -> Data {
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        } catch {
            throw RunError(.io, path, error.systemReason)
        }
    }
}

/// A package file that is not as the index has it.
public struct PackageFault: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Codable {
        case missing
        case changed
        /// It stands in the folder, and the index does not know it.
        case unlisted
    }

    public var file: String
    public var kind: Kind
    public var message: String

    public init(file: String, kind: Kind, message: String) {
        self.file = file
        self.kind = kind
        self.message = message
    }
}

extension PackageIndex {
    /// Compares every package file in a run's folder with the index.
    public func faults(in runFolder: String) throws(RunError) -> [PackageFault] {
        let folder = runFolder + "/packages"
        var faults: [PackageFault] = []
        for line in lines {
            if let fault = try fault(of: line, in: folder) { faults.append(fault) }
        }
        let known = Set(lines.map(\.file))
        for file in try PackageIndex.files(in: folder) where !known.contains(file.name) {
            faults.append(
                PackageFault(file: file.name, kind: .unlisted, message: "the index does not know this file"))
        }
        return faults
    }

    /// What is wrong with one file in a folder of packages, or nil.
    func fault(of line: Line, in folder: String) throws(RunError) -> PackageFault? {
        let path = folder + "/" + line.file
        guard FileManager.default.fileExists(atPath: path) else {
            return PackageFault(
                file: line.file, kind: .missing,
                message: "devices \(line.firstSerial) to \(line.lastSerial) are missing")
        }
        let data = try PackageIndex.map(path)
        guard data.count == line.octets else {
            return PackageFault(
                file: line.file, kind: .changed,
                message: "the file has \(data.count) octets, the index says \(line.octets)")
        }
        guard Array(SHA256.hash(data: data)).hexText == line.sha256 else {
            return PackageFault(
                file: line.file, kind: .changed, message: "the file's SHA-256 is not the index's")
        }
        return nil
    }
}
