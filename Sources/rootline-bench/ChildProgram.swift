import Foundation
import Glibc

/// A program that ran to its end, and what it took.
struct FinishedProgram {
    var output: String
    /// Wall-clock seconds from its start to its end.
    var seconds: Double
    /// Seconds of processor time, of the program and of all children that it waited for.
    var processorSeconds: Double
    /// The most anonymous memory that the program and its children had at one time, in octets, seen each 200 ms.
    var peakAnonymousMemory: Int
    /// Octets that the program itself made the system read from the disk.
    var octetsRead: Int
}

/// Runs programs and watches them while they run.
struct ChildProgram {
    var path: String
    var arguments: [String]
    /// What is added to this program's own environment.
    var environment: [String: String] = [:]
    /// Called each 200 ms while the program runs, with its process id.
    var whileRunning: (pid_t) -> Void = { _ in }

    private static let interval: Int32 = 200

    /// Runs the program with no input; throws with what it wrote to standard error where its exit code is not 0.
    func run() throws -> FinishedProgram {
        var output: [Int32] = [0, 0]
        guard pipe(&output) == 0 else { throw BenchError(errno: errno, "pipe") }
        for end in output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let errors = FileManager.default.temporaryDirectory
            .appendingPathComponent("rootline-bench-\(UUID().uuidString).err").path
        let clock = ContinuousClock()
        let begun = clock.now
        let child: pid_t
        do {
            defer { close(output[1]) }
            child = try start(output: output[1], errors: errors)
        }
        defer {
            close(output[0])
            unlink(errors)
        }
        var text: [UInt8] = []
        var peak = 0
        var lastSample = begun
        while true {
            var descriptor = pollfd(fd: output[0], events: Int16(POLLIN), revents: 0)
            let count = poll(&descriptor, 1, Self.interval)
            if lastSample.duration(to: clock.now) >= .milliseconds(Int(Self.interval)) {
                lastSample = clock.now
                peak = max(peak, ProcessTree.anonymousMemory(of: child))
                whileRunning(child)
            }
            guard count > 0 else { continue }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let length = read(output[0], &buffer, buffer.count)
            if length <= 0 { break }
            text.append(contentsOf: buffer[..<length])
        }
        // What it read is told as long as nobody has waited for it.
        var ended = siginfo_t()
        while waitid(P_PID, id_t(child), &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
        let octetsRead = ProcessTree.octetsRead(by: child)
        var status: Int32 = 0
        var usage = rusage()
        while wait4(child, &status, 0, &usage) < 0 && errno == EINTR {}
        let seconds = begun.duration(to: clock.now) / .seconds(1)
        guard status == 0 else {
            let said = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
            throw BenchError(
                description: "\(path) \(arguments.joined(separator: " ")): wait status \(status)\n\(said)")
        }
        return FinishedProgram(
            output: String(decoding: text, as: UTF8.self), seconds: seconds,
            processorSeconds: usage.processorSeconds, peakAnonymousMemory: peak, octetsRead: octetsRead)
    }

    private func start(output: Int32, errors: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        let settings = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var argumentList = ([path] + arguments).map { strdup($0) } + [nil]
        var environmentList = settings.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argumentList + environmentList { free(text) } }
        var child: pid_t = 0
        let answer = posix_spawnp(&child, path, &actions, nil, &argumentList, &environmentList)
        guard answer == 0 else { throw BenchError(errno: answer, path) }
        return child
    }
}

/// What `/proc` says of a process and its children (proc(5)).
enum ProcessTree {
    /// The anonymous memory (`RssAnon`) of a process and of its children, in octets; 0 where they have ended.
    static func anonymousMemory(of process: pid_t) -> Int {
        members(of: process).reduce(0) { sum, member in
            let status = text("/proc/\(member.id)/status").split(separator: "\n")
            let field = status.first { $0.hasPrefix("RssAnon:") }?.split(whereSeparator: \.isWhitespace)
            return sum + (field?.dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
        }
    }

    /// The processor time of a process, of its children, and of those that it waited for, in seconds.
    static func processorSeconds(of process: pid_t) -> Double {
        let ticks = members(of: process).reduce(0) { sum, member in
            // utime, stime, cutime, cstime are fields 14 to 17; the first here is the third, the state.
            sum + member.fields.dropFirst(11).prefix(4).reduce(0) { $0 + (Int($1) ?? 0) }
        }
        return Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Octets that a process made the system read from the disk (`read_bytes` of `/proc/PID/io`).
    static func octetsRead(by process: pid_t) -> Int {
        let field = text("/proc/\(process)/io").split(separator: "\n").first { $0.hasPrefix("read_bytes:") }
        return field?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    }

    private static func members(of process: pid_t) -> [(id: pid_t, fields: [Substring])] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let id = pid_t(name) else { return nil }
            // The second field is the program's name in parentheses, which may contain anything.
            let stat = text("/proc/\(id)/stat")
            guard let end = stat.lastIndex(of: ")") else { return nil }
            let fields = stat[stat.index(after: end)...].split(separator: " ")
            guard id == process || (fields.count > 1 && pid_t(fields[1]) == process) else { return nil }
            return (id, fields)
        }
    }

    private static func text(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }
}
