import Foundation
import Glibc
import PKCS11
import Sites

/// A running worker, seen from the run.
final class WorkerProcess {
    let process: pid_t
    let socket: Int32
    /// Chunks handed over and not answered yet, in the order of handing over.
    private(set) var inFlight: [WorkChunk] = []
    /// Bytes that the socket has not taken yet.
    private var unsent: [UInt8] = []
    private var sent = 0
    private(set) var devices = 0
    private(set) var isReady = false
    /// Whether it gets no more chunks.
    private(set) var isRetiring = false
    private let started = ContinuousClock.now
    /// When the oldest chunk in flight was handed over, or the worker was started.
    private(set) var waitingSince = ContinuousClock.now

    /// Starts this program again as a worker and sends it its set-up.
    ///
    /// The worker keeps `lock` until it is logged in: where this process is killed meanwhile, whoever resumes the run
    /// must not log in beside it.
    init(executable: String, setUp: WorkerSetUp, pin: PIN, holding lock: FileLock) throws(RunError) {
        var pair: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0
        else { throw RunError(.workersFailed, "worker", String(cString: strerror(errno))) }
        // A made chunk is some 200 KiB: room for one in the kernel lets the worker go on with the next.
        var size: Int32 = 1 << 20
        // A worker that stops in the middle of a message is lost, too.
        var patience = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        for end in pair {
            setsockopt(end, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
            setsockopt(end, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // dup2 onto itself would keep close-on-exec: the child's end is moved out of the way first.
        let childEnd = fcntl(pair[1], F_DUPFD_CLOEXEC, 10)
        close(pair[1])
        // The lock first: it may stand where the socket is to be.
        posix_spawn_file_actions_adddup2(&actions, lock.descriptor, Worker.loginLock)
        posix_spawn_file_actions_adddup2(&actions, childEnd, Worker.descriptor)
        let arguments: [UnsafeMutablePointer<CChar>?] = [
            strdup(executable), strdup(Worker.argument), nil,
        ]
        defer { for argument in arguments { free(argument) } }
        // The run blocks its signals to read them from a descriptor; a child must not inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        // Ctrl-C reaches the whole foreground group; a worker that has not said yet that it ignores it must not die.
        for number in StopSignals.numbers { sigaddset(&none, number) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var child: pid_t = 0
        let environment = WorkerEnvironment()
        let answer = posix_spawn(
            &child, executable, &actions, &attributes, arguments, environment.pointers)
        close(childEnd)
        guard answer == 0 else {
            close(pair[0])
            throw RunError(.workersFailed, executable, String(cString: strerror(answer)))
        }
        process = child
        socket = pair[0]
        var first = setUp.frame(pin: pin)
        defer { first.wipe() }
        try first.write(to: socket)
    }

    var wantsToSend: Bool { sent < unsent.count }

    /// How long ago it was started.
    var age: Duration { started.duration(to: .now) }

    func retire() { isRetiring = true }

    func markReady() {
        isReady = true
        waitingSince = .now
    }

    /// Queues a chunk; `flush` sends it.
    func give(_ chunk: WorkChunk, columns: Int) {
        if inFlight.isEmpty { waitingSince = .now }
        inFlight.append(chunk)
        let frame = chunk.frame(columns: columns)
        if sent == unsent.count {
            unsent = []
            sent = 0
        }
        unsent.append(contentsOf: frame.header)
        unsent.append(contentsOf: frame.payload)
    }

    /// Takes the answered chunk out of the books and answers what was asked for.
    func settle(_ firstRow: Int) throws(RunError) -> WorkChunk {
        guard let index = inFlight.firstIndex(where: { $0.firstRow == firstRow }) else {
            throw RunError(.protocolBroken, "worker", "an answer for rows that it was not given")
        }
        waitingSince = .now
        let chunk = inFlight.remove(at: index)
        devices += chunk.rows.count
        return chunk
    }

    /// Sends as much as the socket takes now.
    ///
    /// Never waits: a worker that is itself waiting to be read would otherwise wait for us for ever.
    func flush() throws(RunError) {
        while sent < unsent.count {
            let written = unsent.withUnsafeBytes {
                send(
                    socket, $0.baseAddress?.advanced(by: sent), unsent.count - sent,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if written < 0 && errno == EINTR { continue }
            if written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) { return }
            guard written > 0 else { throw RunError(.io, "worker", String(cString: strerror(errno))) }
            sent += written
        }
    }

    /// Ends the worker at once and waits for it; answers how it ended, in words.
    @discardableResult
    func kill() -> String {
        if let ended { return ended }
        Glibc.kill(process, SIGKILL)
        return wait()
    }

    /// Closes the socket, upon which the worker ends by itself, and waits for it.
    func end() {
        guard ended == nil else { return }
        shutdown(socket, Int32(SHUT_WR))
        _ = wait()
    }

    private var ended: String?

    private func wait() -> String {
        if let ended { return ended }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        close(socket)
        let signal = status & 0x7F
        let text = signal == 0 ? "exit code \((status >> 8) & 0xFF)" : "signal \(signal)"
        ended = text
        return text
    }

    deinit {
        if ended == nil { kill() }
    }
}
