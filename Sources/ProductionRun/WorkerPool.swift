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
        case made(MadeChunk)
        /// A worker was lost with these chunks: certificates for their rows may exist.
        case lost([WorkChunk], reason: String)
        /// Somebody asked the run to stop.
        case stopRequested
        /// Something that an operator should read.
        case notice(String)
    }

    private let executable: String
    private let setUp: WorkerSetUp
    private let pin: PIN
    private let columns: Int
    private let lockLogin: () throws -> FileLock
    private let signals: StopSignals
    private let limits: WorkerLimits
    private var workers: [WorkerProcess] = []
    /// A worker that has not said yet that it is ready.
    private var starting: WorkerProcess?
    /// Chunks that no worker has: none of them lives while the token is away.
    private var unassigned: [WorkChunk] = []
    private var absence: TokenAbsence?
    private var isStopRequested = false
    private var failuresInARow = 0
    private var pending: [Event] = []
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
        try fill()
    }

    /// Chunks in flight at most: one a session, and one waiting for each, so that none is ever idle.
    var capacity: Int { limits.workers * chunksAWorker }
    private var chunksAWorker: Int { 2 * limits.sessions }
    var isIdle: Bool { unassigned.isEmpty && workers.allSatisfy { $0.inFlight.isEmpty } }

    /// Hands a chunk to the worker with the least to do; keeps it while all have enough.
    func give(_ chunk: WorkChunk) {
        unassigned.append(chunk)
        assign()
    }

    private func assign() {
        while !unassigned.isEmpty {
            let ready = workers.filter { !$0.isRetiring && $0.inFlight.count < chunksAWorker }
            guard let worker = ready.min(by: { $0.inFlight.count < $1.inFlight.count }) else { return }
            worker.give(unassigned.removeFirst(), columns: columns)
            try? worker.flush()
        }
    }

    /// Starts a worker where one is missing, or finds that the token is away.
    ///
    /// One at a time: processes that log in together break SoftHSM. Those that are there work on meanwhile, and a
    /// worker that is due to be replaced goes on until its successor is ready.
    private func fill() throws {
        guard starting == nil, workers.count(where: { !$0.isRetiring && !isDue($0) }) < limits.workers
        else { return }
        if let absence, absence.isWaiting, absence.nextTry > .now { return }
        do {
            let lock = try lockLogin()
            starting = try WorkerProcess(executable: executable, setUp: setUp, pin: pin, holding: lock)
        } catch {
            guard isAbsence(error) else { throw error }
            try postpone(because: error)
        }
    }

    /// Takes a starting worker's first word, or its silence after too long.
    private func welcome(_ worker: WorkerProcess) throws {
        starting = nil
        do {
            let frame = hasWord(worker) ? try? Frame.read(from: worker.socket) : nil
            switch frame?.kind {
            case .ready: break
            case .failed: throw WorkerPool.failure(frame)
            default:
                let ending = worker.kill()
                guard worker.age < .seconds(limits.startSeconds) else {
                    throw PKCS11Error(
                        .tokenAbsent, subject: "worker: not ready after \(limits.startSeconds) s",
                        hint: "Is the HSM answering? `rootline doctor` tells.")
                }
                throw RunError(.workersFailed, "worker", "it ended at its start: \(ending)")
            }
        } catch {
            guard isAbsence(error) else { throw error }
            return try postpone(because: error)
        }
        worker.markReady()
        log.debug("worker ready", metadata: ["pid": "\(worker.process)"])
        workers.append(worker)
        if let absence, absence.isWaiting {
            pending.append(.notice("The token is back after \(absence.seconds) s."))
            self.absence?.end()
        }
        workers.first { isDue($0) && !$0.isRetiring }?.retire()
        assign()
        try fill()
    }

    private func isDue(_ worker: WorkerProcess) -> Bool { worker.devices >= limits.devicesPerWorker }

    /// Whether waiting may help a worker that did not start. Once the token is away that may be told in many ways.
    private func isAbsence(_ error: any Error) -> Bool {
        if TokenAbsence.isSign(error) { return true }
        return absence?.isWaiting == true && (error as? PKCS11Error)?.code != .pinRefused
    }

    /// The token is away: it is tried again later, unless it has been for too long.
    private func postpone(because error: any Error) throws {
        if absence == nil || absence?.isWaiting == false { try begin(absence: "\(error)") }
        if !workers.isEmpty { absence?.beginAnew() }
        guard let absence, absence.seconds < limits.tokenWaitSeconds else {
            throw RunError(
                .tokenAbsent, "token", "\(error)",
                hint: "When it is back: `rootline run resume`. `--wait` says for how long a run waits for it."
            )
        }
        self.absence?.postpone()
    }

    private func begin(absence reason: String) throws {
        guard absence == nil else {
            absence?.relapse()
            guard let absence, absence.relapses <= limits.failuresInARow else {
                throw RunError(
                    .workersFailed, "workers",
                    "the token came back and failed again and again, the last: \(reason)",
                    hint: "When the cause is gone: `rootline run resume`.")
            }
            return
        }
        absence = TokenAbsence(reason)
        log.warning("token absent", metadata: ["reason": "\(reason)"])
        guard limits.tokenWaitSeconds > 0 else { return }
        pending.append(
            .notice("Token absent, waiting up to \(limits.tokenWaitSeconds) s (--wait): \(reason)"))
    }

    /// Whether there is something to read from a worker at this moment.
    private func hasWord(_ worker: WorkerProcess) -> Bool {
        var descriptor = pollfd(fd: worker.socket, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) > 0
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
        // A token that was waited for is asked again, and the workers that are missing are started.
        try fill()
        for worker in workers where worker.wantsToSend { try? worker.flush() }
        var descriptors = workers.map {
            pollfd(
                fd: $0.socket, events: Int16(POLLIN) | ($0.wantsToSend ? Int16(POLLOUT) : 0), revents: 0)
        }
        let starting = starting
        descriptors.append(pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0))
        if let starting { descriptors.append(pollfd(fd: starting.socket, events: Int16(POLLIN), revents: 0)) }
        let count = poll(&descriptors, nfds_t(descriptors.count), timeout)
        if count < 0 && errno != EINTR { throw RunError(.io, "poll", String(cString: strerror(errno))) }
        if descriptors[workers.count].revents != 0 && signals.take() {
            isStopRequested = true
            pending.append(.stopRequested)
        }
        for (worker, descriptor) in zip(workers, descriptors) {
            if Int32(descriptor.revents) & Int32(POLLIN | POLLHUP | POLLERR) != 0 {
                // All that is there is taken together: it is then recorded together.
                repeat { try read(worker) } while workers.contains { $0 === worker } && hasWord(worker)
            } else if !worker.inFlight.isEmpty,
                worker.waitingSince.duration(to: .now) > .seconds(limits.chunkSeconds)
            {
                try lose(worker, "no answer in \(limits.chunkSeconds) s", killing: true)
            }
        }
        if let starting, descriptors.last?.revents != 0 || starting.age > .seconds(limits.startSeconds) {
            try welcome(starting)
        }
        if isStopRequested, workers.isEmpty, let absence, absence.isWaiting {
            throw RunError(
                .interrupted, "token", "stopped while the token was absent: \(absence.reason)",
                hint: "When it is back: `rootline run resume`.")
        }
        recycle()
        defer { pending = [] }
        return pending
    }

    /// Milliseconds until something is to be done, at most a second.
    private var timeout: Int32 {
        guard pending.isEmpty else { return 0 }
        guard let absence, absence.isWaiting else { return 1000 }
        let left = ContinuousClock.now.duration(to: absence.nextTry) / .milliseconds(1)
        return Int32(min(1000, max(0, left.rounded(.up))))
    }

    private func read(_ worker: WorkerProcess) throws {
        do {
            guard let frame = try Frame.read(from: worker.socket) else {
                return try lose(worker, "it ended", killing: false)
            }
            if frame.kind == .failed {
                let error = WorkerPool.failure(frame)
                return try lose(worker, "\(error)", killing: true, isAbsence: TokenAbsence.isSign(error))
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
            if absence?.isWaiting == false { absence = nil }
            pending.append(.made(made))
        } catch let error as RunError where error.code == .io {
            // A connection reset: it is gone.
            try lose(worker, "it ended", killing: false)
        } catch let error as RunError where error.code == .protocolBroken {
            try lose(worker, error.description, killing: true)
        }
    }

    /// Takes a failed worker out; gives up after several failures with nothing made between.
    ///
    /// Another is started in its place at the next `wait`. All workers of a token that goes away fail together, which
    /// is one failure and no reason to give up.
    private func lose(
        _ worker: WorkerProcess, _ reason: String, killing: Bool, isAbsence: Bool = false
    ) throws {
        let ending = worker.kill()
        workers.removeAll { $0 === worker }
        let isAway = isAbsence || absence?.isWaiting == true
        if !isAway { failuresInARow += 1 }
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
        if isAbsence, absence?.isWaiting != true { try begin(absence: reason) }
        pending.append(.lost(worker.inFlight, reason: killing ? reason : "\(reason): \(ending)"))
    }

    /// Ends workers whose successors are at work: SoftHSM frees the memory of session objects at its end alone.
    private func recycle() {
        for worker in workers where worker.isRetiring && worker.inFlight.isEmpty {
            log.debug(
                "worker recycled", metadata: ["pid": "\(worker.process)", "devices": "\(worker.devices)"])
            worker.end()
            workers.removeAll { $0 === worker }
        }
    }

    /// Ends all workers; what they have in flight is lost.
    func end() {
        for worker in workers {
            if worker.inFlight.isEmpty { worker.end() } else { worker.kill() }
        }
        workers = []
        // Not in the middle of a login, which SoftHSM would not survive.
        while let starting, starting.age < .seconds(5), !hasWord(starting) { usleep(10_000) }
        starting?.kill()
        starting = nil
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
    public var devicesPerWorker = 40_000
    /// Whether every certificate's signature is verified, and not the first of each chunk alone.
    public var verifiesAll = false
    /// How long a run waits for a token that went away while it was at work; 0 for not at all.
    public var tokenWaitSeconds = 600

    /// The limits of a run of `quantity` devices.
    ///
    /// Chunks are so small that every session gets several, and that what a crash burns stays a small part of the run.
    public init(workers: Int, sessions: Int, quantity: Int) {
        self.workers = workers
        self.sessions = sessions
        chunkRows = min(256, max(1, min(quantity / 64, max(8, quantity / (16 * workers * sessions)))))
    }

    /// One worker a core.
    public static var standardWorkers: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
}
