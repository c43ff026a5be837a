#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The bytes of one file of a bundle, mapped or held.
public struct MappedBytes: Sendable {
    /// How bytes will be read; it changes what the system reads ahead, and nothing else.
    enum Access {
        case random
        case sequential
    }

    private let mapping: FileMapping
    private let range: Range<Int>

    init(_ mapping: FileMapping, _ range: Range<Int>) {
        self.mapping = mapping
        self.range = range
    }

    public init(_ bytes: [UInt8]) {
        mapping = FileMapping(copying: bytes)
        range = 0..<bytes.count
    }

    public var count: Int { range.count }

    /// The bytes, which stay where they are as long as this value or a copy of it lives.
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: mapping.bytes[range]) }

    /// Tells the system how the bytes will be read.
    func expect(_ access: Access) { mapping.expect(access, in: range) }

    /// Hands the bytes to `body`; they must not be used after it returns.
    public func withUnsafeBytes<Value, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try withExtendedLifetime(mapping) { () throws(Failure) in try body(buffer) }
    }
}

/// A file's pages, or bytes from elsewhere, in memory until the last reference goes.
final class FileMapping: Sendable {
    // Mapped read-only for the life of this object and never written, so sharing it is safe.
    nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
    private let isMapped: Bool

    /// A copy of the bytes, which does not move.
    init(copying source: [UInt8]) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 8)
        copy.copyBytes(from: source)
        bytes = UnsafeRawBufferPointer(copy)
        isMapped = false
    }

    init(_ file: OpenDescriptor, path: String?) throws(AllowlistError) {
        isMapped = true
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

    /// Tells the system how the bytes in `range` will be read.
    func expect(_ access: MappedBytes.Access, in range: Range<Int>) {
        guard isMapped, let address = bytes.baseAddress, !range.isEmpty else { return }
        // Whole pages: the one in which the range begins may be another member's, too, which harms nothing.
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let start = range.lowerBound / page * page
        let advice = access == .random ? MADV_RANDOM : MADV_WILLNEED
        if access == .sequential {
            madvise(UnsafeMutableRawPointer(mutating: address + start), range.upperBound - start, MADV_NORMAL)
        }
        madvise(UnsafeMutableRawPointer(mutating: address + start), range.upperBound - start, advice)
    }

    deinit {
        guard isMapped else { return bytes.deallocate() }
        if let address = bytes.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
        }
    }
}
