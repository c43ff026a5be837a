import Glibc
import Synchronization

/// SIGINT, SIGTERM and SIGHUP as something to wait for, so that a run ends between two chunks.
///
/// The first signal is taken; a second one has its usual effect and ends the process at once.
public final class StopSignals {
    let descriptor: Int32

    // A handler may touch nothing but what is async-signal-safe: an atomic and write(2).
    private static let writingEnd = Atomic<Int32>(-1)
    /// Asked to stop, by a person, by a service manager, by a terminal that went away.
    static let numbers = [SIGINT, SIGTERM, SIGHUP]

    public init() throws(RunError) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw RunError(.io, "pipe", String(cString: strerror(errno))) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        descriptor = ends[0]
        StopSignals.writingEnd.store(ends[1], ordering: .sequentiallyConsistent)
        for number in StopSignals.numbers {
            signal(number) { number in
                var byte: UInt8 = 1
                let end = StopSignals.writingEnd.load(ordering: .sequentiallyConsistent)
                if end >= 0 { _ = write(end, &byte, 1) }
                signal(number, SIG_DFL)
            }
        }
    }

    /// Whether a signal has come since the last call.
    func take() -> Bool {
        var byte: UInt8 = 0
        return read(descriptor, &byte, 1) == 1
    }

    deinit {
        for number in StopSignals.numbers { signal(number, SIG_DFL) }
        let end = StopSignals.writingEnd.exchange(-1, ordering: .sequentiallyConsistent)
        close(end)
        close(descriptor)
    }
}
