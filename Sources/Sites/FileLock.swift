import Foundation
import Glibc

/// An advisory lock on a file, held while this value lives (`flock`), and freed by the kernel with its process.
public final class FileLock: Sendable {
    /// For a child that must keep the lock where this process dies: it is free when both have closed it.
    public let descriptor: Int32

    /// Takes the lock or waits for it.
    public init(waitingFor path: String) throws(SiteError) {
        descriptor = try FileLock.open(path)
        while flock(descriptor, LOCK_EX) != 0 {
            if errno == EINTR { continue }
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw SiteError(.io, path, reason)
        }
    }

    /// Takes the lock at once, or throws `locked`; `work` says what the holder is doing.
    public init(_ path: String, work: String) throws(SiteError) {
        descriptor = try FileLock.open(path)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            if code == EWOULDBLOCK {
                throw SiteError(
                    .locked, path, "another process is at work on this site: \(work)",
                    hint: "Wait for it to end; `rootline run status` shows how far it is.")
            }
            throw SiteError(.io, path, String(cString: strerror(code)))
        }
    }

    private static func open(_ path: String) throws(SiteError) -> Int32 {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SiteError(.cannotCreate, path, String(cString: strerror(errno)))
        }
        return descriptor
    }

    deinit { close(descriptor) }
}

extension Site {
    /// The lock of whoever changes the ledger or the log: one run at a time.
    public func lockForRun() throws(SiteError) -> FileLock {
        try FileLock(path(".run.lock"), work: "a run or a ceremony holds it")
    }

    /// The lock around C_Initialize and C_Login: SoftHSM rewrites the token's file at each login, not
    /// atomically, and processes that start together fail at random.
    public func lockForLogin() throws(SiteError) -> FileLock {
        try FileLock(waitingFor: path(".login.lock"))
    }
}
