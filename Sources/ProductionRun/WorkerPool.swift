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

    /// Chunks in flight at most: one a session, and one waiting so that none is ever idle.
    var capacity: Int { limits.workers * (limits.sessions + 1) }
    var isIdle: Bool { unassigned.isEmpty && workers.allSatisfy { $0.inFlight.isEmpty } }

    /// Hands a chunk to the worker with the least to do; keeps it where there is none at the moment.
    func give(_ chunk: WorkChunk) throws {
        guard let worker = workers.min(by: { $0.inFlight.count < $1.inFlight.count }) else {
            unassigned.append(chunk)
            return
        }
        worker.give(chunk, columns: columns)
        try? worker.flush()
    }

    /// Starts workers where some are missing, or finds that the token is away.
    private func fill() throws {
        guard workers.count < limits.workers else { return }
        if let absence, absence.isWaiting, absence.nextTry > .now { return }
        while workers.count < limits.workers {
            do {
                workers.append(try start())
            } catch {
                guard isAbsence(error) else { throw error }
                try postpone(because: error)
                return
            }
            if let absence, absence.isWaiting {
                pending.append(.notice("The token is back after \(absence.seconds) s."))
                self.absence?.end()
            }
        }
        let chunks = unassigned
        unassigned = []
        for chunk in chunks { try give(chunk) }
    }

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

    /// Starts one worker and waits until it is logged in: processes that log in together break SoftHSM.
    private func start() throws -> WorkerProcess {
        let lock = try lockLogin()
        defer { withExtendedLifetime(lock) {} }
        let worker = try WorkerProcess(executable: executable, setUp: setUp, pin: pin, holding: lock)
        guard isReadable(worker) else {
            throw PKCS11Error(
                .tokenAbsent, subject: "worker: not ready after \(limits.startSeconds) s",
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

    /// Waits for a starting worker's word; somebody who wants the run to stop waits 5 s for it at most.
    private func isReadable(_ worker: WorkerProcess) -> Bool {
        var end = ContinuousClock.now + .seconds(limits.startSeconds)
        var descriptors = [
            pollfd(fd: worker.socket, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            let left = ContinuousClock.now.duration(to: end) / .milliseconds(1)
            let count = poll(&descriptors, nfds_t(descriptors.count), Int32(max(0, left.rounded(.up))))
            if count < 0 && errno == EINTR { continue }
            if descriptors[0].revents != 0 { return true }
            if descriptors.count > 1, descriptors[1].revents != 0 {
                // Not in the middle of a login, which SoftHSM would not survive.
                end = min(end, .now + .seconds(5))
                descriptors.removeLast()
                continue
            }
            if left <= 0 { return false }
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
        // A token that was waited for is asked again, and the workers that are missing are started.
        try fill()
        for worker in workers where worker.wantsToSend { try? worker.flush() }
        var descriptors = workers.map {
            pollfd(
                fd: $0.socket, events: Int16(POLLIN) | ($0.wantsToSend ? Int16(POLLOUT) : 0), revents: 0)
        }
        descriptors.append(pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0))
        let count = poll(&descriptors, nfds_t(descriptors.count), timeout)
        if count < 0 && errno != EINTR { throw RunError(.io, "poll", String(cString: strerror(errno))) }
        if descriptors[workers.count].revents != 0 && signals.take() {
            isStopRequested = true
            pending.append(.stopRequested)
        }
        for (worker, descriptor) in zip(workers, descriptors) {
            if Int32(descriptor.revents) & Int32(POLLIN | POLLHUP | POLLERR) != 0 {
                try read(worker)
            } else if !worker.inFlight.isEmpty,
                worker.waitingSince.duration(to: .now) > .seconds(limits.chunkSeconds)
            {
                try lose(worker, "no answer in \(limits.chunkSeconds) s", killing: true)
            }
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
            pending.append(.made(chunk, made))
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

    /// Ends workers that made many devices, to be replaced: SoftHSM frees the memory of session objects at its end
    /// alone.
    private func recycle() {
        for worker in workers where worker.devices >= limits.devicesPerWorker && worker.inFlight.isEmpty {
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
    /// How long a run waits for a token that went away while it was at work; 0 for not at all.
    public var tokenWaitSeconds = 600

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
