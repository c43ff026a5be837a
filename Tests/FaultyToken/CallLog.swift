import Foundation

extension FaultyToken {
    /// A line of `FAULTY_TOKEN_LOG`: a call that a program made.
    public struct Call: Sendable, Hashable {
        /// Counted from 1 in each process.
        public let number: Int
        public let function: String
        /// Whether it is one of the calls that a plan's `state` means.
        public let changesState: Bool
        public let process: Int32
    }

    /// The calls logged in a file, in their order; none where nothing has been logged yet.
    public static func calls(log path: String) throws -> [Call] {
        try lines(path).map { fields in
            guard fields.count == 4, let number = Int(fields[0]), let process = Int32(fields[3]),
                fields[2] == "state" || fields[2] == "other"
            else { throw FaultyTokenError("\(path): a malformed line: \(fields.joined(separator: " "))") }
            return Call(
                number: number, function: fields[1], changesState: fields[2] == "state", process: process)
        }
    }

    /// A line of `FAULTY_FILES_LOG`: a write, or a flush, which has no length.
    public struct FileCall: Sendable, Hashable {
        public enum Kind: String, Sendable {
            case write
            case fsync
        }
        /// Counted from 1 in each process, writes and flushes apart.
        public let number: Int
        public let kind: Kind
        /// Octets that the program asked to write.
        public let length: Int
        public let process: Int32
    }

    /// The writes and flushes logged in a file, in their order; none where nothing has been logged yet.
    public static func fileCalls(log path: String) throws -> [FileCall] {
        try lines(path).map { fields in
            guard fields.count == 4, let number = Int(fields[0]),
                let kind = FileCall.Kind(rawValue: fields[1]),
                let length = Int(fields[2]), let process = Int32(fields[3])
            else { throw FaultyTokenError("\(path): a malformed line: \(fields.joined(separator: " "))") }
            return FileCall(number: number, kind: kind, length: length, process: process)
        }
    }

    private static func lines(_ path: String) throws -> [[String]] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            .map { line in line.split(separator: " ").map { String($0) } }
    }
}

extension FaultyToken {
    /// A line of `SITE_FILES_LOG`: an operation on a file or folder that a program was about to do.
    public struct SiteOperation: Sendable, Hashable {
        /// Counted from 1.
        public let number: Int
        /// `write`, `fsync`, `rename`, …, as `site-files.c` names them.
        public let name: String
        public let path: String
    }

    public static func siteOperations(log path: String) throws -> [SiteOperation] {
        try lines(path).map { fields in
            guard fields.count >= 4, let number = Int(fields[0]) else {
                throw FaultyTokenError("\(path): a malformed line: \(fields.joined(separator: " "))")
            }
            return SiteOperation(
                number: number, name: fields[1], path: fields[3...].joined(separator: " "))
        }
    }
}
