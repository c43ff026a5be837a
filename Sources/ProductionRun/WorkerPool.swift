import Foundation
import Glibc
import Logging
import PKCS11
import Sites

/// The run's worker processes: hands out chunks, collects what is made, replaces what fails.
///
/// One thread drives it all by `poll`, so nothing here is shared and nothing locks.
final class WorkerPool {
    /// What came of waiting.
    enum Event {
        case made(WorkChunk, MadeChunk)
        /// A worker was lost with these chunks: certificates for their rows may exist.
        case lost([WorkChunk], reason: String)
        /// Somebody asked the run to stop.
        case stopRequested
    }

    private let executable: String
    private let setUp: WorkerSetUp
    private let pin: PIN
    private let columns: Int
    private let lockLogin: () throws -> FileLock
    private let signals: StopSignals
    private let limits: WorkerLimits
    private var workers: [WorkerProcess] = []
    private var failuresInARow = 0
    private let log = Logger(label: "rootline.workers")

    init(
        executable: String, setUp: WorkerSetUp, pin: PIN, columns: Int, limits: WorkerLimits,
        signals: StopSignals, lockLogin: @escaping () throws -> FileLock
    ) throws {
        self.executable = executable
        self.setUp = setUp
        self.pin = pin
        self.columns = columns
        self.limits = limits
        self.signals = signals
        self.lockLogin = lockLogin
        for _ in 0..<limits.workers { workers.append(try start()) }
    }

    /// Chunks in flight at most: one a session, and one waiting so that none is ever idle.
    var capacity: Int { limits.workers * (limits.sessions + 1) }
    var isIdle: Bool { workers.allSatisfy { $0.inFlight.isEmpty } }

    /// Hands a chunk to the worker with the least to do.
    func give(_ chunk: WorkChunk) throws {
        guard let worker = workers.min(by: { $0.inFlight.count < $1.inFlight.count }) else {
            throw RunError(.workersFailed, "workers", "there is none")
        }
        worker.give(chunk, columns: columns)
        try? worker.flush()
    }

    /// Starts one worker and waits until it is logged in: processes that log in together break SoftHSM.
    private func start() throws -> WorkerProcess {
        let lock = try lockLogin()
        defer { withExtendedLifetime(lock) {} }
        let worker = try WorkerProcess(executable: executable, setUp: setUp, pin: pin)
        var descriptor = pollfd(fd: worker.socket, events: Int16(POLLIN), revents: 0)
        let milliseconds = Int32(limits.startSeconds * 1000)
        var ready: Int32
        repeat { ready = poll(&descriptor, 1, milliseconds) } while ready < 0 && errno == EINTR
        guard ready > 0 else {
            throw RunError(
                .workersFailed, "worker", "not ready after \(limits.startSeconds) s",
                hint: "Is the HSM answering? `rootline doctor` tells.")
        }
        let frame = try? Frame.read(from: worker.socket)
        switch frame?.kind {
        case .ready:
            worker.markReady()
            log.debug("worker ready", metadata: ["pid": "\(worker.process)"])
            return worker
        case .failed:
            throw WorkerPool.failure(frame)
        default:
            throw RunError(.workersFailed, "worker", "it ended at its start: \(worker.kill())")
        }
    }

    private static func failure(_ frame: Frame?) -> any Error {
        var fields = FieldReader(frame?.payload ?? [])
        let kind = (try? fields.uint32()).flatMap(WorkerFailure.init(rawValue:)) ?? .other
        let message = (try? fields.text()) ?? "no reason given"
        switch kind {
        case .pinRefused: return PKCS11Error(.pinRefused, subject: message)
        case .tokenAbsent: return PKCS11Error(.tokenAbsent, subject: message)
        case .other: return RunError(.workersFailed, "worker", message)
        }
    }

