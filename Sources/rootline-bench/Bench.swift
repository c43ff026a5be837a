import Foundation
import Glibc

struct BenchError: Error, CustomStringConvertible {
    let description: String

    init(description: String) {
        self.description = description
    }

    init(errno code: Int32, _ subject: String) {
        description = "\(subject): \(String(cString: strerror(code)))"
    }
}

/// Programs and folders of one bench run.
final class Bench {
    let programs: URL
    let product: URL
    let folder: URL
    let cores = ProcessInfo.processInfo.activeProcessorCount

    init() throws {
        programs = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent()
        product = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
        folder = URL(fileURLWithPath: ".build/bench-\(getpid())").absoluteURL
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func removeFolder() {
        try? FileManager.default.removeItem(at: folder)
    }

    /// A new, empty folder.
    func makeFolder(_ name: String) throws -> String {
        let path = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
        return path.path
    }

    /// Runs a program of ours to its end.
    @discardableResult
    func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        whileRunning: @escaping (pid_t) -> Void = { _ in }
    ) throws -> FinishedProgram {
        try ChildProgram(
            path: programs.appendingPathComponent(program).path, arguments: arguments,
            environment: environment, whileRunning: whileRunning
        ).run()
    }

    private var firstSite: BenchSite?

    /// The site on which everything is measured that leaves no other trace than a few sealed runs.
    func site() throws -> BenchSite {
        if let firstSite { return firstSite }
        let site = try BenchSite(self, name: "site")
        firstSite = site
        return site
    }

    /// Says on standard error what is being measured.
    func say(_ text: String) {
        FileHandle.standardError.write(Data("bench: \(text)\n".utf8))
    }
}
