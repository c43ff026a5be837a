import Foundation

/// A program that a test runs: by its path, or by its name in the search path.
struct Program {
    let path: String

    init(_ name: String) {
        path = name
    }

    /// Output and errors in one text, and the exit code.
    func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [path] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }
}

struct ProgramFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Where things stand in the package and in the folder that it was built into.
enum Places {
    static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let programs = package.appending(path: "Tests/ConsumerTests/Programs")
    static let headers = package.appending(path: "Sources/CAllowlist/include")

    /// The folder with the products that were built together with these tests.
    static let products: URL = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        var folder = URL(filePath: own).deletingLastPathComponent()
        for _ in 0..<3 {
            if FileManager.default.fileExists(atPath: folder.appending(path: library).path) { return folder }
            folder.deleteLastPathComponent()
        }
        return package.appending(path: ".build/debug")
    }()

    static let library = "librootline_allowlist.so"
}
