import Foundation
import Testing

/// Runs a program of `Programs` with the Python that has the package `cryptography`.
enum Python {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    private static let interpreter = Result {
        try run(tests.deletingLastPathComponent().appendingPathComponent("Tools/auditor-python").path, [], [])
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// What the program prints; an exit code other than 0 is an error.
    static func run(_ program: String, _ arguments: [String], input: [UInt8] = []) throws -> String {
        let path = tests.appendingPathComponent("Programs/\(program)").path
        return try run("/usr/bin/env", [try interpreter.get(), path] + arguments, input)
    }

    private static func run(_ path: String, _ arguments: [String], _ input: [UInt8]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        let (standardInput, output, errors) = (Pipe(), Pipe(), Pipe())
        process.standardInput = standardInput
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // Small enough for the pipe's buffer, so nothing waits here.
        standardInput.fileHandleForWriting.write(Data(input))
        try standardInput.fileHandleForWriting.close()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        let said = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(path) \(arguments): \(String(decoding: said, as: UTF8.self))")
        }
        return String(decoding: printed, as: UTF8.self)
    }
}
