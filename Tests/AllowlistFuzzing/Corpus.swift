import Foundation
import TransparencyLog

/// The inputs that stay in the repository, a file for each target and a line of base64 for each input.
public enum Corpus {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Corpus")

    /// The inputs kept for a target; none where it has no file. Throws where a line is not base64.
    public static func inputs(of target: String) throws -> [[UInt8]] {
        let file = folder.appending(path: "\(target).txt")
        guard FileManager.default.fileExists(atPath: file.path) else { return [] }
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        return try lines.filter { !$0.hasPrefix("#") }.map { line in
            guard let input = Base64.decode(String(line)) else {
                throw BrokenProperty("\(target).txt has a line that is not base64")
            }
            return input
        }
    }

    /// The targets that have a file.
    public static func targets() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".txt") }
            .map { String($0.dropLast(4)) }.sorted()
    }
}
