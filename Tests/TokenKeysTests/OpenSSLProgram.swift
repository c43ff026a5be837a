import Foundation
import Testing

/// A folder in which the `openssl` program runs, removed with its owner.
final class OpenSSLProgram {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("openssl-\(UUID())")

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: folder.appendingPathComponent(name))
    }

    func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    /// Runs `openssl` with these arguments, which has to end with 0, and answers what it printed on both outputs.
    @discardableResult
    func run(_ arguments: String...) throws -> String {
        let (code, output) = try outcome(arguments)
        #expect(code == 0, "openssl \(arguments): \(output)")
        return output
    }

    func outcome(_ arguments: [String]) throws -> (code: Int32, output: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.currentDirectoryURL = folder
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}

func hexText(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }
