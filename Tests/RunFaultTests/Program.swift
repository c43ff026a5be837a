import Foundation
import Glibc

/// The repository's files, and the program under test.
enum Repository {
    static let root: String = {
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return url.path
    }()

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

    static let softHSM: String = {
        let paths = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"]
        return paths.first { FileManager.default.fileExists(atPath: $0) } ?? paths[0]
    }()
}

struct ProgramFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// What a program left: its output and how it ended.
struct Outcome: Sendable {
    let output: String
    let errors: String
    /// The exit code; 128 and the signal's number where a signal ended it, as a shell counts.
    let code: Int32
}

/// A process of ours in a session of its own, with nothing of the user's environment.
final class Program {
    let process: pid_t
    private let name: String
    private let outputs: (String, String)
    private var status: Int32?

    /// Starts `/bin/sh -c command` with `arguments` as `$0` and on; with `exec` in it `process` is the program's.
    init(_ command: String, _ arguments: [String], in folder: String, _ environment: [String: String]) throws
    {
        name = ([command] + arguments).joined(separator: " ")
        let scratch = folder + "/output-\(UUID().uuidString)"
        outputs = (scratch + ".1", scratch + ".2")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputs.0, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, outputs.1, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // POSIX_SPAWN_SETSID, which glibc shows to _GNU_SOURCE alone: no terminal to prompt on.
        // Nor a mask: threads of a test may block the signals that the program is to get.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, 0x80 | Int16(POSIX_SPAWN_SETSIGMASK))
        let words: [UnsafeMutablePointer<CChar>?] =
            (["/bin/sh", "-c", command] + arguments).map { strdup($0) } + [nil]
        let variables: [UnsafeMutablePointer<CChar>?] =
            environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        var child: pid_t = 0
        let answer = posix_spawn(&child, "/bin/sh", &actions, &attributes, words, variables)
        guard answer == 0 else { throw ProgramFailure("/bin/sh: \(String(cString: strerror(answer)))") }
        process = child
    }

    /// Whether it has ended, without waiting.
    var isOver: Bool {
        if status != nil { return true }
        var status: Int32 = 0
        guard waitpid(process, &status, WNOHANG) == process else { return false }
        self.status = status
        return true
    }

    /// Whether SIGSTOP holds it.
    var isStopped: Bool {
        let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        return text?.contains(") T ") == true
    }

    /// The processes that it has started and that have not ended.
    var children: [pid_t] {
        let text = try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
        return (text ?? "").split(separator: " ").compactMap { pid_t($0) }
    }

    /// What it has said so far on standard error.
    var said: String { text(outputs.1) }

    /// Waits until it has said this; false where it has ended or has not in so many seconds.
    func waitFor(_ words: String, seconds: Double = 30) -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while !said.contains(words) {
            if isOver || ContinuousClock.now > end { return said.contains(words) }
            usleep(2000)
        }
        return true
    }

    /// Waits for the end; a program that hangs is killed after two minutes, and that is an error.
    func wait() throws -> Outcome {
        let end = ContinuousClock.now + .seconds(120)
        while !isOver {
            if ContinuousClock.now > end {
                throw ProgramFailure("no end after two minutes: \(name)\n\(text(outputs.1))")
            }
            usleep(1000)
        }
        let status = status ?? 0
        defer {
            unlink(outputs.0)
            unlink(outputs.1)
        }
        return Outcome(
            output: text(outputs.0), errors: text(outputs.1),
            code: status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F))
    }

    private func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    deinit {
        if !isOver {
            kill(-process, SIGKILL)
            waitpid(process, nil, 0)
        }
    }
}
