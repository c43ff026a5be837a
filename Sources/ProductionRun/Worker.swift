import Certificates
import Foundation
import Glibc
import PKCS11
import Synchronization
import TokenKeys

/// A worker process: its own module, login and sessions, fed over the socket it was started with.
///
/// Module and process are one fate, so the run keeps the module out of its own process where it is hot.
public enum Worker {
    /// The descriptor on which a worker finds its socket.
    public static let descriptor: Int32 = 3

    /// The descriptor of the lock on logging in, which a worker holds until it has.
    static let loginLock: Int32 = 4

    /// The argument that makes the program a worker; no command for people.
    public static let argument = "worker"

    /// Serves the run until it closes the socket. Answers the process's exit code.
    public static func serve() -> Int32 {
        // Ctrl-C reaches the whole foreground group; the run decides when its workers end.
        for number in StopSignals.numbers { signal(number, SIG_IGN) }
        signal(SIGPIPE, SIG_IGN)
        do {
            guard var first = try Frame.read(from: descriptor) else { return 0 }
            guard first.kind == .setUp else {
                throw RunError(.protocolBroken, "worker", "the first message is no set-up")
            }
            let (setUp, pin) = try WorkerSetUp.parse(first)
            first.wipe()
            try serve(setUp, pin: pin)
            return 0
        } catch {
            report(error)
            return 70
        }
    }

    private static func report(_ error: any Error) {
        var fields = FieldWriter()
        fields.put(WorkerFailure.kind(of: error).rawValue)
        fields.put("\(error)")
        try? Frame(kind: .failed, payload: fields.bytes).write(to: descriptor)
    }

    private static func serve(_ setUp: WorkerSetUp, pin: PIN) throws {
        let module = try Module.load(
            path: setUp.module, threading: setUp.sessions == 1 ? .oneThread : .manyThreads)
        let slot = try module.slot(TokenSelector(serial: setUp.tokenSerial, label: setUp.tokenLabel))
        let login = try slot.login(pin: pin)
        guard let label = KeyLabel(setUp.issuerLabel) else {
            throw RunError(.protocolBroken, "worker", "\(setUp.issuerLabel) is no key label")
        }
        let issuer = try TokenKey(label, login: login)
        try issuer.require(.issuingCA, rehearsal: setUp.rehearsal)
        // The key check at every start: a signature made here and verified by another library.
        _ = try issuer.signature(over: Array("rootline worker key check".utf8))
        let template = try CertificateTemplate.parse(setUp.template, name: setUp.templateName)
        let plan = try DeviceCertificatePlan(
            template: template, issuer: setUp.issuerCertificate,
            notBefore: Date(timeIntervalSince1970: TimeInterval(setUp.notBefore)), product: setUp.product,
            rehearsal: setUp.rehearsal, curve: EllipticCurve(rawValue: setUp.curve))
        guard issuer.publicKeyInfo == plan.issuerKey.subjectPublicKeyInfo else {
            throw TokenKeyError(
                .keyMalformed, setUp.issuerLabel, "the key on the token is not the one in its certificate")
        }
        close(loginLock)
        try Frame(kind: .ready, payload: []).write(to: descriptor)

        if setUp.sessions == 1 {
            try work(setUp, plan: plan, issuerType: issuer.type, login: login, turns: Turns())
            return
        }
        let turns = Turns()
        let failure = Mutex<(any Error)?>(nil)
        let threads = DispatchGroup()
        for _ in 0..<setUp.sessions {
            threads.enter()
            Thread.detachNewThread {
                defer { threads.leave() }
                do {
                    try work(setUp, plan: plan, issuerType: issuer.type, login: login, turns: turns)
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                    // The others are inside calls or waiting for the next chunk: the process ends as one, between
                    // two messages of theirs.
                    turns.writing.withLock { _ in
                        report(error)
                        // No exit handlers: the module's would pull away what the other threads stand on.
                        _exit(70)
                    }
                }
            }
        }
        threads.wait()
        if let error = failure.withLock({ $0 }) { throw error }
    }

    /// Whose turn it is to read from the socket, and to write to it.
    private final class Turns: Sendable {
        let reading = Mutex<Void>(())
        let writing = Mutex<Void>(())
    }

    /// Works with whatever makes the devices of this run.
    private static func work(
        _ setUp: WorkerSetUp, plan: DeviceCertificatePlan, issuerType: SigningKeyType, login: Login,
        turns: borrowing Turns
    ) throws {
        if setUp.station.isEmpty {
            try work(RequestMaker(setUp, plan: plan, issuerType: issuerType, login: login), turns: turns)
        } else {
            try work(DeviceMaker(setUp, plan: plan, issuerType: issuerType, login: login), turns: turns)
        }
    }

    private static func work(
        _ maker: borrowing some ChunkMaking & ~Copyable, turns: borrowing Turns
    ) throws {
        while true {
            let frame = try turns.reading.withLock { _ in try Frame.read(from: descriptor) }
            guard let frame else { return }
            guard frame.kind == .chunk else {
                throw RunError(.protocolBroken, "worker", "not a chunk")
            }
            let made = try maker.make(try WorkChunk.parse(frame)).frame
            try turns.writing.withLock { _ in try made.write(to: descriptor) }
        }
    }
}

/// What kind of failure a worker met, so that the run can tell a wrong PIN from a crash.
enum WorkerFailure: UInt32 {
    case other = 0
    case pinRefused = 1
    case tokenAbsent = 2

    static func kind(of error: any Error) -> WorkerFailure {
        if TokenAbsence.isSign(error) { return .tokenAbsent }
        let cause = (error as? TokenKeyError)?.cause ?? error as? PKCS11Error
        return cause?.code == .pinRefused ? .pinRefused : .other
    }
}
