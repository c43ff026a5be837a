#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The bytes of one file of a bundle, mapped or held.
public struct MappedBytes: Sendable {
    private enum Storage: Sendable {
        case mapping(FileMapping, Range<Int>)
        case array([UInt8])
    }

    private let storage: Storage

    init(_ mapping: FileMapping, _ range: Range<Int>) { storage = .mapping(mapping, range) }

    public init(_ bytes: [UInt8]) { storage = .array(bytes) }

    public var count: Int {
        switch storage {
        case .mapping(_, let range): range.count
        case .array(let bytes): bytes.count
        }
    }

    /// Hands the bytes to `body`; they must not be used after it returns.
    public func withUnsafeBytes<Value, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        switch storage {
        case .mapping(let mapping, let range):
            return try body(UnsafeRawBufferPointer(rebasing: mapping.bytes[range]))
        case .array(let bytes):
            return try bytes.withUnsafeBufferPointer { (buffer) throws(Failure) in
                try body(UnsafeRawBufferPointer(buffer))
            }
        }
    }
}

/// A file's pages in memory, until the last reference goes.
final class FileMapping: Sendable {
    // Mapped read-only for the life of this object and never written, so sharing it is safe.
    nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

    init(_ file: OpenDescriptor, path: String?) throws(AllowlistError) {
        guard let length = Int(exactly: file.byteCount), length > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let address = mmap(nil, length, PROT_READ, MAP_SHARED, file.descriptor, 0)
        guard let address, address != MAP_FAILED else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            throw BundleFolder.failure(path, "map")
        }
        bytes = UnsafeRawBufferPointer(start: address, count: length)
    }

    deinit {
        if let address = bytes.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
        }
    }
}
