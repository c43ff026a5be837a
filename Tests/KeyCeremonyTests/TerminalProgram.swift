import Foundation
import Glibc
import Testing

struct TerminalFailure: Error, CustomStringConvertible {
    let description: String
}

/// A program with a pseudo-terminal of its own for everything that it reads and writes, as people have it.
final class TerminalProgram {
    let process: pid_t
    private let terminal: Int32
    /// All that came out at the terminal, what it echoed included.
    private(set) var capture: [UInt8] = []
    private var isOver = false

    /// `POSIX_SPAWN_SETSID`, which glibc shows to `_GNU_SOURCE` alone.
    private static let newSession: Int16 = 0x80
    /// `TIOCSPTLCK` and `TIOCGPTN` of Linux.
    private static let setLock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430

    /// `rootline` as it was built with these tests.
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
        return Repository.path(".build/debug/rootline")
    }()

    init(_ path: String, _ arguments: [String], in folder: String, environment: [String: String]) throws {
        terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        // Glibc shows grantpt and its kin to _XOPEN_SOURCE alone; these are what they ask the kernel for.
        var (lock, number): (Int32, Int32) = (0, -1)
        guard terminal >= 0, ioctl(terminal, Self.setLock, &lock) == 0,
            ioctl(terminal, Self.getNumber, &number) == 0
        else { throw TerminalFailure(description: "no pseudo-terminal: \(String(cString: strerror(errno)))") }
        let name = "/dev/pts/\(number)"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The first terminal that the leader of a session opens becomes the session's.
        posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The threads that run tests block signals, and a child inherits that.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Self.newSession)
        let command = ["/usr/bin/env", "-C", folder, path] + arguments
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") }
        words.append(nil)
        variables.append(nil)
        defer { for text in words + variables { free(text) } }
        var child: pid_t = 0
        let answer = posix_spawn(&child, "/usr/bin/env", &actions, &attributes, words, variables)
        guard answer == 0 else { throw TerminalFailure(description: String(cString: strerror(answer))) }
        process = child
    }

    deinit {
        if !isOver {
            kill(process, SIGKILL)
            _ = waitpid(process, nil, 0)
        }
        close(terminal)
    }

    var text: String { String(decoding: capture, as: UTF8.self) }

    /// Hands each prompt, the unfinished line at the end of what came since the last answer, to `answer`, and types what
    /// that gives; answers the exit code.
    func converse(_ answer: (String) throws -> String?) throws -> Int32 {
        var since = 0
        var idle = 0
        while true {
            var poller = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
            if poll(&poller, 1, 20) > 0 {
                var buffer = [UInt8](repeating: 0, count: 4096)
                let count = read(terminal, &buffer, buffer.count)
                // Linux answers EIO where nobody has the other side open any more.
                guard count > 0 else { break }
                capture += buffer[..<count]
                idle = 0
                continue
            }
            idle += 1
            guard idle < 3000 else {
                throw TerminalFailure(description: "no prompt for a minute:\n\(text.suffix(2000))")
            }
            let fresh = String(decoding: capture[since...], as: UTF8.self)
            guard fresh.hasSuffix(": ") || fresh.hasSuffix(":\r\n  ") else { continue }
            guard let typed = try answer(fresh) else { continue }
            since = capture.count
            idle = 0
            let bytes = Array((typed + "\n").utf8)
            guard write(terminal, bytes, bytes.count) == bytes.count else {
                throw TerminalFailure(description: "the terminal takes no more")
            }
        }
        var status: Int32 = 0
        _ = waitpid(process, &status, 0)
        isOver = true
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    /// What the kernel shows others of the process.
    func kernelView() -> [UInt8] {
        ["cmdline", "environ", "comm"].flatMap { name in
            Array(FileManager.default.contents(atPath: "/proc/\(process)/\(name)") ?? Data())
        }
    }
}
