import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Divides numbered pieces of work among threads.
///
/// Which thread does which piece depends on the machine; so what the callers make of the pieces must not.
struct ParallelPasses: Sendable {
    /// Threads, at least one.
    let workers: Int

    init(workers: Int? = nil) {
        self.workers = max(1, workers ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    /// Does each piece from 0 to `count` (not included) once and returns what each thread gathered.
    ///
    /// A thread begins with a `start` of its own and takes pieces in ascending order. After a piece answered false no further
    /// pieces are begun, so all pieces before any one that was done were done, too.
    func run<Gathered: Sendable>(
        pieces count: Int, from start: @autoclosure @Sendable () -> Gathered,
        _ piece: @Sendable (Int, inout Gathered) -> Bool
    ) -> [Gathered] {
        let next = Atomic<Int>(0)
        let gathered = Mutex<[Gathered]>([])
        let threads = min(workers, max(1, count))
        @Sendable func work() {
            var own = start()
            while true {
                let number = next.add(1, ordering: .relaxed).oldValue
                guard number < count else { break }
                if !piece(number, &own) { next.store(count, ordering: .relaxed) }
            }
            gathered.withLock { $0.append(own) }
        }
        if threads == 1 {
            work()
        } else {
            DispatchQueue.concurrentPerform(iterations: threads) { _ in work() }
        }
        return gathered.withLock { $0 }
    }
}
