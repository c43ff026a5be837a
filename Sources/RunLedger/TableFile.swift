import Foundation
import Glibc

/// The open file of a fingerprint table; who writes to it holds its lock, which the kernel frees with the process.
final class TableFile {
    let path: String
    let descriptor: Int32

    /// Opens the file, makes it where none is there, and locks it.
    ///
    /// Throws `cannotOpen` where another process, or another opened ledger of this one, holds the lock.
    init(locking path: String) throws(LedgerError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw LedgerError(
                .io, path, String(cString: strerror(errno)),
                hint: "Is the site's folder writable, and this a file?")
        }
        // The name may have gone over to a larger table while this waited for nothing.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, isNamed else {
            throw LedgerError(
                .cannotOpen, path, "another process is recording devices in this ledger",
                hint: "Try again when it has ended.")
        }
    }

    /// Opens the file to read it; nil where that is not possible.
    init?(reading path: String) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private var isNamed: Bool {
        var opened = stat()
        var named = stat()
        return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0
            && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
    }

    /// Octets; 0 where it is no plain file.
    var size: Int {
        var information = stat()
        guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { return 0 }
        return Int(information.st_size)
    }

    /// Takes `octets` of the disk; the file is removed where there is not as much.
    func allocate(_ octets: Int) throws(LedgerError) {
        let failure = posix_fallocate(descriptor, 0, off_t(octets))
        guard failure != 0 else { return }
        unlink(path)
        if failure == ENOSPC || failure == EFBIG || failure == EDQUOT {
            throw LedgerError(
                .diskFull, path, "no space left for \(octets >> 20) MiB of fingerprints",
                hint: "Free some space, and start or resume the run again.")
        }
        throw LedgerError(.io, path, String(cString: strerror(failure)))
    }
}
