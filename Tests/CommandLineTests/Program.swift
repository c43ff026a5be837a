import Foundation
import Glibc
import Testing

/// The program under test, and where the repository's files stand.
enum Repository {
    static let root: String = {
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return url.path
    }()

    static let tests = root + "/Tests/CommandLineTests"

    /// `rootline` as it was built with these tests: beside the test program, else in the default build folder.
    static let rootline: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        var folder = URL(fileURLWithPath: own).deletingLastPathComponent()
        for _ in 0..<3 {
            let candidate = folder.appendingPathComponent("rootline").path
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder), !isFolder.boolValue
            {
                return candidate
            }
            folder.deleteLastPathComponent()
        }
        return root + "/.build/debug/rootline"
    }()
}

/// What a command left: its output and how it ended.
struct Outcome {
    let output: String
    let errors: String
    /// The exit code; 128 and the signal's number where a signal ended it, as a shell counts.
    let code: Int32
}

struct ProgramFailure: Error, CustomStringConvertible {
    let description: String
}

/// A process of ours, started in a folder and environment of its choosing.
final class RunningProgram {
    let process: pid_t
    private let outputPath: String
    private let errorPath: String
    private var status: Int32?
    /// `POSIX_SPAWN_SETSID`, which glibc shows to `_GNU_SOURCE` alone.
    private let newSession: Int16 = 0x80

    /// Starts `/bin/sh -c command`; with `exec` in front of it, `process` is the command's own.
    init(shell command: String, in folder: String, environment: [String: String]) throws {
        let scratch = folder + "/.output-\(UUID().uuidString)"
        outputPath = scratch + ".1"
        errorPath = scratch + ".2"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errorPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        // A session of its own: no terminal to prompt on, and a process group to signal as Ctrl-C does.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | newSession)
        let words: [String] = ["/bin/sh", "-c", "cd '\(folder)' || exit 99\n" + command]
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        let variables: [UnsafeMutablePointer<CChar>?] =
            environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var child: pid_t = 0
        let answer = posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments, variables)
        guard answer == 0 else {
            throw ProgramFailure(description: "/bin/sh: \(String(cString: strerror(answer)))")
        }
        process = child
    }

    /// Whether it has ended, without waiting.
    var hasEnded: Bool {
        if status != nil { return true }
        var status: Int32 = 0
        guard waitpid(process, &status, WNOHANG) == process else { return false }
        self.status = status
        return true
    }

    /// Waits for the end; a program that hangs is killed after `seconds`, and that is an error.
    func wait(seconds: Double = 120) throws -> Outcome {
        let end = ContinuousClock.now + .seconds(seconds)
        while !hasEnded {
            if ContinuousClock.now > end {
                kill(-process, SIGKILL)
                _ = waitpid(process, nil, 0)
                status = 0
                throw ProgramFailure(description: "no end after \(seconds) s\n\(text(errorPath))")
            }
            usleep(500)
        }
        let status = status ?? 0
        let outcome = Outcome(
            output: text(outputPath), errors: text(errorPath),
            code: status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F))
        unlink(outputPath)
        unlink(errorPath)
        return outcome
    }

    private func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    /// The processes that this one has started and that have not ended.
    var children: [pid_t] {
        let text = try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
        return (text ?? "").split(separator: " ").compactMap { pid_t($0) }
    }

    deinit {
        if status == nil {
            kill(-process, SIGKILL)
            _ = waitpid(process, nil, 0)
        }
    }
}

/// Whether a process lives; one that has ended and was not waited for yet does not.
func isAlive(_ process: pid_t) -> Bool {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
        let end = text.lastIndex(of: ")")
    else { return false }
    let state = text[text.index(after: end)...].first { $0 != " " }
    return state != "Z" && state != "X"
}

/// Waits until `condition` holds, at most so many seconds; answers whether it does.
func wait(seconds: Double = 30, until condition: () throws -> Bool) rethrows -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    while try !condition() {
        if ContinuousClock.now > end { return false }
        usleep(300)
    }
    return true
}
