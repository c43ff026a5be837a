import COpenSSL
import Glibc

/// A secret: page-locked, left out of core files, zeroed when it goes, never printed.
///
/// What it was made from is beyond it, but for the array that `init(consuming:)` zeroes: a `String`, and an
/// array that was copied before, keep their octets until their memory is used again. So do registers and the
/// stack, for the single octets that pass through them.
// Unchecked: the memory is written in `init` alone, before anybody else has it, and only read after.
public final class SecretBytes: @unchecked Sendable, Equatable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    private let memory: UnsafeMutableRawPointer
    private let capacity: Int
    /// Octets.
    public let count: Int
    /// False where the system refused to lock the pages (`RLIMIT_MEMLOCK`), so that they may be swapped out.
    public let isLocked: Bool

    /// Memory of `count` zero octets, which `fill` may write and must not keep.
    public init<E>(count: Int, fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void) throws(E) {
        self.count = count
        // Whole pages: locking is by page, and unlocking one secret must not unlock its neighbour.
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        capacity = max(1, (count + page - 1) / page) * page
        memory = .allocate(byteCount: capacity, alignment: page)
        isLocked = mlock(memory, capacity) == 0
        madvise(memory, capacity, MADV_DONTDUMP)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: capacity)
        try fill(UnsafeMutableRawBufferPointer(start: memory, count: count))
    }

    /// Takes the octets over and zeroes the given array.
    public convenience init(consuming bytes: inout [UInt8]) {
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
        bytes.withUnsafeMutableBytes { buffer in
            if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) }
        }
    }

    /// As many octets of libcrypto's private random generator.
    public static func random(count: Int) throws(SecretSharingError) -> SecretBytes {
        try SecretBytes(count: count) { (buffer) throws(SecretSharingError) in
            try fillWithRandomOctets(buffer)
        }
    }

    deinit {
        explicit_bzero(memory, capacity)
        munlock(memory, capacity)
        // The pages go back to the heap, where others may want them in a core file.
        madvise(memory, capacity, MADV_DODUMP)
        memory.deallocate()
    }

    /// Calls `body` with the octets, which it must neither keep nor copy to where they stay.
    public func withBytes<R, E>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: memory, count: count))
    }

    /// One octet, for the arithmetic.
    subscript(offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < count)
        return memory.load(fromByteOffset: offset, as: UInt8.self)
    }

    /// Whether both hold the same octets; the time depends on the lengths alone.
    public static func == (left: SecretBytes, right: SecretBytes) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left.memory, right.memory, left.count) == 0
    }

    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
