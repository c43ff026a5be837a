import FaultyToken
import Foundation
import Glibc
import TestTokens

/// A program in C, compiled by these tests, that runs as a process of its own.
final class Child {
    struct Ending: Equatable {
        let output: String
        let errors: String
        /// The exit code; 128 and the signal's number where a signal ended it, as a shell counts.
        let code: Int32

        var lines: [String] { output.split(separator: "\n").map { String($0) } }
    }

    static let killed: Int32 = 128 + SIGKILL

    private let process = Process()
    private let output = Pipe()
    private let errors = Pipe()

    init(_ program: String, _ arguments: [String], environment: [String: String]) throws {
        let path = try FaultyToken.compile(
            SourceFolder.beside(#filePath).paths("Programs/\(program).c"), as: .program(program))
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = output
        process.standardError = errors
        try process.run()
    }

    /// What it printed and how it ended; its few lines fit into a pipe.
    ///
    /// One that hangs is killed after 30 seconds, which answers the code 124 as timeout(1) does.
    func wait() -> Ending {
        let end = ContinuousClock.now + .seconds(30)
        while process.isRunning, ContinuousClock.now < end { usleep(500) }
        let hangs = process.isRunning
        // No lesser signal: a child of a test's thread has most of them blocked.
        if hangs { kill(identifier, SIGKILL) }
        process.waitUntilExit()
        let signal: Int32 = process.terminationReason == .uncaughtSignal ? 128 : 0
        return Ending(
            output: Child.text(output), errors: Child.text(errors),
            code: hangs ? 124 : signal + process.terminationStatus)
    }

    private static func text(_ pipe: Pipe) -> String {
        String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }

    var identifier: Int32 { process.processIdentifier }

    /// Waits until a signal has stopped it, at most ten seconds; answers whether it has.
    func isStopped() -> Bool {
        for _ in 0..<10_000 {
            let text = (try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8)) ?? ""
            if text.contains(") T ") { return true }
            usleep(1_000)
        }
        return false
    }
}

/// A folder of one test's own, gone with the value.
final class ScratchFolder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("faulty-\(UUID())").path

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}

/// Runs commands of `token-program.c` on a token through the faulty module, or with no plan through SoftHSM.
func obey(
    _ commands: [String], on token: TestTokens.Token, plan: String?, log: String = "", pin: String? = nil
) throws -> Child.Ending {
    try tokenProgram(commands, on: token, plan: plan, log: log, pin: pin).wait()
}

func tokenProgram(
    _ commands: [String], on token: TestTokens.Token, plan: String?, log: String = "", pin: String? = nil
) throws -> Child {
    let module = try plan == nil ? TestTokens.modulePath : FaultyToken.module()
    return try Child(
        "token-program", [module, token.label, pin ?? token.pinText] + commands,
        environment: [
            "FAULTY_TOKEN_MODULE": TestTokens.modulePath, "FAULTY_TOKEN_PLAN": plan ?? "",
            "FAULTY_TOKEN_LOG": log,
        ])
}
