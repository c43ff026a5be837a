import CCryptoki
import Foundation
import Glibc

/// A PIN or passphrase: page-locked, zeroed when it goes, never printed.
///
/// What the process read it through (a pipe's buffer in the kernel, the module's own copies) is beyond it.
public final class PIN: @unchecked Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    // Unchecked: the bytes are written in `init` alone.
    private let memory: UnsafeMutableRawPointer
    private let capacity: Int
    public let count: Int

    /// Takes the bytes over and zeroes the given array.
    public init(consuming bytes: inout [UInt8]) {
        count = bytes.count
        // Whole pages: locking is by page, and unlocking one PIN must not unlock its neighbour.
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        capacity = max(1, (bytes.count + page - 1) / page) * page
        memory = .allocate(byteCount: capacity, alignment: page)
        _ = mlock(memory, capacity)
        UnsafeMutableRawBufferPointer(start: memory, count: capacity).copyBytes(from: bytes)
        PIN.zero(&bytes)
    }

    /// A PIN of `digits` random decimal digits.
    public static func random(digits: Int) -> PIN {
        var generator = SystemRandomNumberGenerator()
        var bytes = (0..<digits).map { _ in UInt8.random(in: 0x30...0x39, using: &generator) }
        return PIN(consuming: &bytes)
    }

    deinit {
        explicit_bzero(memory, capacity)
        munlock(memory, capacity)
        memory.deallocate()
    }

    private static func zero(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { buffer in
            if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) }
        }
    }

    /// Calls `body` with the bytes, which it must neither keep nor change.
    public func withBytes<R>(_ body: (UnsafeMutablePointer<UInt8>?, UInt) throws -> R) rethrows -> R {
        try body(memory.bindMemory(to: UInt8.self, capacity: capacity), UInt(count))
    }

    /// Reads a PIN from a file that its owner alone may read; a line end after it is dropped.
    ///
    /// The file must be a regular one, owned by the caller or root, with no permission for group or others.
    public static func read(file path: String) throws(PKCS11Error) -> PIN {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            let reason = errno == ELOOP ? "a symbolic link is not followed" : String(cString: strerror(errno))
            throw PKCS11Error(
                .pinSourceRefused, subject: "\(path): \(reason)",
                hint: "Name a file that holds the PIN, or use another PIN source.")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw PKCS11Error(.pinSourceRefused, subject: "\(path): not a regular file")
        }
        guard status.st_mode & 0o077 == 0, status.st_uid == geteuid() || status.st_uid == 0 else {
            throw PKCS11Error(
                .pinSourceRefused, subject: "\(path): readable by others than its owner",
                hint: "chmod 600 \(path)")
        }
        return try read(descriptor: descriptor, name: path)
    }

    /// Reads a PIN from an open descriptor until its end; a line end after it is dropped.
    ///
    /// At most 255 octets, the largest PIN that PKCS#11 modules are known to take.
    public static func read(descriptor: Int32, name: String) throws(PKCS11Error) -> PIN {
        var buffer = [UInt8](repeating: 0, count: 257)
        defer { zero(&buffer) }
        var length = 0
        while length < buffer.count {
            let space = buffer.count - length
            let got = buffer.withUnsafeMutableBytes { bytes in
                Glibc.read(descriptor, bytes.baseAddress?.advanced(by: length), space)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else {
                throw PKCS11Error(
                    .pinSourceRefused, subject: "\(name): \(String(cString: strerror(errno)))")
            }
            if got == 0 { break }
            length += got
        }
        while length > 0, buffer[length - 1] == 0x0A || buffer[length - 1] == 0x0D { length -= 1 }
        guard length > 0, length <= 255 else {
            throw PKCS11Error(
                .pinSourceRefused, subject: "\(name): \(length == 0 ? "empty" : "longer than 255 octets")",
                hint: "The source must hold the PIN and nothing else.")
        }
        var bytes = Array(buffer[..<length])
        return PIN(consuming: &bytes)
    }

    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }
}

/// Forbids core files and attaching to this process, which holds PINs.
///
/// A crash ends it without a word: Swift's runtime would open a debugger at the terminal, which shows registers and memory
/// to whoever is in front of it.
public func forbidDumps() {
    for crash in [SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP] { signal(crash, SIG_DFL) }
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    _ = rootline_forbid_dumps()
}
