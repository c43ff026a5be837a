import Foundation

/// The inputs that stay in the repository, a folder for each target.
public enum Corpus {
    public static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Corpus")

    /// The inputs kept for a target, by name; none where it has no folder.
    public static func inputs(of target: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = folder.appending(path: target)
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { name in
            (name, Array(try Data(contentsOf: folder.appending(path: name))))
        }
    }

    /// The targets that have a folder.
    public static func folders() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasSuffix(".md") }
            .sorted()
    }
}