    /// Waits until something happened, at most a second, and answers what.
    func wait() throws -> [Event] {
        for worker in workers where worker.wantsToSend { try? worker.flush() }
        var descriptors = workers.map {
            pollfd(
                fd: $0.socket, events: Int16(POLLIN) | ($0.wantsToSend ? Int16(POLLOUT) : 0), revents: 0)
        }
        descriptors.append(pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0))
        let count = poll(&descriptors, nfds_t(descriptors.count), 1000)
        if count < 0 && errno != EINTR { throw RunError(.io, "poll", String(cString: strerror(errno))) }
        var events: [Event] = []
        for (index, worker) in workers.enumerated() {
            let returned = Int32(descriptors[index].revents)
            if returned & Int32(POLLIN | POLLHUP | POLLERR) != 0 {
                events.append(try read(worker, at: index))
            } else if !worker.inFlight.isEmpty,
                worker.waitingSince.duration(to: .now) > .seconds(limits.chunkSeconds)
            {
                events.append(
                    try replace(index, "no answer in \(limits.chunkSeconds) s", killing: true))
            }
        }
        if descriptors[workers.count].revents != 0 && signals.take() { events.append(.stopRequested) }
        try recycle()
        return events
    }

    private func read(_ worker: WorkerProcess, at index: Int) throws -> Event {
        do {
            guard let frame = try Frame.read(from: worker.socket) else {
                return try replace(index, "it ended", killing: false)
            }
            if frame.kind == .failed {
                return try replace(index, "\(WorkerPool.failure(frame))", killing: true)
            }
            guard frame.kind == .made else {
                throw RunError(.protocolBroken, "worker", "an unexpected message")
            }
            let made = try MadeChunk.parse(frame)
            let chunk = try worker.settle(made.firstRow)
            guard made.answers(chunk) else {
                throw RunError(.protocolBroken, "worker", "other devices than it was asked for")
            }
            failuresInARow = 0
            return .made(chunk, made)
        } catch let error as RunError where error.code == .io {
            // A connection reset: it is gone.
            return try replace(index, "it ended", killing: false)
        } catch let error as RunError where error.code == .protocolBroken {
            return try replace(index, error.description, killing: true)
        }
    }

    /// Puts a new worker in a failed one's place; gives up after several failures with nothing made between.
    private func replace(_ index: Int, _ reason: String, killing: Bool) throws -> Event {
        let worker = workers[index]
        let ending = worker.kill()
        failuresInARow += 1
        log.warning(
            "worker lost",
            metadata: [
                "pid": "\(worker.process)", "ending": "\(ending)", "reason": "\(reason)",
                "chunks": "\(worker.inFlight.count)", "failuresInARow": "\(failuresInARow)",
            ])
        guard failuresInARow <= limits.failuresInARow else {
            throw RunError(
                .workersFailed, "workers", "\(failuresInARow) failed in a row, the last: \(reason)",
                hint: "When the cause is gone: `rootline run resume`.")
        }
        let lost = worker.inFlight
        workers[index] = try start()
        return .lost(lost, reason: killing ? reason : "\(reason): \(ending)")
    }

    /// Replaces workers that made many devices: SoftHSM frees the memory of session objects at its end alone.
    private func recycle() throws {
        for (index, worker) in workers.enumerated()
        where worker.devices >= limits.devicesPerWorker && worker.inFlight.isEmpty {
            log.debug(
                "worker recycled", metadata: ["pid": "\(worker.process)", "devices": "\(worker.devices)"])
            worker.end()
            workers[index] = try start()
        }
    }

    /// Ends all workers; what they have in flight is lost.
    func end() {
        for worker in workers {
            if worker.inFlight.isEmpty { worker.end() } else { worker.kill() }
        }
        workers = []
    }
}

/// How many workers, and when one is given up.
public struct WorkerLimits: Sendable {
    /// Worker processes.
    public var workers: Int
    /// Sessions a worker, each on a thread: 1 for a token in this machine, many for one in the network.
    public var sessions: Int
    /// Rows handed over at a time, at most.
    public var chunkRows: Int
    public var startSeconds = 60
    public var chunkSeconds = 120
    public var failuresInARow = 3
    public var devicesPerWorker = 100_000

    public init(workers: Int, sessions: Int, chunkRows: Int) {
        self.workers = workers
        self.sessions = sessions
        self.chunkRows = chunkRows
    }

    /// One worker a core; chunks so small that what a crash burns stays a small part of the run.
    public static func standard(quantity: Int) -> WorkerLimits {
        WorkerLimits(
            workers: max(1, ProcessInfo.processInfo.activeProcessorCount), sessions: 1,
            chunkRows: min(256, max(1, quantity / 64)))
    }
}
